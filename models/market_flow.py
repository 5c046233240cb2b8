"""Everybody else: limit orders, cancellations, market orders, and what a second does to the book. Compiled.

Events come as a Poisson process at a rate that only the clock knows (seasons and regimes); the book then accepts or
refuses each one (thinning: Lewis and Shedler 1979, Naval Research Logistics 26). Every event draws the same five
numbers whether accepted or not, so two policies on the same day meet the same stream of intentions.

Accepted intensities depend on the queue q at the price and on its distance from the efficient price, as in Huang,
Lehalle and Rosenbaum (2015), "Simulating and analyzing order book data: the queue-reactive model", JASA 110, models I
and III: limit orders fall with q as 1 / (1 + q / target), cancellations grow with q and level off, market orders
fall with the queue that they would hit.
"""

from __future__ import annotations

import math

from numba import njit

from models.market_book import best_of_all, market_takes, market_takes_at, place_limit, refresh_best, remove_lots
from models.market_parameters import LEVELS, ROW_SECONDS
from models.market_path import ACTIVITY, DEPTH, FLOW, PRICE
from models.market_random import hashed_uniform, uniform
from models.market_state import DEPTH_LEVELS, KINDS, MOST_ROWS, OWN_BEST, State

CANCEL_CAP = 2.0
REACH_TICKS = 2
FLOW_LIMIT = 2.0


@njit(cache=True, nogil=True)
def inner_place(s: State, side: int) -> int:
    """Best place at which makers of a side would quote, given the efficient price."""
    if side == 0:
        return math.floor(s.efficient - s.half_spread)
    return math.ceil(s.efficient + s.half_spread)


@njit(cache=True, nogil=True)
def _size(mean: float, chance: float) -> int:
    """Exponential in whole lots, at least one."""
    return 1 + int(-math.log(chance) * (mean - 0.5))


@njit(cache=True, nogil=True)
def _limit(s: State, side: int, level: int, accept: float, size: float, extra: float, at: float) -> None:
    sign, second = 1 - 2 * side, s.second
    place = inner_place(s, side) - sign * level
    opposite = best_of_all(s, 1 - side)
    is_locking = sign * (place - opposite) >= 0
    if is_locking:
        place = opposite - sign
    queue = s.lots[side, place] + s.own_lots[side, place]
    lean = 1.0 + s.flow_tilt * sign * max(-FLOW_LIMIT, min(FLOW_LIMIT, s.path[FLOW, second]))
    share = lean / (1.0 + FLOW_LIMIT * s.flow_tilt) / (1.0 + queue / (s.target[level] * s.path[DEPTH, second]))
    if accept >= share:
        return
    lots = _size(s.order_lots, size)
    if is_locking and extra < s.aggressive_share:
        market_takes(s, 1 - side, lots, opposite, at)
    else:
        place_limit(s, side, place, lots)


@njit(cache=True, nogil=True)
def _cancel(s: State, side: int, level: int, accept: float, size: float, extra: float) -> None:
    place = inner_place(s, side) - (1 - 2 * side) * level
    queue = s.lots[side, place]
    if queue > 0 and accept * CANCEL_CAP * s.target[level] < queue:
        remove_lots(s, side, place, min(queue, _size(s.order_lots, size)), extra)


@njit(cache=True, nogil=True)
def _market(s: State, choice: float, accept: float, size: float, at: float) -> None:
    mid = (max(s.best[0], s.best[OWN_BEST]) + min(s.best[1], s.best[OWN_BEST + 1])) / 2.0
    gap = (s.efficient - mid) / (1.0 + s.half_spread)
    lean = math.tanh(s.flow_sign * s.path[FLOW, s.second] + s.pull * gap)
    sign = 1 if choice < 0.5 + 0.5 * lean else -1
    side = 1 if sign > 0 else 0
    best = best_of_all(s, side)
    queue = s.lots[side, best] + s.own_lots[side, best]
    if accept < 0.5 + 0.5 / (1.0 + queue / s.target[0]):
        market_takes(s, side, _size(s.trade_lots, size), best + sign * REACH_TICKS, at)
        s.kicks += sign * s.kick


@njit(cache=True, nogil=True)
def waiting_time(s: State) -> float:
    """Time to the next event from now on, at this second's rate."""
    return -math.log(uniform(s.stream)) / (s.total_rate * s.path[ACTIVITY, s.second])


