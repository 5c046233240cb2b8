"""Limits in the market model: what each policy did so far, and the check before a child order goes out. Compiled.

The rules are those of `models/limits_check.py`; here are the figures that they are asked with. Nothing is counted while
no policy is limited, so a day without limits is the day that it always was.

    >>> from models.market_state import new_state
    >>> int(market_lots(new_state(), 900, 600))
    0
"""

from __future__ import annotations

from numba import njit

from features.costs import fee_notional
from models.limits_check import (
    COST_NOTIONAL,
    FILLED_NOTIONAL,
    NO_LIMIT,
    OUTPUT,
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
from models.market_parameters import ROW_SECONDS, TICK
from models.market_state import (
    C_DECISION,
    C_FILLED,
    C_LOTS,
    C_PARENT,
    C_TICK,
    E_ASKED,
    E_DECISION,
    E_LIMIT,
    E_PARENT,
    E_POLICY,
    E_SENT,
    LADDER,
    MOST_EVENTS,
    N_DECISION,
    P_LEFT,
    P_LOTS,
    P_SIDE,
    P_START,
    STEP_SECONDS,
    State,
)

D_POLICY = 4


@njit(cache=True, nogil=True)
def _currency(s: State, place: float) -> float:
    """Price of a place on the ladder."""
    return float((place + s.origin) * TICK)


@njit(cache=True, nogil=True)
def log_event(s: State, parent: int, which: int, limit: int, asked: int, sent: int, at: float) -> int:
    """Note that a limit said less than was asked; its row."""
    row = min(s.events, MOST_EVENTS - 1)
    s.events = row + 1
    s.event[row, E_PARENT], s.event[row, E_POLICY], s.event[row, E_LIMIT] = parent, which, limit
    s.event[row, E_ASKED], s.event[row, E_SENT] = asked, sent
    s.event_at[row] = at
    return int(row)


@njit(cache=True, nogil=True)
def log_output(s: State, parent: int, which: int, signal_bps: float, most_bps: float) -> None:
    """Note an output that was no number; the decision about to be written is somebody else's."""
    row = log_event(s, parent, which, OUTPUT, 0, 0, float(s.second))
    s.event[row, E_DECISION] = s.decisions
    s.event_figure[row, 0], s.event_figure[row, 1] = signal_bps, most_bps


@njit(cache=True, nogil=True)
def _account_fills(s: State) -> None:
    """Book the executions since the last call as positions of the policies whose children they filled."""
    for row in range(s.accounted, s.fills):
        child = s.execution[row, 0]
        parent, which = s.child[child, C_PARENT], s.decision[s.child[child, C_DECISION], D_POLICY]
        shares = s.execution[row, 2] * s.lot_shares
        s.net[which] += s.parent[parent, P_SIDE] * shares * _currency(s, s.execution[row, 1])
        s.repeats[parent] = 0
    s.accounted = s.fills


@njit(cache=True, nogil=True)
def _cost_fills(s: State, guard: Guard) -> None:
    """Book what they cost against arrival, with fees."""
    for row in range(s.costed, s.fills):
        child = s.execution[row, 0]
        parent, used = s.child[child, C_PARENT], guard.session.used[s.decision[s.child[child, C_DECISION], D_POLICY]]
        side, price = float(s.parent[parent, P_SIDE]), _currency(s, s.execution[row, 1])
        shares, fees = s.execution[row, 2] * s.lot_shares, guard.held.fees_bps
        fee = fee_notional(side, s.execution[row, 3] == 1, price * shares, fees[0], fees[1], fees[2])
        used[FILLED_NOTIONAL] += price * shares
        used[COST_NOTIONAL] += side * (price - s.arrival[parent]) * shares + fee
    s.costed = s.fills


@njit(cache=True, nogil=True)
def _exposure(s: State, which: int, side: int) -> float:
    """Currency that a policy has bought less sold (side 0; sold less bought: 1), all that it has open there filled."""
    sign, found = 1 - 2 * side, (1 - 2 * side) * s.net[which]
    for k in range(s.actives):
        child = s.active[k]
        is_own = s.decision[s.child[child, C_DECISION], D_POLICY] == which
        if is_own and s.parent[s.child[child, C_PARENT], P_SIDE] == sign:
            lots = s.child[child, C_LOTS] - s.child[child, C_FILLED]
            found += lots * s.lot_shares * _currency(s, s.child[child, C_TICK])
    return float(found)


@njit(cache=True, nogil=True)
def begin_step(s: State, guard: Guard) -> None:
    """Before the decisions of a half-minute: book fills and their cost, the market's volume, and what is open now.

    Twice at one instant books the same. Costs wait for it, so that no check knows of fills that come after it.
    """
    _account_fills(s)
    _cost_fills(s, guard)
    step, rows = s.second // STEP_SECONDS, STEP_SECONDS // ROW_SECONDS
    if step > 0:
        s.volume[step] = s.volume[step - 1]
        for row in range((step - 1) * rows + 1, step * rows + 1):
            s.volume[step] += s.row_traded[row, 0]
    for which in range(guard.held.policies):
        for side in range(2):
            book_exposure(guard, which, side, _exposure(s, which, side))


@njit(cache=True, nogil=True)
def market_lots(s: State, second: int, start: int) -> float:
    """Lots that the market traded since `start`, or since `VOLUME_SECONDS` ago where that is earlier."""
    step = second // STEP_SECONDS
    first = max(0, min(start // STEP_SECONDS, step - VOLUME_SECONDS // STEP_SECONDS))
    return float(s.volume[step] - s.volume[first])


@njit(cache=True, nogil=True)
def collar_place(s: State, guard: Guard, which: int, side: int) -> int:
    """The place furthest against the client that the price collar allows; side 0 buys."""
    far, sign = s.best[1 - side], 1 - 2 * side
    reach = guard.held.limits[which, PRICE_COLLAR] / 1e4 * (far + s.origin)
    return int(far + sign * int(min(reach, float(LADDER)))) if reach >= 0.0 else int(far)


@njit(cache=True, nogil=True)
def beyond_bps(s: State, side: int, place: int) -> float:
    """How far a price lies beyond the far touch, against the client; below zero short of it."""
    far = s.best[1 - side]
    return float((1 - 2 * side) * (place - far) / (far + s.origin) * 1e4)


@njit(cache=True, nogil=True)
def _child(s: State, guard: Guard, parent: int, which: int, place: int, resting: int) -> Child:
    """What the check is asked with."""
    side = 0 if s.parent[parent, P_SIDE] > 0 else 1
    dearest = place if side == 0 else max(place, s.best[0])
    exposure = _exposure(s, which, side) + exposure_elsewhere(guard, which, side)
    own = (s.parent[parent, P_LOTS] - s.parent[parent, P_LEFT] + resting) * s.lot_shares
    volume = market_lots(s, s.second, s.parent[parent, P_START]) * s.lot_shares
    return Child(
        _currency(s, dearest) * s.lot_shares, s.lot_shares, s.beyond_bps[parent], exposure, own, volume,
        s.repeats[parent],
    )  # fmt: skip


@njit(cache=True, nogil=True)
def checked_lots(s: State, guard: Guard, parent: int, place: int, lots: int, resting: int, at: float) -> int:
    """Lots of the pending decision that may go out now at `place`, noted as sent; an event where that is fewer.

    resting: lots of the parent that rest already.
    """
    row = s.pending[parent, N_DECISION]
    which = s.decision[row, D_POLICY]
    if not guard.held.limited[which]:
        return lots
    _account_fills(s)
    child, used = _child(s, guard, parent, which, place, resting), guard.session.used[which]
    excess = excess_notional(used, guard.session.used[guard.held.champion])
    sent, limit, figure, allowed = allowed_lots(guard.held.limits[which], used, child, excess, lots)
    if limit != NO_LIMIT:
        event = log_event(s, parent, which, limit, lots, sent, at)
        s.event[event, E_DECISION] = row
        s.event_figure[event, 0], s.event_figure[event, 1] = figure, allowed
    if limit in (REPEATS, STOP_NOTIONAL):
        used[STOPPED] = float(limit)
    if sent > 0:
        side, notional = 0 if s.parent[parent, P_SIDE] > 0 else 1, sent * child.lot_notional
        note_sent(guard, which, side, notional, _exposure(s, which, side) + notional)
        s.repeats[parent] += 1
    return int(sent)
