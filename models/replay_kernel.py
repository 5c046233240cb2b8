"""The replay's compiled loop: rows outside, active parent orders inside, all in lockstep.

In one row, for each order: a decision that fell before it is taken on the row before (nothing later is seen); what
rests fills from what printed since; an action whose latency is over meets this row's book; a decision that falls
exactly on the row sees it. Of several decisions without a row between them only the last one counts.

Own impact is one level a symbol: what all own orders bought less what they sold, linear and decaying
(`models/impact.py`), as it stood before the row, so the order within a row does not matter. An order's unfilled rest
counts as traded at its end, because forced completion is a trade too.

    >>> from models.policy import DECISION_SECONDS
    >>> DECISION_SECONDS
    30.0
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from models.policy import CROSS, WAIT, decide
from models.replay_children import cross, end_all, fill_resting, is_reached, meet, rest
from models.replay_state import CANCELLED, EXPIRED, NEVER, STEP_NS, Log, Rules
from models.replay_tape import PRICE, Feed, Records

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
Record = np.void


@njit(cache=True)
def planted_bps(order: Record, clock_ns: int) -> float:
    """Planted move since arrival, signed: alpha * (1 - exp(-t / seconds)) in the order's direction."""
    alpha, seconds = order["alpha_bps"], order["alpha_seconds"]
    if alpha == 0.0:
        return 0.0
    passed = (clock_ns - order["arrival_ns"]) / 1e9
    grown = 1.0 if seconds <= 0.0 else 1.0 - np.exp(-passed / seconds)
    return float(order["side"] * alpha * grown)


@njit(cache=True)
def _decide(feed: Feed, rules: Rules, orders: Records, log: Log, parameters: Float, number: int, row: int) -> None:
    """Ask the policy on what `row` shows, write the decision, and let it act after the latency."""
    order, decision = orders[number], log.decisions[log.written[0]]
    at, length = order["next_decision_ns"], float(order["end_ns"] - order["start_ns"])
    bid, ask = feed.levels[row, 0, 0, PRICE], feed.levels[row, 1, 0, PRICE]
    signal_bps = feed.rows[row]["signal_bps"]
    spread_bps = (ask - bid) / (ask + bid) * 2e4 if ask > bid else 0.0
    elapsed, step = (at - order["start_ns"]) / length + 1e-9, STEP_NS / length
    side, urgency, shares, left = order["side"], order["urgency"], order["shares"], order["remaining"]
    lot = rules.lot_shares
    action, due = decide(parameters, side, urgency, elapsed, step, shares, left, lot, spread_bps, signal_bps)
    decision["order"] = number
    decision["at_ns"] = at
    decision["action"] = action
    decision["shares"] = due
    decision["signal_bps"] = signal_bps
    order["pending_decision"] = log.written[0]
    order["pending_at_ns"] = at + rules.latency_ns
    order["pending_action"] = action
    order["pending_shares"] = due
    order["next_decision_ns"] = at + STEP_NS
    log.written[0] += 1


@njit(cache=True)
def _act(
    feed: Feed, rules: Rules, orders: Records, slots: Records, log: Log, number: int, row: int, factor: float
) -> None:
    order = orders[number]
    wanted, action = min(order["pending_shares"], order["remaining"]), order["pending_action"]
    far = feed.levels[row, 1 if order["side"] > 0.0 else 0, 0, PRICE]
    is_stopped = order["side"] * (factor * far - order["limit_price"]) > 0.0
    order["pending_at_ns"] = NEVER
    if wanted <= 0.0 or action == WAIT:
        end_all(orders, slots, log, number, row, CANCELLED)
    elif action == CROSS and not is_stopped:
        end_all(orders, slots, log, number, row, CANCELLED)
        cross(feed, rules, orders, log, number, row, factor, wanted)
    else:
        rest(feed, rules, orders, slots, log, number, row, factor, wanted)


@njit(cache=True)
def _is_due_before(order: Record, now: int) -> bool:
    """Whether a decision fell before this row."""
    until = min(now, order["end_ns"])
    while order["next_decision_ns"] + STEP_NS < until:
        order["next_decision_ns"] += STEP_NS
    return bool(order["next_decision_ns"] < until and order["remaining"] > 0.0)


@njit(cache=True)
def _is_due_at(order: Record, now: int) -> bool:
    return bool(order["next_decision_ns"] == now and now < order["end_ns"] and order["remaining"] > 0.0)


@njit(cache=True)
def _is_awake(order: Record, now: int, row: int) -> bool:
    """Whether anything but a resting child needs this row: a decision, an action, the end."""
    return bool(order["next_decision_ns"] <= now or order["pending_at_ns"] <= now or row >= order["end_row"])


@njit(cache=True)
def _work(
    feed: Feed, rules: Rules, orders: Records, slots: Records, log: Log, parameters: Float, number: int, row: int,
    factor: float, impact_bps: float, could_fill: float,
) -> bool:  # fmt: skip
    """One order, one row in which something happens; True while it stays active."""
    order, now = orders[number], feed.rows[row]["clock_ns"]
    if _is_due_before(order, now):
        _decide(feed, rules, orders, log, parameters, number, row - 1)
    if could_fill > 0.0:
        fill_resting(feed, rules, orders, slots, log, number, row)
    if order["pending_at_ns"] <= now:
        _act(feed, rules, orders, slots, log, number, row, factor)
    if _is_due_at(order, now):
        _decide(feed, rules, orders, log, parameters, number, row)
        if rules.latency_ns == 0:
            _act(feed, rules, orders, slots, log, number, row, factor)
    if row < order["end_row"]:
        return bool(order["remaining"] > 0.0)
    end_all(orders, slots, log, number, row, EXPIRED)
    order["end_impact_bps"] = impact_bps
    feed.rows[row]["moved_shares"] += order["side"] * order["remaining"]
    return False


@njit(cache=True)
def _activate(orders: Records, active: Long, count: int, waiting: int, row: int) -> tuple[int, int]:
    """Append the orders that start by this row; how many are active, and the next one that waits."""
    while waiting < len(orders) and orders[waiting]["first_row"] <= row:
        if orders[waiting]["is_eligible"] == 1 and orders[waiting]["end_row"] >= row:
            active[count] = waiting
            count += 1
        waiting += 1
    return count, waiting


@njit(cache=True)
def run_lockstep(feed: Feed, rules: Rules, orders: Records, slots: Records, log: Log, parameters: Float) -> None:
    """Work all eligible orders (canonical order) through the feed; everything but rules and parameters is written."""
    active = np.empty(len(orders), np.int64)
    count, waiting, impact_bps, half_tick = 0, 0, 0.0, rules.tick / 2.0
    for row in range(len(feed.rows)):
        shown = feed.rows[row]
        now = shown["clock_ns"]
        if row > 0:
            impact_bps *= np.exp(-(now - feed.rows[row - 1]["clock_ns"]) / rules.decay_ns)
        count, waiting = _activate(orders, active, count, waiting, row)
        kept = 0
        for index in range(count):
            number = active[index]
            order = orders[number]
            factor, could = 1.0 + (planted_bps(order, now) + impact_bps) / 1e4, 0.0
            if order["resting"] > 0 and is_reached(order, shown, factor, half_tick, rules.is_touch):
                could = meet(feed, orders, slots, number, row, factor, half_tick, rules.is_touch)
            stays = True
            if could > 0.0 or _is_awake(order, now, row):
                stays = _work(feed, rules, orders, slots, log, parameters, number, row, factor, impact_bps, could)
            if stays:
                active[kept] = number
                kept += 1
        count = kept
        impact_bps += shown["moved_shares"] * rules.per_share_bps
