"""The one door through which a decision sees data: what had happened, and what was known, by then.

Two clocks decide. `event_at` is when it happened at the exchange: the desk, which listens live, may use an event from
then on. `known_at` is when a stored row could first be used: training, outside signals and anything that was delivered
or corrected later wait for it. A row at exactly the decision time is known; a decision never sees the row that it
causes.

It is not a cleaner: it neither sorts nor repairs, and rows out of order are refused.

    >>> import numpy as np
    >>> latest_rows(np.array([10, 20, 20, 30]), np.array([5, 20, 99]))
    array([-1,  2,  3])
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.market_day import SymbolDay
from infra.errors import ContractError

Longs = npt.NDArray[np.int64]


def require_order(times_ns: Longs, which: str) -> None:
    """Raises ContractError where event times decrease: nothing can be cut by time then."""
    back = np.flatnonzero(np.diff(times_ns) < 0)
    if len(back):
        place = int(back[0]) + 1
        raise ContractError(
            "rows go back in time",
            which=which,
            found=f"{times_ns[place]} after {times_ns[place - 1]} at row {place}",
            allowed="event times that never decrease",
            next_step="sort the rows by event_at_ns and sequence",
        )


def latest_rows(times_ns: Longs, decisions_ns: Longs) -> Longs:
    """(d) index of the last of n rows at or before each decision, -1 where there is none yet."""
    require_order(times_ns, "event times")
    return np.asarray(np.searchsorted(times_ns, decisions_ns, side="right") - 1, np.int64)


def features_at(
    times_ns: Longs, features: npt.NDArray[np.float32], decisions_ns: Longs, max_age_seconds: float
) -> npt.NDArray[np.float32]:
    """(d, k) features as each decision finds them; NaN where the last row is older than `max_age_seconds`, or missing.

    `features` (n, k) belong to `times_ns` (n). A stale row is no row: a feed that fell silent must not look calm.
    """
    rows = latest_rows(times_ns, decisions_ns)
    found = np.full((len(decisions_ns), features.shape[1]), np.nan, np.float32)
    if len(times_ns):
        is_fresh = (rows >= 0) & (decisions_ns - times_ns[np.maximum(rows, 0)] <= max_age_seconds * 1e9)
        found[is_fresh] = features[rows[is_fresh]]
    return found


def known_rows(rows: pa.Table, at: datetime) -> pa.Table:
    """Rows whose `known_at` is at or before `at` (an aware time)."""
    return rows.filter(pc.less_equal(rows.column("known_at"), pa.scalar(at, rows.schema.field("known_at").type)))


def day_until(day: SymbolDay, at_ns: int) -> SymbolDay:
    """The day as it looked at an instant: book rows, trades and outside rows at or before `at_ns`."""
    require_order(day.times_ns, f"book of {day.symbol}")
    require_order(day.trade_times_ns, f"trades of {day.symbol}")
    rows = int(np.searchsorted(day.times_ns, at_ns, side="right"))
    trades = int(np.searchsorted(day.trade_times_ns, at_ns, side="right"))
    known = int(np.searchsorted(day.outside.usable_ns, at_ns, side="right"))
    series = ("usable_ns", "about_ns", "known_ns", "series", "value")
    books = ("times_ns", "sequence", "bid_price", "bid_shares", "ask_price", "ask_shares", "traded_shares")
    prints = ("trade_times_ns", "trade_price", "trade_shares", "trade_sign")
    return replace(
        day,
        **{name: getattr(day, name)[:rows] for name in (*books, "traded_notional")},
        **{name: getattr(day, name)[:trades] for name in prints},
        outside=replace(day.outside, **{name: getattr(day.outside, name)[:known] for name in series}),
    )
