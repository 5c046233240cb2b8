"""The built-in market as a venue lives through it: moved on without deciding, one child order placed or cancelled.

`models/market.py` runs a day in which the desk's decisions are part of the compiled loop. Here the desk is somebody
else, who sends messages that arrive at any fraction of a second; between them the market lives exactly as it does
there. With no messages the day is the same to the last bit, because an event that was drawn and lies behind a message
is kept and not drawn again.

A child that arrives takes what its price reaches; the rest of an immediate one is cancelled, any other rests. What
would meet an order of our own on the other side steps back one tick behind it: own orders never trade with each other.
At the instructed end of its parent the venue expires what rests.

    >>> from datetime import date
    >>> from models.market import HiddenParameters, no_orders
    >>> from models.market_parameters import SAMPLE_SYMBOLS
    >>> session = MarketSession(SAMPLE_SYMBOLS[7], 7, date(2026, 1, 6), date(2026, 1, 5), seconds=60)
    >>> market = open_live(session, no_orders(), HiddenParameters())
    >>> market.advance(30.25)
    >>> market.now, int(market.state.second)
    (30.25, 30)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from models.market import MarketOrders, open_market
from models.market_book import end_resting, own_takes, refresh_own_best
from models.market_desk import _shown_limit as shown_limit
from models.market_desk import expire
from models.market_flow import begin_second, one_event, waiting_time, write_row
from models.market_parameters import ROW_SECONDS, HiddenParameters
from models.market_path import MarketSession
from models.market_state import (
    C_AHEAD,
    C_LOTS,
    C_PARENT,
    C_REASON,
    C_TICK,
    CANCELLED,
    EXPIRED,
    FILLED,
    LADDER,
    MOST_DECISIONS,
    MOST_FILLS,
    MOST_TRADES,
    OWN_BEST,
    P_END,
    P_SIDE,
    Float,
    State,
)

NOW, NEXT = 0, 1
REASONS = {FILLED: "filled", CANCELLED: "cancelled", EXPIRED: "expired"}


@dataclass(frozen=True)
class Quote:
    """The market's best places without our own orders, and the last of the ten that each side shows."""

    bid: int
    ask: int
    far_bid: int
    far_ask: int


@dataclass(frozen=True)
class Execution:
    """One fill: lots at a place of the ladder, seconds from the open, whether our order rested."""

    place: int
    lots: int
    at: float
    is_maker: bool


@njit(cache=True, nogil=True)
def _run_to(s: State, clock: Float, until: float) -> None:
    """The market's own events up to `until`, in the order and with the draws of `models.market`."""
    while s.second < s.seconds:
        end = min(until, s.second + 1.0)
        while clock[NEXT] < end:
            one_event(s, clock[NEXT])
            clock[NEXT] += waiting_time(s)
        if until < s.second + 1.0:
            break
        s.second += 1
        expire(s)
        begin_second(s)
        if s.second % ROW_SECONDS == 0:
            write_row(s)
        clock[NEXT] = s.second + waiting_time(s)
    clock[NOW] = until


@njit(cache=True, nogil=True)
def _place(s: State, parent: int, wanted: int, lots: int, is_immediate: bool, at: float) -> int:
    """A child order arrives; its row."""
    sign, child, place = s.parent[parent, P_SIDE], s.children, wanted
    side = 0 if sign > 0 else 1
    if sign * (s.best[OWN_BEST + 1 - side] - place) <= 0 and not is_immediate:
        place = s.best[OWN_BEST + 1 - side] - sign
    is_marketable = sign * (place - s.best[1 - side]) >= 0
    s.children = child + 1
    s.child[child, C_PARENT], s.child[child, C_TICK], s.child[child, C_LOTS] = parent, place, lots
    s.child_at[child, 0], s.child_at[child, 1] = at, at
    left = lots
    if is_marketable:
        left -= own_takes(s, 1 - side, child, lots, place, at)
    s.child[child, C_REASON] = FILLED if left == 0 else CANCELLED
    if left > 0 and not is_immediate:
        s.child[child, C_AHEAD] = s.lots[side, place]
        s.own_lots[side, place] += left
        s.active[s.actives] = child
        s.actives += 1
        refresh_own_best(s, side)
    return child


