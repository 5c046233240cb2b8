"""The paper desk as a running process: one turn after the other until the session is over or somebody says stop.

A turn looks at routing and stops, obeys them, decides what is due (looking again before each decision and before
anything is sent), then exchanges requests for mail with the venue. On a paced market a turn begins every
`TURN_SECONDS` of wall time, so a stop is seen within that time even when nothing is to be decided.

It needs the local disk and its venue. Ledger, registry, lake and network may be away: it goes on with the last good
routing, champion alone, and says so in its report and its journal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from infra.settings import Settings
from models.market_desk import STEP_SECONDS
from pipelines.desk.live_children import ChildOrders
from pipelines.desk.live_day import LiveDay
from pipelines.desk.live_decide import warm_rule
from pipelines.desk.live_feed import feeds
from pipelines.desk.live_journal import CLOSED, Journal, journal_path
from pipelines.desk.live_limits import LimitBook
from pipelines.desk.live_parents import parents_of
from pipelines.desk.live_report import Reporter, desk_report
from pipelines.desk.live_restore import RESTARTED, restored
from pipelines.desk.live_routing import Routing
from pipelines.desk.live_versions import Load, Versions
from pipelines.desk.live_work import Moment, Work
from pipelines.desk.served import DeskKnowledge
from pipelines.desk.venue_books import Seen
from pipelines.desk.venue_link import LinkTerms
from pipelines.desk.venue_messages import Mail, Request

TURN_SECONDS = 0.02
"""Fifty looks a second at stops that may take a second; a turn itself takes a millisecond."""
LAST_WORD_SECONDS = 15.0
"""How long a desk that was told to stop waits for acknowledgements; whoever runs it grants twenty seconds."""
log = logging.getLogger("fillwise")


@dataclass(frozen=True)
class Clock:
    """The wall clock, the machine's monotonic clock, and how to wait."""

    utc: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


class Link(Protocol):
    """A line to a venue."""

    @property
    def opened(self) -> Mail: ...

    def exchange(
        self, requests: Sequence[Request], until: float, seen: Mapping[str, Seen], looked_at: float
    ) -> Mail: ...


@dataclass(frozen=True)
class DeskEnd:
    """How a desk's session ended. reached: market second. open_children: not acknowledged when it gave up waiting."""

    reached: float
    is_complete: bool
    open_children: int
    decisions: int
    children: int
    filled_lots: int
    handed_over: int
    looks: int
    look_microseconds: float


def patience_seconds(terms: LinkTerms) -> float:
    """Market seconds after which an acknowledgement is asked for again: four one-way trips and three turns."""
    return 4.0 * terms.venue.latency_seconds[1] + 3.0 * TURN_SECONDS * terms.pace + 0.05


