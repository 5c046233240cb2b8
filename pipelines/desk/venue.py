"""The venue between a desk and its market: messages take time, acknowledgements get lost, fills race cancels.

One `Venue` is one desk's gateway to the books of the symbols that it owns; several desks of a session have a copy of
the market each and share no book. Time is an argument: market seconds from the open, the same clock as the market's.

A request reaches the market after a random latency, in the order in which requests were sent; while it is under way
the market goes on, so a fill may come first. Every report goes back after a latency of its own, and a share of them
is lost. The venue forgets nothing: it answers when asked again, a cancel that comes twice is answered twice, a child
that comes twice is one child. Latencies are drawn, not measured anywhere: uniform, from the venue's own seeded stream.

It does not look after the client's order: keeping fills within a parent is the desk's business, and tests count here
whether the desk does.

    >>> VenueTerms((0.05, 0.2), 0.1, seed=7).lost_share
    0.1
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from models.market_live import Execution, LiveMarket
from models.market_random import new_stream, uniform
from pipelines.desk.venue_messages import CancelChild, ChildState, NewChild, Report, Request

STEP_SECONDS = 1.0
"""How far the market lives on between two looks at what was filled: fills carry their own times, only news waits."""


@dataclass(frozen=True)
class VenueTerms:
    """latency_seconds: least and most of one way, in market seconds. lost_share: of reports that never come."""

    latency_seconds: tuple[float, float]
    lost_share: float
    seed: int

    def __post_init__(self) -> None:
        low, high = self.latency_seconds
        if not (0.0 <= low <= high < float("inf") and 0.0 <= self.lost_share < 1.0):
            raise ValueError(
                f"venue terms: latency {self.latency_seconds} and lost share {self.lost_share}; "
                "allowed: 0 <= low <= high, 0 <= share < 1"
            )


@dataclass
class _Held:
    """One child at the venue. row: in the market's state, None where it was refused."""

    order: NewChild
    arrived_at: float
    row: int | None = None
    place: int = 0
    fills: tuple[Execution, ...] = ()
    ended_at: float | None = None
    reason: str | None = None


