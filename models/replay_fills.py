"""What fills, and how much: the queue, the two bounds, and walking the shown book. Compiled, one row at a time.

Every comparison of prices is signed by `side` (+1 buy, -1 sell), so buys and sells are one rule, and tolerates half a
tick, because an overlay (planted alpha, own impact) moves recorded prices off the grid.

Queue: a child joins behind everything shown at its price. What trades there shortens the queue, and so does what
leaves without trading: the queue only plays a part under `touch`, the optimistic bound, so whoever leaves stood ahead
of us. A price better than the best has no queue; a price deeper than the feed shows has an unknown one and does not
fill until it comes into view (trap 16).

Bounds for what a snapshot cannot tell (trap 11):
* `touch`, optimistic: prints at our price fill us once the queue is used up; so does the opposite best at our price;
* `trade_through`, pessimistic: only prints beyond our price, or the opposite best beyond it.
Either way never more than printed or shown. Why position matters: Moallemi and Yuan (2017), "A model for queue
position valuation in a limit order book", section 2; hftbacktest's queue models are the peer.

    >>> resting_fill(500.0, 800.0, 0.0, 0.0, 0.0, True), resting_fill(500.0, 800.0, 0.0, 0.0, 0.0, False)
    ((300.0, 0.0), (0.0, 0.0))
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from models.policy import CROSS, IMPROVE
from models.replay_tape import PRICE, SHARES, Records

Float = npt.NDArray[np.float64]


@njit(cache=True)
def shown_at(levels: Float, own: int, row: int, price: float, factor: float, half_tick: float) -> float:
    """Shares shown at `price` on our own side: 0 inside the spread or in a gap, infinity deeper than the feed shows."""
    side = 1.0 if own == 0 else -1.0
    for level in range(levels.shape[2]):
        behind = side * (price - factor * levels[row, own, level, PRICE])
        if not np.isfinite(behind):
            return np.inf
        if abs(behind) <= half_tick:
            return float(levels[row, own, level, SHARES])
        if behind > 0.0:
            return 0.0
    return np.inf


@njit(cache=True)
def shown_against(
    levels: Float, own: int, row: int, price: float, factor: float, half_tick: float
) -> tuple[float, float]:
    """Opposite shares shown at our price and beyond it: they would have met us."""
    side, far = 1.0 if own == 0 else -1.0, 1 - own
    at, beyond = 0.0, 0.0
    for level in range(levels.shape[2]):
        worse = side * (factor * levels[row, far, level, PRICE] - price)
        if not worse <= half_tick:
            break
        if worse < -half_tick:
            beyond += levels[row, far, level, SHARES]
        else:
            at += levels[row, far, level, SHARES]
    return at, beyond


@njit(cache=True)
def printed_against(
    prints: Records, first: int, last: int, side: float, price: float, factor: float, half_tick: float
) -> tuple[float, float]:
    """Shares that printed at our price and beyond it since the row before, by the other side or unsigned."""
    at, beyond = 0.0, 0.0
    for place in range(first, last):
        print_ = prints[place]
        worse = side * (factor * print_["price"] - price)
        if print_["sign"] * side > 0.0 or worse > half_tick:
            continue
        if worse < -half_tick:
            beyond += print_["shares"]
        else:
            at += print_["shares"]
    return at, beyond


@njit(cache=True)
def cancelled_at(shown_before: float, shown: float, printed: float) -> float:
    """Shares that left our price without trading, as far as two rows tell; 0 where one of them does not look there."""
    if not np.isfinite(shown_before) or not np.isfinite(shown):
        return 0.0
    return float(max(0.0, shown_before - shown - printed))


@njit(cache=True)
def resting_fill(
    ahead: float, printed_at: float, printed_beyond: float, shown_at_price: float, shown_beyond: float, is_touch: bool
) -> tuple[float, float]:
    """Shares that could fill a resting child, and the queue left ahead of it."""
    beyond = printed_beyond + shown_beyond
    queue = max(0.0, ahead - printed_at)
    if beyond > 0.0 or (is_touch and shown_at_price > 0.0):
        queue = 0.0
    if not is_touch:
        return beyond, queue
    return beyond + shown_at_price + max(0.0, printed_at - ahead), queue


@njit(cache=True)
def whole_lots(shares: float, wanted: float, lot_shares: float) -> float:
    """At most `wanted`: all of it, or whole lots of what is there."""
    if shares >= wanted:
        return wanted
    return float(max(0.0, np.floor(shares / lot_shares + 1e-9) * lot_shares))


@njit(cache=True)
def child_price(
    side: float, action: int, own_best: float, opposite_best: float, limit_price: float, tick: float
) -> float:
    """Where a child rests: JOIN at the own touch, IMPROVE one tick better where the spread has room, never past the
    limit; a CROSS that the limit stopped rests at the limit."""
    price = own_best
    if action == CROSS:
        return limit_price
    if action == IMPROVE and side * (opposite_best - own_best) > 1.5 * tick:
        price = own_best + side * tick
    if np.isfinite(limit_price) and side * (price - limit_price) > 0.0:
        return limit_price
    return price
