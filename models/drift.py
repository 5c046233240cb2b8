"""Has the market's input to the models moved? A distance with a threshold that comes from its own history.

For each feature and local hour the distance is Kolmogorov's: the largest gap between the cumulative shares of today
and of the training window, KS = max_x |F_today(x) - F_window(x)|, read off the daily sketches (`features/sketches.py`;
inside a bin, 6 % of the value wide, two distributions look the same). By hour, because the day has a shape: a quiet
close is no drift of a busy open. The day's statistic is the largest KS over features and hours.

A p-value would be wrong: with 40,000 rows a day every day differs from every other "significantly", because the unit
that varies is the session, not the row (measured: 100 % of no-drift days flagged at 5,000 rows, with or without
Bonferroni). So the threshold is what past sessions themselves show: each session's statistic against the window
without it, and of those the quantile that alarms about once a quarter over all features together. Below 125 sessions
that quantile is not known, and the verdict is a note: "uncalibrated, advisory".

What it is not: it sees inputs only, neither the relation of features to moves nor the mix of actions, and it never
retrains and never promotes.

    >>> low, high = np.array([[0, 2, 2, 0]]), np.array([[0, 0, 0, 2]])
    >>> distances(low, high, minimum_rows=1).tolist()
    [1.0]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

MINIMUM_ROWS = 300
"""Rows a side and hour, because two equal samples of 300 already stand 0.11 apart one time in twenty."""
MINIMUM_SESSIONS = 125
"""Sessions of history, because with fewer the highest quantiles are the one or two strangest days."""
SESSIONS_A_FALSE_ALARM = 63
"""One false alarm a quarter, over all features and hours together, is what a person still reads."""


@dataclass(frozen=True)
class FeatureHistory:
    """One feature's histograms: `counts` (s, h, b) rows by session, bucket and bin; the last session is today.

    `buckets` (h) are the local hours, `places` (b) name the bins, ascending in value with the nulls first. A session
    whose sketch was made under another definition has no rows.
    """

    feature: str
    buckets: tuple[int, ...]
    places: Long
    counts: Long


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


def distances(window: Long, today: Long, minimum_rows: int = MINIMUM_ROWS) -> Float:
    """(...) KS distance of histograms (..., b), shapes broadcast; NaN where a side has too few rows.

    Bins are in the order of values, nulls first: nulls count as lowest values.
    """
    cumulative = [np.cumsum(side, axis=-1) for side in (window, today)]
    totals = [side[..., -1:].astype(np.float64) for side in cumulative]
    enough = (totals[0][..., 0] >= minimum_rows) & (totals[1][..., 0] >= minimum_rows)
    shares = [side / np.maximum(total, 1.0) for side, total in zip(cumulative, totals, strict=True)]
    found: Float = np.where(enough, np.abs(shares[0] - shares[1]).max(axis=-1, initial=0.0), np.nan)
    return found


def history_distances(sessions: Long, window: int | slice) -> Float:
    """(s, h) distance of each past session (s, h, b) from the window: some of them, or the last `window` of them.

    A session of the window is compared with the window without it. NaN for a session with too few rows.
    """
    places = _places(len(sessions), window)
    total = sessions[places].sum(axis=0)
    found: Float = distances(total, sessions)
    for place in range(*places.indices(len(sessions))):
        found[place] = distances(total - sessions[place], sessions[place])
    return found


def _places(sessions: int, window: int | slice) -> slice:
    return window if isinstance(window, slice) else slice(max(0, sessions - window), sessions)


def alarm_threshold(statistics: Float, kinds: int = 1) -> float | None:
    """The quantile of past sessions that alarms about once a quarter over all of `kinds`; None below 125 sessions."""
    found = statistics[np.isfinite(statistics)]
    if len(found) < MINIMUM_SESSIONS:
        return None
    return float(np.quantile(found, 1.0 - 1.0 / (kinds * SESSIONS_A_FALSE_ALARM), method="higher"))


def _drift(history: FeatureHistory, window: int | slice) -> FeatureDrift | None:
    past, today = history.counts[:-1], history.counts[-1]
    found = distances(past[_places(len(past), window)].sum(axis=0), today)
    if not np.isfinite(found).any():
        return None
    worst = int(np.nanargmax(found))
    return FeatureDrift(history.feature, float(found[worst]), history.buckets[worst])


def _session_statistics(history: FeatureHistory, window: int | slice) -> Float:
    found = history_distances(history.counts[:-1], window)
    return np.fmax.reduce(found, axis=1, initial=np.nan)


def judge_drift(histories: Iterable[FeatureHistory], window: int | slice, kinds: int = 1) -> DriftVerdict:
    """Today against a training window; sessions outside it only set the threshold.

    window: the last so many sessions before today, or which of the sessions before today. kinds: of statistics that
    share the alarm budget. Histories of the features come one at a time, so that a year of one feature is all that is
    in memory.
    """
    drifts, sessions, rows_today, statistics = list[FeatureDrift](), 0, 0, np.full(0, np.nan)
    for history in histories:
        sessions = len(history.counts) - 1
        rows_today += int(history.counts[-1].sum())
        drift = _drift(history, window)
        drifts += [] if drift is None else [drift]
        own = _session_statistics(history, window)
        statistics = np.fmax(statistics, own) if len(statistics) else own
    features = tuple(sorted(drifts, key=lambda drift: -drift.distance))
    return _verdict(features, sessions, rows_today, alarm_threshold(statistics, kinds))


def _verdict(
    features: tuple[FeatureDrift, ...], sessions: int, rows_today: int, threshold: float | None
) -> DriftVerdict:
    if sessions == 0 or rows_today == 0:
        reason = "no session before today" if sessions == 0 else "no row today"
        return DriftVerdict(float("nan"), None, sessions, "note", reason, ())
    if not features:
        return DriftVerdict(float("nan"), threshold, sessions, "note", "too few rows in every hour", ())
    furthest = features[0]
    words = f"furthest is {furthest.feature} in hour {furthest.bucket}: {furthest.distance:.3f}"
    if threshold is None:
        reason = f"uncalibrated, advisory: {sessions} of {MINIMUM_SESSIONS} sessions of history; {words}"
        return DriftVerdict(furthest.distance, None, sessions, "note", reason, features)
    is_far = furthest.distance > threshold
    reason = f"{words}, {'beyond' if is_far else 'within'} {threshold:.3f}"
    return DriftVerdict(furthest.distance, threshold, sessions, "hold" if is_far else "pass", reason, features)
