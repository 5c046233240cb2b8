"""Planted recipes: the truth is what it says, sessions are reproducible, and each kind shows where it should."""

import itertools
import math

import numpy as np
import pytest

from models.desk_flow import DeskFlow
from models.guardrails import GuardrailTerms, read_guardrails
from models.planted_recipes import KINDS, LIVE_FILLS, SPREAD_SAVED_BPS, PlantedRecipe, is_calm, planted_recipes
from models.planted_sessions import evidence_of, planted_session
from models.rollout.evidence import evidence_from
from models.sequential import log_e_betting

FLOW = DeskFlow(units=400.0, sigma_bps=20.0, degrees=6.0)
TERMS = GuardrailTerms(0.05, 0.4, 1e12)


def breaches(recipe: PlantedRecipe, share: float = 0.25, sessions: int = 15, seed: int = 1) -> set[str]:
    counts = [planted_session(recipe, FLOW, share, number, seed).counts for number in range(sessions)]
    return {one.name for one in read_guardrails(counts, TERMS) if one.verdict == "breach"}


def test_a_session_depends_on_seed_number_recipe_and_share_alone() -> None:
    recipe = PlantedRecipe("a", "constant", 2.0)
    one, again = (planted_session(recipe, FLOW, 0.25, 7, 3) for _ in range(2))
    assert one == again
    assert planted_session(recipe, FLOW, 0.25, 8, 3) != one
    assert planted_session(recipe, FLOW, 0.25, 7, 4) != one


@pytest.mark.parametrize("kind", KINDS)
def test_mean_scores_are_the_true_effect(kind: str) -> None:
    """200 sessions of 400 units, half each; error of the mean 0.2 bps."""
    recipe = PlantedRecipe("a", kind, 4.0)
    drawn = [planted_session(recipe, FLOW, 0.5, number, 5) for number in range(200)]
    scores = np.array([one.counts.difference_bps for one in drawn])
    assert scores.mean() == pytest.approx(np.mean([one.true_effect_bps for one in drawn]), abs=0.8)
    variances = np.array([one.counts.variance for one in drawn])
    if kind != "fat_tail":
        assert np.var(scores - [one.true_effect_bps for one in drawn]) == pytest.approx(variances.mean(), rel=0.4)


def test_truths_by_kind() -> None:
    assert PlantedRecipe("a", "constant", 3.0).effect_at(0.9, 40) == 3.0
    crowd = PlantedRecipe("a", "crowding", 8.0)
    assert crowd.effect_at(0.0, 0) < 0.0 < crowd.effect_at(0.5, 0) < crowd.effect_at(0.95, 0)
    fading = PlantedRecipe("a", "decaying", 5.0)
    assert fading.effect_at(0.5, 0) == -2.0
    assert fading.effect_at(0.5, 200) == pytest.approx(5.0)
    moody = PlantedRecipe("a", "one_regime", 6.0)
    assert (moody.effect_at(0.5, 0, is_calm=True), moody.effect_at(0.5, 0, is_calm=False)) == (-3.0, 6.0)


def test_the_treacherous_is_better_in_the_backtest_and_worse_live_by_its_fills() -> None:
    recipe = PlantedRecipe("a", "treacherous", 5.0)
    assert recipe.backtest_bps < 0.0 < recipe.effect_at(0.25, 0)
    live = LIVE_FILLS * (recipe.adverse_bps - SPREAD_SAVED_BPS) + (1.0 - LIVE_FILLS) * SPREAD_SAVED_BPS
    assert live == pytest.approx(5.0)


def test_regimes_begin_calm_last_for_weeks_and_change() -> None:
    assert all(is_calm(seed, 0) for seed in range(20))
    states = [is_calm(seed, number) for seed in range(20) for number in range(200)]
    changes = sum(a != b for a, b in itertools.pairwise(states))
    assert 0.4 < np.mean(states) < 0.7
    assert 4000 / changes == pytest.approx(15.0, rel=0.3)


def test_spoofing_is_caught_even_in_the_shadow() -> None:
    caught = {"cancel_to_fill", "order_to_trade", "lifetimes", "opposite_side", "both_sides"}
    assert breaches(PlantedRecipe("a", "spoofing", -3.0), sessions=1) == caught
    assert breaches(PlantedRecipe("a", "spoofing", -3.0), share=0.0, sessions=1) == caught


def test_a_fat_tail_is_hidden_from_the_cut_test_and_seen_by_its_guardrail() -> None:
    recipe = PlantedRecipe("a", "fat_tail", 0.0)
    drawn = [planted_session(recipe, FLOW, 0.25, number, 1).counts for number in range(15)]
    assert log_e_betting([one.difference_bps for one in drawn], [one.variance for one in drawn]) < math.log(20.0)
    assert "cost_tail" in breaches(recipe)


def test_open_orders_are_seen_by_completion() -> None:
    assert "completion" in breaches(PlantedRecipe("a", "unfinished", -3.0))
    assert "completion" in breaches(PlantedRecipe("a", "treacherous", 3.0))


def test_a_constant_recipe_breaks_no_guardrail() -> None:
    assert all(breaches(PlantedRecipe("a", "constant", effect), seed=2) == set() for effect in (-3.0, 0.0, 3.0))


def test_three_hundred_recipes_hold_every_kind_with_every_effect() -> None:
    made = planted_recipes(352)
    assert len({recipe.name for recipe in made}) == 352
    pairs = [(recipe.kind, recipe.effect_bps) for recipe in made]
    assert {pairs.count(pair) for pair in set(pairs)} == {4}
    assert {kind for kind, _ in pairs} == set(KINDS)
    assert min(effect for _, effect in pairs) == -5.0
    assert max(effect for _, effect in pairs) == 10.0


def test_a_session_is_evidence_that_the_ledger_can_hold() -> None:
    drawn = planted_session(PlantedRecipe("a", "constant", 2.0), FLOW, 0.25, 3, 1)
    told = evidence_of(drawn, "sample.r1", "expand_25", "sample.execution/5", 4)
    assert evidence_from(told.to_payload()) == told
    assert (told.is_scored, told.units["challenger"] > 80) == (True, True)
    shadow = planted_session(PlantedRecipe("a", "constant", 2.0), FLOW, 0.0, 0, 1)
    assert not evidence_of(shadow, "sample.r1", "shadow", "sample.execution/5", 1).is_scored
