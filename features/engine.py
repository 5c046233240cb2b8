"""Features of a day and features of an event: one compiled update, two ways to feed it.

`compute_features` runs the update over a `SymbolDay`; a `FeatureState` takes one event after the other, as the desk
does. Both call the very same function, in 64 bits; the cast to 32 bits is the last operation. Past only: the update
sees a row, the rows before it and the trades up to its time.

    >>> state = FeatureState.start(levels=1, intervals_ns=[(0, 10**12)])
    >>> import numpy as np
    >>> row = state.on_book(10**9, np.array([99.0]), np.array([5.0]), np.array([101.0]), np.array([15.0]))
    >>> float(row[FEATURE_NAMES.index("spread_bps")]), float(row[FEATURE_NAMES.index("imbalance_1")])
    (200.0, -0.5)
"""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types

from features.catalog import CATALOG, FEATURE_NAMES
from features.flow import Floats
from features.kernel_state import (
    ASK_PRICE,
    ASK_SHARES,
    BID_PRICE,
    BID_SHARES,
    LAST_NS,
    Longs,
    count_trade,
    start_arrays,
)
from features.market_day import SymbolDay
from features.measures import plain
from features.point_in_time import require_order
from features.session import interval_array
from features.wiring import wire
from infra.errors import ContractError

__all__ = ["FEATURE_NAMES", "FeatureState", "catalog_digest", "compute_features"]

Row = npt.NDArray[np.float32]
BLOCK = 64
"""Rows that are turned into columns at once: writing every column row by row misses the cache once a column."""


def _run(
    step: Callable[..., None],
    books: Floats,
    sums: Floats,
    marks: Floats,
    clock: Longs,
    intervals: Longs,
    times_ns: Longs,
    bid_price: Floats,
    bid_shares: Floats,
    ask_price: Floats,
    ask_shares: Floats,
    traded_shares: Floats,
    traded_notional: Floats,
    trade_times_ns: Longs,
    trade_price: Floats,
    trade_shares: Floats,
    trade_sign: npt.NDArray[np.int8],
    block: Row,
    columns: Row,
) -> None:
    """A day through `step`, trades before the row that they precede. `step` comes as a function pointer, so that it is
    compiled once and not once more inside the loop."""
    trade = 0
    for i in range(len(times_ns)):
        while trade < len(trade_times_ns) and trade_times_ns[trade] <= times_ns[i]:
            count_trade(marks, clock, trade_times_ns[trade], trade_price[trade], trade_shares[trade], trade_sign[trade])
            trade += 1
        for level in range(bid_price.shape[1]):
            books[BID_PRICE, level], books[BID_SHARES, level] = bid_price[i, level], bid_shares[i, level]
            books[ASK_PRICE, level], books[ASK_SHARES, level] = ask_price[i, level], ask_shares[i, level]
        step(books, sums, marks, clock, intervals, times_ns[i], traded_shares[i], traded_notional[i], block[i % BLOCK])
        if i % BLOCK == BLOCK - 1 or i == len(times_ns) - 1:
            first = i - i % BLOCK
            for column in range(len(columns)):
                for row in range(first, i + 1):
                    columns[column, row] = block[row - first, column]


@dataclass(frozen=True)
class Kernel:
    """Compiled: the update of one row, the count of one trade, the loop over a day. `slots`: what their sums take."""

    step: Callable[..., None]
    trade: Callable[..., None]
    run: Callable[..., None]
    slots: int


def _signatures() -> tuple[Any, Any, Any]:
    line, block, times, rows = types.float64[::1], types.float64[:, ::1], types.int64[::1], types.float32[:, ::1]
    state = (block, line, line, times, types.int64[:, ::1])
    step = types.void(*state, types.int64, types.float64, types.float64, types.float32[::1])
    trades = (times, line, line, types.int8[::1])
    books = (times, block, block, block, block, line, line)
    trade = types.void(line, times, types.int64, types.float64, types.float64, types.int64)
    return step, trade, types.void(types.FunctionType(step), *state, *books, *trades, rows, rows)


def _compiled(function: Callable[..., None], signature: Any, digest: str) -> Callable[..., None]:
    """The function under a name that carries the digest: Numba's cache would not notice edits in what it calls."""
    named = FunctionType(function.__code__, function.__globals__, f"{function.__name__}_{digest}")
    named.__qualname__ = named.__name__
    found: Callable[..., None] = njit(signature, cache=True)(named)
    return found