@njit(cache=True, nogil=True)
def one_event(s: State, at: float) -> None:
    """Draw one intention of the market and let the book accept or refuse it."""
    draw = uniform(s.stream) * KINDS
    kind = min(KINDS - 1, int(draw))
    if draw - kind >= s.alias_share[kind]:
        kind = s.alias_other[kind]
    accept, size, extra = uniform(s.stream), uniform(s.stream), uniform(s.stream)
    side, level = (kind // DEPTH_LEVELS) % 2, kind % DEPTH_LEVELS
    if kind < 2 * DEPTH_LEVELS:
        _limit(s, side, level, accept, size, extra, at)
    elif kind < 4 * DEPTH_LEVELS:
        _cancel(s, side, level, accept, size, extra)
    else:
        _market(s, extra, accept, size, at)


@njit(cache=True, nogil=True)
def extend(s: State, side: int) -> None:
    """Fill the places that come into the window as the price moves towards them, near their settled size."""
    sign = 1 - 2 * side
    edge = inner_place(s, side) - sign * (DEPTH_LEVELS - 1)
    settled = s.target[DEPTH_LEVELS - 1] * s.path[DEPTH, s.second]
    while sign * (edge - s.edge[side]) < 0:
        s.edge[side] -= sign
        chance = hashed_uniform(s.hash_seed, s.second, 2 * s.edge[side] + side)
        s.lots[side, s.edge[side]] = 1 + int(settled * (0.5 + chance))


@njit(cache=True, nogil=True)
def _trim(s: State, side: int) -> None:
    sign = 1 - 2 * side
    edge = inner_place(s, side) - sign * (DEPTH_LEVELS - 1)
    while sign * (edge - s.edge[side]) > 0:
        gone = s.edge[side]
        s.edge[side] += sign
        if s.lots[side, gone] > 0:
            remove_lots(s, side, gone, s.lots[side, gone], 0.0)
    if sign * (s.best[side] - s.edge[side]) < 0:
        refresh_best(s, side)


@njit(cache=True, nogil=True)
def _clear_stale(s: State, side: int) -> None:
    """Quotes on the wrong side of the efficient price are picked off, or withdrawn by those who can; ours cannot."""
    sign, second = 1 - 2 * side, s.second
    is_picked = hashed_uniform(s.hash_seed, second, side) < s.pick_share
    while sign * (best_of_all(s, side) - s.efficient) > s.stale - 0.5 * s.half_spread:
        place = best_of_all(s, side)
        picked = min(s.lots[side, place], int(s.trade_lots)) if is_picked else 0
        if s.lots[side, place] > picked:
            remove_lots(s, side, place, s.lots[side, place] - picked, 1.0 if picked > 0 else 0.0)
        left = s.lots[side, place] + s.own_lots[side, place]
        if left > 0:
            market_takes_at(s, side, place, left, float(second))


@njit(cache=True, nogil=True)
def begin_second(s: State) -> None:
    """The efficient price moves on; stale quotes go; places come into and out of the window."""
    s.displacement *= s.impact_decay
    state = s.displacement
    bent = s.bend * (math.sqrt(1.0 + 2.0 * abs(state) / s.bend) - 1.0)
    own = s.permanent + (bent if state >= 0.0 else -bent)
    s.efficient = s.path[PRICE, s.second] + s.kicks + own
    for side in range(2):
        extend(s, side)
    for side in range(2):
        _clear_stale(s, side)
    for side in range(2):
        _trim(s, side)


@njit(cache=True, nogil=True)
def write_row(s: State) -> None:
    """Publish the book without our orders: the ten best prices a side that hold lots, and what traded since."""
    row = s.second // ROW_SECONDS
    if row >= MOST_ROWS:
        return
    for side in range(2):
        sign, place = 1 - 2 * side, s.best[side]
        for level in range(LEVELS):
            while s.lots[side, place] == 0 and sign * (place - s.edge[side]) > 0:
                place -= sign
            is_shown = s.lots[side, place] > 0 and sign * (place - s.edge[side]) >= 0
            s.row_place[row, side, level] = place if is_shown else -1
            s.row_lots[row, side, level] = s.lots[side, place] if is_shown else 0
            place -= sign
    s.row_traded[row, 0], s.row_traded[row, 1] = s.traded_lots, s.traded_ticks
    s.row_traded[row, 2] = s.last_place
    s.traded_lots, s.traded_ticks = 0.0, 0.0
