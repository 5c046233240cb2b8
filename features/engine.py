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

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.catalog import FEATURE_NAMES
from features.flow import Floats
from features.kernel import BLOCK, Row, catalog_digest, kernel
from features.kernel_state import ASK_PRICE, ASK_SHARES, BID_PRICE, BID_SHARES, LAST_NS, start_arrays
from features.market_day import NOTHING_BEFORE, KnownBefore, SymbolDay
from features.outside import SERIES, count_signal
from features.point_in_time import require_order
from features.session import interval_array
from features.wiring import STATE_ARGUMENTS
from infra.errors import ContractError

__all__ = ["FEATURE_NAMES", "FeatureState", "catalog_digest", "compute_features", "kernel"]

BOOKS, MARKS, CLOCK = (STATE_ARGUMENTS.index(name) for name in ("books", "marks", "clock"))
OUTSIDE = slice(STATE_ARGUMENTS.index("outside_values"), STATE_ARGUMENTS.index("outside_usable_ns") + 1)


def _owned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.require(values, requirements=["C", "W"])


def _all_owned(*arrays: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    return tuple(_owned(values) for values in arrays)


def _start(
    levels: int, slots: int, intervals_ns: Sequence[tuple[int, int]], before: KnownBefore
) -> tuple[npt.NDArray[Any], ...]:
    """`wiring.STATE_ARGUMENTS` before the first event of a session."""
    fit, auctions = _owned(before.fit), _owned(before.auctions_ns)
    return (*start_arrays(levels, slots, fit), fit, auctions, interval_array(intervals_ns))


def compute_features(
    day: SymbolDay, intervals_ns: Sequence[tuple[int, int]], before: KnownBefore = NOTHING_BEFORE
) -> Row:
    """(n, k) float32, columns contiguous and in the order of FEATURE_NAMES, NaN for null.

    `intervals_ns` are UTC nanoseconds in which the market trades; `before` is what was known before they began. Raises
    ContractError when rows go back in time.
    """
    require_order(day.times_ns, f"book of {day.symbol}")
    require_order(day.trade_times_ns, f"trades of {day.symbol}")
    require_order(day.outside.usable_ns, f"outside series of {day.symbol}")
    made = kernel()
    columns = np.empty((len(FEATURE_NAMES), day.rows), np.float32)
    made.run(
        made.step,
        _start(day.bid_price.shape[1], made.slots, intervals_ns, before),
        _all_owned(
            day.times_ns,
            day.bid_price,
            day.bid_shares,
            day.ask_price,
            day.ask_shares,
            day.traded_shares,
            day.traded_notional,
        ),
        _all_owned(day.trade_times_ns, day.trade_price, day.trade_shares, day.trade_sign),
        _all_owned(day.outside.usable_ns, day.outside.about_ns, day.outside.series, day.outside.value),
        np.empty((BLOCK, len(FEATURE_NAMES)), np.float32),
        columns,
    )
    return columns.T


@dataclass(frozen=True)
class FeatureState:
    """Features of one symbol, event by event. `row` (k) float32 is overwritten by each book event.

    arrays: `wiring.STATE_ARGUMENTS`, changed in place.
    """

    arrays: tuple[npt.NDArray[Any], ...]
    row: Row
    step: Callable[..., None]
    trade: Callable[..., None]

    @classmethod
    def start(
        cls, levels: int, intervals_ns: Sequence[tuple[int, int]], before: KnownBefore = NOTHING_BEFORE
    ) -> FeatureState:
        """State before the first event of a session."""
        made = kernel()
        row = np.full(len(FEATURE_NAMES), np.nan, np.float32)
        return cls(_start(levels, made.slots, intervals_ns, before), row, made.step, made.trade)

    def on_trade(self, time_ns: int, price: float, shares: float, sign: int) -> None:
        """Count one trade; `sign` +1 buyer-initiated, -1 seller-initiated, 0 unknown."""
        self.trade(self.arrays[MARKS], self.arrays[CLOCK], time_ns, price, shares, sign)

    def on_signal(self, usable_ns: int, about_ns: int, series: str, value: float) -> None:
        """Let a value of an outside series stand from now on; a series that no feature reads is passed over."""
        if series in SERIES:
            count_signal(*self.arrays[OUTSIDE], SERIES.index(series), about_ns, usable_ns, value)

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
        if time_ns < self.arrays[CLOCK][LAST_NS]:
            raise ContractError(
                "event goes back in time",
                which="book",
                found=time_ns,
                allowed=f"{self.arrays[CLOCK][LAST_NS]} or later",
                next_step="send events in the order of event_at_ns and sequence",
            )
        books = self.arrays[BOOKS]
        books[BID_PRICE], books[BID_SHARES], books[ASK_PRICE], books[ASK_SHARES] = (
            bid_price, bid_shares, ask_price, ask_shares,
        )  # fmt: skip
        self.step(*self.arrays, time_ns, traded_shares, traded_notional, self.row)
        return self.row
