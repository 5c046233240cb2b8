"""Our own child orders in the market model: decided, sent after the latency, resting in the queue, ended. Compiled.

A decision becomes one child order at most. WAIT takes everything off; JOIN rests at the market's touch; IMPROVE one
tick better where the spread has room; CROSS takes the far side as far as the tenth price it shows, and what is left of
it is cancelled. A child that already rests at the decided price stays and is topped up, because a replaced order loses
its place in the queue. No price passes the client's limit: a cross that the limit stops rests at the limit.

Prices are chosen on the book at the decision, sizes are cut to what is still open when the order arrives, so a fill
in between can never lead to too many shares. At the instructed end the venue expires what rests.

Before a child goes out its version's limits are asked (`models/limits_check.py`); they can only make it smaller. Where
an output is no number, the champion decides instead, and the benchmark policy where the champion's is none either; a
version that a limit stopped passes its parents on in that order, and what rests of them is taken off.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.limits_check import STOPPED
from models.limits_guard import MOST_SIGNAL_BPS, Guard, is_sound, next_policy
from models.market_book import end_resting, own_takes, refresh_own_best
from models.market_limits import begin_step, beyond_bps, checked_lots, collar_place, log_output
from models.market_parameters import LEVELS, TICK
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
    STEP_SECONDS,
    Float,
    State,
)
from models.policy import CROSS, IMPROVE, WAIT, decide

__all__ = ["ROUNDING", "STEP_SECONDS", "apply_decision", "decide_all", "end_children", "expire", "next_arrival"]
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
def end_children(s: State, parent: int, at: float) -> None:
    """Take everything of a parent order off the book."""
    for k in range(s.actives - 1, -1, -1):
        if s.child[s.active[k], C_PARENT] == parent:
            end_resting(s, s.active[k], at)


@njit(cache=True, nogil=True)
def _price(s: State, guard: Guard, parent: int, which: int, action: int) -> int:
    sign = s.parent[parent, P_SIDE]
    side = 0 if sign > 0 else 1
    place = s.best[side]
    if action == CROSS:
        place = _shown_limit(s, 1 - side)
        if guard.held.limited[which]:
            collar = collar_place(s, guard, which, side)
            place = collar if sign * (place - collar) > 0 else place
    elif action == IMPROVE and s.best[1] - s.best[0] > 1:
        place += sign
    limit = s.parent[parent, P_LIMIT]
    return limit if sign * (place - limit) > 0 else place


@njit(cache=True, nogil=True)
def _asked(s: State, policy: Float, parent: int, signal_bps: float) -> tuple[int, float]:
    """What one policy answers for a parent order now: action and shares."""
    horizon = s.parent[parent, P_END] - s.parent[parent, P_START]
    spread_bps = 2e4 * (s.best[1] - s.best[0]) / (s.best[1] + s.best[0] + 2 * s.origin)
    return decide(
        policy, float(s.parent[parent, P_SIDE]), s.parent[parent, P_URGENCY],
        (s.second - s.parent[parent, P_START]) / horizon + ROUNDING, STEP_SECONDS / horizon,
        s.parent[parent, P_LOTS] * s.lot_shares, s.parent[parent, P_LEFT] * s.lot_shares, s.lot_shares,
        spread_bps, signal_bps,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _worker(s: State, guard: Guard, parent: int) -> int:
    """The policy that works a parent now; one that a limit stopped passes it on, and nothing of it stays open."""
    which = s.parent[parent, P_POLICY]
    while guard.session.used[which, STOPPED] > 0.0 and next_policy(guard, which) >= 0:
        end_children(s, parent, float(s.second))
        which = next_policy(guard, which)
        s.parent[parent, P_POLICY] = which
    return int(which)


@njit(cache=True, nogil=True)
def _decide(s: State, policies: Float, guard: Guard, parent: int, signals_bps: Float) -> None:
    row, which = s.decisions, _worker(s, guard, parent)
    action, shares = _asked(s, policies[which], parent, signals_bps[which])
    while not is_sound(guard.held.must_read[which], signals_bps[which], shares):
        log_output(s, parent, which, signals_bps[which], MOST_SIGNAL_BPS)
        if next_policy(guard, which) < 0:
            action, shares = WAIT, 0.0
            break
        which = next_policy(guard, which)
        action, shares = _asked(s, policies[which], parent, signals_bps[which])
    lots = min(s.parent[parent, P_LEFT], int(np.rint(min(shares / s.lot_shares, NOWHERE))))
    s.decision[row, 0], s.decision[row, 1], s.decision[row, 2], s.decision[row, 3] = parent, s.second, action, lots
    s.decision[row, 4] = which
    s.decision_signal[row] = signals_bps[which]
    s.decisions = row + 1
    s.pending[parent, N_ACTION], s.pending[parent, N_TICK] = action, _price(s, guard, parent, which, action)
    s.pending[parent, N_LOTS], s.pending[parent, N_DECISION] = lots, row
    s.pending_at[parent] = s.second + s.latency
    s.beyond_bps[parent] = beyond_bps(s, 0 if s.parent[parent, P_SIDE] > 0 else 1, s.pending[parent, N_TICK])


@njit(cache=True, nogil=True)
def decide_all(s: State, policies: Float, guard: Guard, signals_bps: Float) -> None:
    """One decision for every parent order that is active at this second, by the policy that works it now.

    policies (p, 9); signals_bps (p): what each policy reads of the symbol, NaN for none.
    """
    second = s.second
    if guard.held.is_limited:
        begin_step(s, guard)
    for parent in range(s.parents):
        is_active = s.parent[parent, P_START] <= second < s.parent[parent, P_END]
        if is_active and s.parent[parent, P_LEFT] > 0:
            if s.parent[parent, P_START] == second:
                s.arrival[parent] = ((s.best[0] + s.best[1]) / 2.0 + s.origin) * TICK
            _decide(s, policies, guard, parent, signals_bps)


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
def apply_decision(s: State, guard: Guard, parent: int) -> None:
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
        lots = wanted - resting
        if guard.held.is_limited:
            lots = checked_lots(s, guard, parent, place, lots, resting, at)
        if lots > 0:
            _send(s, parent, place, lots, at)


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
