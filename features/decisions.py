"""What a decision could know: features of its order and its market, joined as of the decision; and what came after.

A decision at t reads the last book row at or before t (none older than MAX_AGE_SECONDS, else null), fills before t,
what the market traded from arrival to t, and the order as it stood at t: a change of quantity or end counts from its
own instant on. Fills at t itself belong to the decision before. Labels are those of the book row that was read.

    >>> ORDER_NAMES[0]
    'remaining_fraction'
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.catalog import CATALOG
from features.labels import LABEL_NAMES, LABELS_TABLE
from features.market_day import SymbolDay
from features.order import (
    ORDER_CATALOG,
    arrival_move_bps,
    participation_so_far,
    remaining_fraction,
    remaining_time_fraction,
    schedule_lag,
    vwap_move_bps,
)
from features.point_in_time import latest_rows

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float32]

ORDER_NAMES = tuple(feature.name for feature in ORDER_CATALOG)
MAX_AGE_SECONDS = 60.0
"""A book older than a minute is no book: on the slowest feed read here rows come each minute at least."""
COLUMNS = {
    **{feature.name: feature.column for feature in (*ORDER_CATALOG, *CATALOG)},
    **{name: LABELS_TABLE.column(name) for name in LABEL_NAMES},
}


@dataclass(frozen=True)
class OrderAtDecision:
    """The parent order as it stood at each of d decisions, and what it had got by then.

    side (d) +1 buy, -1 sell; order_shares, filled_shares (d) float64; arrival_ns, start_ns, end_ns (d) int64 UTC.
    """

    side: Floats
    order_shares: Floats
    filled_shares: Floats
    arrival_ns: Longs
    start_ns: Longs
    end_ns: Longs


def _traded_by(day: SymbolDay, at_ns: Longs) -> tuple[Floats, Floats]:
    """Shares and notional that the market traded today up to each instant; NaN where the feed says nothing."""
    if len(day.trade_times_ns):
        times, shares, notional = day.trade_times_ns, day.trade_shares, day.trade_shares * day.trade_price
    else:
        times, shares, notional = day.times_ns, day.traded_shares, day.traded_notional
        if not np.isfinite(notional).any():
            nothing = np.full(len(at_ns), np.nan)
            return nothing, nothing
    rows = latest_rows(times, at_ns) + 1
    sums = (np.concatenate([[0.0], np.nancumsum(values)])[rows] for values in (shares, notional))
    traded_shares, traded_notional = sums
    return traded_shares, traded_notional


def _mid_at(day: SymbolDay, at_ns: Longs) -> Floats:
    rows = latest_rows(day.times_ns, at_ns)
    mid = np.append(day.mid, np.nan)
    return np.asarray(mid[rows], np.float64)


def order_features(day: SymbolDay, order: OrderAtDecision, at_ns: Longs) -> Matrix:
    """(d, o) float32 in the order of ORDER_NAMES, NaN for null."""
    span = np.maximum(order.end_ns - order.start_ns, 1)
    elapsed = np.clip((at_ns - order.start_ns) / span, 0.0, 1.0)
    shares, notional = _traded_by(day, at_ns)
    since_arrival = shares - _traded_by(day, order.arrival_ns)[0]
    mid, arrival = _mid_at(day, at_ns), _mid_at(day, order.arrival_ns)
    vwap = np.divide(notional, shares, out=np.full(len(shares), np.nan), where=shares > 0.0)
    remaining = np.maximum(order.order_shares - order.filled_shares, 0.0)
    found = {
        "remaining_fraction": [remaining_fraction(*one) for one in zip(order.order_shares, remaining, strict=True)],
        "remaining_time_fraction": [remaining_time_fraction(one) for one in elapsed],
        "schedule_lag": [schedule_lag(*one) for one in zip(order.order_shares, remaining, elapsed, strict=True)],
        "participation_so_far": [
            participation_so_far(*one) for one in zip(order.filled_shares, since_arrival, strict=True)
        ],
        "arrival_move_bps": [arrival_move_bps(*one) for one in zip(order.side, mid, arrival, strict=True)],
        "vwap_move_bps": [vwap_move_bps(*one) for one in zip(order.side, mid, vwap, strict=True)],
    }
    return np.column_stack([np.asarray(found[name], np.float32) for name in ORDER_NAMES]).reshape(len(at_ns), -1)
