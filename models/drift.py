"""Has the market's input to the models moved? A distance with a threshold that comes from its own history.

For each feature and local hour the distance is Kolmogorov's: the largest gap between the cumulative shares of today
and of the training window, KS = max_x |F_today(x) - F_window(x)|, read off histograms whose edges are today's own
quantiles. By hour, because the day has a shape: a quiet close is no drift of a busy open. The day's statistic is the
largest KS over features and hours.

A p-value would be wrong: with 40,000 rows a day every day differs from every other "significantly", because the unit
that varies is the session, not the row (measured: 100 % of no-drift days flagged at 5,000 rows, with or without
Bonferroni). So the threshold is what past sessions themselves show: each session's statistic against the window
without it, and of those the quantile that alarms about once a quarter over all features together. Below 125 sessions
that quantile is not known, and the verdict is a note: "uncalibrated, advisory".

What it is not: it sees inputs only, neither the relation of features to moves nor the mix of actions, and it never
retrains and never promotes.

    >>> edges = sketch_edges(np.array([[0.0], [1.0], [2.0], [3.0]], np.float32))
    >>> low = sketch(np.array([[0.5], [1.5]], np.float32), np.zeros(2, np.int64), edges, buckets=1)
    >>> high = sketch(np.array([[9.0], [9.0]], np.float32), np.zeros(2, np.int64), edges, buckets=1)
    >>> distances(low, high, minimum_rows=1).tolist()
    [[1.0]]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

QUANTILES = 64
MINIMUM_ROWS = 300
"""Rows a side and hour, because two equal samples of 300 already stand 0.11 apart one time in twenty."""
MINIMUM_SESSIONS = 125
"""Sessions of history, because with fewer the highest quantiles are the one or two strangest days."""
SESSIONS_A_FALSE_ALARM = 63
"""One false alarm a quarter, over all features and hours together, is what a person still reads."""


@dataclass(frozen=True)
class FeatureDrift:
    """The largest distance of one feature, and the bucket (local hour) in which it was found."""

    feature: str
    distance: float
    bucket: int


@dataclass(frozen=True)
class DriftVerdict:
    """Today against the window. `features`: every feature, the furthest first. `threshold` is None uncalibrated."""

    statistic: float
    threshold: float | None
    sessions: int
    verdict: Literal["pass", "hold", "note"]
    reason: str
    features: tuple[FeatureDrift, ...]


def sketch_edges(values: Float32) -> Float32:
    """(k, 2 * QUANTILES) ascending edges of the features of `values` (n, k); unused places are +inf.

    Each quantile q gives two edges, q and the next number above it, so that a value that many rows share exactly
    stands in a bin of its own.
    """
    edges = np.full((values.shape[1], 2 * QUANTILES), np.inf, np.float32)
    for feature in range(values.shape[1]):
        present = values[np.isfinite(values[:, feature]), feature]
        if len(present):
            levels = np.quantile(present, np.linspace(0.0, 1.0, QUANTILES), method="nearest").astype(np.float32)
            both = np.unique(np.concatenate([levels, np.nextafter(levels, np.float32(np.inf))]))
            edges[feature, : len(both)] = both
    return edges


@njit(cache=True)
def _count(values: Float32, bucket: Long, edges: Float32, counts: Long) -> None:
    for row in range(values.shape[0]):
        for feature in range(values.shape[1]):
            value = values[row, feature]
            place = 0
            if not np.isnan(value):
                low, high = 0, edges.shape[1]
                while low < high:
                    middle = (low + high) // 2
                    if edges[feature, middle] <= value:
                        low = middle + 1
                    else:
                        high = middle
                place = 1 + low
            counts[bucket[row], feature, place] += 1


def sketch(values: Float32, bucket: Long, edges: Float32, buckets: int) -> Long:
    """(buckets, k, 2 * QUANTILES + 2) rows of `values` (n, k) by bucket (n), feature and bin; bin 0 holds the nulls."""
    counts = np.zeros((buckets, values.shape[1], edges.shape[1] + 2), np.int64)
    _count(np.ascontiguousarray(values), np.ascontiguousarray(bucket), edges, counts)
    return counts


def distances(window: Long, today: Long, minimum_rows: int = MINIMUM_ROWS) -> Float:
    """(buckets, k) KS distance of two sketches; NaN where a side has too few rows. Nulls count as lowest values."""
    cumulative = [np.cumsum(side, axis=2) for side in (window, today)]
    totals = [side[:, :, -1:].astype(np.float64) for side in cumulative]
    enough = (totals[0][:, :, 0] >= minimum_rows) & (totals[1][:, :, 0] >= minimum_rows)
    shares = [side / np.maximum(total, 1.0) for side, total in zip(cumulative, totals, strict=True)]
    found: Float = np.where(enough, np.abs(shares[0] - shares[1]).max(axis=2), np.nan)
    return found


def _statistic(found: Float) -> float:
    return float(np.nanmax(found)) if np.isfinite(found).any() else float("nan")


def history_statistics(sessions: Sequence[Long], window_sessions: int) -> Float:
    """(s,) each session's statistic against the window, which is the last `window_sessions` of them, itself left out.

    NaN for a session with too few rows.
    """
    first = max(0, len(sessions) - window_sessions)
    total = np.sum(sessions[first:], axis=0)
    return np.array(
        [_statistic(distances(total - one if place >= first else total, one)) for place, one in enumerate(sessions)]
    )


def _threshold(sessions: Sequence[Long], window_sessions: int) -> float | None:
    if len(sessions) < MINIMUM_SESSIONS:
        return None
    found = history_statistics(sessions, window_sessions)
    found = found[np.isfinite(found)]
    if len(found) < MINIMUM_SESSIONS:
        return None
    return float(np.quantile(found, 1.0 - 1.0 / SESSIONS_A_FALSE_ALARM, method="higher"))


def _by_feature(found: Float, names: Sequence[str]) -> tuple[FeatureDrift, ...]:
    filled = np.nan_to_num(found, nan=-1.0)
    worst = filled.argmax(axis=0)
    drifts = [
        FeatureDrift(name, float(filled[worst[place], place]), int(worst[place])) for place, name in enumerate(names)
    ]
    return tuple(sorted((drift for drift in drifts if drift.distance >= 0.0), key=lambda drift: -drift.distance))


def judge_drift(sessions: Sequence[Long], window_sessions: int, today: Long, names: Sequence[str]) -> DriftVerdict:
    """Today's sketch against the training window: the last `window_sessions` of the sketches of past `sessions`.

    All sketches stand over the same edges; older sessions than the window's only help to set the threshold.
    `names` (k,) are the features'.
    """
    if not sessions or today.sum() == 0:
        reason = "no session before today" if not sessions else "no row today"
        return DriftVerdict(float("nan"), None, len(sessions), "note", reason, ())
    features = _by_feature(distances(np.sum(sessions[-window_sessions:], axis=0), today), names)
    threshold = _threshold(sessions, window_sessions)
    if not features:
        return DriftVerdict(float("nan"), threshold, len(sessions), "note", "too few rows in every hour", ())
    furthest = features[0]
    words = f"furthest is {furthest.feature} in hour {furthest.bucket}: {furthest.distance:.3f}"
    if threshold is None:
        reason = f"uncalibrated, advisory: {len(sessions)} of {MINIMUM_SESSIONS} sessions of history; {words}"
        return DriftVerdict(furthest.distance, None, len(sessions), "note", reason, features)
    is_far = furthest.distance > threshold
    reason = f"{words}, {'beyond' if is_far else 'within'} {threshold:.3f}"
    return DriftVerdict(furthest.distance, threshold, len(sessions), "hold" if is_far else "pass", reason, features)
