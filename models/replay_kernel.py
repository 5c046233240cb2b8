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

from models.limits_check import NO_LIMIT, STOPPED
from models.limits_guard import is_sound, next_policy
from models.policy import CROSS, WAIT, decide
from models.replay_children import cross, end_all, fill_resting, is_reached, meet, rest
from models.replay_limits import Desk, begin_slice
from models.replay_state import CANCELLED, EXPIRED, NEVER, STEP_NS, Log
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
def _asked(feed: Feed, desk: Desk, order: Record, which: int, row: int) -> tuple[int, float]:
    """What one policy answers for an order on what `row` shows: action and shares."""
    at, length = order["next_decision_ns"], float(order["end_ns"] - order["start_ns"])
    bid, ask = feed.levels[row, 0, 0, PRICE], feed.levels[row, 1, 0, PRICE]
    spread_bps = (ask - bid) / (ask + bid) * 2e4 if ask > bid else 0.0
    elapsed, step = (at - order["start_ns"]) / length + 1e-9, STEP_NS / length
    side, urgency, shares, left = order["side"], order["urgency"], order["shares"], order["remaining"]
    lot, signal_bps = desk.rules.lot_shares, feed.signals_bps[row, which]
    return decide(desk.work.policies[which], side, urgency, elapsed, step, shares, left, lot, spread_bps, signal_bps)


@njit(cache=True)
def _worker(desk: Desk, orders: Records, slots: Records, log: Log, number: int, row: int) -> int:
    """The policy that works an order now; one that a limit stopped passes it on, and nothing of it stays open."""
    guard, which = desk.guard, orders[number]["policy"]
    while guard.session.used[which, STOPPED] > 0.0 and next_policy(guard, which) >= 0:
        end_all(orders, slots, log, number, row, CANCELLED)
        which = next_policy(guard, which)
        orders[number]["policy"] = which
    return int(which)


@njit(cache=True)
def _decide(feed: Feed, desk: Desk, orders: Records, slots: Records, log: Log, number: int, row: int) -> None:
    """Ask the policy on what `row` shows, write the decision, and let it act after the latency."""
    order, decision, place = orders[number], log.decisions[log.written[0]], log.written[0]
    which, at = order["policy"], order["next_decision_ns"]
    if desk.guard.held.is_limited:
        which = _worker(desk, orders, slots, log, number, row)
    action, due = _asked(feed, desk, order, which, row)
    unsound = 0
    while not is_sound(desk.guard.held.must_read[which], feed.signals_bps[row, which], due):
        unsound += 1 << which
        if next_policy(desk.guard, which) < 0:
            action, due = WAIT, 0.0
            break
        which = next_policy(desk.guard, which)
        action, due = _asked(feed, desk, order, which, row)
    decision["order"] = number
    decision["at_ns"] = at
    decision["action"] = action
    decision["shares"] = due
    decision["signal_bps"] = feed.signals_bps[row, which]
    decision["policy"] = which
    decision["limit"] = NO_LIMIT
    decision["unsound"] = unsound
    order["pending_decision"] = place
    order["pending_row"] = row
    order["pending_at_ns"] = at + desk.rules.latency_ns
    order["pending_action"] = action
    order["pending_shares"] = due
    order["next_decision_ns"] = at + STEP_NS
    log.written[0] += 1


@njit(cache=True)
def _act(
    feed: Feed, desk: Desk, orders: Records, slots: Records, log: Log, number: int, row: int, factor: float
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
        cross(feed, desk, orders, slots, log, number, row, factor, wanted)
    else:
        rest(feed, desk, orders, slots, log, number, row, factor, wanted)


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
    feed: Feed, desk: Desk, orders: Records, slots: Records, log: Log, number: int, row: int, factor: float,
    impact_bps: float, could_fill: float,
) -> bool:  # fmt: skip
    """One order, one row in which something happens; True while it stays active."""
    order, now = orders[number], feed.rows[row]["clock_ns"]
    if _is_due_before(order, now):
        _decide(feed, desk, orders, slots, log, number, row - 1)
    if could_fill > 0.0:
        fill_resting(feed, desk.rules, orders, slots, log, number, row)
    if order["pending_at_ns"] <= now:
        _act(feed, desk, orders, slots, log, number, row, factor)
    if _is_due_at(order, now):
        _decide(feed, desk, orders, slots, log, number, row)
        if desk.rules.latency_ns == 0:
            _act(feed, desk, orders, slots, log, number, row, factor)
    if row < order["end_row"]:
        return bool(order["remaining"] > 0.0)
    end_all(orders, slots, log, number, row, EXPIRED)
    order["end_impact_bps"] = impact_bps
    feed.rows[row]["moved_shares"] += order["side"] * order["remaining"]
    return False


@njit(cache=True)
def _activate(orders: Records, count: int, waiting: int, row: int) -> tuple[int, int]:
    """Append the orders that start by this row; how many are active, and the next one that waits."""
    while waiting < len(orders) and orders[waiting]["first_row"] <= row:
        if orders[waiting]["is_eligible"] == 1 and orders[waiting]["end_row"] >= row:
            orders[count]["active"] = waiting
            count += 1
        waiting += 1
    return count, waiting


@njit(cache=True)
def book_slice(orders: Records, slots: Records, log: Log, desk: Desk) -> None:
    """Book what is filled and open now, for this symbol's check and the others'."""
    begin_slice(orders, slots, log, desk)


@njit(cache=True)
def run_lockstep(feed: Feed, desk: Desk, orders: Records, slots: Records, log: Log, until_ns: int) -> None:
    """Work all eligible orders (canonical order) through the rows before `until_ns`, from where the replay stands.

    Everything but rules, policies and limits is written.
    """
    work, rules, half_tick, is_touch = desk.work, desk.rules, desk.rules.tick / 2.0, desk.rules.is_touch
    row, count, waiting, impact_bps = work.row, work.count, work.waiting, work.impact_bps
    while row < len(feed.rows) and feed.rows[row]["clock_ns"] < until_ns:
        shown = feed.rows[row]
        now = shown["clock_ns"]
        if row > 0:
            impact_bps *= np.exp(-(now - feed.rows[row - 1]["clock_ns"]) / rules.decay_ns)
        count, waiting = _activate(orders, count, waiting, row)
        kept = 0
        for index in range(count):
            number = orders[index]["active"]
            order = orders[number]
            factor, could = 1.0 + (planted_bps(order, now) + impact_bps) / 1e4, 0.0
            if order["resting"] > 0 and is_reached(order, shown, factor, half_tick, is_touch):
                could = meet(feed, orders, slots, number, row, factor, half_tick, is_touch)
            stays = True
            if could > 0.0 or _is_awake(order, now, row):
                stays = _work(feed, desk, orders, slots, log, number, row, factor, impact_bps, could)
            if stays:
                orders[kept]["active"] = number
                kept += 1
        count = kept
        impact_bps += shown["moved_shares"] * rules.per_share_bps
        row += 1
    work.row, work.count, work.waiting, work.impact_bps = row, count, waiting, impact_bps