@njit(cache=True, nogil=True)
def _is_resting(s: State, child: int) -> bool:
    found = False
    for k in range(s.actives):
        found = found or s.active[k] == child
    return found


@njit(cache=True, nogil=True)
def _cancel(s: State, child: int, at: float) -> bool:
    """Take a child off the book; False when it was gone already."""
    if not _is_resting(s, child):
        return False
    end_resting(s, child, at)
    return True


@dataclass(frozen=True)
class LiveMarket:
    """One symbol's market between messages. `clock`: now and the time of the market's next event, seconds from open."""

    session: MarketSession
    state: State
    clock: Float

    @property
    def now(self) -> float:
        return float(self.clock[NOW])

    def advance(self, until: float) -> None:
        """Live on to `until`, no further than the close; a time that has passed changes nothing."""
        if until > self.clock[NOW]:
            _run_to(self.state, self.clock, min(until, float(self.session.seconds)))
            self.clock[NOW] = until
        if self.state.trades > MOST_TRADES:
            raise ValueError(f"{self.session.parameters.symbol}: {self.state.trades} prints, more than {MOST_TRADES}")

    def refusal(self, parent: int, place: int, lots: int) -> str | None:
        """Why a child order would not be taken now, None when it would."""
        s = self.state
        if not 0 <= parent < s.parents:
            return f"no parent order {parent}"
        if self.now >= s.parent[parent, P_END]:
            return "the parent order has ended"
        if lots < 1 or not 0 <= place < LADDER:
            return f"{lots} lots at place {place}"
        if s.children >= MOST_DECISIONS or s.fills + lots > MOST_FILLS:
            return "the venue has no room for more orders"
        return None

    def place(self, parent: int, place: int, lots: int, *, is_immediate: bool) -> int:
        """A child order arrives now: its row. Raises ValueError when it would be refused."""
        found = self.refusal(parent, place, lots)
        if found is not None:
            raise ValueError(f"{self.session.parameters.symbol}: {found}")
        return int(_place(self.state, parent, place, lots, is_immediate, self.now))

    def cancel(self, child: int) -> bool:
        """A cancel arrives now; False when the child was gone already."""
        return bool(_cancel(self.state, child, self.now))

    def is_resting(self, child: int) -> bool:
        """Whether any of it may still trade."""
        return bool(_is_resting(self.state, child))

    def reason(self, child: int) -> str:
        """Why a child that no longer rests ended."""
        return REASONS[int(self.state.child[child, C_REASON])]

    def quote(self) -> Quote:
        """Best and last shown places now."""
        s = self.state
        return Quote(int(s.best[0]), int(s.best[1]), int(shown_limit(s, 0)), int(shown_limit(s, 1)))

    def executions(self, first: int) -> list[tuple[int, Execution]]:
        """(child, fill) of every fill from row `first` on."""
        s = self.state
        rows, times = s.execution[first : s.fills].tolist(), s.execution_at[first : s.fills].tolist()
        return [
            (child, Execution(place, lots, at, bool(maker)))
            for (child, place, lots, maker), at in zip(rows, times, strict=True)
        ]

    def placed_at(self, child: int) -> int:
        """Where a child stands on the ladder, which may be one tick behind an own order."""
        return int(self.state.child[child, C_TICK])


def open_live(session: MarketSession, orders: MarketOrders, hidden: HiddenParameters) -> LiveMarket:
    """The market at the opening second. Raises ValueError for orders that it cannot hold."""
    state = open_market(session, orders, hidden).state
    return LiveMarket(session, state, np.array([0.0, waiting_time(state)]))