@cache
def kernel() -> Kernel:
    """The kernel of the catalog; compiling takes seconds once, later it comes from Numba's cache."""
    wiring = wire(CATALOG)
    scope: dict[str, Any] = {module.__name__.rpartition(".")[2]: module for module in wiring.modules}
    scope |= {"nan": math.nan, "__name__": __name__}
    exec(compile(wiring.source, __file__, "exec"), scope)  # noqa: S102
    pieces = (scope["step"], plain(count_trade), _run)
    step, trade, run = (_compiled(*piece, wiring.digest) for piece in zip(pieces, _signatures(), strict=True))
    return Kernel(step, trade, run, wiring.slots)


@cache
def catalog_digest() -> str:
    """Digest of every definition and of the loop: the same digest means the same features, bit for bit."""
    return hashlib.sha256((wire(CATALOG).digest + inspect.getsource(sys.modules[__name__])).encode()).hexdigest()


def _owned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.require(values, requirements=["C", "W"])


def compute_features(day: SymbolDay, intervals_ns: Sequence[tuple[int, int]]) -> Row:
    """(n, k) float32, columns contiguous and in the order of FEATURE_NAMES, NaN for null.

    `intervals_ns` are UTC nanoseconds in which the market trades. Raises ContractError when rows go back in time.
    """
    require_order(day.times_ns, f"book of {day.symbol}")
    require_order(day.trade_times_ns, f"trades of {day.symbol}")
    made = kernel()
    columns = np.empty((len(FEATURE_NAMES), day.rows), np.float32)
    made.run(
        made.step,
        *start_arrays(day.bid_price.shape[1], made.slots),
        interval_array(intervals_ns),
        *(
            _owned(values)
            for values in (
                day.times_ns,
                day.bid_price,
                day.bid_shares,
                day.ask_price,
                day.ask_shares,
                day.traded_shares,
                day.traded_notional,
                day.trade_times_ns,
                day.trade_price,
                day.trade_shares,
                day.trade_sign,
            )
        ),
        np.empty((BLOCK, len(FEATURE_NAMES)), np.float32),
        columns,
    )
    return columns.T


@dataclass(frozen=True)
class FeatureState:
    """Features of one symbol, event by event. `row` (k) float32 is overwritten by each book event."""

    books: Floats
    sums: Floats
    marks: Floats
    clock: Longs
    intervals: Longs
    row: Row
    step: Callable[..., None]
    trade: Callable[..., None]

    @classmethod
    def start(cls, levels: int, intervals_ns: Sequence[tuple[int, int]]) -> FeatureState:
        """State before the first event of a session."""
        made = kernel()
        row = np.full(len(FEATURE_NAMES), np.nan, np.float32)
        return cls(*start_arrays(levels, made.slots), interval_array(intervals_ns), row, made.step, made.trade)

    def on_trade(self, time_ns: int, price: float, shares: float, sign: int) -> None:
        """Count one trade; `sign` +1 buyer-initiated, -1 seller-initiated, 0 unknown."""
        self.trade(self.marks, self.clock, time_ns, price, shares, sign)

    def on_book(
        self,
        time_ns: int,
        bid_price: Floats,
        bid_shares: Floats,
        ask_price: Floats,
        ask_shares: Floats,
        traded_shares: float = math.nan,
        traded_notional: float = math.nan,
    ) -> Row:
        """Features now, float32 (k). Arrays run over levels as in `SymbolDay`. Raises ContractError for older times."""
        if time_ns < self.clock[LAST_NS]:
            raise ContractError(
                "event goes back in time",
                which="book",
                found=time_ns,
                allowed=f"{self.clock[LAST_NS]} or later",
                next_step="send events in the order of event_at_ns and sequence",
            )
        self.books[BID_PRICE], self.books[BID_SHARES] = bid_price, bid_shares
        self.books[ASK_PRICE], self.books[ASK_SHARES] = ask_price, ask_shares
        self.step(
            self.books,
            self.sums,
            self.marks,
            self.clock,
            self.intervals,
            time_ns,
            traded_shares,
            traded_notional,
            self.row,
        )
        return self.row
