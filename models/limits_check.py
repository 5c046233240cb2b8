"""Limits checked before every child order, compiled: paper desk, replay and live desk ask the same `allowed_lots`.

    symbols, venues         the child is for a symbol, and goes to a venue, that the version may trade    else not sent
    price_collar_bps        its limit lies no further beyond the far touch, against the client            else not sent
    session_orders          children sent in the session, this one included                               else not sent
    repeats                 children of the parent in a row without a fill                    else the version stops
    stop_notional           cost of what it filled above what the champion's would have cost  else the version stops
    order_notional          value of the child                                                              else cut
    session_notional        value sent in the session, this one included                                    else cut
    position_notional       bought less sold, with all that is open on the child's side                     else cut
    participation           filled, open and this child of the parent, over the market's volume             else cut

A cut child is the largest number of whole lots that every limit allows; nothing is sent where that is none. So a limit
only ever makes a child smaller. A figure that is NaN is within no limit. A version that was stopped sends nothing more
in the session: its parents pass to the champion at their next decision, and from a stopped champion to the benchmark
policy.

A child is worth its lots at its limit, and at the far touch where that is dearer, so a fill is never worth more. The
market's volume is what was published since the parent began, or in the last `VOLUME_SECONDS` where that is longer,
because nothing has traded yet when an order begins; one lot is always within `participation`. What other symbols have
open counts with the most that it was in the half-minute.

    >>> row = limit_row(None, "AURA", "LIT")
    >>> allowed_lots(row, np.zeros(USED_FIGURES), Child(1e3, 100.0, 0.0, 0.0, 0.0, 0.0, 0), 0.0, 5)
    (5, -1, nan, nan)
"""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from models.limits import Limits

Float = npt.NDArray[np.float64]

LIMIT_NAMES = tuple(one.name for one in fields(Limits))
"""The order of a row of `limit_row`, and of the numbers below."""
(
    SYMBOLS, VENUES, PRICE_COLLAR, ORDER_NOTIONAL, SESSION_NOTIONAL, SESSION_ORDERS, POSITION_NOTIONAL, PARTICIPATION,
    REPEATS, STOP_NOTIONAL,
) = range(10)  # fmt: skip
OUTPUT, NO_LIMIT = 10, -1
EVENT_NAMES = (*LIMIT_NAMES, "output")
"""What an event may be about: a limit, or an output of the version that is no number."""
SENT_NOTIONAL, SENT_ORDERS, FILLED_NOTIONAL, COST_NOTIONAL, STOPPED, USED_FIGURES = 0, 1, 2, 3, 4, 5
MOST_LOTS = 1e15
VOLUME_SECONDS = 300
"""Five minutes of the market: long enough to hold trades in every symbol, short enough to be about now."""


class Child(NamedTuple):
    """One child that is to be sent. lot_notional: value of a lot. beyond_bps: its limit beyond the far touch.

    exposure_notional: of the version on the child's side, before it. own_shares: of the parent, filled and open.
    market_shares: volume that `participation` is of. repeats: children of the parent since its last fill.
    """

    lot_notional: float
    lot_shares: float
    beyond_bps: float
    exposure_notional: float
    own_shares: float
    market_shares: float
    repeats: int


def limit_row(limits: Limits | None, symbol: str, venue: str) -> Float:
    """(10) limits as the check reads them, in one symbol at one venue; without limits nothing is forbidden."""
    if limits is None:
        return np.array([1.0, 1.0, *[np.inf] * (len(LIMIT_NAMES) - 2)])
    figures = [float(getattr(limits, name)) for name in LIMIT_NAMES[2:]]
    return np.array([float(not limits.symbols or symbol in limits.symbols), float(venue in limits.venues), *figures])


@njit(cache=True, nogil=True)
def excess_notional(used: Float, champion: Float) -> float:
    """Cost of a version's fills above as many at the champion's rate, which is nought before its first fill."""
    rate = champion[COST_NOTIONAL] / champion[FILLED_NOTIONAL] if champion[FILLED_NOTIONAL] > 0.0 else 0.0
    return float(used[COST_NOTIONAL] - rate * used[FILLED_NOTIONAL])


@njit(cache=True, nogil=True)
def _fitting(allowed: float, taken: float, unit: float) -> int:
    """Whole units that fit beside `taken`; none where a figure is NaN."""
    room = (allowed - taken) / unit
    if not room >= 1.0:
        return 0
    count = int(min(room, MOST_LOTS))
    return count if taken + count * unit <= allowed else count - 1


@njit(cache=True, nogil=True)
def _figure(code: int, used: Float, child: Child, excess: float) -> float:
    """What a limit would hold with the child, where its size plays no part."""
    if code == PRICE_COLLAR:
        return child.beyond_bps
    if code == SESSION_ORDERS:
        return float(used[SENT_ORDERS] + 1.0)
    if code == REPEATS:
        return float(child.repeats + 1)
    return excess if code == STOP_NOTIONAL else np.nan


@njit(cache=True, nogil=True)
def _forbidding(limits: Float, used: Float, child: Child, excess: float) -> int:
    """The limit that forbids the child whatever its size, NO_LIMIT for none. What a NaN is in is not within."""
    if used[STOPPED] > 0.0:
        return int(used[STOPPED])
    for code in (SYMBOLS, VENUES):
        if limits[code] != 1.0:
            return code
    for code in (PRICE_COLLAR, SESSION_ORDERS, REPEATS):
        if not _figure(code, used, child, excess) <= limits[code]:
            return code
    return NO_LIMIT if excess < limits[STOP_NOTIONAL] else STOP_NOTIONAL


@njit(cache=True, nogil=True)
def _taken(code: int, used: Float, child: Child) -> tuple[float, float]:
    """What a limit of size already holds, and what a lot adds."""
    if code == PARTICIPATION:
        return child.own_shares, child.lot_shares
    taken = 0.0
    if code == SESSION_NOTIONAL:
        taken = used[SENT_NOTIONAL]
    elif code == POSITION_NOTIONAL:
        taken = child.exposure_notional
    return taken, child.lot_notional


@njit(cache=True, nogil=True)
def _most(code: int, limits: Float, child: Child) -> float:
    """What a limit of size allows, in its unit; participation in shares."""
    if code != PARTICIPATION or not 0.0 <= limits[code] < np.inf:
        return float(limits[code])
    return float(max(child.lot_shares, limits[code] * child.market_shares))


@njit(cache=True, nogil=True)
def allowed_lots(limits: Float, used: Float, child: Child, excess: float, lots: int) -> tuple[int, int, float, float]:
    """Lots that may go out, at most `lots`; the limit that says less (NO_LIMIT for none), its figure, what it allows.

    The figure is what the limit would have held with all `lots`. excess: see `excess_notional`.
    """
    code = _forbidding(limits, used, child, excess)
    if code != NO_LIMIT:
        return 0, code, _figure(code, used, child, excess), limits[code]
    fitting, said, figure, allowed = lots, NO_LIMIT, np.nan, np.nan
    for limit in (ORDER_NOTIONAL, SESSION_NOTIONAL, POSITION_NOTIONAL, PARTICIPATION):
        taken, unit = _taken(limit, used, child)
        most = _most(limit, limits, child)
        count = _fitting(most, taken, unit)
        if count < fitting:
            fitting, said, figure, allowed = count, limit, taken + lots * unit, most
    return fitting, said, figure, allowed
