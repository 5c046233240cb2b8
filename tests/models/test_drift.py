"""Drift is measured by session and hour, and judged by what past sessions themselves show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from features.sketches import PLACES, added, sketch_column
from models.drift import (
    MINIMUM_ROWS,
    MINIMUM_SESSIONS,
    DriftVerdict,
    FeatureHistory,
    alarm_threshold,
    distances,
    history_distances,
    judge_drift,
)

Float32 = npt.NDArray[np.float32]
Long = npt.NDArray[np.int64]
NAMES = ("a", "b")
HOURS = (9, 10)


def values(seed: int, rows: int = 2000, shift: float = 0.0) -> Float32:
    found = np.random.default_rng(seed).normal(size=(rows, 2)).astype(np.float32)
    found[:, 1] += np.float32(shift)
    return found


def sketch(rows: Float32) -> Long:
    """(features, hours, places): odd rows are of the second hour."""
    dense = np.zeros((rows.shape[1], len(HOURS), PLACES), np.int64)
    for feature in range(rows.shape[1]):
        both = np.concatenate([rows[0::2, feature], rows[1::2, feature]])
        made = sketch_column(both, np.array([0, len(rows[0::2]), len(both)]))
        found = added(pa.chunked_array([made.bins]), made.nulls, np.arange(2))
        dense[feature, found.cells, found.places] = found.counts
    return dense


def session(seed: int, shift: float = 0.0) -> Long:
    return sketch(values(seed, shift=shift))


def judge(past: list[Long], window: int, today: Long) -> DriftVerdict:
    """The verdict over the bins that hold rows, a history a feature, as step `monitor` hands them over."""
    every = np.array([*past, today])
    histories = []
    for feature, name in enumerate(NAMES):
        places = np.flatnonzero(every[:, feature].sum(axis=(0, 1)))
        histories.append(FeatureHistory(name, HOURS, places, every[:, feature][:, :, places]))
    return judge_drift(histories, window)


def test_the_distance_is_kolmogorov_s() -> None:
    one, two = values(1, 4000), values(2, 4000, shift=0.4)
    found = distances(sketch(one), sketch(two))
    for feature in range(2):
        for hour in range(2):
            exact = ks_2samp(one[hour::2, feature], two[hour::2, feature]).statistic
            assert found[feature, hour] == pytest.approx(exact, abs=1 / 64)


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=4, max_size=40))
def test_values_that_many_rows_share_are_told_apart_from_those_a_bin_away(cells: list[float]) -> None:
    rows = np.repeat(np.array(cells, np.float32), 2)[:, None]
    same = sketch(rows)
    assert distances(same, same, minimum_rows=1).tolist() == [[0.0, 0.0]]
    assert distances(same, sketch(rows + np.float32(0.125)), minimum_rows=1)[0, 0] > 0.0


def test_a_share_of_nulls_that_grows_is_drift() -> None:
    rows = values(4)
    rows[: len(rows) // 2, 0] = np.nan
    found = distances(session(4), sketch(rows))
    assert found[0].tolist() == [pytest.approx(0.5)] * 2


def test_an_hour_with_few_rows_says_nothing() -> None:
    few = sketch(values(5)[: 2 * MINIMUM_ROWS - 1])
    found = distances(few, session(6))
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1]).all()


def test_a_shift_in_one_hour_is_found_there() -> None:
    rows = values(7)
    rows[1::2, 1] += 2.0
    verdict = judge([session(seed) for seed in range(3)], 3, sketch(rows))
    assert (verdict.features[0].feature, verdict.features[0].bucket) == ("b", 10)
    assert verdict.statistic == verdict.features[0].distance > 0.6


def test_below_enough_sessions_the_verdict_is_a_note() -> None:
    past = [session(seed) for seed in range(MINIMUM_SESSIONS - 1)]
    verdict = judge(past, 60, session(999, shift=3.0))
    assert (verdict.verdict, verdict.threshold) == ("note", None)
    assert verdict.reason.startswith("uncalibrated, advisory: 124 of 125 sessions of history; furthest is b in hour")


def test_with_enough_history_a_shift_holds_and_a_plain_day_passes() -> None:
    past = [session(seed, shift=0.1 * np.sin(seed)) for seed in range(MINIMUM_SESSIONS)]
    quiet, moved = judge(past, 60, session(998)), judge(past, 60, session(999, shift=1.0))
    assert (quiet.verdict, moved.verdict) == ("pass", "hold")
    assert quiet.threshold == moved.threshold
    assert moved.threshold is not None
    assert moved.statistic > moved.threshold > quiet.statistic
    assert "beyond" in moved.reason
    assert "within" in quiet.reason


def test_a_day_among_many_alike_alarms_about_once_in_sixty_three() -> None:
    past = [session(seed) for seed in range(MINIMUM_SESSIONS)]
    alarms = sum(judge(past, 125, session(seed)).verdict == "hold" for seed in range(1000, 1100))
    assert alarms <= 6


def test_a_session_of_the_window_is_not_compared_with_itself() -> None:
    past = np.array([session(seed)[0] for seed in (1, 2, 3)])
    without = distances(past[0] + past[2], past[1])
    assert history_distances(past, 3)[1].tolist() == without.tolist()
    assert history_distances(past, 1)[0].tolist() == distances(past[2], past[0]).tolist()


def test_an_arm_s_own_window_is_what_today_is_held_against() -> None:
    """The market moved after the fourth session: what was trained before is far from today, what came after is not."""
    past = [session(seed) for seed in range(4)] + [session(seed, shift=1.5) for seed in range(4, 8)]
    every = np.array([*past, session(99, shift=1.5)])
    places = np.flatnonzero(every[:, 1].sum(axis=(0, 1)))
    history = FeatureHistory("b", HOURS, places, every[:, 1][:, :, places])
    stale, fresh = (judge_drift([history], window) for window in (slice(0, 4), slice(4, 8)))
    assert stale.statistic > 0.4
    assert fresh.statistic < 0.1
    assert judge_drift([history], 4).statistic == fresh.statistic
    assert judge_drift([history], slice(0, 0)).reason == "too few rows in every hour"


def test_more_kinds_share_one_alarm_budget_and_so_alarm_later() -> None:
    statistics = np.arange(250.0)
    assert alarm_threshold(statistics) == 246.0
    assert alarm_threshold(statistics, kinds=3) == 248.0
    assert alarm_threshold(statistics[:124]) is None


def test_a_feature_of_another_definition_before_today_counts_for_nothing() -> None:
    past = [session(seed) for seed in range(3)]
    for one in past:
        one[1] = 0
    assert [drift.feature for drift in judge(past, 3, session(9, shift=5.0)).features] == ["a"]


def test_no_history_and_no_rows_are_notes() -> None:
    assert judge([], 60, session(1)).reason == "no session before today"
    assert judge([session(1)], 60, np.zeros_like(session(1))).reason == "no row today"
    assert judge([session(1)], 60, sketch(values(5)[:10])).reason == "too few rows in every hour"
