"""The compiled kernel: the update of one row that `wiring.py` writes, the count of one trade, the loop over a day.

`features/engine.py` feeds it. Compiled once and kept in Numba's cache under a name that carries the digest of every
definition, so that no edit is ever served from a stale cache.

    >>> kernel().slots > 0
    True
"""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types

from features.catalog import CATALOG
from features.compiled import WITHOUT_COUNTS, compiled
from features.kernel_state import ASK_PRICE, ASK_SHARES, BID_PRICE, BID_SHARES, count_trade
from features.measures import plain
from features.outside import count_signal
from features.wiring import wire

Row = npt.NDArray[np.float32]
BLOCK = 64
"""Rows that are turned into columns at once: writing every column row by row misses the cache once a column."""


def _run(
    step: Callable[..., None],
    state: tuple[npt.NDArray[Any], ...],
    book: tuple[npt.NDArray[Any], ...],
    trades: tuple[npt.NDArray[Any], ...],
    signals: tuple[npt.NDArray[Any], ...],
    block: Row,
    columns: Row,
) -> None:
    """A day through `step`, trades and outside rows before the row that they precede.

    The tuples are `wiring.STATE_ARGUMENTS` and the fields of `SymbolDay`. `step` comes as a function pointer, so that
    it is compiled once and not once more inside the loop.
    """
    books, sums, marks, clock, regime_state, values, about_ns, usable_ns, fit, auctions_ns, intervals = state
    times_ns, bid_price, bid_shares, ask_price, ask_shares, traded_shares, traded_notional = book
    trade_times_ns, trade_price, trade_shares, trade_sign = trades
    signal_usable_ns, signal_about_ns, signal_series, signal_value = signals
    trade = signal = 0
    for i in range(len(times_ns)):
        while signal < len(signal_usable_ns) and signal_usable_ns[signal] <= times_ns[i]:
            which, about, usable = signal_series[signal], signal_about_ns[signal], signal_usable_ns[signal]
            count_signal(values, about_ns, usable_ns, which, about, usable, signal_value[signal])
            signal += 1
        while trade < len(trade_times_ns) and trade_times_ns[trade] <= times_ns[i]:
            count_trade(marks, clock, trade_times_ns[trade], trade_price[trade], trade_shares[trade], trade_sign[trade])
            trade += 1
        for level in range(bid_price.shape[1]):
            books[BID_PRICE, level], books[BID_SHARES, level] = bid_price[i, level], bid_shares[i, level]
            books[ASK_PRICE, level], books[ASK_SHARES, level] = ask_price[i, level], ask_shares[i, level]
        step(
            books, sums, marks, clock, regime_state, values, about_ns, usable_ns, fit, auctions_ns, intervals,
            times_ns[i], traded_shares[i], traded_notional[i], block[i % BLOCK],
        )  # fmt: skip
        if i % BLOCK == BLOCK - 1 or i == len(times_ns) - 1:
            _to_columns(block, columns, i - i % BLOCK, i + 1)


@compiled
def _to_columns(block: Row, columns: Row, first: int, end: int) -> None:
    for column in range(len(columns)):
        for row in range(first, end):
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
    state = (block, line, line, times, line, line, times, times, line, times, types.int64[:, ::1])
    step = types.void(*state, types.int64, types.float64, types.float64, types.float32[::1])
    trades = (times, line, line, types.int8[::1])
    books = (times, block, block, block, block, line, line)
    trade = types.void(line, times, types.int64, types.float64, types.float64, types.int64)
    signals = (times, times, times, line)
    groups = (types.Tuple(state), types.Tuple(books), types.Tuple(trades), types.Tuple(signals))
    return step, trade, types.void(types.FunctionType(step), *groups, rows, rows)


def _compiled(function: Callable[..., None], signature: Any, digest: str) -> Callable[..., None]:
    """The function under a name that carries the digest: Numba's cache would not notice edits in what it calls."""
    named = FunctionType(function.__code__, function.__globals__, f"{function.__name__}_{digest}")
    named.__qualname__ = named.__name__
    found: Callable[..., None] = njit(signature, cache=True, **WITHOUT_COUNTS)(named)
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
