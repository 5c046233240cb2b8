"""What the kernel remembers from row to row, and the hand-written parts of a row's update.

`books` (8, levels) float64: bid price, bid shares, ask price, ask shares of the previous row, then of this row, which
the caller fills in. `marks` float64 and `clock` int64: scalars named in `measures.MARKS` and `measures.CLOCK`. `sums`
float64: what `wiring.py` lays out; `regime_state`: the filter of `regime.py`; the `outside_` arrays: `outside.py`. All
are changed in place; nothing is allocated. Everything but the day's trades, regimes and outside series starts anew with
each trading interval, because a return or an order flow over lunch is not one of trading.

Trades are counted into the row that follows them (trade time <= row time); what traded before an interval's first row,
an auction or a pause, is no flow of that interval. Feeds with trades are signed trade by trade,
feeds with traded shares and notional per row by their average price; the first trade of the day switches to trades.

    >>> import numpy as np
    >>> marks = np.zeros(len(MARKS)); count_trade(marks, np.zeros(5, np.int64), 7, 10.0, 3.0, 1); marks[BUYS_NOTIONAL]
    np.float64(30.0)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from features.book import mid_price
from features.compiled import compiled
from features.fits import Fit
from features.flow import Floats, lee_ready_sign
from features.measures import CLOCK, MARKS
from features.outside import SERIES
from features.regime import STATE_SLOTS, start_regime
from features.session import Intervals, interval_of
from features.volatility import return_bps

Longs = npt.NDArray[np.int64]

MID, PREVIOUS_MID, MID_RETURN, PREVIOUS_RETURN, SECONDS, SIGNED_NOTIONAL, TRADED_NOTIONAL = range(7)
HAS_TRADES, BUYS_NOTIONAL, SELLS_NOTIONAL, UNSIGNED_NOTIONAL, LAST_PRICE, LAST_SIGN = range(7, len(MARKS))
LAST_NS, INTERVAL, HAS_PREVIOUS, LAST_TRADE_NS, LAST_CHANGE_NS = range(len(CLOCK))
BID_PRICE, BID_SHARES, ASK_PRICE, ASK_SHARES = range(4, 8)
NO_INTERVAL = -1_000_000


def start_arrays(levels: int, slots: int, fit: Fit) -> tuple[npt.NDArray[Any], ...]:
    """`wiring.STATE_ARGUMENTS` up to what is known before: the state at the start of a day."""
    books, sums, marks = np.full((8, levels), np.nan), np.full(slots, np.nan), np.full(len(MARKS), np.nan)
    marks[[HAS_TRADES, BUYS_NOTIONAL, SELLS_NOTIONAL, UNSIGNED_NOTIONAL]] = 0.0
    clock = np.full(len(CLOCK), -1, np.int64)
    clock[INTERVAL], clock[HAS_PREVIOUS] = NO_INTERVAL, 0
    regime_state = np.empty(STATE_SLOTS)
    start_regime(regime_state, fit)
    never = np.full(len(SERIES), -1, np.int64)
    return books, sums, marks, clock, regime_state, np.full(len(SERIES), np.nan), never, never.copy()


@compiled
def traded_sign(marks: Floats, price: float) -> float:
    """Lee and Ready's sign of a price against the last row's mid; remembers the tick."""
    sign = lee_ready_sign(price, marks[MID], marks[LAST_PRICE], marks[LAST_SIGN])
    if price > marks[LAST_PRICE]:
        marks[LAST_SIGN] = 1.0
    elif price < marks[LAST_PRICE]:
        marks[LAST_SIGN] = -1.0
    marks[LAST_PRICE] = price
    return sign


@compiled
def count_trade(marks: Floats, clock: Longs, time_ns: int, price: float, shares: float, feed_sign: int) -> None:
    """Count one trade; `feed_sign` is +1 buyer-initiated, -1 seller-initiated, 0 where the feed does not say."""
    guessed = traded_sign(marks, price)
    sign = float(feed_sign) if feed_sign != 0 else guessed
    notional = price * shares
    if sign > 0.0:
        marks[BUYS_NOTIONAL] += notional
    elif sign < 0.0:
        marks[SELLS_NOTIONAL] += notional
    else:
        marks[UNSIGNED_NOTIONAL] += notional
    marks[HAS_TRADES] = 1.0
    clock[LAST_TRADE_NS] = time_ns


@compiled
def _settle_trades(marks: Floats, clock: Longs, time_ns: int, traded_shares: float, row_notional: float) -> None:
    if marks[HAS_TRADES] != 0.0:
        marks[SIGNED_NOTIONAL] = marks[BUYS_NOTIONAL] - marks[SELLS_NOTIONAL]
        marks[TRADED_NOTIONAL] = marks[BUYS_NOTIONAL] + marks[SELLS_NOTIONAL] + marks[UNSIGNED_NOTIONAL]
    else:
        marks[TRADED_NOTIONAL], marks[SIGNED_NOTIONAL] = row_notional, math.nan
        if row_notional > 0.0:
            clock[LAST_TRADE_NS] = time_ns
            if traded_shares > 0.0:
                marks[SIGNED_NOTIONAL] = row_notional * traded_sign(marks, row_notional / traded_shares)
        elif traded_shares == 0.0:
            marks[SIGNED_NOTIONAL] = 0.0
    if not clock[HAS_PREVIOUS]:
        marks[SIGNED_NOTIONAL] = marks[TRADED_NOTIONAL] = math.nan
    marks[BUYS_NOTIONAL] = marks[SELLS_NOTIONAL] = marks[UNSIGNED_NOTIONAL] = 0.0


@compiled
def _enter_interval(sums: Floats, marks: Floats, clock: Longs, interval: int) -> None:
    sums[:] = math.nan
    marks[MID] = marks[MID_RETURN] = math.nan
    clock[INTERVAL], clock[HAS_PREVIOUS], clock[LAST_CHANGE_NS] = interval, 0, -1


@compiled
def begin_row(
    books: Floats,
    sums: Floats,
    marks: Floats,
    clock: Longs,
    intervals: Intervals,
    time_ns: int,
    traded_shares: float,
    row_notional: float,
) -> None:
    """Everything that has to be known before measures are computed: interval, seconds, mid, return, trades."""
    interval = interval_of(intervals, time_ns)
    if interval != clock[INTERVAL]:
        _enter_interval(sums, marks, clock, interval)
    _settle_trades(marks, clock, time_ns, traded_shares, row_notional)
    marks[PREVIOUS_MID], marks[PREVIOUS_RETURN] = marks[MID], marks[MID_RETURN]
    marks[MID] = mid_price(books[BID_PRICE, 0], books[ASK_PRICE, 0])
    marks[MID_RETURN] = return_bps(marks[MID], marks[PREVIOUS_MID])
    marks[SECONDS] = (time_ns - clock[LAST_NS]) / 1e9 if clock[HAS_PREVIOUS] else math.nan
    if abs(marks[MID_RETURN]) > 0.0:
        clock[LAST_CHANGE_NS] = time_ns


@compiled
def end_row(books: Floats, clock: Longs, time_ns: int) -> None:
    """Make this row the previous one."""
    for side in range(BID_PRICE):
        for level in range(books.shape[1]):
            books[side, level] = books[BID_PRICE + side, level]
    clock[LAST_NS], clock[HAS_PREVIOUS] = time_ns, 1
