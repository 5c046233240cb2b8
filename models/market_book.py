"""The ladder: queues, the best prices, and executions against resting orders in price-time priority. Compiled.

Our own resting order knows how many of the market's lots stand ahead of it. Executions at its price take those
first; a cancellation takes them if the cancelled lots stood ahead. Orders that come later stand behind. A market
order meets our order like any other; our own crossing order takes the market's lots only (no self-trade).
"""

from __future__ import annotations

from numba import njit

from models.market_random import hashed_uniform
from models.market_state import (
    C_AHEAD,
    C_FILLED,
    C_LOTS,
    C_PARENT,
    C_REASON,
    C_TICK,
    CANCELLED,
    EXPIRED,
    FILLED,
    MOST_TRADES,
    NOWHERE,
    OWN_BEST,
    P_END,
    P_LEFT,
    P_SIDE,
    State,
)


@njit(cache=True, nogil=True)
def best_of_all(s: State, side: int) -> int:
    """Best place of a side, our own orders included."""
    if side == 0:
        return max(s.best[0], s.best[OWN_BEST])
    return min(s.best[1], s.best[OWN_BEST + 1])


@njit(cache=True, nogil=True)
def refresh_best(s: State, side: int) -> None:
    """Walk to the next of the market's queues; a side that is swept empty keeps one lot at its far edge."""
    sign = 1 - 2 * side
    edge = s.edge[side]
    place = edge if sign * (s.best[side] - edge) < 0 else s.best[side]
    while sign * (place - edge) > 0 and s.lots[side, place] == 0:
        place -= sign
    if s.lots[side, place] == 0:
        s.lots[side, place] = 1
    s.best[side] = place


@njit(cache=True, nogil=True)
def refresh_own_best(s: State, side: int) -> None:
    """Look through our resting orders for the best price of a side."""
    sign = 1 - 2 * side
    found = -sign * NOWHERE
    for k in range(s.actives):
        child = s.active[k]
        if s.parent[s.child[child, C_PARENT], P_SIDE] == sign and sign * (s.child[child, C_TICK] - found) > 0:
            found = s.child[child, C_TICK]
    s.best[OWN_BEST + side] = found


@njit(cache=True, nogil=True)
def place_limit(s: State, side: int, place: int, lots: int) -> None:
    """The market adds lots at a price that does not cross."""
    s.lots[side, place] += lots
    if (1 - 2 * side) * (place - s.best[side]) > 0:
        s.best[side] = place


@njit(cache=True, nogil=True)
def _is_at(s: State, child: int, side: int, place: int) -> bool:
    return s.child[child, C_TICK] == place and s.parent[s.child[child, C_PARENT], P_SIDE] == 1 - 2 * side


@njit(cache=True, nogil=True)
def shorten_queue(s: State, side: int, place: int, lots: int) -> None:
    """`lots` of the market left from the front of the queue."""
    for k in range(s.actives):
        child = s.active[k]
        if _is_at(s, child, side, place):
            s.child[child, C_AHEAD] = max(0, s.child[child, C_AHEAD] - lots)


@njit(cache=True, nogil=True)
def remove_lots(s: State, side: int, place: int, lots: int, chance: float) -> None:
    """The market cancels `lots`; they stood ahead of us with probability (share ahead) ** queue_decay."""
    before = s.lots[side, place]
    s.lots[side, place] = before - lots
    if s.own_lots[side, place] > 0:
        for k in range(s.actives):
            child = s.active[k]
            if _is_at(s, child, side, place):
                ahead = s.child[child, C_AHEAD]
                if chance < (ahead / before) ** s.queue_decay:
                    ahead = max(0, ahead - lots)
                s.child[child, C_AHEAD] = min(ahead, before - lots)
    if s.lots[side, place] == 0 and s.best[side] == place:
        refresh_best(s, side)


@njit(cache=True, nogil=True)
def _print(s: State, place: int, lots: int, sign: int, at: float) -> None:
    row = s.trades
    if row < MOST_TRADES:
        s.trade[row, 0], s.trade[row, 1], s.trade[row, 2] = place, lots, sign
        s.trade_at[row] = at
    s.trades = row + 1
    s.last_place = place
    s.traded_lots += lots
    s.traded_ticks += lots * place


@njit(cache=True, nogil=True)
def _deactivate(s: State, child: int, at: float) -> None:
    s.child_at[child, 1] = at
    count = s.actives
    for k in range(count):
        if s.active[k] == child:
            for later in range(k, count - 1):
                s.active[later] = s.active[later + 1]
            s.actives = count - 1
            break