class Venue:
    """A desk's gateway. `lost_reports` and `sent_reports` count, for those who measure."""

    def __init__(self, markets: Mapping[str, LiveMarket], terms: VenueTerms) -> None:
        self.markets, self.terms = markets, terms
        self.now, self.sent_reports, self.lost_reports = 0.0, 0, 0
        self._stream = new_stream(terms.seed, *sorted(markets), "venue")
        self._arriving: deque[tuple[float, Request]] = deque()
        self._leaving: deque[tuple[float, Report]] = deque()
        self._children: dict[str, _Held] = {}
        self._resting: dict[tuple[str, int], str] = {}
        self._fills_seen = dict.fromkeys(markets, 0)

    def receive(self, request: Request, at: float) -> None:
        """A request leaves the desk at `at`."""
        self._arriving.append((self._due(at, self._arriving[-1][0] if self._arriving else at), request))

    def refuse(self, order: NewChild, at: float, why: str) -> None:
        """A child order that is not let in; it is answered like any other."""
        self._children.setdefault(
            order.child_id, _Held(order, at, place=order.place, ended_at=at, reason=f"refused: {why}")
        )
        self._tell(order.child_id, at)

    def advance(self, until: float, *, stops_at_mail: bool = False) -> float:
        """Live on to `until`, or to the first report that the desk can read; where it stands then."""
        while self.now < until and not (stops_at_mail and self.has_mail):
            arrival = self._arriving[0][0] if self._arriving else until
            leaving = self._leaving[0][0] if self._leaving and stops_at_mail else until
            step = self.now + STEP_SECONDS if self._resting and stops_at_mail else until
            self._live_to(max(self.now, min(until, arrival, leaving, step)))
        self._live_to(self.now)
        return self.now

    @property
    def has_mail(self) -> bool:
        """Whether a report has reached the desk by now."""
        return bool(self._leaving) and self._leaving[0][0] <= self.now

    def collect(self) -> tuple[Report, ...]:
        """The reports that have reached the desk by now, each told once."""
        found = []
        while self.has_mail:
            found.append(self._leaving.popleft()[1])
        return tuple(found)

    def statement(self) -> tuple[Report, ...]:
        """Every child of this desk as it is now, read from the venue's books: nothing of it is late or lost."""
        return tuple(self._told(child_id, held) for child_id, held in self._children.items())

    def _due(self, at: float, not_before: float) -> float:
        low, high = self.terms.latency_seconds
        return max(not_before, at + low + (high - low) * uniform(self._stream))

    def _live_to(self, until: float) -> None:
        self.now = until
        for symbol, market in self.markets.items():
            market.advance(until)
            self._gather(symbol, market)
        while self._arriving and self._arriving[0][0] <= self.now:
            at, request = self._arriving.popleft()
            self._handle(request, at)

    def _gather(self, symbol: str, market: LiveMarket) -> None:
        """Fills and expiries since the last look become reports."""
        changed: dict[str, float] = {}
        for row, fill in market.executions(self._fills_seen[symbol]):
            child_id = self._resting.get((symbol, row))
            if child_id is not None:
                self._children[child_id].fills += (fill,)
                changed[child_id] = fill.at
        self._fills_seen[symbol] = int(market.state.fills)
        for (of_symbol, row), child_id in list(self._resting.items()):
            if of_symbol == symbol and not market.is_resting(row):
                changed[child_id] = self._end(child_id, market)
        for child_id, at in changed.items():
            self._tell(child_id, at)

    def _end(self, child_id: str, market: LiveMarket) -> float:
        held = self._children[child_id]
        if held.row is None:
            raise ValueError(f"{child_id} was refused and cannot end")
        self._resting.pop((held.order.symbol, held.row), None)
        held.ended_at, held.reason = float(market.state.child_at[held.row, 1]), market.reason(held.row)
        return held.ended_at

    def _handle(self, request: Request, at: float) -> None:
        if isinstance(request, NewChild) and request.child_id not in self._children:
            self._take(request, at)
        elif isinstance(request, CancelChild) and request.child_id in self._children:
            self._take_off(request.child_id)
        self._tell(request.child_id, at)

    def _take(self, order: NewChild, at: float) -> None:
        held = self._children[order.child_id] = _Held(order, at, place=order.place)
        market = self.markets.get(order.symbol)
        refusal = "no such symbol here" if market is None else market.refusal(order.parent, order.place, order.lots)
        if market is None or refusal is not None:
            held.ended_at, held.reason = at, f"refused: {refusal}"
            return
        first = int(market.state.fills)
        held.row = market.place(order.parent, order.place, order.lots, is_immediate=order.is_immediate)
        held.place = market.placed_at(held.row)
        held.fills = tuple(fill for _, fill in market.executions(first))
        self._fills_seen[order.symbol] = int(market.state.fills)
        self._resting[(order.symbol, held.row)] = order.child_id
        if not market.is_resting(held.row):
            self._end(order.child_id, market)

    def _take_off(self, child_id: str) -> None:
        held = self._children[child_id]
        market = self.markets.get(held.order.symbol)
        if market is not None and held.row is not None and market.cancel(held.row):
            self._end(child_id, market)

    def _told(self, child_id: str, held: _Held | None) -> Report:
        if held is None:
            return Report(self.sent_reports, child_id, "unknown", 0, 0, (), None, None, None)
        state = self.state_of(child_id)
        return Report(
            self.sent_reports, child_id, state, held.place, held.order.lots, held.fills, held.arrived_at,
            held.ended_at, held.reason,
        )  # fmt: skip

    def state_of(self, child_id: str) -> ChildState:
        """Where a child stands at the venue."""
        held = self._children.get(child_id)
        if held is None:
            return "unknown"
        return "resting" if held.ended_at is None else "done"

    def _tell(self, child_id: str, at: float) -> None:
        self.sent_reports += 1
        report = self._told(child_id, self._children.get(child_id))
        due = self._due(at, self._leaving[-1][0] if self._leaving else at)
        if uniform(self._stream) < self.terms.lost_share:
            self.lost_reports += 1
        else:
            self._leaving.append((due, report))
