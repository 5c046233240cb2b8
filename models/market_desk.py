"""Our own child orders in the market model: decided, sent after the latency, resting in the queue, ended. Compiled.

A decision becomes one child order at most. WAIT takes everything off; JOIN rests at the market's touch; IMPROVE one
tick better where the spread has room; CROSS takes the far side as far as the tenth price it shows, and what is left of
it is cancelled. A child that already rests at the decided price stays and is topped up, because a replaced order loses
its place in the queue. No price passes the client's limit: a cross that the limit stops rests at the limit.

Prices are chosen on the book at the decision, sizes are cut to what is still open when the order arrives, so a fill
in between can never lead to too many shares. At the instructed end the venue expires what rests.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.market_book import end_resting, own_takes, refresh_own_best
from models.market_parameters import LEVELS
from models.market_state import (
    C_AHEAD,
    C_DECISION,
    C_FILLED,
    C_LOTS,
    C_PARENT,
    C_REASON,
    C_TICK,
    CANCELLED,
    FILLED,
    N_ACTION,
    N_DECISION,
    N_LOTS,
    N_TICK,
    NOWHERE,
    OWN_BEST,
    P_END,
    P_LEFT,
    P_LIMIT,
    P_LOTS,
    P_POLICY,
    P_SIDE,
    P_START,
    P_URGENCY,
    Float,
    State,
)
from models.policy import CROSS, IMPROVE, WAIT, decide

STEP_SECONDS = 30
ROUNDING = 1e-9


@njit(cache=True, nogil=True)
def _shown_limit(s: State, side: int) -> int:
    """Place of the last of the ten prices that a side shows."""
    sign, place, last = 1 - 2 * side, s.best[side], s.best[side]
    found = 0
    while found < LEVELS and sign * (place - s.edge[side]) >= 0:
        if s.lots[side, place] > 0:
            last, found = place, found + 1
        place -= sign
    return last


@njit(cache=True, nogil=True)
def _price(s: State, parent: int, action: int) -> int:
    sign = s.parent[parent, P_SIDE]
    side = 0 if sign > 0 else 1
    place = s.best[side]
    if action == CROSS:
        place = _shown_limit(s, 1 - side)
    elif action == IMPROVE and s.best[1] - s.best[0] > 1:
        place += sign
    limit = s.parent[parent, P_LIMIT]
    return limit if sign * (place - limit) > 0 else place


@njit(cache=True, nogil=True)
def _decide(s: State, policies: Float, parent: int, signals_bps: Float) -> None:
    second, row, which = s.second, s.decisions, s.parent[parent, P_POLICY]
    signal_bps = signals_bps[which]
    horizon = s.parent[parent, P_END] - s.parent[parent, P_START]
    spread_bps = 2e4 * (s.best[1] - s.best[0]) / (s.best[1] + s.best[0] + 2 * s.origin)
    action, shares = decide(
        policies[which], float(s.parent[parent, P_SIDE]), s.parent[parent, P_URGENCY],
        (second - s.parent[parent, P_START]) / horizon + ROUNDING, STEP_SECONDS / horizon,
        s.parent[parent, P_LOTS] * s.lot_shares, s.parent[parent, P_LEFT] * s.lot_shares, s.lot_shares,
        spread_bps, signal_bps,
    )  # fmt: skip
    lots = min(s.parent[parent, P_LEFT], int(np.rint(shares / s.lot_shares)))
    s.decision[row, 0], s.decision[row, 1], s.decision[row, 2], s.decision[row, 3] = parent, second, action, lots
    s.decision[row, 4] = which
    s.decision_signal[row] = signal_bps
    s.decisions = row + 1
    s.pending[parent, N_ACTION], s.pending[parent, N_TICK] = action, _price(s, parent, action)
    s.pending[parent, N_LOTS], s.pending[parent, N_DECISION] = lots, row
    s.pending_at[parent] = second + s.latency


@njit(cache=True, nogil=True)
def decide_all(s: State, policies: Float, signals_bps: Float) -> None:
    """One decision for every parent order that is active at this second, by the policy that works it now.

    policies (a, 9); signals_bps (a): what each policy reads of the symbol, NaN for none.
    """
    second = s.second
    for parent in range(s.parents):
        is_active = s.parent[parent, P_START] <= second < s.parent[parent, P_END]
        if is_active and s.parent[parent, P_LEFT] > 0:
            _decide(s, policies, parent, signals_bps)


@njit(cache=True, nogil=True)
def end_children(s: State, parent: int, at: float) -> None:
    """Take everything of a parent order off the book."""
    for k in range(s.actives - 1, -1, -1):
        if s.child[s.active[k], C_PARENT] == parent:
            end_resting(s, s.active[k], at)


@njit(cache=True, nogil=True)
def _resting_at(s: State, parent: int, place: int) -> int:
    """Lots of a parent that rest, -1 if any of them rest at another price."""
    total = 0
    for k in range(s.actives):
        child = s.active[k]
        if s.child[child, C_PARENT] == parent:
            if s.child[child, C_TICK] != place:
                return -1
            total += s.child[child, C_LOTS] - s.child[child, C_FILLED]
    return total


@njit(cache=True, nogil=True)
def _rest(s: State, child: int, side: int, place: int, lots: int) -> None:
    s.child[child, C_AHEAD] = s.lots[side, place]
    s.own_lots[side, place] += lots
    s.active[s.actives] = child
    s.actives += 1
    refresh_own_best(s, side)


@njit(cache=True, nogil=True)
def _send(s: State, parent: int, place: int, lots: int, at: float) -> None:
    sign, child = s.parent[parent, P_SIDE], s.children
    side = 0 if sign > 0 else 1
    is_marketable = sign * (place - s.best[1 - side]) >= 0
    s.children = child + 1
    s.child[child, C_PARENT], s.child[child, C_DECISION] = parent, s.pending[parent, N_DECISION]
    s.child[child, C_TICK], s.child[child, C_LOTS] = place, lots
    s.child_at[child, 0], s.child_at[child, 1] = at, at
    left = lots
    if is_marketable:
        left -= own_takes(s, 1 - side, child, lots, place, at)
    s.child[child, C_REASON] = FILLED if left == 0 else CANCELLED
    if left > 0 and not (is_marketable and s.pending[parent, N_ACTION] == CROSS):
        _rest(s, child, side, place, left)


@njit(cache=True, nogil=True)
def apply_decision(s: State, parent: int) -> None:
    """The decision reaches the exchange: change what rests only as far as it must."""
    at, action = s.pending_at[parent], s.pending[parent, N_ACTION]
    s.pending_at[parent] = np.inf
    wanted = min(s.pending[parent, N_LOTS], s.parent[parent, P_LEFT])
    place, sign = s.pending[parent, N_TICK], s.parent[parent, P_SIDE]
    side = 0 if sign > 0 else 1
    is_taking = action == CROSS and sign * (place - s.best[1 - side]) >= 0
    if not is_taking and sign * (s.best[OWN_BEST + 1 - side] - place) <= 0:
        place = s.best[OWN_BEST + 1 - side] - sign
    resting = _resting_at(s, parent, place)
    if action == WAIT or is_taking or resting < 0 or resting > wanted:
        end_children(s, parent, at)
        resting = 0
    if action != WAIT and wanted > resting:
        _send(s, parent, place, wanted - resting, at)


@njit(cache=True, nogil=True)
def next_arrival(s: State) -> int:
    """Parent order whose decision reaches the exchange next, -1 for none."""
    first = -1
    for parent in range(s.parents):
        if s.pending_at[parent] < NOWHERE and (first < 0 or s.pending_at[parent] < s.pending_at[first]):
            first = parent
    return first


@njit(cache=True, nogil=True)
def expire(s: State) -> None:
    """Instructed ends: nothing of these orders stays on the book."""
    for parent in range(s.parents):
        if s.parent[parent, P_END] == s.second:
            s.pending_at[parent] = np.inf
            end_children(s, parent, float(s.second))
