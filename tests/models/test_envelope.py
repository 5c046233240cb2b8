"""A refit against its envelope: honest refits are inside, broken ones and missing evidence are outside."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.envelope import (
    LEAST_PROBES,
    STATES,
    ActionChange,
    Probes,
    RefitEvidence,
    RefitVerdict,
    action_change,
    decisions_on,
    judge_refit,
    probes_from,
    signal_reach,
)
from models.policy import SIGNAL, TWAP, decide
from models.signal import fit_signal
from models.version import PolicyInForce
from tests.models.test_signal import QUICK, rows_of

NAMES = ("imbalance", "flow", "spread", "hour")
GOOD = RefitEvidence(0.05, -0.1, 0.2, 0)


def probes(count: int = 1500, seed: int = 3) -> Probes:
    """Probes whose spread is 2 bps, so that planted moves of several bps matter, in every state of an order."""
    random = np.random.default_rng(seed)
    elapsed = random.random(count)
    states = {
        "side": random.choice([-1.0, 1.0], count), "urgency": random.integers(0, 3, count).astype(float),
        "elapsed": elapsed, "step": np.full(count, 0.02), "order_shares": np.full(count, 10_000.0),
        "remaining_shares": 10_000.0 * np.clip(1.0 - elapsed + random.uniform(-0.05, 0.15, count), 0.01, 1.0),
        "lot_shares": np.full(count, 100.0), "spread_bps": np.full(count, 2.0),
    }  # fmt: skip
    return Probes(NAMES, random.normal(size=(count, 4)).astype(np.float32), states)


def fitted(seed: int = 1, strength: float = 4.0, sessions: int = 12) -> PolicyInForce:
    model = fit_signal(rows_of(sessions=sessions, strength=strength, seed=seed), QUICK, seed=7, threads=2)
    return PolicyInForce(f"sample.execution/{seed}", "d", SIGNAL, model)


PROBES = probes()
APPROVED = fitted()
assert APPROVED.signal is not None
APPROVED_SIGNAL = APPROVED.signal
REFIT = fitted(seed=2)


def failing(verdict: RefitVerdict) -> list[str]:
    return [check.name for check in verdict.checks if check.verdict != "pass"]


def test_an_honest_refit_is_inside_and_says_how_far_it_went() -> None:
    verdict = judge_refit(APPROVED, REFIT, PROBES, GOOD)
    assert verdict.is_inside, verdict.reasons
    assert 0.0 < verdict.change_from_approved < 0.2
    assert len(verdict.reasons) == len(verdict.checks)


def test_the_approved_version_itself_changes_nothing() -> None:
    assert judge_refit(APPROVED, APPROVED, PROBES, GOOD).change_from_approved == 0.0


def test_a_refit_on_moves_of_the_wrong_sign_is_outside_although_it_is_calibrated_on_them() -> None:
    flipped = fitted(strength=-4.0)
    verdict = judge_refit(APPROVED, flipped, PROBES, GOOD)
    assert set(failing(verdict)) >= {"actions", "shares"}
    assert "of the signal's reach" in verdict.reasons[0]


def test_a_refit_that_learned_nothing_is_outside() -> None:
    blank = fitted(strength=0.0)
    assert {"actions", "slope", "rank_correlation"} & set(failing(judge_refit(APPROVED, blank, PROBES, GOOD)))


def test_change_is_counted_from_the_approved_version_not_from_the_refit_before() -> None:
    """Each step of a long way is small; the last of them is outside nevertheless."""
    way = [fitted(strength=strength) for strength in (4.0, 2.5, 1.0, -1.0, -2.5, -4.0)]
    steps = [action_change(PROBES, one, two).actions for one, two in itertools.pairwise(way)]
    whole = judge_refit(way[0], way[-1], PROBES, GOOD)
    assert max(steps) < whole.change_from_approved
    assert "actions" in failing(whole)


@pytest.mark.parametrize(
    ("evidence", "name"),
    [
        (RefitEvidence(None, None, None, 0), "backtest"),
        (RefitEvidence(0.1, None, math.nan, 0), "backtest"),
        (RefitEvidence(0.4, 0.1, 0.7, 0), "backtest"),
        (RefitEvidence(0.05, -0.1, 0.2, None), "data_quality"),
        (RefitEvidence(0.05, -0.1, 0.2, 1), "data_quality"),
    ],
)
def test_missing_or_bad_evidence_of_the_night_is_outside(evidence: RefitEvidence, name: str) -> None:
    verdict = judge_refit(APPROVED, REFIT, PROBES, evidence)
    assert (verdict.is_inside, failing(verdict)) == (False, [name])
    assert verdict.reasons[0].startswith(f"{name}: ")


def test_without_probes_or_with_too_few_nothing_is_inside_and_the_change_counts_as_whole() -> None:
    for given_probes in (None, probes(LEAST_PROBES - 1)):
        verdict = judge_refit(APPROVED, REFIT, given_probes, GOOD)
        assert (verdict.is_inside, verdict.change_from_approved) == (False, 1.0)
        assert failing(verdict) == ["probes"]


def test_probes_of_other_features_are_outside_in_words() -> None:
    other = Probes(("imbalance", "flow", "spread", "moon"), PROBES.features, PROBES.states)
    verdict = judge_refit(APPROVED, REFIT, other, GOOD)
    assert failing(verdict) == ["actions"]
    assert "probes of other features" in verdict.reasons[0]


def test_another_policy_has_no_envelope() -> None:
    changed = replace(REFIT, parameters=replace(SIGNAL, ahead_fraction=0.06))
    assert "recipe" in failing(judge_refit(APPROVED, changed, PROBES, GOOD))


def test_a_policy_that_reads_no_signal_needs_no_calibration_and_may_change_nothing() -> None:
    blind = replace(SIGNAL, reads_signal=False)
    one, two = replace(APPROVED, parameters=blind), replace(REFIT, parameters=blind)
    assert judge_refit(one, two, PROBES, GOOD).is_inside


def test_a_refit_half_as_good_at_ranking_is_outside() -> None:
    quality = tuple(replace(one, rank_correlation=0.4 * one.rank_correlation) for one in APPROVED_SIGNAL.quality)
    worse = replace(APPROVED, signal=replace(APPROVED_SIGNAL, quality=quality))
    assert failing(judge_refit(APPROVED, worse, PROBES, GOOD)) == ["rank_correlation"]


@pytest.mark.parametrize("slope", [0.0, 0.49, math.nan])
def test_a_refit_whose_moves_hardly_come_true_is_outside(slope: float) -> None:
    quality = tuple(replace(one, slope=slope) for one in APPROVED_SIGNAL.quality)
    worse = replace(APPROVED, signal=replace(APPROVED_SIGNAL, quality=quality))
    assert "slope" in failing(judge_refit(APPROVED, worse, PROBES, GOOD))


def test_decisions_on_probes_are_those_of_the_one_rule() -> None:
    actions, parts = decisions_on(PROBES, APPROVED)
    signal = APPROVED_SIGNAL.decision_bps(PROBES.features)
    for place in range(0, PROBES.count, 97):
        state = [PROBES.states[name][place] for name in STATES]
        side, urgency, elapsed, step, order, remaining, lot, spread = state
        action, shares = decide(
            SIGNAL.to_array(), side, int(urgency), elapsed, step, order, remaining, lot, spread, signal[place]
        )
        assert (actions[place], parts[place]) == (action, shares / order)


def test_the_reach_of_a_policy_without_a_signal_is_nought_and_any_change_is_beyond_it() -> None:
    twap = PolicyInForce("sample.execution/0", "d", TWAP)
    reach = signal_reach(PROBES, twap)
    assert (reach.actions, reach.shares) == (0.0, 0.0)
    assert ActionChange(10, 0.0, 0.0).in_reach(reach).actions == 0.0
    assert ActionChange(10, 0.1, 0.0).in_reach(reach).actions == math.inf


def test_probes_come_back_from_their_table_bit_for_bit() -> None:
    features = PROBES.features.copy()
    features[::7, 1] = np.nan
    again = probes_from(Probes(NAMES, features, PROBES.states).to_table())
    assert np.array_equal(again.features, features, equal_nan=True)
    assert all(np.array_equal(again.states[name], PROBES.states[name]) for name in STATES)
    assert again.feature_names == NAMES


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 3))
def test_nothing_is_inside_but_what_passes_every_check(high_bps: float, failed: int) -> None:
    verdict = judge_refit(APPROVED, REFIT, PROBES, RefitEvidence(0.0, 0.0, high_bps, failed))
    assert verdict.is_inside == (math.isfinite(high_bps) and high_bps <= 0.5 and failed == 0)
