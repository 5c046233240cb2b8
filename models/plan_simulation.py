"""What a plan does on a desk's flow: how often it promotes, rolls back, asks, after how long, and what clients pay.

Thousands of rollouts are drawn for each true effect and judged evening by evening by the rules of the verdict
(`plan_kernel.py`). One session's score is

    x = effect + crowding * share + tau * a_j + noise of the arms' units        a_j: memory phi from day to day

with units drawn into arms one by one, Student tails, and shocks that units of one symbol and side share. Client cost is
true extra cost, noise left out: sum over sessions of effect * units of the challenger * value of a unit.

False action: rolled back at an effect of 0 or less, or promoted at the margin or above. Power: rolled back at a harm.
Monte-Carlo error of a share p is sqrt(p (1 - p) / runs): 0.5 % at p = 5 % and 2,000 runs.

An effect that stays for weeks (autocorrelation) is no null in those weeks: on desks that see 1 bp it is rolled back.

What it is not: proof for guardrails, people and faults; those are simulated with the whole controller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from scipy.special import ndtri, stdtrit

from models.desk_flow import DeskFlow
from models.guardrail_rules import STOP_BPS, STOP_SIGMAS
from models.plan_kernel import (
    ASKED,
    BETTING,
    NAIVE_POOLED,
    NAIVE_Z,
    PROMOTED,
    ROLLED_BACK,
    Float,
    Levels,
    Rules,
    World,
    run_rollouts,
)
from models.rollout.plan import Plan
from models.rollout.verdict import CAUTION_E, EVIDENCE_SHARE, LEANING_E
from models.sequential import CLIP_SIGMAS, DELTAS_BPS, MOST_OF_WEALTH, e_limit

Rule = Literal["betting", "naive_z", "naive_pooled"]
RULES: Mapping[Rule, int] = {"betting": BETTING, "naive_z": NAIVE_Z, "naive_pooled": NAIVE_POOLED}
LEVELS = Levels(
    np.array(DELTAS_BPS), CLIP_SIGMAS, MOST_OF_WEALTH, CAUTION_E, LEANING_E, EVIDENCE_SHARE, STOP_SIGMAS, STOP_BPS
)
BINDINGS = {"faults": 0.0, "leaning": 1.0, "not_inferior": 2.0}
EFFECTS_BPS = (-5.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
RUNS = 2000
SEED = 20_610
MOST_HARM_BPS = 40.0
"""Harm is looked for up to here; a plan that needs more to see anything is no plan."""
HARM_STEP_BPS = 0.25
NOISE_POINTS = 1 << 16


@dataclass(frozen=True)
class Truth:
    """What is true of a simulated recipe. crowding_bps: effect added at a share of one. None: as in the flow.

    autocorrelation: of the effect's day part. day_shock_bps: what moves both arms alike on a day.
    """

    effect_bps: float
    crowding_bps: float = 0.0
    tau_bps: float | None = None
    autocorrelation: float = 0.0
    day_shock_bps: float = 0.0
    degrees: float | None = None


@dataclass(frozen=True)
class Outcome:
    """Shares of runs by end, and what it took. Sessions are medians, None where no run ended so. Cost in currency.

    cost_worst_notional: 99 % quantile over runs. phase_costs: phase -> (expected, 99 %) of the runs that entered it.
    """

    effect_bps: float
    runs: int
    promoted: float
    rolled_back: float
    asked: float
    sessions_promoted: float | None
    sessions_rolled_back: float | None
    units: float
    cost_expected_notional: float
    cost_worst_notional: float
    phase_costs: Mapping[str, tuple[float, float]]

    def to_row(self) -> dict[str, Any]:
        """JSON's own types, as the plan's table keeps them."""
        money = {name: [round(part) for part in pair] for name, pair in self.phase_costs.items()}
        return {
            "effect_bps": self.effect_bps, "runs": self.runs, "promoted": self.promoted,
            "rolled_back": self.rolled_back, "asked": self.asked, "sessions_promoted": self.sessions_promoted,
            "sessions_rolled_back": self.sessions_rolled_back, "units": round(self.units, 1),
            "cost_expected_notional": round(self.cost_expected_notional),
            "cost_worst_notional": round(self.cost_worst_notional), "phase_costs": money,
        }  # fmt: skip


@lru_cache(maxsize=16)
def noise_table(degrees: float) -> Float:
    """(q) quantiles of a Student t (normal at infinity) at q mid points, scaled to variance one: quick to draw from."""
    middle = (np.arange(NOISE_POINTS) + 0.5) / NOISE_POINTS
    values: Float = ndtri(middle) if math.isinf(degrees) else stdtrit(degrees, middle)
    return values / values.std()


def rules_of(plan: Plan, rule: Rule = "betting") -> Rules:
    """The plan as the compiled loop reads it."""
    phases = [
        (one.share, one.sessions, one.units, one.large_units, BINDINGS[one.binding], one.limits.stop_notional)
        for one in plan.phases
    ]
    return Rules(
        np.array(phases, np.float64), e_limit(plan.alpha, plan.harm_share), e_limit(plan.alpha), plan.margin_bps,
        plan.winsor_bps, plan.sessions_most, plan.holdout_share, RULES[rule], LEVELS,
    )  # fmt: skip


def world_of(flow: DeskFlow, truth: Truth) -> World:
    """Flow and truth as the compiled loop reads them."""
    return World(
        units=flow.units, sigma=flow.sigma_bps, cluster_share=flow.cluster_share, cluster_units=flow.cluster_units,
        noise=noise_table(flow.degrees if truth.degrees is None else truth.degrees), large_share=flow.large_share,
        unit_notional=flow.unit_notional, planned_tau=flow.tau_bps, effect=truth.effect_bps,
        crowding=truth.crowding_bps, tau=flow.tau_bps if truth.tau_bps is None else truth.tau_bps,
        phi=truth.autocorrelation, day_shock=truth.day_shock_bps,
    )  # fmt: skip


def _median(values: Any) -> float | None:
    return float(np.median(values)) if len(values) else None


def _spread_of_cost(costs: Float) -> tuple[float, float]:
    entered = costs[costs != 0.0]
    return (float(entered.mean()), float(np.quantile(entered, 0.99))) if len(entered) else (0.0, 0.0)


def simulate_plan(
    plan: Plan, flow: DeskFlow, truth: Truth, *, runs: int = RUNS, seed: int = SEED, rule: Rule = "betting"
) -> Outcome:
    """`runs` rollouts of one truth, under the plan's own rules or a naive one."""
    ends, sessions, units, costs = run_rollouts(rules_of(plan, rule), world_of(flow, truth), runs, seed)
    total = costs.sum(axis=1)
    promoted, rolled_back = ends == PROMOTED, ends == ROLLED_BACK
    return Outcome(
        effect_bps=truth.effect_bps,
        runs=runs,
        promoted=float(promoted.mean()),
        rolled_back=float(rolled_back.mean()),
        asked=float((ends == ASKED).mean()),
        sessions_promoted=_median(sessions[promoted]),
        sessions_rolled_back=_median(sessions[rolled_back]),
        units=float(units.mean()),
        cost_expected_notional=float(total.mean()),
        cost_worst_notional=float(np.quantile(total, 0.99)),
        phase_costs={phase.name: _spread_of_cost(costs[:, place]) for place, phase in enumerate(plan.phases)},
    )


