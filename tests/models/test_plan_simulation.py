"""The simulation of plans: the same rules as the verdict, error rates that hold, and the naive tests beside them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.desk_flow import DeskFlow, flow_of_orders
from models.guardrail_counts import ArmCounts, SessionCounts
from models.plan_kernel import ASKED, GOES_ON, PROMOTED, ROLLED_BACK, evening, new_state
from models.plan_simulation import (
    Truth,
    detectable_harm_bps,
    noise_table,
    operating_table,
    rules_of,
    simulate_plan,
    with_table,
)
from models.rollout.evidence import SessionEvidence
from models.rollout.plan import Plan
from models.rollout.state import Arm, JudgedSession, RolloutState
from models.rollout.verdict import judge
from models.sequential import DELTAS_BPS
from tests.models.rollout.made import limits, plan

RUNS = 1000
ERROR = 3 * (0.05 * 0.95 / RUNS) ** 0.5
"""Three Monte-Carlo deviations at 5 % and 1,000 runs: 2.1 %."""
FLOW = DeskFlow(units=100.0, sigma_bps=20.0, degrees=6.0, unit_notional=1e6)
TAMEST = limits(1e6)


def desk_plan(**others: Any) -> Plan:
    """Shadow, 10, 25, 50, 95 % with stops that chance does not reach."""
    made = plan(**{"margin_bps": 2.0, "winsor_bps": 200.0, **others})
    return replace(made, phases=tuple(replace(phase, limits=TAMEST) for phase in made.phases))


def session_of(made: Plan, phase: str, place: int, x: float, v: float, units: int, others: int) -> SessionEvidence:
    """Evidence with quiet guardrails: what the verdict reads of it is the score and the units."""
    share = made.phase(phase).share
    arms = [
        ArmCounts(
            n, n, 0, 0, 0, child_orders=100 * n, filled_children=90 * n, cancels=10 * n, brief_cancels=0,
            opposite_children=0, both_side_children=0, limit_breaches=0, decisions=1000, latency_p99_ms=5.0,
            closing_share=0.0,
        )
        for n in ((units, others) if share else (50, 50))
    ]  # fmt: skip
    counts = SessionCounts(
        f"2026-{place:04d}", share, *arms, own_matches=0.0, skew_checked=10.0, skew_wrong=0.0, difference_bps=x,
        variance=v, excess_notional=0.0,
    )  # fmt: skip
    return SessionEvidence(
        counts.session, "sample.r1", phase, "sample.execution/5", 1, {"challenger": units, "champion": others},
        0, counts, None, None, {}, "pass", "",
    )  # fmt: skip


@pytest.mark.parametrize("effect", [-3.0, 0.0, 3.0, 8.0])
def test_the_compiled_evening_says_what_the_verdict_says(effect: float) -> None:
    """Four rollouts an effect, evening by evening: the same word on the same scores and units."""
    rng, made = np.random.default_rng(8), desk_plan()
    arm = Arm("sample.execution/5", "d5", "recipe00001")
    words = {ROLLED_BACK: "roll_back", ASKED: "ask"}
    for _ in range(4):
        rollout = RolloutState(
            "sample.r1", arm.recipe_id, arm, arm, made, "salt", 1, ("ada",), "new", "SHADOW", "shadow"
        )
        state, rules = new_state(len(made.phases), len(DELTAS_BPS)), rules_of(made)
        for place in range(made.sessions_most + 1):
            phase = made.phases[int(state.counts[0])]
            units, others = (round(100 * share) for share in (phase.share, 1.0 - phase.share))
            v = 400.0 * (1.0 / max(1, units) + 1.0 / others)
            x = effect + v**0.5 * float(rng.standard_normal())
            evidence = session_of(made, phase.name, place, x, v, units, others)
            said = judge(replace(rollout, phase=phase.name), evidence)
            end = evening(rules, state, x if units else 0.0, v if units else 0.0, units, 0, 0.0)
            moved = end == PROMOTED or made.phases[int(state.counts[0])].name != phase.name
            assert said.word == words.get(end, "advance" if moved else "hold"), (place, said)
            sessions = (*rollout.sessions, JudgedSession(evidence, str(place), said.word, said.reasons))
            rollout = replace(rollout, sessions=sessions)
            if end != GOES_ON:
                break


@pytest.mark.parametrize(
    "truth",
    [
        Truth(0.0),
        Truth(0.0, degrees=3.0),
        Truth(0.0, tau_bps=2.0),
        Truth(0.0, tau_bps=2.0, autocorrelation=0.7),
        Truth(0.0, day_shock_bps=15.0),
    ],
    ids=["null", "heavy tails", "twice the heterogeneity", "autocorrelated days", "common shocks on a ramp of shares"],
)
def test_a_recipe_that_is_no_worse_is_rolled_back_once_in_twenty_at_most(truth: Truth) -> None:
    made = desk_plan()
    flow = replace(FLOW, cluster_share=0.3, cluster_units=10.0)
    assert simulate_plan(made, flow, truth, runs=RUNS).rolled_back <= made.alpha + ERROR


def test_the_stop_of_one_session_bears_twice_the_heterogeneity_on_a_large_desk() -> None:
    """A thousand units see each session to 1.4 bps as planned, to 2.2 as it is."""
    flow = DeskFlow(units=1000.0, sigma_bps=16.0)
    assert simulate_plan(desk_plan(), flow, Truth(0.0, tau_bps=2.0), runs=RUNS).rolled_back <= 0.03


@pytest.mark.parametrize(
    "truth",
    [Truth(2.0), Truth(2.0, degrees=3.0), Truth(2.0, tau_bps=2.0), Truth(2.0, day_shock_bps=15.0)],
    ids=["plain", "heavy tails", "twice the heterogeneity", "common shocks"],
)
def test_a_recipe_at_the_margin_is_promoted_once_in_twenty_at_most(truth: Truth) -> None:
    made = desk_plan(margin_bps=2.0)
    flow = replace(FLOW, cluster_share=0.3, cluster_units=10.0)
    assert simulate_plan(made, flow, truth, runs=RUNS).promoted <= made.alpha + ERROR


def test_the_naive_tests_roll_back_recipes_that_are_no_worse() -> None:
    """Today's z: one in four and more. Pooled means with common shocks on a ramp of shares: Simpson's paradox."""
    made = desk_plan()
    quiet, shocked = Truth(0.0), Truth(0.0, day_shock_bps=15.0)
    assert simulate_plan(made, FLOW, quiet, runs=RUNS, rule="naive_z").rolled_back > 0.2
    assert simulate_plan(made, FLOW, shocked, runs=RUNS, rule="naive_pooled").rolled_back > 0.5
    assert simulate_plan(made, FLOW, shocked, runs=RUNS).rolled_back < 0.05


def test_better_is_promoted_worse_is_rolled_back_and_costs_follow() -> None:
    made = desk_plan()
    better, worse = (simulate_plan(made, FLOW, Truth(effect), runs=RUNS) for effect in (-3.0, 6.0))
    assert better.promoted > 0.95
    assert worse.rolled_back > 0.95
    assert better.cost_expected_notional < 0.0 < worse.cost_expected_notional
    assert worse.cost_worst_notional > 1.3 * worse.cost_expected_notional
    assert worse.sessions_rolled_back is not None
    assert worse.sessions_promoted is None
    expected = 6.0 * 1e-4 * worse.units * FLOW.unit_notional
    assert worse.cost_expected_notional == pytest.approx(expected, rel=0.05)


def test_crowding_is_not_promoted_and_costs_more_units_than_harm_that_is_there_from_the_start() -> None:
    """Three bps better at no share, five worse at a half: it passes the small phases and is stopped at the half."""
    made = desk_plan()
    late = simulate_plan(made, FLOW, Truth(-3.0, crowding_bps=16.0), runs=RUNS)
    early = simulate_plan(made, FLOW, Truth(5.0), runs=RUNS)
    assert (late.promoted, early.promoted) == (0.0, 0.0)
    assert late.rolled_back > 0.25
    assert late.units > early.units


def test_larger_desks_see_smaller_harm() -> None:
    """Orders a day and spread as on the grid of small and large desks; 200 runs."""
    made = desk_plan()
    found = [
        detectable_harm_bps(made, flow_of_orders(orders, sigma), runs=200)
        for orders, sigma in ((200.0, 20.0), (2000.0, 20.0), (200.0, 56.0))
    ]
    many, most, noisy = found
    assert most is not None
    assert many is not None
    assert noisy is not None
    assert most < many < noisy


def test_a_flow_that_sees_nothing_has_no_detectable_harm() -> None:
    assert detectable_harm_bps(desk_plan(), DeskFlow(units=4.0, sigma_bps=400.0), runs=200) is None


def test_the_table_holds_every_effect_and_is_the_same_again() -> None:
    made, effects = desk_plan(), (Truth(-2.0), Truth(4.0))
    flows = {"small": flow_of_orders(200.0, 20.0), "large": flow_of_orders(500.0, 20.0)}
    rows = operating_table(made, flows, effects, runs=200, rules=("betting", "naive_z"))
    assert [(row["flow"], row["rule"], row["effect_bps"]) for row in rows[:3]] == [
        ("small", "betting", -2.0),
        ("small", "betting", 4.0),
        ("small", "naive_z", -2.0),
    ]
    assert len(rows) == 8
    assert rows == operating_table(made, flows, effects, runs=200, rules=("betting", "naive_z"))
    assert all(abs(row["promoted"] + row["rolled_back"] + row["asked"] - 1.0) < 1e-9 for row in rows)


def test_a_plan_gets_table_costs_and_what_it_detects() -> None:
    made = with_table(desk_plan(detectable_harm_bps=None), FLOW, runs=100)
    assert made.detectable_harm_bps is not None
    assert made.detectable_harm_bps > 0.0
    assert {made.margin_bps, made.tolerated_harm_bps} <= {row["effect_bps"] for row in made.table}
    assert made.client_cost_expected_notional is not None
    assert made.client_cost_worst_notional is not None
    assert 0.0 < made.client_cost_expected_notional < made.client_cost_worst_notional
    assert made.digest() == with_table(desk_plan(detectable_harm_bps=None), FLOW, runs=100).digest()


def test_noise_has_variance_one_whatever_its_tails() -> None:
    for degrees in (3.0, 6.0, float("inf")):
        assert noise_table(degrees).std() == pytest.approx(1.0)
    assert noise_table(3.0).max() > 10.0 > noise_table(float("inf")).max()
