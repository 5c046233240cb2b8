"""Adjusted scores: past only, unbiased, and quieter by what the covariate explains."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.score_adjustment import AdjustmentRows, adjusted_costs, adjusted_scores, coefficients


def rows(
    seed: int = 1, effect: float = 0.0, sessions: int = 60, units: int = 100, explained: float = 0.5
) -> AdjustmentRows:
    """Costs of spread 20, of which `explained` comes from the first of two covariates."""
    rng = np.random.default_rng(seed)
    session, z = np.repeat(np.arange(sessions), units), rng.standard_normal((sessions * units, 2))
    arm = rng.random(len(session)) < 0.5
    noise = rng.standard_normal(len(session))
    cost = 3.0 + 20.0 * (explained**0.5 * z[:, 0] + (1.0 - explained) ** 0.5 * noise) + effect * arm
    return AdjustmentRows(session, arm, cost, z)


def test_the_variance_of_scores_falls_by_what_is_explained() -> None:
    scores = adjusted_scores(rows(sessions=200))
    late = np.isfinite(scores.explained)
    assert late.sum() > 180
    assert scores.explained[late].mean() == pytest.approx(0.5, abs=0.03)
    assert np.var(scores.difference_bps[late]) / np.var(scores.plain_bps[late]) == pytest.approx(0.5, abs=0.12)
    assert scores.variance[late].mean() == pytest.approx(200.0 * (1 / 50 + 1 / 50), rel=0.1)


def test_the_effect_is_neither_added_to_nor_taken_away() -> None:
    """200 sessions of 100 units, spread 20: error of the mean 0.2 bps after adjustment."""
    scores = adjusted_scores(rows(effect=4.0, sessions=200))
    assert scores.difference_bps.mean() == pytest.approx(4.0, abs=0.7)


@given(st.integers(0, 40))
@settings(deadline=None, max_examples=15)
def test_what_comes_later_never_changes_an_earlier_score(cut: int) -> None:
    told = rows(sessions=41, units=40)
    member = told.session <= cut
    before = AdjustmentRows(
        told.session[member], told.is_challenger[member], told.cost_bps[member], told.covariates[member]
    )
    assert np.array_equal(adjusted_costs(before), adjusted_costs(told)[member])


def test_the_challengers_own_units_are_never_fitted_on() -> None:
    told = rows()
    spoilt = replace(told, cost_bps=np.where(told.is_challenger, 1e6 * told.covariates[:, 0], told.cost_bps))
    assert np.array_equal(coefficients(told, 30), coefficients(spoilt, 30))


def test_a_session_is_never_fitted_on_itself() -> None:
    told = rows()
    spoilt = replace(told, cost_bps=np.where(told.session >= 30, 1e6 * told.covariates[:, 0], told.cost_bps))
    assert np.array_equal(coefficients(told, 30), coefficients(spoilt, 30))


def test_first_sessions_are_left_as_they_are() -> None:
    told = rows()
    first = told.session < 5
    assert np.array_equal(adjusted_costs(told)[first], told.cost_bps[first])
    assert np.isnan(adjusted_scores(told).variance[0])


def test_a_session_with_one_arm_has_no_score() -> None:
    told = rows(sessions=3)
    alone = replace(told, is_challenger=told.is_challenger & (told.session != 1))
    assert adjusted_scores(alone).session.tolist() == [0, 2]


def test_units_in_another_order_give_the_same_scores() -> None:
    told, place = rows(sessions=12), np.random.default_rng(2).permutation(1200)
    mixed = AdjustmentRows(told.session[place], told.is_challenger[place], told.cost_bps[place], told.covariates[place])
    assert adjusted_scores(mixed).difference_bps == pytest.approx(adjusted_scores(told).difference_bps)


def test_what_is_missing_cannot_be_adjusted() -> None:
    told = rows(sessions=2)
    for spoilt in (replace(told, cost_bps=told.cost_bps * np.nan), replace(told, covariates=told.covariates * np.nan)):
        with pytest.raises(ValueError, match="hold"):
            adjusted_costs(spoilt)
    with pytest.raises(ValueError, match="do not fit"):
        adjusted_costs(replace(told, session=told.session[:-1]))
