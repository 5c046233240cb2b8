"""What is decided of one client order: its arm at arrival, an action at each half-minute. Pure.

The arm is drawn once, at arrival, by what is in force then; a second order of the same unit in the same rollout takes
the arm of the first, even if shares have grown since. The action is the compiled rule that the paper desk and the
replay use, on what the feed shows now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from models.assignment import OrderFacts, Terms, assign, eligibility, stratum, unit_of
from models.limits import limits_from
from models.market_desk import ROUNDING, STEP_SECONDS
from models.market_live import Quote
from models.market_parameters import LOT_SHARES, TICK
from models.policy import CROSS, TWAP, decide
from pipelines.desk.live_choice import Route
from pipelines.desk.live_parents import Assigned, ParentFacts
from pipelines.desk.live_target import child_place, collar_place, takes
from pipelines.desk.live_versions import Usable

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Action:
    """What a version told the desk to do. place: on the ladder. is_immediate: the rest is cancelled at once."""

    action: int
    lots: int
    place: int
    is_immediate: bool
    signal_bps: float


def eligibility_terms(route: Route) -> Terms:
    """What makes an order eligible now: accounts that opted in, and the challenger's limits where there is one."""
    challenger = route.arm(CHALLENGER)
    told = route.snapshot.limits.get(challenger.version) if challenger is not None else None
    accounts = frozenset(route.snapshot.accounts)
    if told is None:
        return Terms(accounts, frozenset(), float("inf"))
    limits = limits_from(told)
    return Terms(accounts, frozenset(limits.symbols), limits.order_notional)


def arrival(
    facts: ParentFacts, route: Route, day: date, mid_ticks: float, *, is_two_sided: bool, first: Assigned | None
) -> Assigned:
    """The arm of an order that arrives. mid_ticks: arrival mid in ticks. first: an earlier order of the same unit."""
    snapshot = route.snapshot
    unit = unit_of(facts.account, facts.basket, facts.symbol, facts.side, day)
    notional = facts.lots * LOT_SHARES * mid_ticks * TICK
    order = OrderFacts(facts.account, facts.symbol, notional, is_two_sided, has_event=False)
    found = eligibility(order, eligibility_terms(route))
    arm, propensity = CHAMPION, 1.0
    if found.is_eligible:
        drawn = assign(unit, snapshot.salt, [(one.arm, one.share) for one in snapshot.arms])
        arm, propensity = drawn.arm, drawn.propensity
    routed = route.arm(arm)
    assigned = Assigned(
        unit, found.is_eligible, found.reason, stratum(facts.participation_rate), arm, propensity,
        snapshot.rollout_id, snapshot.phase, snapshot.epoch,
        routed.version if routed else "", routed.digest if routed else "", mid_ticks * TICK,
    )  # fmt: skip
    if first is not None and found.is_eligible and first.is_eligible and first.rollout_id == assigned.rollout_id:
        return replace(first, stratum=assigned.stratum, arrival_price=assigned.arrival_price)
    return assigned


def acted(
    usable: Usable,
    facts: ParentFacts,
    quote: Quote,
    origin: int,
    second: int,
    remaining: int,
    signal_bps: float,
    collar_bps: float | None = None,
) -> Action:
    """The version's action for an order with `remaining` lots to go. collar_bps: of its limits, None for none."""
    horizon = facts.end - facts.start
    spread_bps = 2e4 * (quote.ask - quote.bid) / (quote.ask + quote.bid + 2 * origin)
    action, shares = decide(
        usable.row, float(facts.sign), facts.urgency, (second - facts.start) / horizon + ROUNDING,
        STEP_SECONDS / horizon, float(facts.lots * LOT_SHARES), float(remaining * LOT_SHARES), float(LOT_SHARES),
        spread_bps, signal_bps,
    )  # fmt: skip
    lots = min(remaining, int(np.rint(shares / LOT_SHARES)))
    collar = None if collar_bps is None else collar_place(quote, facts.sign, origin, collar_bps)
    place = child_place(quote, facts.sign, action, facts.limit_place(origin), collar)
    is_immediate = action == CROSS and takes(quote, facts.sign, place)
    return Action(int(action), lots, place, is_immediate, signal_bps)


def warm_rule() -> None:
    """Compile the rule, so that no decision waits for it."""
    decide(TWAP.to_array(), 1.0, 1, 0.1, 0.1, 100.0, 100.0, 100.0, 1.0, 0.0)
