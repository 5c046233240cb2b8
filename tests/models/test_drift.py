"""Drift is measured by session and hour, and judged by what past sessions themselves show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from models.drift import (
    MINIMUM_ROWS,
    MINIMUM_SESSIONS,
    distances,
    history_statistics,
    judge_drift,
    sketch,
    sketch_edges,
)

Float32 = npt.NDArray[np.float32]
Long = npt.NDArray[np.int64]
NAMES = ("a", "b")


def values(seed: int, rows: int = 2000, shift: float = 0.0) -> Float32:
    found = np.random.default_rng(seed).normal(size=(rows, 2)).astype(np.float32)
    found[:, 1] += np.float32(shift)
    return found


def hours(rows: int = 2000) -> Long:
    return np.arange(rows, dtype=np.int64) % 2


EDGES = sketch_edges(values(0))


def session(seed: int, shift: float = 0.0) -> Long:
    return sketch(values(seed, shift=shift), hours(), EDGES, buckets=2)


def test_the_distance_is_kolmogorov_s() -> None:
    one, two = values(1, 4000), values(2, 4000, shift=0.4)
    bucket = np.zeros(4000, np.int64)
    found = distances(sketch(one, bucket, EDGES, 1), sketch(two, bucket, EDGES, 1))[0]
    for feature in range(2):
        exact = ks_2samp(one[:, feature], two[:, feature]).statistic
        assert found[feature] == pytest.approx(exact, abs=1 / 64)


def test_every_row_is_counted_once_a_feature() -> None:
    rows = values(3)
    rows[:7, 0] = np.nan
    counts = sketch(rows, hours(), EDGES, buckets=2)
    assert counts.sum(axis=(0, 2)).tolist() == [2000, 2000]
    assert counts[:, :, 0].sum(axis=0).tolist() == [7, 0]


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=4, max_size=40))
def test_values_that_many_rows_share_are_told_apart_from_those_beside_them(cells: list[float]) -> None:
    rows = np.array(cells, np.float32)[:, None]
    edges = sketch_edges(rows)
    bucket = np.zeros(len(cells), np.int64)
    above = np.nextafter(rows, np.float32(np.inf))
    same = sketch(rows, bucket, edges, 1)
    assert distances(same, same, minimum_rows=1).tolist() == [[0.0]]
    assert distances(same, sketch(above, bucket, edges, 1), minimum_rows=1)[0, 0] > 0.0


def test_a_share_of_nulls_that_grows_is_drift() -> None:
    rows = values(4)
    rows[: len(rows) // 2, 0] = np.nan
    found = distances(session(4), sketch(rows, hours(), EDGES, 2))
    assert found[:, 0].tolist() == [pytest.approx(0.5)] * 2


def test_an_hour_with_few_rows_says_nothing() -> None:
    few = sketch(values(5)[: MINIMUM_ROWS - 1], np.zeros(MINIMUM_ROWS - 1, np.int64), EDGES, 2)
    assert np.isnan(distances(few, session(6))).all()


def test_a_shift_in_one_hour_is_found_there() -> None:
    rows = values(7)
    rows[1::2, 1] += 2.0
    verdict = judge_drift([session(seed) for seed in range(3)], 3, sketch(rows, hours(), EDGES, 2), NAMES)
    assert (verdict.features[0].feature, verdict.features[0].bucket) == ("b", 1)
    assert verdict.statistic == verdict.features[0].distance > 0.6


def test_below_enough_sessions_the_verdict_is_a_note() -> None:
    past = [session(seed) for seed in range(MINIMUM_SESSIONS - 1)]
    verdict = judge_drift(past, 60, session(999, shift=3.0), NAMES)
    assert (verdict.verdict, verdict.threshold) == ("note", None)
    assert verdict.reason.startswith("uncalibrated, advisory: 124 of 125 sessions of history; furthest is b in hour")


def test_with_enough_history_a_shift_holds_and_a_plain_day_passes() -> None:
    past = [session(seed, shift=0.1 * np.sin(seed)) for seed in range(MINIMUM_SESSIONS)]
    quiet, moved = judge_drift(past, 60, session(998), NAMES), judge_drift(past, 60, session(999, shift=1.0), NAMES)
    assert (quiet.verdict, moved.verdict) == ("pass", "hold")
    assert quiet.threshold == moved.threshold
    assert moved.threshold is not None
    assert moved.statistic > moved.threshold > quiet.statistic
    assert "beyond" in moved.reason
    assert "within" in quiet.reason


def test_a_day_among_many_alike_alarms_about_once_in_sixty_three() -> None:
    past = [session(seed) for seed in range(MINIMUM_SESSIONS)]
    alarms = sum(judge_drift(past, 125, session(seed), NAMES).verdict == "hold" for seed in range(1000, 1200))
    assert alarms <= 12


def test_a_session_of_the_window_is_not_compared_with_itself() -> None:
    past = [session(1), session(2), session(3)]
    expected = np.nanmax(distances(past[0] + past[2], past[1]))
    assert history_statistics(past, 3)[1] == pytest.approx(expected)
    assert history_statistics(past, 1)[0] == pytest.approx(np.nanmax(distances(past[2], past[0])))


def test_no_history_and_no_rows_are_notes() -> None:
    assert judge_drift([], 60, session(1), NAMES).reason == "no session before today"
    assert judge_drift([session(1)], 60, np.zeros_like(session(1)), NAMES).reason == "no row today"
    few = sketch(values(5)[:10], np.zeros(10, np.int64), EDGES, 2)
    assert judge_drift([session(1)], 60, few, NAMES).reason == "too few rows in every hour"
