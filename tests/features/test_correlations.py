"""Rank correlation by symbol, with nulls, ties and symbols that must not be mixed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from features.correlations import FEWEST_ROWS, MOST_ROWS, rank_correlations

RANDOM = np.random.default_rng(5)


def test_one_symbol_without_nulls_is_spearman_s_ties_and_all() -> None:
    values = np.round(RANDOM.normal(size=(400, 2)), 1)
    labels = np.round(values[:, :1] + RANDOM.normal(size=(400, 1)), 1)
    found = rank_correlations(values, labels, np.array([0, 400]))
    for place in range(2):
        assert found.correlation[place, 0] == pytest.approx(spearmanr(values[:, place], labels[:, 0]).statistic)
    assert found.rows.tolist() == [[400], [400]]


def test_levels_that_differ_between_symbols_are_no_forecast() -> None:
    values = np.concatenate([RANDOM.normal(0, 1, 100), RANDOM.normal(50, 1, 100)])[:, None]
    labels = np.concatenate([RANDOM.normal(0, 1, 100), RANDOM.normal(50, 1, 100)])[:, None]
    apart, mixed = (rank_correlations(values, labels, np.array(cut)) for cut in ([0, 100, 200], [0, 200]))
    assert abs(apart.correlation[0, 0]) < 0.2 < mixed.correlation[0, 0]


def test_a_symbol_counts_by_its_rows_and_one_with_too_few_not_at_all() -> None:
    up, down = np.arange(60.0), -np.arange(30.0)
    few = np.arange(FEWEST_ROWS - 1.0)
    values = np.concatenate([up, np.arange(30.0), few])[:, None]
    labels = np.concatenate([up, down, -few])[:, None]
    found = rank_correlations(values, labels, np.array([0, 60, 90, 90 + len(few)]))
    assert found.correlation[0, 0] == pytest.approx((60 - 30) / 90)
    assert found.rows[0, 0] == 90


def test_nulls_on_either_side_are_left_out_and_what_does_not_move_has_no_correlation() -> None:
    values = np.column_stack([np.arange(100.0), np.full(100, 7.0), np.full(100, np.nan)])
    labels = np.arange(100.0)[:, None].copy()
    values[:20, 0], labels[90:] = np.nan, np.nan
    found = rank_correlations(values, labels, np.array([0, 100]))
    assert found.correlation[0, 0] == pytest.approx(1.0)
    assert found.rows[:, 0].tolist() == [70, 0, 0]
    assert np.isnan(found.correlation[1:, 0]).all()


def test_a_long_day_is_read_at_evenly_spaced_rows() -> None:
    values = np.arange(3.0 * MOST_ROWS)[:, None]
    assert rank_correlations(values, values, np.array([0, len(values)])).rows[0, 0] == MOST_ROWS