@njit(cache=True, nogil=True)
def log_fill(s: State, child: int, place: int, lots: int, maker: float, at: float) -> None:
    """An execution of ours (maker 1.0: rested, 0.0: crossed): booked on child and parent, and pushed into the price."""
    row, parent = s.fills, s.child[child, C_PARENT]
    s.execution[row, 0], s.execution[row, 1], s.execution[row, 2], s.execution[row, 3] = child, place, lots, int(maker)
    s.execution_at[row] = at
    s.fills = row + 1
    s.child[child, C_FILLED] += lots
    s.parent[parent, P_LEFT] -= lots
    pushed = s.parent[parent, P_SIDE] * lots * (1.0 + maker * (s.passive_impact - 1.0))
    s.displacement += pushed * s.impact_per_lot
    s.permanent += pushed * s.permanent_per_lot


@njit(cache=True, nogil=True)
def end_resting(s: State, child: int, at: float) -> None:
    """Take a resting child of ours off the book: expired at its parent's instructed end, cancelled before."""
    parent = s.child[child, C_PARENT]
    side = 0 if s.parent[parent, P_SIDE] > 0 else 1
    s.child[child, C_REASON] = EXPIRED if at >= s.parent[parent, P_END] else CANCELLED
    s.own_lots[side, s.child[child, C_TICK]] -= s.child[child, C_LOTS] - s.child[child, C_FILLED]
    _deactivate(s, child, at)
    refresh_own_best(s, side)


@njit(cache=True, nogil=True)
def _first_own(s: State, side: int, place: int) -> int:
    """Our child that is served first at a price, -1 for none."""
    first = -1
    for k in range(s.actives):
        child = s.active[k]
        if _is_at(s, child, side, place) and (first < 0 or s.child[child, C_AHEAD] < s.child[first, C_AHEAD]):
            first = child
    return first


@njit(cache=True, nogil=True)
def _fill_resting(s: State, side: int, child: int, wanted: int, at: float) -> int:
    lots = min(wanted, s.child[child, C_LOTS] - s.child[child, C_FILLED])
    place = s.child[child, C_TICK]
    log_fill(s, child, place, lots, 1.0, at)
    s.own_lots[side, place] -= lots
    if s.child[child, C_FILLED] == s.child[child, C_LOTS]:
        s.child[child, C_REASON] = FILLED
        _deactivate(s, child, at)
        refresh_own_best(s, side)
    return lots


@njit(cache=True, nogil=True)
def iceberg(s: State, side: int, place: int) -> int:
    """Lots that stood hidden behind an emptied queue; the same in every run of the day that asks."""
    chance = hashed_uniform(s.hash_seed, s.second, 2 * place + side)
    return int(1.0 + s.order_lots * chance / s.hidden_liquidity) if chance < s.hidden_liquidity else 0


@njit(cache=True, nogil=True)
def market_takes_at(s: State, side: int, place: int, wanted: int, at: float) -> int:
    """The market takes up to `wanted` lots at one price, ours in their turn; the lots taken."""
    left, printed, has_iceberg = wanted, 0, True
    while left > 0:
        own = _first_own(s, side, place) if s.own_lots[side, place] > 0 else -1
        queue = s.lots[side, place] if own < 0 else min(s.lots[side, place], s.child[own, C_AHEAD])
        if queue > 0:
            lots = min(left, queue)
            s.lots[side, place] -= lots
            shorten_queue(s, side, place, lots)
            printed, left = printed + lots, left - lots
        elif own >= 0:
            left -= _fill_resting(s, side, own, left, at)
        else:
            s.lots[side, place] = iceberg(s, side, place) if has_iceberg else 0
            has_iceberg = False
            if s.lots[side, place] == 0:
                break
    if printed > 0:
        _print(s, place, printed, 2 * side - 1, at)
    if s.lots[side, place] == 0 and s.best[side] == place:
        refresh_best(s, side)
    return wanted - left


@njit(cache=True, nogil=True)
def market_takes(s: State, side: int, wanted: int, worst: int, at: float) -> int:
    """A market order against `side`, as far as `worst`; the lots taken."""
    sign, left = 1 - 2 * side, wanted
    while left > 0:
        place = best_of_all(s, side)
        if sign * (place - worst) < 0:
            break
        left -= market_takes_at(s, side, place, left, at)
    return wanted - left


@njit(cache=True, nogil=True)
def own_takes(s: State, side: int, child: int, wanted: int, worst: int, at: float) -> int:
    """Our child takes the market's lots on `side`, as far as `worst`; the lots taken."""
    sign, left, iced = 1 - 2 * side, wanted, -1
    while left > 0:
        place = s.best[side]
        if sign * (place - worst) < 0:
            break
        lots = min(left, s.lots[side, place])
        s.lots[side, place] -= lots
        shorten_queue(s, side, place, lots)
        log_fill(s, child, place, lots, 0.0, at)
        left -= lots
        if s.lots[side, place] == 0:
            s.lots[side, place] = iceberg(s, side, place) if place != iced else 0
            iced = place
            refresh_best(s, side)
    return wanted - left
