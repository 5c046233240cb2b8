"""Stoikov's adjusted microprice: where the mid will settle, given what the book looks like now.

    adjusted = mid + g(spread, imbalance)        g fitted per symbol on earlier days

The state is the spread in ticks (1, 2, 3 or more) and the bin of level-1 imbalance (eleven). Rows follow each other in
three ways: the mid stands and the state changes (Q), the mid moves by k half ticks (R), and after a move a new state
follows (T). With K the column of moves, the expected first move is G1 = (1 - Q)^-1 R K, a move leads to a new state by
B = (1 - Q)^-1 T, and

    g = sum over i >= 0 of B^i G1

Counts are made symmetric (bid and ask exchanged, moves negated), as in the paper; without that B^i G1 does not vanish.

Source: Stoikov (2018) "The micro-price: a high-frequency estimator of future prices", sections 2 and 3. Rows here
come at the feed's own pace instead of a fixed clock, and moves beyond two ticks count as two. It is a martingale by
construction, not a forecast of a trend, and says nothing about levels behind the best.

    >>> imbalance_bin(0.0, 1.0), imbalance_bin(1.0, 0.0), spread_state(0.01, 0.01), spread_state(0.07, 0.01)
    (0, 10, 0, 2)
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from features.book import BPS
from features.compiled import compiled
from features.fits import IMBALANCES, MICROPRICE, SPREADS, TICK, Fit

Floats = npt.NDArray[np.float64]

STATES = SPREADS * IMBALANCES
MOVES_TICKS = (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
"""Moves of the mid, in ticks; a move of one best price by one tick is half of one."""
TERMS = 6
"""Terms of the sum, as in the paper: B^i G1 is below a thousandth of a tick by then."""
MIN_MOVES = 200
"""Moves of the mid that a fit needs, because thirty-three states share them."""
STAY, MOVE, NEXT = slice(0, STATES), slice(STATES, STATES + len(MOVES_TICKS)), slice(STATES + len(MOVES_TICKS), None)
COUNT_COLUMNS = 2 * STATES + len(MOVES_TICKS)
"""A day's counts: (STATES, COUNT_COLUMNS), from a state to a state without a move, to a move, to a state after one."""


@compiled
def imbalance_bin(bid_shares_1: float, ask_shares_1: float) -> int:
    """Bin of (bid - ask) / (bid + ask), 0 to 10; 5 is balance, and sides exchanged are bins mirrored."""
    half = IMBALANCES // 2
    return half + round((bid_shares_1 - ask_shares_1) / (bid_shares_1 + ask_shares_1) * half)


@compiled
def spread_state(spread: float, tick: float) -> int:
    """0, 1, 2 for one tick (or less), two, three or more."""
    return max(0, min(SPREADS, math.floor(spread / tick + 0.5)) - 1)


@compiled
def book_state(bid_price_1: float, bid_shares_1: float, ask_price_1: float, ask_shares_1: float, tick: float) -> int:
    """Spread state and imbalance bin as one number; -1 where a side is empty or shows no size, or without a tick."""
    spread = ask_price_1 - bid_price_1
    if math.isnan(spread) or math.isnan(tick) or bid_shares_1 <= 0.0 or ask_shares_1 <= 0.0:
        return -1
    return spread_state(spread, tick) * IMBALANCES + imbalance_bin(bid_shares_1, ask_shares_1)


@compiled
def microprice_adjusted_bps(
    bid_price_1: float, bid_shares_1: float, ask_price_1: float, ask_shares_1: float, mid: float, fit: Fit
) -> float:
    """1e4 * (Stoikov's adjusted microprice - mid) / mid, with the adjustment fitted on earlier days of the symbol."""
    state = book_state(bid_price_1, bid_shares_1, ask_price_1, ask_shares_1, fit[TICK])
    if state < 0:
        return math.nan
    return BPS * fit[MICROPRICE + state] * fit[TICK] / mid


@njit
def count_transitions(
    bid_price: Floats,
    bid_shares: Floats,
    ask_price: Floats,
    ask_shares: Floats,
    is_followed: npt.NDArray[np.bool_],
    tick: float,
) -> Floats:
    """(STATES, COUNT_COLUMNS) counts of one day; `is_followed` (n): the next row is of the same trading interval."""
    counts = np.zeros((STATES, COUNT_COLUMNS))
    for row in range(len(bid_price) - 1):
        now = book_state(bid_price[row], bid_shares[row], ask_price[row], ask_shares[row], tick)
        then = book_state(bid_price[row + 1], bid_shares[row + 1], ask_price[row + 1], ask_shares[row + 1], tick)
        if now < 0 or then < 0 or not is_followed[row]:
            continue
        half_ticks = round((bid_price[row + 1] + ask_price[row + 1] - bid_price[row] - ask_price[row]) / tick)
        if half_ticks == 0:
            counts[now, then] += 1.0
            continue
        place = min(4, abs(half_ticks)) + 3 if half_ticks > 0 else 4 - min(4, abs(half_ticks))
        counts[now, STATES + place] += 1.0
        counts[now, STATES + len(MOVES_TICKS) + then] += 1.0
    return counts


def _mirrored(counts: Floats) -> Floats:
    """The same counts with bid and ask exchanged."""
    other = np.arange(STATES).reshape(SPREADS, IMBALANCES)[:, ::-1].ravel()
    stay, move, after = (counts[other][:, part] for part in (STAY, MOVE, NEXT))
    return np.hstack([stay[:, other], move[:, ::-1], after[:, other]])


def fit_microprice(counts: Floats) -> Floats:
    """(STATES) adjustment in ticks from summed counts of the days; NaN everywhere with fewer than MIN_MOVES moves.

    A state that was never left is left unadjusted: 0.
    """
    if counts[:, MOVE].sum() < MIN_MOVES:
        return np.full(STATES, np.nan)
    both = counts + _mirrored(counts)
    seen = both[:, STAY].sum(axis=1) + both[:, MOVE].sum(axis=1)
    chances = both / np.maximum(seen, 1.0)[:, None]
    leaves = np.eye(STATES) - chances[:, STAY]
    never_left = chances[:, MOVE].sum(axis=1) == 0.0
    leaves[never_left] = np.eye(STATES)[never_left]
    first = np.linalg.solve(leaves, chances[:, MOVE] @ np.array(MOVES_TICKS))
    onward = np.linalg.solve(leaves, chances[:, NEXT])
    total, term = np.zeros(STATES), first
    for _ in range(TERMS):
        total, term = total + term, onward @ term
    return total
