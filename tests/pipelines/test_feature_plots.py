"""Numbers and scales of the features page: short, and seen."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.feature_plots import Histogram, Scale, histogram, over_sessions, scale_for, short


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (-5000.0, "−5000"),
        (12_345_678.0, "12.3M"),
        (20_000.0, "20k"),
        (1e15, "1e15"),
        (0.0000146, "0.0000146"),
        (-4.45e-12, "≈ 0"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_a_number_is_short(value: float | None, words: str) -> None:
    assert short(value) == words


def test_a_scale_is_logarithmic_where_a_positive_feature_spans_more_than_the_eye() -> None:
    assert scale_for([1.0, 1000.0]) == Scale(1.0, 1000.0, is_log=True)
    assert scale_for([1.0, 1000.0]).at(10.0) == pytest.approx(1 / 3)
    assert not scale_for([-1.0, 1000.0]).is_log
    assert not scale_for([1.0, 100.0]).is_log


def test_a_feature_that_never_moves_still_has_a_scale_and_one_without_values_too() -> None:
    assert scale_for([2.0, 2.0]) == Scale(1.8, 2.2)
    assert scale_for([0.0]) == Scale(-1.0, 1.0)
    assert scale_for([float("nan")]) == Scale(0.0, 1.0)


def test_ticks_are_round_and_on_the_scale() -> None:
    assert Scale(-0.13, 0.12).ticks() == pytest.approx([-0.1, 0.0, 0.1])
    assert all(2.0 <= tick <= 900.0 for tick in Scale(2.0, 900.0, is_log=True).ticks())


def test_a_session_without_a_value_is_a_gap_and_words_are_escaped() -> None:
    drawn = over_sessions("a < b", ["first", "last"], [[0.1, float("nan")], []], Scale(-1.0, 1.0))
    assert drawn.count("<circle") == 1
    assert 'aria-label="a &lt; b"' in drawn


def test_a_histogram_of_nulls_alone_is_flat() -> None:
    empty = Histogram(np.array([0]), np.array([9]), float("nan"), float("nan"))
    assert "nan" not in histogram(Scale(0.0, 1.0), empty)
