"""What happened next, from rows that can be checked by eye."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from features.catalog import CATALOG
from features.labels import (
    DIRECTION_BANDS,
    HORIZONS_SECONDS,
    LABEL_NAMES,
    compute_labels,
    direction_labels,
    mid_move_bps,
)
from features.market_day import SymbolDay
from tests.features.books import INTERVALS, NAN, day_of, odd_days

ROWS = [
    (0.0, 99.0, 1.0, 101.0, 1.0),
    (10.0, 100.0, 1.0, 102.0, 1.0),
    (29.0, 101.0, 1.0, 103.0, 1.0),
    (31.0, 104.0, 1.0, 106.0, 1.0),
]


def test_a_move_runs_from_the_rows_mid_to_the_last_mid_at_or_before_the_horizon() -> None:
    found = mid_move_bps(day_of(ROWS), 30, INTERVALS)
    assert found[:2] == pytest.approx([200.0, 396.0396])


def test_a_row_at_exactly_the_horizon_counts() -> None:
    assert mid_move_bps(day_of([ROWS[0], (30.0, 109.0, 1.0, 111.0, 1.0)]), 30, INTERVALS)[0] == pytest.approx(1_000.0)


def test_no_move_reaches_over_the_end_of_a_trading_interval() -> None:
    rows = [(580.0, 99.0, 1.0, 101.0, 1.0), (600.0, 99.5, 1.0, 101.5, 1.0), (6_000.0, 109.0, 1.0, 111.0, 1.0)]
    assert np.isnan(mid_move_bps(day_of(rows), 30, INTERVALS)).all()
    assert mid_move_bps(day_of(rows), 20, INTERVALS)[0] == pytest.approx(50.0)


def test_a_row_without_a_mid_has_no_move_and_a_missing_ask_is_no_mid_to_move_to() -> None:
    rows = [(0.0, 99.0, 1.0, NAN, 0.0), (5.0, 99.0, 1.0, 101.0, 1.0), (20.0, 99.0, 1.0, NAN, 0.0)]
    assert np.isnan(mid_move_bps(day_of(rows), 30, INTERVALS)).all()


@settings(deadline=None, max_examples=50)
@given(odd_days())
def test_a_label_equals_the_obvious_search(day: SymbolDay) -> None:
    found = compute_labels(day, INTERVALS)
    assert found.shape == (day.rows, len(LABEL_NAMES))
    for row in range(day.rows):
        for place, horizon in enumerate(HORIZONS_SECONDS):
            now, until = int(day.times_ns[row]), int(day.times_ns[row]) + horizon * 10**9
            later = [
                float(day.mid[other]) for other in range(row + 1, day.rows)
                if day.times_ns[other] <= until and np.isfinite(day.mid[other])
            ]  # fmt: skip
            is_inside = any(start <= now and until <= end for start, end in INTERVALS)
            expected = (later[-1] / float(day.mid[row]) - 1.0) * 1e4 if is_inside and later else NAN
            assert found[row, place] == np.float32(expected) or (np.isnan(found[row, place]) and np.isnan(expected))


def test_the_recorders_direction_is_flat_inside_its_band() -> None:
    mid = np.array([0.0, 0.0004, -0.0004, 0.0006, -0.0006, 0.0, 0.0011, 0.0])
    assert direction_labels(mid, 5).tolist() == [1, 2, 1, -1, -1, -1, -1, -1]
    assert set(DIRECTION_BANDS) == {5, 10, 20, 40, 60}


def test_no_feature_carries_the_name_of_a_label() -> None:
    assert not {feature.name for feature in CATALOG} & set(LABEL_NAMES)
