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

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from features.market_day import SymbolDay
from models.impact import ImpactScale, OwnFills, impact_scale, propagate_bps
from models.limits_guard import Guard, no_guard
from models.policy import PolicyParameters
from models.replay_kernel import book_slice, run_lockstep
from models.replay_limits import Desk
from models.replay_log import ReplayLog, public_log
from models.replay_orders import OrderArrays, order_arrays
from models.replay_rules import FILL_BOUNDS, FillBound, ReplayRules, replay_rules, rule_numbers
from models.replay_settle import ReplayOutcome, settle
from models.replay_state import FILL, NEVER, STEP_NS, Log, canonical, make_log, make_slots, make_work, place
from models.replay_tape import Records, SessionClock, Tape, make_tape

__all__ = [
    "FILL_BOUNDS",
    "FillBound",
    "OpenReplay",
    "OrderArrays",
    "ReplayLog",
    "ReplayOutcome",
    "ReplayRules",
    "Replayed",
    "open_replay",
    "order_arrays",
    "replay",
    "replay_rules",
    "run_together",
    "score_fills",
]

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Replayed:
    """Outcome per order, and everything that led to it."""

    outcome: ReplayOutcome
    log: ReplayLog


@dataclass(frozen=True)
class OpenReplay:
    """One symbol's orders on its recorded session, to be run through; the records inside change.

    order (k): canonical order; start_ns (k): as given.
    """

    tape: Tape
    clock: SessionClock
    rules: ReplayRules
    scale: ImpactScale
    order: Long
    start_ns: Long
    placed: Records
    slots: Records
    log: Log
    desk: Desk

    def run(self, until_ns: int = NEVER) -> None:
        """Work the rows before a time of the session's clock; all that are left by default."""
        run_lockstep(self.tape.feed, self.desk, self.placed, self.slots, self.log, until_ns)

    def book(self) -> None:
        """Tell the other symbols' checks what is filled and open here now."""
        book_slice(self.placed, self.slots, self.log, self.desk)

    def finish(self) -> Replayed:
        """What each order got, once every row was worked."""
        fills, block = self.log.fills[: self.log.written[2]], self.rules.impact.block_per_root_share_bps(self.scale)
        outcome = settle(self.tape, self.placed, fills, self.rules.fees, self.placed["end_impact_bps"].copy(), block)
        told = public_log(self.log, self.tape, self.clock, self.order, self.start_ns)
        return Replayed(_as_given(outcome, self.order), told)


def open_replay(
    day: SymbolDay,
    orders: OrderArrays,
    policies: Sequence[PolicyParameters],
    rules: ReplayRules,
    signals_bps: Float | None = None,
    *,
    works: Long | None = None,
    guard: Guard | None = None,
) -> OpenReplay:
    """One recorded symbol-day before its first row. works (k): number of the policy of each order, the first if None.

    signals_bps (day.rows) or (day.rows, p): what each policy reads with each row, NaN for none. Own orders of all
    policies share what a row shows and prints, and one impact.
    """
    clock = SessionClock(rules.intervals_ns)
    told = np.full((day.rows, len(policies)), np.nan) if signals_bps is None else signals_bps
    tape, scale, order = make_tape(day, clock, told), impact_scale(day), canonical(orders)
    placed = place(orders.take(order), tape, clock, None if works is None else works[order])
    log, slots = make_log(placed, tape.feed.levels.shape[2], rules.lot_shares), make_slots(len(placed))
    work = make_work(np.stack([policy.to_array() for policy in policies]))
    desk = Desk(rule_numbers(rules, scale), work, guard or no_guard(len(policies)))
    return OpenReplay(tape, clock, rules, scale, order, orders.start_ns, placed, slots, log, desk)


def run_together(opened: Sequence[OpenReplay]) -> None:
    """Run every symbol to its end; half a minute at a time where limits hold over all of them."""
    if not any(one.desk.guard.held.is_limited for one in opened):
        for one in opened:
            one.run()
        return
    last = max((int(one.tape.clock_ns[-1]) for one in opened if len(one.tape.clock_ns)), default=0)
    for until in range(STEP_NS, last + STEP_NS + 1, STEP_NS):
        for one in opened:
            one.book()
        for one in opened:
            one.run(until)


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
    opened = open_replay(day, orders, (parameters,), rules, signal_bps)
    opened.run()
    return opened.finish()


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


def _as_given(outcome: ReplayOutcome, order: Long) -> ReplayOutcome:
    back = np.argsort(order)
    return ReplayOutcome(*(getattr(outcome, field.name)[back] for field in fields(outcome)))
