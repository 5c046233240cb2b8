"""Replay: recorded books, many parent orders in lockstep, one policy, one fill bound.

    cost of a policy  =  settle( fills of its child orders on the recorded path, seen under overlays )

The path does not react to us, so what we would have done to it is overlaid: planted alpha of each order (where the
recorded price did not carry it) and the stated transient impact of our own fills. Queue position, the two bounds and
crossing are in `models/replay_fills.py`, what a decision does to child orders in `models/replay_children.py`, the
loop in `models/replay_kernel.py`, prices of what was left open in `models/replay_settle.py`. Almgren and Chriss
(2001) for the schedule's frame; Perold (1988) for the cost; traps 10 to 16 of this field for the rest.

What it is not: a market. Others do not answer our orders, and on snapshots the truth lies between the two bounds;
"better" means better under `trade_through`.

    >>> from features.market_day import empty_day
    >>> from infra.markets import MARKETS
    >>> from models.policy import TWAP
    >>> order = OrderArrays.of(side=[1.0], shares=[100.0], arrival_ns=[0], end_ns=[60_000_000_000])
    >>> rules = replay_rules(MARKETS["sample"], "touch")
    >>> replay(empty_day("AAA", levels=5), order, TWAP, rules).outcome.is_eligible.tolist()
    [False]
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import numpy.typing as npt

from features.market_day import SymbolDay
from infra.errors import UsageError
from infra.markets import Fees, Market
from models.impact import DEFAULT_IMPACT, ImpactScale, OwnFills, StatedImpact, impact_scale, propagate_bps
from models.policy import DECISION_SECONDS, PolicyParameters
from models.replay_kernel import run_lockstep
from models.replay_orders import OrderArrays, order_arrays
from models.replay_settle import ReplayOutcome, settle
from models.replay_state import FILL, Log, Rules, canonical, make_log, make_slots, place
from models.replay_tape import SessionClock, Tape, make_tape

__all__ = [
    "FillBound",
    "OrderArrays",
    "ReplayLog",
    "ReplayOutcome",
    "ReplayRules",
    "Replayed",
    "order_arrays",
    "replay",
    "replay_rules",
    "score_fills",
]

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
FillBound = Literal["touch", "trade_through"]
FILL_BOUNDS: tuple[FillBound, ...] = ("touch", "trade_through")
LATENCY_SECONDS = 0.05


@dataclass(frozen=True)
class ReplayRules:
    """What the market and we agree on: tick, lot, fees, fill bound, latency, stated impact, hours.

    latency_seconds: from decision to venue; 0.05 because a decision may never meet the very book that it saw, and no
    desk that uses this is faster. intervals_ns: open intervals of the session in UTC ns, () for always open.
    """

    tick: float
    lot_shares: float
    fees: Fees
    fill_bound: FillBound
    latency_seconds: float = LATENCY_SECONDS
    impact: StatedImpact = DEFAULT_IMPACT
    intervals_ns: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        is_good = 0.0 <= self.latency_seconds < DECISION_SECONDS and self.fill_bound in FILL_BOUNDS and self.tick > 0.0
        if not is_good:
            raise UsageError(
                "impossible replay rules", which=f"{self.fill_bound}, tick {self.tick}",
                found=f"latency {self.latency_seconds} s",
                allowed=f"bounds {FILL_BOUNDS}, tick > 0, latency from 0 to below {DECISION_SECONDS} s",
                next_step="correct the call",
            )  # fmt: skip


def replay_rules(
    market: Market,
    fill_bound: FillBound,
    intervals_ns: tuple[tuple[int, int], ...] = (),
    impact: StatedImpact = DEFAULT_IMPACT,
    latency_seconds: float = LATENCY_SECONDS,
) -> ReplayRules:
    """The rules of one declared market."""
    return ReplayRules(
        market.tick, float(market.lot_shares), market.fees, fill_bound, latency_seconds, impact, intervals_ns
    )


@dataclass(frozen=True)
class ReplayLog:
    """What happened, in time order. `*_order`: number of the parent order as given; times in UTC ns.

    decision_* (d): action 0 wait, 1 join, 2 improve, 3 cross. child_* (c): decision it came from, price NaN for a
    market order, reason 0 filled, 1 cancelled, 2 expired. fill_* (f): child it filled.
    """

    decision_order: Long
    decision_ns: Long
    decision_action: Long
    decision_shares: Float
    decision_signal_bps: Float
    child_order: Long
    child_decision: Long
    child_sent_ns: Long
    child_ended_ns: Long
    child_price: Float
    child_shares: Float
    child_filled_shares: Float
    child_reason: Long
    fill_order: Long
    fill_child: Long
    fill_ns: Long
    fill_price: Float
    fill_shares: Float
    fill_is_maker: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Replayed:
    """Outcome per order, and everything that led to it."""

    outcome: ReplayOutcome
    log: ReplayLog


def replay(
    day: SymbolDay,
    orders: OrderArrays,
    parameters: PolicyParameters,
    rules: ReplayRules,
    signal_bps: Float | None = None,
) -> Replayed:
    """Work `orders` with one policy on one recorded symbol-day.

    signal_bps (day.rows): expected mid move predicted with each row, NaN for none. Impact is scaled by the day's own
    volume and volatility. An order without a two-sided book at arrival is not eligible: it trades nothing, for every
    policy alike. Pure: same input, same output, in whatever order the orders come.
    """
    clock = SessionClock(rules.intervals_ns)
    tape, scale, order = make_tape(day, clock, signal_bps), impact_scale(day), canonical(orders)
    placed = place(orders.take(order), tape, clock)
    log, slots = make_log(placed, tape.feed.levels.shape[2], rules.lot_shares), make_slots(len(placed))
    run_lockstep(tape.feed, _numbers(rules, scale), placed, slots, log, parameters.to_array())
    fills, block = log.fills[: log.written[2]], rules.impact.block_per_root_share_bps(scale)
    outcome = settle(tape, placed, fills, rules.fees, placed["end_impact_bps"].copy(), block)
    return Replayed(_as_given(outcome, order), _public_log(log, tape, clock, order, orders.start_ns))


def score_fills(
    day: SymbolDay, orders: OrderArrays, fill_order: Long, fills: OwnFills, is_maker: npt.NDArray[np.bool_],
    rules: ReplayRules,
) -> ReplayOutcome:  # fmt: skip
    """What fills that really happened cost: the same settlement, without a policy.

    fill_order (f): number of the parent order of each of `fills` (ascending in time). Where the day's price already
    carries our impact, hand in rules whose impact has a `linear_coefficient` of 0.
    """
    clock, scale = SessionClock(rules.intervals_ns), impact_scale(day)
    tape = make_tape(day, clock, None)
    placed = place(orders, tape, clock)
    at = clock.to_clock(fills.times_ns)
    log = np.zeros(len(at), FILL)
    log["order"], log["price"], log["shares"], log["is_maker"] = fill_order, fills.price, fills.shares, is_maker
    event_bps = fills.side * fills.shares * rules.impact.per_share_bps(scale)
    ends = np.argsort(placed["end_ns"], kind="stable")
    end_impact = np.empty(orders.count)
    end_impact[ends] = propagate_bps(placed["end_ns"][ends], at, event_bps, rules.impact.decay_seconds)
    return settle(tape, placed, log, rules.fees, end_impact, rules.impact.block_per_root_share_bps(scale))


def _numbers(rules: ReplayRules, scale: ImpactScale) -> Rules:
    return Rules(
        rules.tick, rules.lot_shares, round(rules.latency_seconds * 1e9), rules.fill_bound == "touch",
        rules.impact.per_share_bps(scale), rules.impact.decay_seconds * 1e9,
    )  # fmt: skip


def _as_given(outcome: ReplayOutcome, order: Long) -> ReplayOutcome:
    back = np.argsort(order)
    return ReplayOutcome(*(getattr(outcome, field.name)[back] for field in fields(outcome)))


def _public_log(log: Log, tape: Tape, clock: SessionClock, order: Long, start_ns: Long) -> ReplayLog:
    """In UTC. Where one interval ends and the next begins the clock shows the same; an order's start tells which."""
    decisions, children = log.decisions[: log.written[0]], log.children[: log.written[1]]
    fills = log.fills[: log.written[2]]
    return ReplayLog(
        decision_order=order[decisions["order"]],
        decision_ns=np.maximum(clock.to_utc(decisions["at_ns"]), start_ns[order[decisions["order"]]]),
        decision_action=decisions["action"].copy(),
        decision_shares=decisions["shares"].copy(),
        decision_signal_bps=decisions["signal_bps"].copy(),
        child_order=order[children["order"]],
        child_decision=children["decision"].copy(),
        child_sent_ns=tape.utc_ns[children["row"]],
        child_ended_ns=tape.utc_ns[children["end_row"]],
        child_price=children["price"].copy(),
        child_shares=children["shares"].copy(),
        child_filled_shares=children["filled"].copy(),
        child_reason=children["reason"].copy(),
        fill_order=order[fills["order"]],
        fill_child=fills["child"].copy(),
        fill_ns=tape.utc_ns[fills["row"]],
        fill_price=fills["price"].copy(),
        fill_shares=fills["shares"].copy(),
        fill_is_maker=fills["is_maker"] == 1,
    )
