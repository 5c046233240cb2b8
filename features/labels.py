"""Labels: what happened after a row. The one place that looks ahead, and nothing in the catalog may read it.

    mid_move_bps(h) = (mid(t + h) / mid(t) - 1) * 1e4

with mid(t + h) the last two-sided mid at or before t + h in the same trading interval; null where the interval ends
before t + h, where the row has no mid, and where no later mid was recorded.

The recorder's directions of the A-share days are `direction_labels`: 0 down, 1 flat, 2 up after N snapshots of the
same session, flat within 0.0005 (N 5, 10) or 0.001 (N 20, 40, 60) of return.

    >>> LABEL_NAMES
    ('mid_move_30s_bps', 'mid_move_120s_bps', 'mid_move_300s_bps')
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.market_day import SymbolDay
from infra.tables.columns import Column, Table
from infra.tables.words import EVENT, KEYS, PROVENANCE, SEQUENCE, SYMBOL

HORIZONS_SECONDS = (30, 120, 300)
LABEL_NAMES = tuple(f"mid_move_{horizon}s_bps" for horizon in HORIZONS_SECONDS)
DIRECTION_BANDS = {5: 0.0005, 10: 0.0005, 20: 0.001, 40: 0.001, 60: 0.001}
NS = 1_000_000_000

LABELS_TABLE = Table(
    "gold.labels",
    "what happened after each book row",
    (
        *KEYS,
        SYMBOL,
        *EVENT,
        SEQUENCE,
        PROVENANCE[0],
        *(
            Column(name, "float", f"mid move over {horizon} s", "bps", is_nullable=True, low=-1e5, high=1e5)
            for name, horizon in zip(LABEL_NAMES, HORIZONS_SECONDS, strict=True)
        ),
    ),
    key=("market", "trade_date", "symbol", "event_at_ns", "sequence"),
    sort_by=("symbol", "event_at_ns", "sequence"),
)


def _interval_end(times_ns: npt.NDArray[np.int64], intervals_ns: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """(n) end of the trading interval that holds the row; before every time for a row outside all of them."""
    ends = np.full(len(times_ns), np.iinfo(np.int64).min)
    for start, end in intervals_ns:
        ends[(times_ns >= start) & (times_ns <= end)] = end
    return ends


def mid_move_bps(
    day: SymbolDay, horizon_seconds: int, intervals_ns: Sequence[tuple[int, int]]
) -> npt.NDArray[np.float32]:
    """(n) float32 move of the mid over the horizon in bps, NaN for null."""
    mid, target = day.mid, day.times_ns + horizon_seconds * NS
    known = np.flatnonzero(np.isfinite(mid))
    moves = np.full(day.rows, np.nan)
    if len(known) == 0:
        return moves.astype(np.float32)
    later = known[np.maximum(np.searchsorted(day.times_ns[known], target, side="right") - 1, 0)]
    is_inside = target <= _interval_end(day.times_ns, intervals_ns)
    usable = is_inside & np.isfinite(mid) & (later > np.arange(day.rows))
    moves[usable] = (mid[later[usable]] / mid[usable] - 1.0) * 1e4
    return moves.astype(np.float32)


def compute_labels(day: SymbolDay, intervals_ns: Sequence[tuple[int, int]]) -> npt.NDArray[np.float32]:
    """(n, h) float32 in the order of LABEL_NAMES."""
    return np.column_stack([mid_move_bps(day, horizon, intervals_ns) for horizon in HORIZONS_SECONDS])


def direction_labels(relative_mid: npt.NDArray[np.float64], snapshots: int) -> npt.NDArray[np.int8]:
    """(n) 0 down, 1 flat, 2 up after `snapshots` rows of one session; -1 where the session ends before.

    relative_mid is the mid over the previous close minus one, as the recorder publishes it. Its rule is on the
    difference of these returns.
    """
    labels = np.full(len(relative_mid), -1, np.int8)
    if len(relative_mid) > snapshots:
        move, band = relative_mid[snapshots:] - relative_mid[:-snapshots], DIRECTION_BANDS[snapshots]
        labels[:-snapshots] = np.where(move > band, 2, np.where(move < -band, 0, 1))
    return labels
