"""Limits in the replay: what each policy did so far, and the check before a child order goes out. Compiled.

The rules are those of `models/limits_check.py`. A child's price is chosen when it is sent, so the collar is laid there:
a cross goes no further than it allows. Fills count from the next half-minute on where they cost, at once where they are
a position. Prices are as the order saw them, with planted alpha and own impact.

    >>> Desk._fields
    ('rules', 'work', 'guard')
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from features.costs import fee_notional
from models.limits_check import (
    COST_NOTIONAL,
    FILLED_NOTIONAL,
    NO_LIMIT,
    PRICE_COLLAR,
    REPEATS,
    STOP_NOTIONAL,
    STOPPED,
    VOLUME_SECONDS,
    Child,
    allowed_lots,
    excess_notional,
)
from models.limits_guard import Guard, book_exposure, exposure_elsewhere, note_sent
from models.replay_state import SLOTS, Log, Rules
from models.replay_tape import PRICE, Feed, Records

Float = npt.NDArray[np.float64]
VOLUME_NS = int(VOLUME_SECONDS * 1e9)


class Desk(NamedTuple):
    """By which rules orders are worked, who decides and how far it came (WORK), and what it is held to."""

    rules: Rules
    work: Any
    guard: Guard


@njit(cache=True)
def _policy_of(log: Log, child: int) -> int:
    return int(log.decisions[log.children[child]["decision"]]["policy"])


@njit(cache=True)
def _account_fills(orders: Records, log: Log, work: Any) -> None:
    """Book the fills since the last call as positions of the policies whose children they filled."""
    for place in range(work.accounted, log.written[2]):
        fill = log.fills[place]
        order = orders[fill["order"]]
        work.net[_policy_of(log, fill["child"])] += order["side"] * fill["price"] * fill["shares"]
        order["repeats"] = 0
    work.accounted = log.written[2]


@njit(cache=True)
def _cost_fills(orders: Records, log: Log, guard: Guard, work: Any) -> None:
    """Book what they cost against arrival, with fees."""
    fees = guard.held.fees_bps
    for place in range(work.costed, log.written[2]):
        fill = log.fills[place]
        order, used = orders[fill["order"]], guard.session.used[_policy_of(log, fill["child"])]
        value = fill["price"] * fill["shares"]
        fee = fee_notional(order["side"], fill["is_maker"] == 1, value, fees[0], fees[1], fees[2])
        used[FILLED_NOTIONAL] += value
        used[COST_NOTIONAL] += order["side"] * (value - order["arrival_mid"] * fill["shares"]) + fee
    work.costed = log.written[2]


@njit(cache=True)
def _exposure(orders: Records, slots: Records, log: Log, work: Any, which: int, sign: float) -> float:
    """Currency that a policy has bought less sold (sign -1: sold less bought), all that it has open there filled."""
    found = sign * work.net[which]
    for index in range(len(orders)):
        order = orders[index]
        if order["resting"] == 0 or order["side"] != sign:
            continue
        for slot in range(SLOTS):
            resting = slots[index, slot]
            if resting["left"] > 0.0 and _policy_of(log, resting["child"]) == which:
                found += resting["left"] * order["resting_price"]
    return float(found)


@njit(cache=True)
def begin_slice(orders: Records, slots: Records, log: Log, desk: Desk) -> None:
    """Before a half-minute: book fills and their cost, and what is open now. Twice at one instant books the same."""
    _account_fills(orders, log, desk.work)
    _cost_fills(orders, log, desk.guard, desk.work)
    for which in range(desk.guard.held.policies):
        for side in range(2):
            exposure = _exposure(orders, slots, log, desk.work, which, 1.0 - 2.0 * side)
            book_exposure(desk.guard, which, side, exposure)


@njit(cache=True)
def _last_row(feed: Feed, clock_ns: int) -> int:
    """The last row at or before a time, -1 for none."""
    low, high = 0, len(feed.rows)
    while low < high:
        middle = (low + high) // 2
        if feed.rows[middle]["clock_ns"] <= clock_ns:
            low = middle + 1
        else:
            high = middle
    return low - 1


@njit(cache=True)
def market_shares(feed: Feed, row: int, start_ns: int, at_ns: int) -> float:
    """Shares traded up to `row` since the order's start, or since `VOLUME_SECONDS` ago where that is earlier."""
    first = _last_row(feed, min(start_ns, at_ns - VOLUME_NS))
    before = feed.rows[first]["volume_shares"] if first >= 0 else 0.0
    return float(feed.rows[row]["volume_shares"] - before)


