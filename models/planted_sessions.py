"""One session's evidence of a planted recipe: units drawn into arms, what each cost, what guardrails would count.

    y_u = base + day shock + cluster shock + noise_u + (challenger: effect)          in bps, u a unit

Score, variance and extra cost come from the same functions as those of a real session (`rollout/scores.py`), counts
from rates that are those of the built-in market. A session depends on (seed, its number, recipe, share) alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models.desk_flow import DeskFlow
from models.guardrail_counts import ArmCounts, SessionCounts
from models.plan_simulation import noise_table
from models.planted_recipes import CHAMPION_OPEN, TAIL_BPS, PlantedRecipe, is_calm
from models.rollout.evidence import SessionEvidence
from models.rollout.scores import STRATA, Spread, UnitCosts, excess_notional, score

Float = npt.NDArray[np.float64]
ARMS = ("challenger", "champion")
BASE_BPS, DAY_SHOCK_BPS = 3.0, 2.0
CHILDREN_PER_UNIT, CANCELLED, BOTH_SIDES = 100.0, 0.24, 0.1
"""As on the built-in market: a hundred children a unit, a quarter cancelled, a tenth with the other side open."""
REJECTED = 0.005
SPOOF_CHILDREN, SPOOF_CANCELLED, SPOOF_BRIEF, SPOOF_BOTH = 20.0, 0.98, 0.9, 0.8
LATENCY_MS = 40.0


@dataclass(frozen=True)
class PlantedSession:
    """What came out, and the truth behind it. units: arm -> units. large_units: challenger's large ones.

    true_effect_bps: mean effect of the session. true_cost_notional: what clients paid more for it, without noise.
    """

    counts: SessionCounts
    units: dict[str, int]
    large_units: int
    cost_bps: dict[str, float]
    true_effect_bps: float
    true_cost_notional: float
    is_calm: bool


def _drawn(flow: DeskFlow, share: float, random: np.random.Generator) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Arm and stratum of each unit."""
    count = max(2, round(flow.units))
    arms = np.where(random.random(count) < share, "challenger", "champion")
    small = (1.0 - flow.large_share) / 2.0
    strata = random.choice(np.array(STRATA), count, p=[small, small, flow.large_share])
    return arms, strata


def _costs(flow: DeskFlow, recipe: PlantedRecipe, ours: Any, effect: float, random: np.random.Generator) -> Float:
    count, table = len(ours), noise_table(flow.degrees)
    shocks = random.standard_normal(max(1, round(count / flow.cluster_units)))
    shared = math.sqrt(flow.cluster_share) * shocks[random.integers(0, len(shocks), count)]
    own = math.sqrt(1.0 - flow.cluster_share) * table[random.integers(0, len(table), count)]
    cost: Float = BASE_BPS + DAY_SHOCK_BPS * random.standard_normal() + flow.sigma_bps * (shared + own)
    is_dear = ours & (random.random(count) < recipe.tail_rate)
    bulk = effect - recipe.tail_rate * TAIL_BPS
    return cost + np.where(ours, bulk, 0.0) + np.where(is_dear, TAIL_BPS, 0.0)


def _behaviour(children: int, is_spoofing: bool, random: np.random.Generator) -> dict[str, float]:
    cancelled, brief, both = (SPOOF_CANCELLED, SPOOF_BRIEF, SPOOF_BOTH) if is_spoofing else (CANCELLED, 0.0, BOTH_SIDES)
    cancels = int(random.binomial(children, cancelled))
    return {
        "child_orders": float(children),
        "filled_children": float(children - cancels),
        "cancels": float(cancels),
        "brief_cancels": float(random.binomial(cancels, brief)),
        "opposite_children": float(random.binomial(children, 0.05)) if is_spoofing else 0.0,
        "both_side_children": float(random.binomial(children, both)),
        "limit_breaches": 0.0,
        "decisions": float(children),
        "latency_p99_ms": float(LATENCY_MS * random.uniform(0.9, 1.1)),
        "closing_share": 0.02,
    }