class Desk:
    """One desk in one session. `load` reads a version from disk by name and digest."""

    def __init__(
        self, settings: Settings, day: LiveDay, link: Link, terms: LinkTerms, clock: Clock, load: Load,
        knowledge: DeskKnowledge, pid: int,
    ) -> None:  # fmt: skip
        share, versions = day.share, Versions(day.share.market, load)
        self.day, self.link, self.terms, self.clock, self.pid = day, link, terms, clock, pid
        self.journal = Journal(journal_path(settings, share))
        self.orders = ChildOrders(patience_seconds(terms))
        published = feeds(day, knowledge)
        limits = LimitBook(day.market, share.of, self.orders, published)
        self.work = Work(day, parents_of(day), self.orders, published, versions, self.journal, limits)
        self.routing = Routing.of(settings, share.market, share.desk, versions, clock.monotonic)
        self.reporter = Reporter(settings)
        self.now, self.last_step = 0.0, -1

    def open(self) -> None:
        """Take in what an earlier process of this desk did and what the venue says, and look at routing."""
        mail, before = self.link.opened, self.journal.before
        self.last_step = restored(self.work, before, mail.now, STEP_SECONDS)
        self.work.hear_statement(mail, self.clock.utc())
        self.now = mail.now
        warm_rule()
        for feed in self.work.feeds.values():
            feed.features.catch_up()
        if before:
            words = f"{RESTARTED}; {len(self.orders.open())} children of it are taken off"
            self.work.note(words, self.clock.utc())
            self._exchange(self.orders.cancel(self.orders.open(), self.now))
        self._look()
        while self.routing.is_waiting:
            self.clock.sleep(TURN_SECONDS)
            self._look()

    def run(self, is_told_to_stop: Callable[[], bool]) -> DeskEnd:
        """Trade until the close, or until told to stop; every child is off and acknowledged when it returns."""
        self.open()
        while not (is_told_to_stop() or (self.now >= self.day.seconds and not self.orders.open())):
            self._exchange(self._turn())
            self._pause()
        deadline = self.clock.monotonic() + LAST_WORD_SECONDS
        requests = self.orders.cancel(self.orders.open(), self.now)
        while self.orders.open() and self.clock.monotonic() < deadline:
            self._exchange([*requests, *self.orders.overdue(self.now)])
            requests = []
            self._pause()
        return self._closed()

    def stay(self, is_told_to_stop: Callable[[], bool]) -> None:
        """After the close: go on looking at routing and reporting, until told to stop."""
        while not is_told_to_stop():
            self._look()
            self._tell(is_ended=False)
            self.clock.sleep(TURN_SECONDS)

    def leave(self) -> None:
        """Say in the last report that this desk has ended."""
        self._tell(is_ended=True)

    def _turn(self) -> list[Request]:
        requests = self._look()
        step = int(self.now) // STEP_SECONDS
        if step > self.last_step and self.now < self.day.seconds:
            self.last_step = step
            for parent in self.work.to_decide(self.now):
                requests += self._look()
                if parent.handed_over is None:
                    requests += self.work.decide(parent, self.routing.route, self._moment())
        requests += self._look()
        requests += self.work.sends(self.routing.route, self._moment())
        return [*requests, *self.orders.overdue(self.now)]

    def _moment(self) -> Moment:
        return Moment(self.now, self.clock.utc())

    def _look(self) -> list[Request]:
        """Look at routing and stops, and do at once what they ask for."""
        moment = self._moment()
        if self.routing.look(moment.wall):
            route = self.routing.route
            standing = ", ".join(stop.stop_id for stop in route.stops) or "none"
            words = f"epoch {route.snapshot.epoch}, stops: {standing}" + (f"; {route.why}" if route.why else "")
            self.work.note(words, moment.wall)
            self.work.limits.take_limits(route.snapshot.limits)
        return self.work.obey(self.routing.route, moment)

    def _exchange(self, requests: Sequence[Request]) -> None:
        seen = {symbol: feed.seen for symbol, feed in self.work.feeds.items()}
        mail = self.link.exchange(requests, self._until(), seen, self.routing.looked_at)
        self.now = mail.now
        self.work.hear(mail, self.clock.utc())
        self._tell(is_ended=False)

    def _until(self) -> float:
        """Where a market that the desk moves is wanted next: a half-minute, or a question that falls due."""
        wanted = float((int(self.now) // STEP_SECONDS + 1) * STEP_SECONDS)
        if not self.orders.open() and not self.work.active(self.now):
            starts = [parent.facts.start for parent in self.work.parents.values() if parent.facts.start > self.now]
            wanted = float(min(starts, default=self.day.seconds))
        return max(min(wanted, self.orders.next_due()), self.now + 0.001)

    def _tell(self, *, is_ended: bool) -> None:
        report = desk_report(self.work, self.routing, self.now, self.pid, self.clock.utc(), is_ended=is_ended)
        self.reporter.tell(report, self.clock.monotonic())
        for text in self.work.notes:
            log.info("%s: %s", self.day.share.desk, text)
        self.work.notes.clear()

    def _pause(self) -> None:
        if self.terms.pace > 0.0:
            self.clock.sleep(TURN_SECONDS)

    def _closed(self) -> DeskEnd:
        cost, parents = self.routing.cost, self.work.parents.values()
        found = DeskEnd(
            min(self.now, float(self.day.seconds)),
            self.now >= self.day.seconds,
            len(self.orders.open()),
            sum(parent.decisions for parent in parents),
            len(self.orders),
            sum(child.filled_lots for child in self.orders.all()),
            sum(parent.handed_over is not None for parent in parents),
            cost.looks,
            1e6 * cost.seconds / max(1, cost.looks),
        )
        self.journal.write(CLOSED, second=found.reached, is_complete=found.is_complete, open=found.open_children)
        return found