@njit(cache=True)
def cross_limit(feed: Feed, guard: Guard, which: int, side: float, row: int, factor: float, limit: float) -> float:
    """How far a cross may go: the client's limit, of a limited policy also the collar and what the book shows."""
    if not guard.held.limited[which]:
        return limit
    far = 1 if side > 0.0 else 0
    best, reach = factor * feed.levels[row, far, 0, PRICE], guard.held.limits[which, PRICE_COLLAR] / 1e4 * (1.0 - 1e-9)
    bound = best * (1.0 + side * reach) if reach >= 0.0 else best
    deepest = best
    for level in range(feed.levels.shape[2]):
        price = factor * feed.levels[row, far, level, PRICE]
        deepest = price if np.isfinite(price) else deepest
    for other in (deepest, limit):
        bound = other if np.isfinite(other) and side * (bound - other) > 0.0 else bound
    return float(bound)


@njit(cache=True)
def _child(
    feed: Feed, orders: Records, slots: Records, log: Log, desk: Desk, number: int, row: int, factor: float,
    price: float,
) -> Child:  # fmt: skip
    """What the check is asked with; what rests of the order counts as open."""
    order, lot = orders[number], desk.rules.lot_shares
    decision = log.decisions[order["pending_decision"]]
    which, side = decision["policy"], 0 if order["side"] > 0.0 else 1
    bid, far = factor * feed.levels[row, 0, 0, PRICE], factor * feed.levels[row, 1 - side, 0, PRICE]
    exposure = _exposure(orders, slots, log, desk.work, which, order["side"])
    exposure += exposure_elsewhere(desk.guard, which, side)
    own = order["shares"] - order["remaining"]
    for slot in range(SLOTS):
        own += slots[number, slot]["left"]
    volume = market_shares(feed, order["pending_row"], order["start_ns"], decision["at_ns"])
    dearest = price if side == 0 else max(price, bid)
    return Child(dearest * lot, lot, order["side"] * (price - far) / far * 1e4, exposure, own, volume, order["repeats"])


@njit(cache=True)
def checked_shares(
    feed: Feed, orders: Records, slots: Records, log: Log, desk: Desk, number: int, row: int, factor: float,
    price: float, shares: float,
) -> float:  # fmt: skip
    """Shares of the pending decision that may go out now at `price`, noted as sent; an event where that is fewer."""
    order, guard, decision = orders[number], desk.guard, log.decisions[orders[number]["pending_decision"]]
    which = decision["policy"]
    if not guard.held.limited[which]:
        return shares
    _account_fills(orders, log, desk.work)
    child, used = _child(feed, orders, slots, log, desk, number, row, factor, price), guard.session.used[which]
    lots = int(np.ceil(shares / child.lot_shares - 1e-9))
    excess = excess_notional(used, guard.session.used[guard.held.champion])
    fitting, limit, figure, allowed = allowed_lots(guard.held.limits[which], used, child, excess, lots)
    sent = shares if fitting == lots else fitting * child.lot_shares
    if limit != NO_LIMIT:
        decision["limit"] = limit
        decision["limit_row"] = row
        decision["asked"] = shares
        decision["sent"] = sent
        decision["figure"] = figure
        decision["allowed"] = allowed
    if limit in (REPEATS, STOP_NOTIONAL):
        used[STOPPED] = float(limit)
    if fitting > 0:
        side, notional = 0 if order["side"] > 0.0 else 1, fitting * child.lot_notional
        exposure = _exposure(orders, slots, log, desk.work, which, order["side"]) + notional
        note_sent(guard, which, side, notional, exposure)
        order["repeats"] += 1
    return float(sent)
