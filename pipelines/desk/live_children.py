"""The desk's side of its child orders: what it sent, what it knows, what it must ask again. Time is an argument.

    sent         not acknowledged yet: asked about after `patience_seconds`
    live         acknowledged, may trade
    cancelling   a cancel is under way: sent again after `patience_seconds`, until the venue says that the child is gone
    done         the venue said so, with every fill: nothing can come any more

Until a child is done all of its lots count as used, whatever was sent to take it off, because a fill may race the
cancel and the word of it may be lost. A new child gets no more than what is left of its parent after that (`room`), so
fills can never exceed the parent, whatever is late or lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from models.market_live import Execution
from pipelines.desk.venue_messages import AskChild, CancelChild, NewChild, Report, Request

State = Literal["sent", "live", "cancelling", "done"]
HEARTBEAT_SECONDS = 30.0
"""A live child that was not heard of for a decision's interval is asked about: word of its end may have been lost."""
NEVER_ARRIVED = "never arrived"


@dataclass(frozen=True)
class Sent:
    """Whose child it is. sign: +1 buys. at: market seconds from the open."""

    order: NewChild
    parent_id: str
    decision_id: str
    version: str
    arm: str
    sign: int
    at: float


@dataclass
class Child:
    """A child as the desk knows it."""

    sent: Sent
    state: State
    place: int
    asked_at: float
    heard_at: float
    fills: tuple[Execution, ...] = ()
    arrived_at: float | None = None
    ended_at: float | None = None
    reason: str | None = None

    @property
    def lots(self) -> int:
        return self.sent.order.lots

    @property
    def filled_lots(self) -> int:
        return sum(fill.lots for fill in self.fills)

    @property
    def open_lots(self) -> int:
        """What may still trade."""
        return 0 if self.state == "done" else self.lots - self.filled_lots

    @property
    def used_lots(self) -> int:
        """What counts against the parent."""
        return self.filled_lots if self.state == "done" else self.lots

    @property
    def is_unacknowledged(self) -> bool:
        return self.state in ("sent", "cancelling")


class ChildOrders:
    """All child orders of one desk. `heard` counts reports, `gaps` those that never came, `asked` repeated requests."""

    def __init__(self, patience_seconds: float) -> None:
        self.patience_seconds = patience_seconds
        self.heard, self.gaps, self.asked = 0, 0, 0
        self._all: dict[str, Child] = {}
        self._open: dict[str, Child] = {}
        self._of_parent: dict[str, list[Child]] = {}
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> tuple[Child, ...]:
        return tuple(self._all.values())

    def open(self) -> tuple[Child, ...]:
        """Those that may still trade."""
        return tuple(self._open.values())

    def of_parent(self, parent_id: str) -> tuple[Child, ...]:
        return tuple(self._of_parent.get(parent_id, ()))

    def filled_lots(self, parent_id: str) -> int:
        return sum(child.filled_lots for child in self._of_parent.get(parent_id, ()))

    def open_lots(self, parent_id: str) -> int:
        return sum(child.open_lots for child in self._of_parent.get(parent_id, ()))

    def room(self, parent_id: str, parent_lots: int) -> int:
        """Lots that may still be sent for a parent."""
        return parent_lots - sum(child.used_lots for child in self._of_parent.get(parent_id, ()))

    def send(self, sent: Sent, parent_lots: int) -> NewChild:
        """Note a child and hand out the request. Raises ValueError where its parent has no room for it."""
        order = sent.order
        room = self.room(sent.parent_id, parent_lots)
        if not 0 < order.lots <= room or order.child_id in self._all:
            raise ValueError(
                f"{order.child_id}: {order.lots} lots, room {room}; a child is sent once, within its parent"
            )
        self.restore(Child(sent, "sent", order.place, sent.at, sent.at))
        return order

    def restore(self, child: Child) -> None:
        """Take a child in, from `send` or from a journal."""
        self._all[child.sent.order.child_id] = child
        self._of_parent.setdefault(child.sent.parent_id, []).append(child)
        if child.state != "done":
            self._open[child.sent.order.child_id] = child

    def end(
        self,
        child_id: str,
        place: int,
        fills: tuple[Execution, ...],
        arrived_at: float | None,
        ended_at: float,
        reason: str,
    ) -> Child:
        """What a journal says became of a child."""
        child = self._open[child_id]
        child.place, child.fills, child.arrived_at = place, fills, arrived_at
        self._end(child, ended_at, reason)
        return child

    def cancel(self, children: Iterable[Child], now: float) -> list[Request]:
        """Requests that take off what is not on its way off already."""
        found: list[Request] = []
        for child in children:
            if child.state in ("sent", "live"):
                child.state, child.asked_at = "cancelling", now
                found.append(CancelChild(child.sent.order.child_id))
        return found

    def hear(self, report: Report, now: float) -> Child | None:
        """Take in what the venue says; the child if that was news."""
        self.heard += 1
        is_gap = report.sequence > self._sequence + 1
        self.gaps += max(0, report.sequence - self._sequence - 1)
        self._sequence = max(self._sequence, report.sequence)
        if is_gap:
            for other in self._open.values():
                other.asked_at = other.heard_at = -float("inf")
        return self._merge(report, now)

    def state_all(self, reports: Iterable[Report], now: float) -> list[Child]:
        """Take in the venue's statement of every child; what it does not name never arrived. What changed."""
        told = {report.child_id: report for report in reports}
        self._sequence = max([self._sequence, *(report.sequence for report in told.values())])
        changed = []
        for child_id, child in list(self._open.items()):
            report = told.get(child_id) or Report(0, child_id, "unknown", 0, 0, (), None, None, None)
            if self._merge(report, now) is not None:
                changed.append(child)
        return changed

    def _merge(self, report: Report, now: float) -> Child | None:
        child = self._open.get(report.child_id)
        if child is None:
            return None
        before = (child.state, child.fills)
        child.heard_at = now
        if report.state == "unknown":
            self._end(child, now, NEVER_ARRIVED)
            return child
        child.place, child.arrived_at = report.place, report.arrived_at
        if len(report.fills) > len(child.fills):
            child.fills = report.fills
        if report.state == "done":
            self._end(child, report.ended_at if report.ended_at is not None else now, report.reason or "cancelled")
        elif child.state == "sent":
            child.state = "live"
        return child if (child.state, child.fills) != before else None

    def _end(self, child: Child, at: float, reason: str) -> None:
        child.state, child.ended_at, child.reason = "done", at, reason
        del self._open[child.sent.order.child_id]

    def overdue(self, now: float) -> list[Request]:
        """What must be asked, or asked for, again now."""
        found: list[Request] = []
        for child_id, child in self._open.items():
            if self._due_at(child) <= now:
                child.asked_at = now
                self.asked += 1
                found.append(CancelChild(child_id) if child.state == "cancelling" else AskChild(child_id))
        return found

    def next_due(self) -> float:
        """When `overdue` has something to say next, infinite for never."""
        return min((self._due_at(child) for child in self._open.values()), default=float("inf"))

    def _due_at(self, child: Child) -> float:
        if child.state == "live":
            return max(child.asked_at, child.heard_at) + HEARTBEAT_SECONDS
        return child.asked_at + self.patience_seconds
