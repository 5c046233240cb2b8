"""A day's histogram counts every row once, adds up over days, and its bins are the numbers' own upper bits."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.sketches import PLACES, REACH, added, bin_edges, evenly, quantiles, shares_below, sketch_column

ANY = st.floats(width=32, allow_nan=True, allow_infinity=False)
NAN = float("nan")


def key(value: float) -> int:
    """The documented formula, digit by digit."""
    bits = int(np.abs(np.float32(value)).view(np.uint32))
    return int(np.sign(value)) * (1 + (bits >> 19)) if value else 0


def decoded(bins: str) -> dict[int, int]:
    """What any reader of the table does with the text."""
    numbers, at, found = json.loads(bins), 0, {}
    for step, rows in zip(numbers[::2], numbers[1::2], strict=True):
        at += step
        found[at] = rows
    return found


def column(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)


def totals(values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Places and counts of one sketch over all values."""
    made = sketch_column(column(values), np.array([0, len(values)]))
    found = added(pa.chunked_array([made.bins]), made.nulls, np.zeros(1, np.int64))
    return found.places, found.counts


@settings(deadline=None)
@given(st.lists(ANY, min_size=1, max_size=60))
def test_a_sketch_holds_every_row_in_the_bin_of_its_upper_bits(values: list[float]) -> None:
    made = sketch_column(column(values), np.array([0, len(values)]))
    known = [value for value in values if not np.isnan(value)]
    assert made.nulls.tolist() == [len(values) - len(known)]
    assert made.zeros.tolist() == [known.count(0.0)]
    assert decoded(made.bins[0].as_py()) == Counter(key(value) for value in known)
    if known:
        assert (made.low[0], made.high[0]) == (min(column(known)), max(column(known)))
    else:
        assert np.isnan([made.low[0], made.high[0]]).all()


@settings(deadline=None)
@given(st.lists(ANY, min_size=1, max_size=40), st.lists(ANY, min_size=1, max_size=40))
def test_sketches_of_two_days_add_up_to_the_sketch_of_both(one: list[float], two: list[float]) -> None:
    made = sketch_column(column(one + two), np.array([0, len(one), len(one) + len(two)]))
    apart = added(pa.chunked_array([made.bins]), made.nulls, np.array([5, 5]))
    places, counts = totals(one + two)
    assert (apart.places.tolist(), apart.counts.tolist()) == (places.tolist(), counts.tolist())
    assert set(apart.cells.tolist()) == {5}
    assert counts.sum() == len(one) + len(two)


def test_cells_that_are_not_the_same_are_kept_apart_and_come_sorted() -> None:
    made = sketch_column(column([3.0, NAN, 3.0]), np.array([0, 1, 2, 3]))
    found = added(pa.chunked_array([made.bins]), made.nulls, np.array([9, 2, 9]))
    assert found.cells.tolist() == [2, 9]
    assert found.places.tolist() == [0, 1 + REACH + key(3.0)]
    assert found.counts.tolist() == [1, 2]


@given(st.floats(2.0**-120, 2.0**120, width=32))
def test_a_value_lies_inside_its_bin_which_is_a_sixteenth_of_it_wide_or_less(value: float) -> None:
    for signed in (value, -value):
        low, high = (float(edge[0]) for edge in bin_edges(np.array([key(signed)])))
        assert low <= signed <= high
        assert high - low <= value / 16 + 1e-300


def test_bins_are_in_the_order_of_the_values_and_zero_stands_between() -> None:
    values = [-5.0, -1.0, -1e-30, 0.0, -0.0, 1e-30, 1.0, 1.1, 5.0]
    keys = [key(value) for value in values]
    assert keys == sorted(keys)
    assert keys[3:5] == [0, 0]


def test_infinity_stays_inside_the_places() -> None:
    places, counts = totals([float("inf"), float("-inf")])
    assert places.tolist() == [1, PLACES - 1]
    assert counts.tolist() == [1, 1]


def test_quantiles_are_right_to_the_width_of_a_bin_and_nulls_do_not_count() -> None:
    values = np.random.default_rng(3).normal(2.0, 3.0, 5000).astype(np.float32)
    places, counts = totals([*values.tolist(), *[NAN] * 900])
    shares = np.array([0.01, 0.25, 0.5, 0.75, 0.99])
    assert quantiles(places, counts, shares) == pytest.approx(np.quantile(values, shares), rel=1 / 16)
    assert np.isnan(quantiles(np.array([0]), np.array([7]), shares)).all()


def test_the_share_below_a_value_reaches_one_at_the_largest() -> None:
    places, counts = totals([-1.0, 0.0, 0.0, 1.0])
    assert shares_below(places, counts, np.array([-2.0, -0.5, 0.5, 1.0]), -1.0, 1.0).tolist() == [0.0, 0.25, 0.75, 1.0]
    assert shares_below(np.array([0]), np.array([4]), np.array([1.0]), NAN, NAN).tolist() == [0.0]


def test_values_that_stand_for_a_sketch_have_its_nulls_and_its_shape() -> None:
    places, counts = totals([NAN] * 25 + [4.0] * 50 + [-4.0] * 25)
    found = evenly(places, counts, 8)
    assert np.isnan(found).tolist() == [True] * 2 + [False] * 6
    assert (found[2:] < 0).tolist() == [True] * 2 + [False] * 4
    assert np.isnan(evenly(places[:0], counts[:0], 3)).all()
