"""Operating characteristics of the whole controller: planted recipes led from draft to their end, with a known truth.

    python -m benchmarks.operating [--recipes 352] [--units 104] [--sigma 23.7] [--workers 2]

Every recipe takes the whole way through `models.rollout.decide`: gate passed, approvals given at once, a session a day
for sixty sessions at most. What counts is what became of it, when, on how many units, and what its clients paid more
than the champion's would have (the truth, without noise). A recipe is harmful when its mean effect at the half of the
units, over the regimes, is above the plan's margin. Beside it the naive way: a plain z test of all scores so far,
every evening. What each gate keeps out by itself is `benchmarks.ablation`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from models.desk_flow import DeskFlow
from models.planted_recipes import KINDS, PlantedRecipe, planted_recipes
from models.planted_sessions import evidence_of, planted_session
from models.rollout import commands as wanted
from models.rollout.decide import decide
from models.rollout.evidence import SessionEvidence
from models.rollout.fold import apply
from models.rollout.plan import Plan, plan_faults
from models.rollout.plan_draft import MarketFacts, draft_plan
from models.rollout.state import Arm, MarketState

Spoil = Callable[[SessionEvidence], SessionEvidence]
ENDS = ("promoted", "held", "asked", "rolled back")
SESSIONS = 60
PERSONS = ("paul", "rita")
READ_BACK = wanted.ReadBack(True, "t")
NAIVE_Z = 1.645


@dataclass(frozen=True)
class Outcome:
    """What became of one recipe. cost_notional: what clients paid more, in currency. naive: rolled back or promoted."""

    recipe: PlantedRecipe
    is_harmful: bool
    end: str
    phase: str
    sessions: int
    units: int
    cost_notional: float
    naive: str
    why: str


def as_it_is(evidence: SessionEvidence) -> SessionEvidence:
    """Nothing else goes wrong."""
    return evidence


def true_mean_bps(recipe: PlantedRecipe) -> float:
    """Mean effect at half of the units, over calm and other regimes and over the sessions of a rollout."""
    numbers = range(SESSIONS)
    found = [recipe.effect_at(0.5, number, calm) for number in numbers for calm in (True, False)]
    return float(np.mean(found))


@dataclass
class Market:
    """A stream of events, folded as it grows."""

    state: MarketState

    def do(self, command: wanted.Command) -> None:
        for event in decide(self.state, command):
            self.state = apply(self.state, event)


def on_trial(plan: Plan, name: str) -> Market:
    """The recipe with its gate passed and its report there."""
    market = Market(MarketState("sample"))
    market.do(wanted.OpenMarket("USD", Arm("sample.execution/0", "d0", "benchmark"), "simulation"))
    told = {
        "recipe_id": name, "name": name, "authors": ["ada"], "revision": "r", "change_class": "new_policy",
        "approvals": 1, "reason": "planted",
    }  # fmt: skip
    market.do(wanted.Draft(told, Arm("sample.execution/1", "d1", name), plan, "salt", ""))
    market.do(wanted.RecordReport(name, "rita", "r", "9999-12-31", "planted"))
    market.do(wanted.RecordGate("pass", "sample.execution/1", "0000-01-01", "e", (), 0.0))
    return market


def approvals(market: Market, number: int) -> tuple[wanted.Payload, ...]:
    """Everybody approves whatever is next."""
    rollout = market.state.rollout
    phase = None if rollout is None else rollout.next_phase
    if rollout is None or phase is None:
        return ()
    return tuple(
        {
            "rollout_id": rollout.rollout_id, "approval_id": f"{number}-{person}", "card_id": "c", "from_phase": "",
            "to_phase": phase.name, "decision": "approve", "person": person, "reason": "planted", "card_sha256": "",
            "issued_at": "", "expires_at": "",
        }
        for person in PERSONS
    )  # fmt: skip


def naive_word(scores: Sequence[float], variances: Sequence[float], margin_bps: float, is_last: bool) -> str:
    """What a z test of all scores says this evening; '' to go on."""
    if not scores:
        return ""
    information = sum(1.0 / v for v in variances)
    mean = sum(x / v for x, v in zip(scores, variances, strict=True)) / information
    if mean * math.sqrt(information) > NAIVE_Z:
        return "rolled back"
    return "promoted" if is_last and (margin_bps - mean) * math.sqrt(information) > NAIVE_Z else ""


def lead(recipe: PlantedRecipe, plan: Plan, flow: DeskFlow, seed: int, spoil: Spoil = as_it_is) -> Outcome:
    """One recipe from its shadow to its end, or to the sixtieth session. spoil: what else goes wrong, each session."""
    market, units, cost, scores, variances, naive = on_trial(plan, recipe.name), 0, 0.0, [], [], ""
    for number in range(SESSIONS):
        rollout = market.state.rollout
        if rollout is None or rollout.failures:
            break
        evidence = None
        if rollout.phase is not None:
            drawn = planted_session(recipe, flow, rollout.share, number, seed)
            told = (rollout.rollout_id, rollout.phase, rollout.arm.version, market.state.epoch)
            evidence = spoil(evidence_of(drawn, *told))
            units += drawn.units["challenger"] if rollout.share else 0
            cost += drawn.true_cost_notional if rollout.share else 0.0
            if evidence.difference_bps is not None and evidence.variance is not None:
                scores.append(evidence.difference_bps)
                variances.append(evidence.variance)
                naive = naive or naive_word(scores, variances, plan.margin_bps, rollout.phase == "expand_50")
        session = f"{number:04d}"
        market.do(wanted.Evening(session, f"{number + 1:04d}", evidence, approvals(market, number), READ_BACK))
    return _outcome(recipe, plan, market, units, cost, naive)


def _outcome(recipe: PlantedRecipe, plan: Plan, market: Market, units: int, cost: float, naive: str) -> Outcome:
    last = market.state.rollouts[-1]
    end = {"COMPLETE": "promoted", "ROLLING_BACK": "rolled back", "HELD": "held"}.get(last.state, "asked")
    why = (last.failures or last.reasons or ("",))[0]
    harmful = true_mean_bps(recipe) > plan.margin_bps
    return Outcome(recipe, harmful, end, last.phase or "", len(last.sessions), units, cost, naive or "asked", why)


def run(recipes: Sequence[PlantedRecipe], plan: Plan, flow: DeskFlow, workers: int) -> list[Outcome]:
    """Every recipe with a seed of its own."""
    if workers < 2:
        return [lead(recipe, plan, flow, seed) for seed, recipe in enumerate(recipes)]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(partial(_lead, plan=plan, flow=flow), enumerate(recipes), chunksize=8))


def _lead(numbered: tuple[int, PlantedRecipe], plan: Plan, flow: DeskFlow) -> Outcome:
    return lead(numbered[1], plan, flow, numbered[0])


HEADER = (
    f"{'kind':14}{'truth':>12}{'n':>4}{'promoted':>10}{'held':>6}{'asked':>7}{'back':>6}"
    f"{'sessions':>10}{'units':>8}{'cost':>12}{'naive +/-':>12}"
)


def counts_of(found: Sequence[Outcome]) -> list[int]:
    """How many were promoted, held, asked about and rolled back."""
    return [sum(one.end == end for one in found) for end in ENDS]


def _row(kind: str, truth: str, found: Sequence[Outcome]) -> str:
    ends = counts_of(found)
    sessions, units = (float(np.median([getattr(one, name) for one in found])) for name in ("sessions", "units"))
    cost = float(np.mean([one.cost_notional for one in found]))
    naive = "/".join(str(sum(one.naive == word for one in found)) for word in ("promoted", "rolled back"))
    counts = f"{ends[0]:>10}{ends[1]:>6}{ends[2]:>7}{ends[3]:>6}"
    return f"{kind:14}{truth:>12}{len(found):>4}{counts}{sessions:>10.0f}{units:>8.0f}{cost:>12,.0f}{naive:>12}"


def table(found: Sequence[Outcome]) -> str:
    """Rows by kind and truth: better, in between, harmful."""
    lines = [HEADER]
    groups: tuple[tuple[str, Callable[[Outcome], bool]], ...] = (
        ("better", lambda one: true_mean_bps(one.recipe) < 0.0),
        ("between", lambda one: true_mean_bps(one.recipe) >= 0.0 and not one.is_harmful),
        ("harmful", lambda one: one.is_harmful),
    )
    for kind in (*KINDS, "all"):
        for truth, belongs in groups:
            mine = [one for one in found if belongs(one) and kind in (one.recipe.kind, "all")]
            if mine:
                lines.append(_row(kind, truth, mine))
    return "\n".join(lines)


def plan_for(flow: DeskFlow) -> Plan:
    """The plan that this desk would use."""
    value = flow.units * flow.unit_notional
    facts = MarketFacts("sample", "USD", (), ("LIT",), 10.0 * flow.unit_notional, value, 100.0 * flow.units)
    plan = draft_plan(facts, flow, fill_sessions=5)
    return replace(plan, phases=tuple(replace(phase, large_units=0) for phase in plan.phases))


def planted_desk(units: float = 104.0, sigma_bps: float = 23.7) -> DeskFlow:
    """The built-in desk, unless other flow is named."""
    return DeskFlow(units, sigma_bps, degrees=5.4, unit_notional=1.29e6)


def asked_for(document: str | None, what: str, count: int) -> tuple[int, int, DeskFlow, Plan]:
    """How many (`--WHAT`), workers, desk and its plan, from the command line. Ends it where the plan is refused."""
    parser = argparse.ArgumentParser(description=document, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(f"--{what}", type=int, default=count)
    parser.add_argument("--units", type=float, default=planted_desk().units)
    parser.add_argument("--sigma", type=float, default=planted_desk().sigma_bps)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    flow = planted_desk(given.units, given.sigma)
    plan = plan_for(flow)
    margin = f"margin {plan.margin_bps:g} bps, detectable harm {plan.detectable_harm_bps} bps"
    print(f"{flow.units:.0f} units a session, spread {flow.sigma_bps:g} bps; {margin}")
    if faults := plan_faults(plan):
        raise SystemExit(f"the plan is refused, so nothing goes on trial: {'; '.join(faults)}")
    return getattr(given, what), given.workers, flow, plan


def main() -> int:
    count, workers, flow, plan = asked_for(__doc__, "recipes", 352)
    started = time.monotonic()
    print(table(run(planted_recipes(count), plan, flow, workers)))
    print(f"{time.monotonic() - started:.0f} s; seeds 0 to {count - 1}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
