"""Child orders in the replay: opened, kept in the queue, filled, crossed, ended. Compiled; orders and log are written.

A decision states the whole target: a child at another price or beyond the due shares is cancelled, one at the right
price keeps its place in the queue, and what is missing joins behind. Crossing cancels what rests and takes shown depth
once; the rest waits for the next decision. A cross that the client's limit stops altogether rests at the limit. Own
orders share what a row shows and prints.

    >>> FILLED, CANCELLED
    (0, 1)
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.replay_fills import (
    cancelled_at,
    child_price,
    printed_against,
    resting_fill,
    shown_against,
    shown_at,
    whole_lots,
)
from models.replay_limits import Desk, checked_shares, cross_limit
from models.replay_state import CANCELLED, FILLED, SLOTS, Log, Rules
from models.replay_tape import PRICE, SHARES, Feed, Records

DUST_SHARES = 1e-6
Record = np.void


@njit(cache=True)
def record_fill(
    rows: Records, orders: Records, log: Log, number: int, child: int, row: int, price: float, shares: float, maker: int
) -> None:
    """Write one fill; what is left of the order falls, and below a millionth of a share nothing is left."""
    order, fill = orders[number], log.fills[log.written[2]]
    fill["order"] = number
    fill["child"] = child
    fill["row"] = row
    fill["price"] = price
    fill["shares"] = shares
    fill["is_maker"] = maker
    log.written[2] += 1
    log.children[child]["filled"] += shares
    left = order["remaining"] - shares
    order["remaining"] = left if left > DUST_SHARES else 0.0
    rows[row]["moved_shares"] += order["side"] * shares


@njit(cache=True)
def open_child(orders: Records, log: Log, number: int, row: int, price: float, shares: float) -> int:
    """Write one child order and give its number."""
    place = log.written[1]
    child = log.children[place]
    child["order"] = number
    child["decision"] = orders[number]["pending_decision"]
    child["row"] = row
    child["end_row"] = row
    child["price"] = price
    child["shares"] = shares
    child["filled"] = 0.0
    child["reason"] = CANCELLED
    log.written[1] = place + 1
    return int(place)


@njit(cache=True)
def end_slot(orders: Records, slots: Records, log: Log, number: int, slot: int, row: int, reason: int) -> None:
    """Free the slot of a resting child."""
    resting = slots[number, slot]
    log.children[resting["child"]]["end_row"] = row
    log.children[resting["child"]]["reason"] = reason
    resting["left"] = 0.0
    orders[number]["resting"] -= 1


@njit(cache=True)
def end_all(orders: Records, slots: Records, log: Log, number: int, row: int, reason: int) -> None:
    """End every resting child of an order."""
    for slot in range(SLOTS):
        if slots[number, slot]["left"] > 0.0:
            end_slot(orders, slots, log, number, slot, row, reason)


@njit(cache=True)
def is_reached(order: Record, shown: Record, factor: float, half_tick: float, is_touch: bool) -> bool:
    """Whether anything in this row could fill what rests, or shorten its queue: a cheap test before the exact one.

    Only prints and quotes beyond our price matter under `trade_through`, where the queue plays no part.
    """
    best = shown["best_for_buys"] if order["side"] > 0.0 else shown["best_for_sells"]
    return is_touch or order["side"] * (factor * best - order["resting_price"]) < -half_tick


@njit(cache=True)
def meet(
    feed: Feed, orders: Records, slots: Records, number: int, row: int, factor: float, half_tick: float, is_touch: bool
) -> float:
    """What could fill each resting child in this row, written to its slot together with its queue; the sum."""
    price, side = orders[number]["resting_price"], orders[number]["side"]
    own, total = 0 if side > 0.0 else 1, 0.0
    first, last = feed.rows[row]["first_print"], feed.rows[row]["last_print"]
    printed_at, printed_beyond = printed_against(feed.prints, first, last, side, price, factor, half_tick)
    at, beyond = shown_against(feed.levels, own, row, price, factor, half_tick)
    shown = shown_at(feed.levels, own, row, price, factor, half_tick)
    left_queue = cancelled_at(orders[number]["shown_before"], shown, printed_at)
    orders[number]["shown_before"] = shown
    for slot in range(SLOTS):
        resting = slots[number, slot]
        if resting["left"] > 0.0:
            ahead = max(0.0, resting["ahead"] - left_queue)
            could, queue = resting_fill(ahead, printed_at, printed_beyond, at, beyond, is_touch)
            resting["ahead"] = min(queue, shown)
            resting["could_fill"] = could
            total += could
    return total


@njit(cache=True)
def fill_resting(feed: Feed, rules: Rules, orders: Records, slots: Records, log: Log, number: int, row: int) -> None:
    """Fill what rests with what `meet` found, less what other own orders took of it."""
    shown = feed.rows[row]
    is_buy = orders[number]["side"] > 0.0
    for slot in range(SLOTS):
        resting = slots[number, slot]
        left = resting["left"]
        if left <= 0.0:
            continue
        claimed = shown["claimed_by_buys"] if is_buy else shown["claimed_by_sells"]
        filled = whole_lots(resting["could_fill"] - claimed, left, rules.lot_shares)
        if filled <= 0.0:
            continue
        if is_buy:
            shown["claimed_by_buys"] = claimed + filled
        else:
            shown["claimed_by_sells"] = claimed + filled
        record_fill(feed.rows, orders, log, number, resting["child"], row, orders[number]["resting_price"], filled, 1)
        resting["left"] = left - filled
        if left <= filled:
            end_slot(orders, slots, log, number, slot, row, FILLED)


@njit(cache=True)
def _keep(orders: Records, slots: Records, log: Log, number: int, row: int, wanted: float) -> float:
    """Cancel children beyond `wanted`, slot by slot; shares that stay."""
    kept = 0.0
    for slot in range(SLOTS):
        resting = slots[number, slot]
        if resting["left"] <= 0.0:
            continue
        stays = min(resting["left"], wanted - kept)
        if stays > 0.0:
            resting["left"] = stays
            kept += stays
        else:
            end_slot(orders, slots, log, number, slot, row, CANCELLED)
    return kept


@njit(cache=True)
def rest(
    feed: Feed,
    desk: Desk,
    orders: Records,
    slots: Records,
    log: Log,
    number: int,
    row: int,
    factor: float,
    wanted: float,
) -> None:
    """Let `wanted` shares rest where the action says, keeping what already stands there."""
    order, half_tick, levels, tick = orders[number], desk.rules.tick / 2.0, feed.levels, desk.rules.tick
    own = 0 if order["side"] > 0.0 else 1
    best, opposite = factor * levels[row, own, 0, PRICE], factor * levels[row, 1 - own, 0, PRICE]
    price = child_price(order["side"], order["pending_action"], best, opposite, order["limit_price"], tick)
    if order["resting"] > 0 and not abs(order["resting_price"] - price) <= half_tick:
        end_all(orders, slots, log, number, row, CANCELLED)
    missing = wanted - _keep(orders, slots, log, number, row, wanted)
    if missing <= DUST_SHARES or not np.isfinite(price):
        return
    if desk.guard.held.is_limited:
        missing = checked_shares(feed, orders, slots, log, desk, number, row, factor, price, missing)
        if missing <= 0.0:
            return
    if order["resting"] == 0:
        order["resting_price"] = price
    _join(feed, orders, slots, log, number, row, factor, half_tick, missing)


@njit(cache=True)
def _join(
    feed: Feed, orders: Records, slots: Records, log: Log, number: int, row: int, factor: float, half_tick: float,
    shares: float,
) -> None:  # fmt: skip
    """A new child behind everything shown at the order's resting price, in the first free slot, if any."""
    order = orders[number]
    own, price = 0 if order["side"] > 0.0 else 1, order["resting_price"]
    for slot in range(SLOTS):
        resting = slots[number, slot]
        if resting["left"] <= 0.0:
            resting["left"] = shares
            resting["could_fill"] = 0.0
            resting["ahead"] = shown_at(feed.levels, own, row, price, factor, half_tick)
            resting["child"] = open_child(orders, log, number, row, price, shares)
            order["shown_before"] = resting["ahead"]
            order["resting"] += 1
            return


