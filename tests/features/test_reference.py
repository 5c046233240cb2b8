"""The compiled kernel against `reference.py`: the same 32 bits, row by row."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import FEATURE_NAMES, compute_features
from features.market_day import NOTHING_BEFORE, KnownBefore, SymbolDay
from tests.features.books import INTERVALS, Intervals, day_of, fitted, odd_days, outside_of
from tests.features.reference import looks
from tests.features.reference_window import decayed, order_flow, reference


def assert_same_bits(day: SymbolDay, intervals: Intervals = INTERVALS, before: KnownBefore = NOTHING_BEFORE) -> int:
    """Number of values compared: every feature of the catalog at every row."""
    found, compared = compute_features(day, intervals, before), 0
    for row, expected in enumerate(reference(day, intervals, before)):
        lacking = set(FEATURE_NAMES) ^ set(expected)
        assert not lacking, f"write the slow twin of {sorted(lacking)} in tests/features/reference*.py"
        for name, value in expected.items():
            got, want = found[row, FEATURE_NAMES.index(name)], np.float32(value)
            assert got == want or (np.isnan(got) and np.isnan(want)), f"{name} at row {row}: {got!r} against {want!r}"
            compared += 1
    return compared


@settings(deadline=None, max_examples=60)
@given(odd_days(), st.sampled_from([NOTHING_BEFORE, fitted()]))
def test_the_kernel_equals_the_slow_reference_bit_by_bit(day: SymbolDay, before: KnownBefore) -> None:
    assert_same_bits(day, before=before)


def test_a_busy_day_equals_the_slow_reference_bit_by_bit() -> None:
    random = np.random.default_rng(3)
    mid = 20.0 + 0.005 * np.cumsum(random.integers(-2, 3, 120))
    seconds = np.cumsum(random.exponential(4.0, 120))
    sizes = random.integers(1, 5_000, (2, 120)).astype(float)
    rows = list(zip(seconds, mid - 0.01, sizes[0], mid + 0.01, sizes[1], strict=True))
    trades = [(float(at), 20.0, 7.0, int(sign)) for at, sign in zip(seconds, random.choice([-1, 1], 120), strict=True)]
    day = replace(
        day_of(rows, trades, levels=6), outside=outside_of([(3.0, 1.0, 0.5), (90.0, 0.5, 0.9), (91.0, 80.0, -1.0)])
    )
    assert assert_same_bits(day, before=fitted()) == 120 * len(FEATURE_NAMES)


def test_a_kept_sum_is_the_sum_of_all_terms_weighted_by_their_age() -> None:
    rows = [(0.0, 9.9, 5.0, 10.1, 8.0), (4.0, 9.9, 9.0, 10.1, 8.0), (7.0, 9.95, 3.0, 10.1, 2.0)]
    past = looks(day_of(rows), INTERVALS)
    first, second = order_flow(past[1], past[0], 1), order_flow(past[2], past[1], 1)
    assert (first, second) == (4.0, 9.0)
    expected = 4.0 * math.exp(-3.0 / 10.0) + 9.0
    assert decayed(past, [math.nan, first, second], 10.0) == pytest.approx(expected, rel=1e-12)
