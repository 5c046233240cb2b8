"""The desk at work: arrivals drawn into their arms, decisions each half-minute, children sent within their parents.

One decision holds one route and one version from beginning to end, so it can never mix two. What is sent later for a
decision, when word has come that what it replaces is gone, is checked against the stops again.

A `Moment` is the market's clock and the wall clock together; the wall clock is for the report and the journal only.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from models.limits_check import EVENT_NAMES, OUTPUT
from pipelines.desk.live_children import Child, ChildOrders, Sent
from pipelines.desk.live_choice import Choice, Route, choose, hands_over, stopped
from pipelines.desk.live_day import LiveDay
from pipelines.desk.live_decide import Action, acted, arrival
from pipelines.desk.live_feed import SymbolFeed
from pipelines.desk.live_journal import ASSIGNED, DECIDED, ENDED, HANDED_OVER, LIMITED, NOTED, SENT, SERVED, Journal
from pipelines.desk.live_limits import Allowed, LimitBook
from pipelines.desk.live_lines import decided_line, ended_line, limited_line
from pipelines.desk.live_parents import Assigned, Parent
from pipelines.desk.live_target import Target, sendable, settled
from pipelines.desk.live_versions import Scored, Usable, Versions
from pipelines.desk.venue_messages import Mail, NewChild, Request


@dataclass(frozen=True)
class Moment:
    """now: market seconds from the open."""

    now: float
    wall: datetime

    @property
    def second(self) -> int:
        return int(self.now)


@dataclass
class Work:
    """Everything that one desk has in hand. last_child_at, last_cancel_at: wall clock by version."""

    day: LiveDay
    parents: dict[str, Parent]
    orders: ChildOrders
    feeds: dict[str, SymbolFeed]
    versions: Versions
    journal: Journal
    limits: LimitBook
    last_child_at: dict[str, datetime] = field(default_factory=dict)
    last_cancel_at: dict[str, datetime] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _first_of_unit: dict[str, Assigned] = field(default_factory=dict)
    _scores: dict[tuple[str, str, int], Scored] = field(default_factory=dict)

    def hear(self, mail: Mail, wall: datetime) -> None:
        """Take in what the venue and the feed say."""
        for news in mail.news:
            self.feeds[news.symbol].hear(news)
        for report in mail.reports:
            self._changed(self.orders.hear(report, mail.now), wall)

    def hear_statement(self, mail: Mail, wall: datetime) -> None:
        """Take in the venue's statement of every child: what it does not name never arrived."""
        for news in mail.news:
            self.feeds[news.symbol].hear(news)
        for child in self.orders.state_all(mail.reports, mail.now):
            self._changed(child, wall)

    def obey(self, route: Route, moment: Moment) -> list[Request]:
        """What a stop asks for at once: no target of what it covers, its children off, its parents handed over."""
        for parent in self.active(moment.now):
            why = hands_over(parent, route)
            if why is not None and parent.handed_over is None and self.remaining(parent) > 0:
                parent.handed_over = why
                self.journal.write(HANDED_OVER, parent_order_id=parent.facts.parent_order_id, why=why, at=moment.now)
                self.note(f"{parent.facts.parent_order_id} is handed over: {why}", moment.wall)
        for parent in self.parents.values():
            target = parent.target
            if target is not None and self._is_over(parent, target.version, route):
                parent.target = None
        return self.orders.cancel(
            [
                child
                for child in self.orders.open()
                if self._is_over(self.parents[child.sent.parent_id], child.sent.version, route)
            ],
            moment.now,
        )

    def decide(self, parent: Parent, route: Route, moment: Moment) -> list[Request]:
        """One decision of one active parent."""
        self._arrive(parent, route, moment.second)
        facts, feed = parent.facts, self.feeds[parent.facts.symbol]
        choice, signal_bps = self._chosen(parent, route, moment)
        children = self.orders.of_parent(facts.parent_order_id)
        if choice.usable is None:
            parent.target = None
            return self.orders.cancel(children, moment.now)
        origin = int(feed.mirror.state.origin)
        collar = self.limits.collar_bps(choice.usable.version)
        action = acted(
            choice.usable, facts, feed.quote, origin, moment.second, self.remaining(parent), signal_bps, collar
        )
        parent.decisions, parent.version = parent.decisions + 1, choice.usable.version
        target = self._target(parent, action)
        self._write_decision(parent, choice, action, route, moment)
        parent.target, ended = settled(target, action.action, children)
        return self.orders.cancel(ended, moment.now)

    def sends(self, route: Route, moment: Moment) -> list[Request]:
        """New children that decisions ask for and that have room now."""
        found: list[Request] = []
        for parent in self.active(moment.now):
            target, name = parent.target, parent.facts.parent_order_id
            if target is None or target.missing == 0 or self._is_over(parent, target.version, route):
                continue
            room = self.orders.room(name, parent.facts.lots)
            lots = sendable(target, self.orders.filled_lots(name), self.orders.open_lots(name), room)
            if lots > 0:
                found += self._checked(parent, target, lots, route, moment)
        return found

    def active(self, now: float) -> list[Parent]:
        """Client orders whose interval runs."""
        return [parent for parent in self.parents.values() if parent.is_active(now)]

    def to_decide(self, now: float) -> list[Parent]:
        """Those that want a decision."""
        return [one for one in self.active(now) if one.handed_over is None and self.remaining(one) > 0]

    def remaining(self, parent: Parent) -> int:
        """Lots that were not filled yet, as far as is known."""
        return parent.facts.lots - self.orders.filled_lots(parent.facts.parent_order_id)

    def note(self, text: str, wall: datetime) -> None:
        """Something that a person should read."""
        self.notes.append(text)
        self.journal.write(NOTED, what=text, wall=wall.isoformat())

    def _is_over(self, parent: Parent, version: str, route: Route) -> bool:
        """Whether a version may do nothing more for a parent."""
        is_stopped = stopped(route.stops, parent.facts.symbol, version) is not None
        return is_stopped or parent.handed_over is not None or version in self.limits.stopped

    def _arrive(self, parent: Parent, route: Route, second: int) -> None:
        if parent.assigned is not None:
            return
        facts, feed = parent.facts, self.feeds[parent.facts.symbol]
        mid_ticks = (feed.quote.bid + feed.quote.ask) / 2.0 + int(feed.mirror.state.origin)
        found = arrival(facts, route, self.day.share.day, mid_ticks, is_two_sided=feed.is_two_sided, first=None)
        first = self._first_of_unit.get(found.unit)
        if first is not None:
            found = arrival(facts, route, self.day.share.day, mid_ticks, is_two_sided=feed.is_two_sided, first=first)
        self.take_assignment(parent, found)
        self.journal.write(ASSIGNED, parent_order_id=facts.parent_order_id, second=second, **asdict(found))

    def take_assignment(self, parent: Parent, assigned: Assigned) -> None:
        """The arm of a parent, drawn now or read back."""
        parent.assigned = assigned
        self.limits.arrive(parent.facts.parent_order_id, assigned.arrival_price)
        if assigned.is_eligible:
            self._first_of_unit.setdefault(assigned.unit, assigned)

    def _chosen(self, parent: Parent, route: Route, moment: Moment) -> tuple[Choice, float]:
        """The version that decides and the signal that it reads; one that cannot score now is passed over."""
        barred = dict(self.limits.stopped)
        choice = choose(parent, route, self.versions, barred)
        while choice.usable is not None and choice.usable.reads_signal:
            scored = self._scored(parent, choice.usable, route, moment)
            if scored.reason is None:
                return choice, scored.signal_bps
            barred[choice.usable.version] = scored.reason
            choice = choose(parent, route, self.versions, barred)
        return choice, math.nan

    def _scored(self, parent: Parent, usable: Usable, route: Route, moment: Moment) -> Scored:
        """A version's score of a symbol now, asked once; an answer that cannot be used is an event of its own."""
        symbol = parent.facts.symbol
        key = (usable.version, symbol, moment.second)
        if key not in self._scores:
            self._scores = {one: scored for one, scored in self._scores.items() if one[2] == moment.second}
            self._scores[key] = self.versions.score(usable, self.feeds[symbol].vector())
            reason = self._scores[key].reason
            if reason is not None:
                self.note(f"{usable.version} gave no answer for {symbol}: {reason}", moment.wall)
        if self._scores[key].reason is not None:
            instead = f"{parent.facts.parent_order_id}-d{parent.decisions + 1:03d}"
            output = (instead, usable.version, usable.digest), Allowed(0, EVENT_NAMES[OUTPUT])
            self._write_limit(limited_line(parent, route, *output, 0, None), moment)
        return self._scores[key]

    def _target(self, parent: Parent, action: Action) -> Target:
        name, assigned = parent.facts.parent_order_id, parent.assigned
        return Target(
            f"{name}-d{parent.decisions:03d}", parent.version or "", assigned.arm if assigned else "", action.place,
            action.lots, action.is_immediate, self.orders.filled_lots(name), 0,
        )  # fmt: skip

    def _write_decision(self, parent: Parent, choice: Choice, action: Action, route: Route, moment: Moment) -> None:
        facts, feed = parent.facts, self.feeds[parent.facts.symbol]
        if feed.keep(moment.second):
            vector = feed.kept[moment.second][0].tolist()
            self.journal.write(SERVED, symbol=facts.symbol, second=moment.second, features=vector)
        if choice.why and choice.why != parent.why:
            self.note(f"{facts.parent_order_id} goes to {parent.version}: {'; '.join(choice.why)}", moment.wall)
        parent.why = choice.why
        self.journal.write(DECIDED, **decided_line(parent, choice, action, route, moment.second, moment.wall))

    def _write_limit(self, line: dict[str, object], moment: Moment) -> None:
        self.journal.write(LIMITED, at=moment.now, wall=moment.wall.isoformat(), **line)

    def _checked(self, parent: Parent, target: Target, lots: int, route: Route, moment: Moment) -> list[Request]:
        """The child as far as the version's limits allow it; what they cut waits for the next decision."""
        facts, champion = parent.facts, route.snapshot.champion.version
        allowed, lot_notional = self.limits.ask(target.version, champion, facts, target.place, lots)
        parent.target = replace(target, missing=0 if allowed.limit else target.missing - lots)
        if allowed.limit is not None:
            why = self.limits.stopped.get(target.version)
            limited = (target.decision_id, target.version, dict(route.keys).get(target.version, ""))
            self._write_limit(limited_line(parent, route, limited, allowed, lots, why), moment)
            if why is not None:
                self.note(f"{target.version} is stopped by its limits: {why}", moment.wall)
        return [self._send(parent, target, allowed.lots, lot_notional, moment)] if allowed.lots > 0 else []

    def _send(self, parent: Parent, target: Target, lots: int, lot_notional: float, moment: Moment) -> NewChild:
        facts = parent.facts
        parent.children += 1
        child_id = f"{facts.parent_order_id}-c{parent.children:03d}"
        order = NewChild(child_id, facts.symbol, facts.row, target.place, lots, target.is_immediate)
        sent = Sent(
            order, facts.parent_order_id, target.decision_id, target.version, target.arm, facts.sign, moment.now
        )
        self.journal.write(SENT, wall=moment.wall.isoformat(), lot_notional=lot_notional, **asdict(sent))
        self.limits.count(target.version, facts.parent_order_id, lots, lot_notional)
        self.last_child_at[target.version] = moment.wall
        return self.orders.send(sent, facts.lots)

    def _changed(self, child: Child | None, wall: datetime) -> None:
        if child is None:
            return
        self.limits.book_fills(child, self.parents[child.sent.parent_id].facts)
        if child.state != "done":
            return
        self.last_cancel_at[child.sent.version] = wall
        self.journal.write(ENDED, wall=wall.isoformat(), **ended_line(child))