def operating_table(
    plan: Plan,
    flows: Mapping[str, DeskFlow],
    truths: Iterable[Truth],
    *,
    runs: int = RUNS,
    seed: int = SEED,
    rules: Sequence[Rule] = ("betting",),
) -> tuple[Mapping[str, Any], ...]:
    """Rows of operating characteristics: one a flow, rule and truth."""
    kept = tuple(truths)
    return tuple(
        {"flow": name, "rule": rule, **simulate_plan(plan, flow, truth, runs=runs, seed=seed, rule=rule).to_row()}
        for name, flow in flows.items()
        for rule in rules
        for truth in kept
    )


def detectable_harm_bps(plan: Plan, flow: DeskFlow, *, runs: int = RUNS, seed: int = SEED) -> float | None:
    """Smallest harm, to a quarter of a basis point, that is rolled back with the plan's power; None beyond 40 bps."""

    def is_found(steps: int) -> bool:
        outcome = simulate_plan(plan, flow, Truth(steps * HARM_STEP_BPS), runs=runs, seed=seed)
        return outcome.rolled_back >= plan.power

    low, high = 0, math.ceil(MOST_HARM_BPS / HARM_STEP_BPS)
    if not is_found(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high * HARM_STEP_BPS


def with_table(plan: Plan, flow: DeskFlow, *, runs: int = RUNS, seed: int = SEED) -> Plan:
    """The plan with what the simulation found: table, client cost, and detectable harm where it has none yet.

    Expected cost is that of the harm it tolerates; the worst, the largest 99 % quantile over all effects.
    """
    effects = sorted({*EFFECTS_BPS, plan.margin_bps, plan.tolerated_harm_bps})
    found = [simulate_plan(plan, flow, Truth(effect), runs=runs, seed=seed) for effect in effects]
    at_tolerated = next(one for one in found if one.effect_bps == plan.tolerated_harm_bps)
    detectable = plan.detectable_harm_bps
    return replace(
        plan,
        detectable_harm_bps=detectable_harm_bps(plan, flow, runs=runs, seed=seed) if detectable is None else detectable,
        client_cost_expected_notional=round(max(0.0, at_tolerated.cost_expected_notional)),
        client_cost_worst_notional=round(max(0.0, *(one.cost_worst_notional for one in found))),
        table=tuple(one.to_row() for one in found),
    )