@njit(cache=True)
def cross(
    feed: Feed, desk: Desk, orders: Records, slots: Records, log: Log, number: int, row: int, factor: float,
    wanted: float,
) -> None:  # fmt: skip
    """Take up to `wanted` of what the far side still shows, level by level, never past the client's limit."""
    side, left = orders[number]["side"], wanted
    limit = orders[number]["limit_price"]
    if desk.guard.held.is_limited:
        which = log.decisions[orders[number]["pending_decision"]]["policy"]
        limit = cross_limit(feed, desk.guard, which, side, row, factor, limit)
        left = checked_shares(feed, orders, slots, log, desk, number, row, factor, limit, wanted)
        if left <= 0.0:
            return
    far, child = 1 if side > 0.0 else 0, open_child(orders, log, number, row, limit, left)
    for level in range(feed.levels.shape[2]):
        price = factor * feed.levels[row, far, level, PRICE]
        if left <= 0.0 or not np.isfinite(price) or side * (price - limit) > 0.0:
            break
        filled = whole_lots(feed.levels[row, far, level, SHARES], left, desk.rules.lot_shares)
        if filled > 0.0:
            feed.levels[row, far, level, SHARES] -= filled
            left -= filled
            record_fill(feed.rows, orders, log, number, child, row, price, filled, 0)
    if left <= 0.0:
        log.children[child]["reason"] = FILLED
