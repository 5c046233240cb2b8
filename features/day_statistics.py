"""What one day of a symbol teaches, small enough to keep, and the fit from several of them.

    day  ->  transitions of the book (microprice), minutes of both regime axes  ->  sums of five days  ->  fit

The minutes are collected by the very function that the live filter runs, so what was fitted on is what is filtered.

    >>> from features.market_day import empty_day
    >>> bool(np.isnan(fit_symbol([day_statistics(empty_day("AAA", 1), [(0, 10**12)], 0.01)], 0.01)[1:]).all())
    True
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from features import book, fits, microprice, regime, regime_fit, session, volatility
from features.fits import AXES, AXIS_SLOTS, MICROPRICE, NO_FIT, REGIME, TICK, Fit
from features.market_day import SymbolDay
from features.microprice import COUNT_COLUMNS, STATES, count_transitions, fit_microprice
from features.regime import BLOCK, BLOCK_NS, COUNT, STATE_SLOTS, SUM, block_value, see_row
from features.regime_fit import fit_axis
from features.session import Intervals, interval_array, interval_of
from features.volatility import return_bps

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DayStatistics:
    """transitions (STATES, COUNT_COLUMNS) counts; minutes (b, AXES), NaN where a minute showed nothing."""

    transitions: Floats
    minutes: Floats


@njit(cache=True)
def _interval_places(times_ns: Longs, intervals: Intervals) -> Longs:
    places = np.empty(len(times_ns), np.int64)
    for row in range(len(times_ns)):
        places[row] = interval_of(intervals, times_ns[row])
    return places


@njit(cache=True)
def _minutes(
    times_ns: Longs,
    places: Longs,
    bid_price: Floats,
    bid_shares: Floats,
    ask_price: Floats,
    ask_shares: Floats,
    tick: float,
) -> Floats:
    """(b, AXES) minutes of the day that had rows, oldest first; the last one may be cut short by the day's end."""
    found = np.empty((len(times_ns) + 1, AXES))
    state, count = np.zeros(STATE_SLOTS), 0
    state[BLOCK] = np.nan
    for row in range(1, len(times_ns)):
        if places[row] < 0 or places[row] != places[row - 1]:
            continue
        if not np.isnan(state[BLOCK]) and state[BLOCK] != (times_ns[row] - 1) // BLOCK_NS:
            for axis in range(AXES):
                found[count, axis] = block_value(state, axis, tick)
                state[3 * axis + SUM], state[3 * axis + COUNT] = 0.0, 0.0
            count += 1
            state[BLOCK] = np.nan
        mid = (bid_price[row, 0] + ask_price[row, 0]) / 2.0
        before = (bid_price[row - 1, 0] + ask_price[row - 1, 0]) / 2.0
        moved = return_bps(mid, before)
        see_row(state, NO_FIT, times_ns[row], moved, bid_price[row], bid_shares[row], ask_price[row], ask_shares[row])
    return found[:count]


def day_statistics(day: SymbolDay, intervals_ns: Sequence[tuple[int, int]], tick: float) -> DayStatistics:
    """Statistics of one symbol's session. `tick`: the market's price step, currency per share."""
    if day.rows == 0:
        return DayStatistics(np.zeros((STATES, COUNT_COLUMNS)), np.empty((0, AXES)))
    places = _interval_places(day.times_ns, interval_array(intervals_ns))
    is_followed = np.append((places[1:] == places[:-1]) & (places[:-1] >= 0), False)
    best = [np.ascontiguousarray(side[:, 0]) for side in (day.bid_price, day.bid_shares, day.ask_price, day.ask_shares)]
    book = [np.ascontiguousarray(side) for side in (day.bid_price, day.bid_shares, day.ask_price, day.ask_shares)]
    return DayStatistics(count_transitions(*best, is_followed, tick), _minutes(day.times_ns, places, *book, tick))


def fit_symbol(days: Sequence[DayStatistics], tick: float) -> Fit:
    """(SLOTS) fit from the days given, oldest first. A part that has too little to learn from is NaN."""
    fit = NO_FIT.copy()
    fit[TICK] = tick
    fit[MICROPRICE:REGIME] = fit_microprice(np.sum([day.transitions for day in days], axis=0))
    minutes = np.concatenate([day.minutes for day in days])
    ends = np.cumsum([len(day.minutes) for day in days])
    for axis in range(AXES):
        slots = REGIME + axis * AXIS_SLOTS
        fit[slots : slots + AXIS_SLOTS] = fit_axis(np.ascontiguousarray(minutes[:, axis]), ends)
    return fit


def fit_digest() -> str:
    """Digest of every definition that a fit is made by."""
    modules = (book, fits, microprice, regime, regime_fit, session, volatility, sys.modules[__name__])
    return hashlib.sha256("\n".join(inspect.getsource(module) for module in modules).encode()).hexdigest()


def statistics_json(day: DayStatistics) -> str:
    """Only what was seen: places and counts of transitions, minutes with null for nothing."""
    flat = day.transitions.ravel()
    seen = np.flatnonzero(flat)
    return json.dumps(
        {"places": seen.tolist(), "counts": flat[seen].tolist(), "minutes": numbers(day.minutes.ravel())},
        separators=(",", ":"),
    )


def statistics_of(text: str) -> DayStatistics:
    """What `statistics_json` wrote, to the last bit."""
    found = json.loads(text)
    flat = np.zeros(STATES * COUNT_COLUMNS)
    flat[found["places"]] = found["counts"]
    return DayStatistics(flat.reshape(STATES, COUNT_COLUMNS), array_of(found["minutes"]).reshape(-1, AXES))


def numbers(values: Floats) -> list[float | None]:
    """For JSON, which has no NaN."""
    return [None if math.isnan(value) else value for value in values.tolist()]


def array_of(values: Sequence[float | None]) -> Floats:
    """What `numbers` wrote."""
    return np.array([np.nan if value is None else value for value in values], np.float64)