def _arm(costs: Float, limit_bps: float, open_rate: float, is_spoofing: bool, random: np.random.Generator) -> ArmCounts:
    units = len(costs)
    children = int(random.poisson(CHILDREN_PER_UNIT * units * (SPOOF_CHILDREN if is_spoofing else 1.0)))
    return ArmCounts(
        units=float(units),
        scored_units=float(units),
        tail_units=float((costs > limit_bps).sum()),
        incomplete_units=float(random.binomial(units, open_rate)),
        reject_units=float(random.binomial(units, REJECTED)),
        **_behaviour(children, is_spoofing, random),
    )


def _shadow_arm(flow: DeskFlow, recipe: PlantedRecipe, random: np.random.Generator) -> ArmCounts:
    """In the shadow it decides for everybody and sends nothing: behaviour is simulated, units and costs are not."""
    children = int(random.poisson(CHILDREN_PER_UNIT * flow.units))
    return replace(ArmCounts(), **_behaviour(children, recipe.kind == "spoofing", random))


def _scored(counts: SessionCounts, units: UnitCosts, flow: DeskFlow) -> SessionCounts:
    """With score, planned variance and extra cost of the session, NaN where an arm has no units."""
    spread = Spread(dict.fromkeys(STRATA, flow.sigma_bps**2), flow.tau_bps**2)
    found = score(units, "challenger", "champion", spread)
    told = (found.difference_bps, found.variance, excess_notional(units, found, "challenger"))
    x, v, excess = (math.nan if value is None else value for value in told)
    return replace(counts, difference_bps=x, variance=v, excess_notional=excess)


def _counts(
    recipe: PlantedRecipe, flow: DeskFlow, units: UnitCosts, share: float, number: int, random: np.random.Generator
) -> SessionCounts:
    scale = math.hypot(flow.sigma_bps, DAY_SHOCK_BPS)
    limit = BASE_BPS + scale * float(np.quantile(noise_table(flow.degrees), 0.99))
    own, others = (units.cost_bps[units.arm == arm] for arm in ARMS)
    live = _arm(own, limit, recipe.incomplete_rate, recipe.kind == "spoofing", random)
    counts = SessionCounts(
        session=f"{number:04d}",
        share=share,
        challenger=live if share > 0.0 else _shadow_arm(flow, recipe, random),
        champion=_arm(others, limit, CHAMPION_OPEN, False, random),
        own_matches=0.0,
        skew_checked=float(len(units.unit)),
        skew_wrong=0.0,
    )
    return _scored(counts, units, flow)


def planted_session(recipe: PlantedRecipe, flow: DeskFlow, share: float, number: int, seed: int) -> PlantedSession:
    """One session of the recipe at a share of the units; number: of the session in the rollout, from 0."""
    random, calm = np.random.default_rng([seed, number, round(1000 * share)]), is_calm(seed, number)
    effect = recipe.effect_at(share, number, calm) + flow.tau_bps * float(random.standard_normal())
    arms, strata = _drawn(flow, share, random)
    ours = arms == "challenger"
    costs = _costs(flow, recipe, ours, effect, random)
    notional = flow.unit_notional * random.gamma(2.0, 0.5, len(arms))
    units = UnitCosts(np.arange(len(arms)).astype(str), arms, strata, costs, notional)
    return PlantedSession(
        counts=_counts(recipe, flow, units, share, number, random),
        units={arm: units.count(arm) for arm in ARMS},
        large_units=units.count("challenger", "large"),
        cost_bps={arm: units.mean_bps(arm) for arm in ARMS if units.count(arm)},
        true_effect_bps=effect,
        true_cost_notional=effect * 1e-4 * float(notional[ours].sum()),
        is_calm=calm,
    )


def evidence_of(drawn: PlantedSession, rollout_id: str, phase: str, version: str, epoch: int) -> SessionEvidence:
    """The session as the evening gets it; no hold-out, no drift."""
    return SessionEvidence(
        session=drawn.counts.session,
        rollout_id=rollout_id,
        phase=phase,
        version=version,
        epoch=epoch,
        units=drawn.units,
        large_units=drawn.large_units,
        counts=drawn.counts,
        holdout_difference_bps=None,
        holdout_variance=None,
        cost_bps=drawn.cost_bps,
        drift="pass",
        drift_reason="",
    )
