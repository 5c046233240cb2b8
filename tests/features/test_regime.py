"""Regimes: filtered as the textbook filters, fitted on earlier days, changed by minutes that are over and no others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from features.day_statistics import day_statistics, fit_symbol, statistics_json, statistics_of
from features.engine import FEATURE_NAMES, compute_features
from features.fits import AXIS_SLOTS, REGIME, SLOTS
from features.market_day import KnownBefore, SymbolDay
from features.regime import filtered, stationary
from features.regime_fit import fit_axis
from tests.features.books import INTERVALS, day_of, fitted
from tests.features.test_reference import assert_same_bits

PROBABILITIES = (
    "calm_liquid_probability",
    "calm_illiquid_probability",
    "volatile_liquid_probability",
    "volatile_illiquid_probability",
)


def minutes(seed: int, count: int) -> npt.NDArray[np.float64]:
    """A chain of two states, means 0 and 2, deviations 0.5 and 0.8, that stays with 0.97 and 0.9."""
    random, state, found = np.random.default_rng(seed), 0, np.empty(count)
    for place in range(count):
        state = int(random.random() < (0.9 if state else 0.03))
        found[place] = random.normal(2.0 * state, 0.8 if state else 0.5)
    return found


def walk(seconds: int, seed: int = 1, step_seconds: int = 5) -> SymbolDay:
    """Rows at full steps from the open: some of them stand exactly at a minute's end."""
    random, count = np.random.default_rng(seed), seconds // step_seconds + 1
    bid = 10.0 + 0.01 * np.cumsum(random.integers(-1, 2, count))
    sizes = random.integers(1, 9, (2, count)) * 100.0
    at = step_seconds * np.arange(count)
    return day_of(list(zip(at, bid, sizes[0], bid + 0.01, sizes[1], strict=True)), levels=5)


def test_the_filter_equals_statsmodels_on_the_same_parameters() -> None:
    values, axis = minutes(3, 400), np.array([0.1, 1.9, 0.45, 0.85, 0.96, 0.88])
    fit = np.full(SLOTS, np.nan)
    fit[REGIME : REGIME + AXIS_SLOTS] = axis
    high, found = stationary(axis[4], axis[5]), []
    for value in values:
        high = filtered(high, value, fit, 0)
        found.append(high)
    peer = MarkovRegression(values, k_regimes=2, switching_variance=True)
    parameters = [axis[4], 1.0 - axis[5], axis[0], axis[1], axis[2] ** 2, axis[3] ** 2]
    assert np.allclose(found, peer.filter(parameters).filtered_marginal_probabilities[:, 1], rtol=0, atol=1e-10)


def test_the_fit_finds_a_planted_chain_and_is_as_likely_as_statsmodels_own() -> None:
    values = minutes(5, 1_500)
    found = fit_axis(values, np.array([len(values)]))
    assert found == pytest.approx([0.0, 2.0, 0.5, 0.8, 0.97, 0.9], abs=0.12)
    peer = MarkovRegression(values, k_regimes=2, switching_variance=True)
    ours = [found[4], 1.0 - found[5], found[0], found[1], found[2] ** 2, found[3] ** 2]
    assert peer.loglike(np.array(ours)) >= peer.fit().llf - 1.0


def test_too_few_minutes_or_still_ones_give_no_fit_and_no_probability() -> None:
    assert np.isnan(fit_axis(minutes(1, 150), np.array([150]))).all()
    assert np.isnan(fit_axis(np.full(400, 3.0), np.array([400]))).all()
    found = compute_features(walk(300), INTERVALS)
    assert np.isnan(found[:, [FEATURE_NAMES.index(name) for name in PROBABILITIES]]).all()


def test_the_four_probabilities_add_up_to_one_and_move_once_a_minute() -> None:
    found = compute_features(walk(300), INTERVALS, fitted())[:, [FEATURE_NAMES.index(name) for name in PROBABILITIES]]
    assert np.allclose(found.sum(axis=1), 1.0)
    moved = np.flatnonzero(np.abs(np.diff(found[:, 0])) > 0.0) + 1
    assert moved.tolist() == [13, 25, 37, 49]


def test_a_row_at_a_full_minute_belongs_to_the_minute_that_ends_there_in_the_reference_too() -> None:
    assert assert_same_bits(walk(300), before=fitted()) == 61 * len(FEATURE_NAMES)


def test_a_wild_minute_raises_the_probability_of_the_volatile_regimes_after_it_is_over() -> None:
    calm, wild = walk(300), walk(300)
    for price in (calm.bid_price, calm.ask_price, wild.bid_price, wild.ask_price):
        price[:] = price[:1]
    wild.bid_price[14:24:2] += 0.05
    wild.ask_price[14:24:2] += 0.05
    places = [FEATURE_NAMES.index(name) for name in PROBABILITIES[2:]]
    before, after = (compute_features(day, INTERVALS, fitted())[:, places].sum(axis=1) for day in (calm, wild))
    assert np.array_equal(before[:25], after[:25])
    assert after[25] > before[25] + 0.1


def test_a_day_s_statistics_survive_storing_and_make_the_same_fit() -> None:
    days = [day_statistics(walk(600, seed), INTERVALS, 0.01) for seed in range(30)]
    kept = [statistics_of(statistics_json(day)) for day in days]
    assert fit_symbol(days, 0.01).tobytes() == fit_symbol(kept, 0.01).tobytes()
    assert np.isfinite(fit_symbol(days, 0.01)).all()


def test_what_is_fitted_on_is_what_is_filtered() -> None:
    day = walk(600)
    seen = day_statistics(day, INTERVALS, 0.01).minutes
    assert len(seen) == 9
    fit = fitted().fit.copy()
    live = compute_features(day, INTERVALS, KnownBefore(fit))[:, FEATURE_NAMES.index(PROBABILITIES[3])]
    high = [stationary(fit[REGIME + 6 * axis + 4], fit[REGIME + 6 * axis + 5]) for axis in range(2)]
    for minute in seen:
        high = [filtered(high[axis], minute[axis], fit, axis) for axis in range(2)]
    assert live[-1] == np.float32(high[0] * high[1])
