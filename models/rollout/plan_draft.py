"""A plan for a desk, from what its market and its flow are like. Drafted here, accepted or refused by `plan_faults`.

* phases: those of `PHASES` that the flow fills with 30 challenger units within ten sessions; the others would stand
  there for weeks and find nothing. Shadow, a quarter, a half and the bake always stay.
* limits: in proportion to the phase's part of the desk's value, with room for the draw; what one order may be is the
  same in all phases, for a cap on size would make the arms different.
* margin: the smallest of a few with which a recipe that is better by `TARGET_BPS` is promoted with the plan's power.
* tolerated harm: what the flow can detect, rounded up to half a basis point, but never above `MOST_TOLERATED_BPS`. A
  flow that cannot see that much gets a plan with faults, and no rollout.

    >>> [shape.name for shape in filled_phases(units=100.0)]
    ['shadow', 'canary_5', 'canary_10', 'expand_25', 'expand_50', 'baking']
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from models.desk_flow import DeskFlow
from models.limits import Limits
from models.plan_simulation import RUNS, SEED, Truth, detectable_harm_bps, simulate_plan, with_table
from models.rollout.plan import MIN_UNITS, PHASES, Phase, PhaseShape, Plan
from models.rollout.routing import HOLDOUT_SHARE
from models.sequential import CLIP_SIGMAS

ALPHA, POWER = 0.05, 0.8
HARM_SHARE, GUARDRAIL_SHARE = 0.6, 0.4
"""The cost test finds most of what goes wrong, so it has the larger part."""
FILL_SESSIONS = 10
SESSIONS_MOST, HOLD_SESSIONS = 60, 5
"""A quarter of a year, then a person decides; a week of holding, then a person is told."""
MARGINS_BPS = (1.0, 1.5, 2.0, 2.5, 3.0)
TARGET_BPS = -2.0
"""What a new recipe should save to be worth a rollout; a smaller margin would leave too many such recipes waiting."""
MOST_TOLERATED_BPS = 5.0
"""More than most recipes can ever save: a desk that does not see 5 bps in a quarter learns nothing from a rollout."""
ROOM = 2.0
"""Units are drawn, so a phase's part of a session's value is now and then twice what it is on average."""
STOP_DEVIATIONS = 6.0
"""Six planned deviations beside the tolerated harm: chance does not stop a rollout, a fault in one session does."""
LARGE_UNITS = 10
"""Large orders asked for in a phase with a quarter of the units or more, where the flow has twice that many."""


@dataclass(frozen=True)
class MarketFacts:
    """What limits are made from; of the whole desk, over one session, money in `currency`.

    order_notional: value of its largest order. session_notional, session_orders: value and child orders of a session.
    participation: most that one order may be of the market's volume. price_collar_bps: beyond the far touch.
    """

    market: str
    currency: str
    symbols: tuple[str, ...]
    venues: tuple[str, ...]
    order_notional: float
    session_notional: float
    session_orders: float
    participation: float = 0.25
    price_collar_bps: float = 100.0
    repeats: int = 50


def filled_phases(units: float, fill_sessions: int = FILL_SESSIONS) -> tuple[PhaseShape, ...]:
    """Phases whose part of so many units a session fills `MIN_UNITS` in `fill_sessions` sessions."""
    always = {"shadow", "expand_25", "expand_50", "baking"}
    return tuple(shape for shape in PHASES if shape.name in always or units * shape.share * fill_sessions >= MIN_UNITS)


def _stop_notional(flow: DeskFlow, share: float, tolerated_bps: float) -> float:
    """Extra cost of a session that chance does not reach: tolerated harm and six planned deviations."""
    ours, others = max(1.0, flow.units * share), max(1.0, flow.units * (1.0 - HOLDOUT_SHARE - share))
    deviation = math.sqrt(flow.sigma_bps**2 * (1.0 / ours + 1.0 / others) + flow.tau_bps**2)
    return math.ceil((tolerated_bps + STOP_DEVIATIONS * deviation) * 1e-4 * ours * flow.unit_notional)


def limits_of(facts: MarketFacts, flow: DeskFlow, share: float, tolerated_bps: float = MOST_TOLERATED_BPS) -> Limits:
    """Limits of the challenger at a share of the units."""
    part = min(1.0, ROOM * share + MIN_UNITS / max(flow.units, 1.0) / 10.0)
    return Limits(
        symbols=facts.symbols,
        venues=facts.venues,
        price_collar_bps=facts.price_collar_bps,
        order_notional=math.ceil(facts.order_notional),
        session_notional=math.ceil(ROOM * facts.session_notional * part),
        session_orders=math.ceil(ROOM * facts.session_orders * part),
        position_notional=math.ceil(facts.session_notional * part),
        participation=facts.participation,
        repeats=facts.repeats,
        stop_notional=_stop_notional(flow, share, tolerated_bps),
    )


def _phase(shape: PhaseShape, facts: MarketFacts, flow: DeskFlow, first_share: float) -> Phase:
    large = flow.units * shape.share * flow.large_share * shape.sessions / 2.0
    is_evidence = shape.share >= 0.25
    return Phase(
        name=shape.name,
        share=shape.share,
        sessions=shape.sessions,
        units=MIN_UNITS if shape.share > 0.0 else 0,
        large_units=min(LARGE_UNITS, math.floor(large)) if is_evidence else 0,
        approvals=shape.approvals,
        binding=shape.binding,
        limits=limits_of(facts, flow, shape.share or first_share),
    )


def _approved_phases(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    """Whoever comes first live asks for a person, whichever phases were left out."""
    first = next(place for place, phase in enumerate(phases) if phase.share > 0.0)
    asked = replace(phases[first], approvals=max(1, phases[first].approvals))
    return (*phases[:first], asked, *phases[first + 1 :])


def _margin(plan: Plan, flow: DeskFlow, runs: int, seed: int) -> float:
    for margin in MARGINS_BPS:
        found = simulate_plan(replace(plan, margin_bps=margin), flow, Truth(TARGET_BPS), runs=runs, seed=seed)
        if found.promoted >= plan.power:
            return margin
    return MARGINS_BPS[-1]


def _tolerated(detectable_bps: float | None) -> float:
    return (
        MOST_TOLERATED_BPS if detectable_bps is None else min(MOST_TOLERATED_BPS, math.ceil(2.0 * detectable_bps) / 2.0)
    )


def draft_plan(
    facts: MarketFacts, flow: DeskFlow, *, fill_sessions: int = FILL_SESSIONS, runs: int = RUNS, seed: int = SEED
) -> Plan:
    """A plan for this desk with its table. It may have faults: ask `plan_faults` before anything else."""
    shapes = filled_phases(flow.units, fill_sessions)
    first_share = next(shape.share for shape in shapes if shape.share > 0.0)
    phases = _approved_phases(tuple(_phase(shape, facts, flow, first_share) for shape in shapes))
    smallest = max(1.0, flow.units * first_share)
    plan = Plan(
        plan_id="",
        market=facts.market,
        currency=facts.currency,
        phases=phases,
        alpha=ALPHA,
        margin_bps=MARGINS_BPS[-1],
        tolerated_harm_bps=MOST_TOLERATED_BPS,
        detectable_harm_bps=None,
        power=POWER,
        winsor_bps=math.ceil(CLIP_SIGMAS * flow.sigma_bps * math.sqrt(2.0 / smallest)),
        harm_share=HARM_SHARE,
        guardrail_share=GUARDRAIL_SHARE,
        hold_sessions=HOLD_SESSIONS,
        sessions_most=SESSIONS_MOST,
        holdout_share=HOLDOUT_SHARE,
    )
    plan = replace(plan, margin_bps=_margin(plan, flow, runs, seed))
    plan = replace(plan, detectable_harm_bps=detectable_harm_bps(plan, flow, runs=runs, seed=seed))
    plan = replace(plan, tolerated_harm_bps=_tolerated(plan.detectable_harm_bps))
    named = replace(plan, plan_id=f"{facts.market}.plan-{plan.digest()[:8]}")
    return with_table(named, flow, runs=runs, seed=seed)
