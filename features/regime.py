"""In which regime the market is: calm or volatile, liquid or illiquid, with the filtered probability of each.

Two axes, each with two states that follow a Markov chain from minute to minute. What is seen of a minute:

    volatility    ln sqrt((sum r_i^2 + h^2) / 60)        r_i returns of the mid, h half a tick, in bps
    illiquidity   mean of ln(spread_bps / depth)         depth in currency, up to five levels of both sides

normal in each state. (Half a tick is the smallest move of a mid: without it a still minute would be infinitely far from
one with a single move, and "still" would be a regime.) After each minute Hamilton's filter weighs the states by how
well they explain it:

    p  <-  p' f(x) / sum p' f(x)       p' = the chain's step from the p of the minute before

The four regimes are the products of the two axes, which are filtered apart. Parameters are fitted on earlier days
(`regime_fit.py`), so the probability at t uses minutes of today that were over by t and nothing later; a day starts
from the chain's stationary shares, a pause keeps what was known. Null before the first fit; a minute without a mid, or
without sizes, moves that axis by the chain alone; a minute without rows moves nothing.

Source: Hamilton (1989) "A new approach to the economic analysis of nonstationary time series and the business cycle",
section 4. It is filtered, never smoothed, and not corrected for the hour: an open is volatile every day.

    >>> round(stationary(0.9, 0.7), 6)
    0.25
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from features.book import BPS, shown_shares
from features.compiled import compiled
from features.fits import (
    AXES,
    AXIS_SLOTS,
    HIGH_DEVIATION,
    HIGH_MEAN,
    HIGH_STAYS,
    LOW_DEVIATION,
    LOW_MEAN,
    LOW_STAYS,
    REGIME,
    TICK,
    Fit,
)

Floats = npt.NDArray[np.float64]

BLOCK_NS = 60_000_000_000
BLOCK_SECONDS = 60.0
VOLATILITY, ILLIQUIDITY = 0, 1
HIGH, SUM, COUNT = range(3)
"""Slots of one axis in the filter's memory: probability of the high state, the minute's sum so far, its terms."""
BLOCK, LAST_MID = 3 * AXES, 3 * AXES + 1
"""Slots of the minute that is being collected (NaN before the first) and of the last mid in it."""
STATE_SLOTS = 3 * AXES + 2


@compiled
def start_regime(state: Floats, fit: Fit) -> None:
    """Before the first row of a day: stationary probabilities, nothing collected."""
    for axis in range(AXES):
        slots = REGIME + axis * AXIS_SLOTS
        state[3 * axis + HIGH] = stationary(fit[slots + LOW_STAYS], fit[slots + HIGH_STAYS])
        state[3 * axis + SUM], state[3 * axis + COUNT] = 0.0, 0.0
    state[BLOCK] = state[LAST_MID] = math.nan


@compiled
def stationary(low_stays: float, high_stays: float) -> float:
    """Long-run share of the high state."""
    return (1.0 - low_stays) / (2.0 - low_stays - high_stays)


@compiled
def _density(value: float, mean: float, deviation: float) -> float:
    return math.exp(-0.5 * ((value - mean) / deviation) ** 2) / deviation


@compiled
def filtered(high: float, value: float, fit: Fit, axis: int) -> float:
    """Probability of the high state after one more minute that showed `value` (NaN: nothing)."""
    slots = REGIME + axis * AXIS_SLOTS
    ahead = high * fit[slots + HIGH_STAYS] + (1.0 - high) * (1.0 - fit[slots + LOW_STAYS])
    if math.isnan(value):
        return ahead
    if_high = ahead * _density(value, fit[slots + HIGH_MEAN], fit[slots + HIGH_DEVIATION])
    if_low = (1.0 - ahead) * _density(value, fit[slots + LOW_MEAN], fit[slots + LOW_DEVIATION])
    total = if_high + if_low
    return if_high / total if total > 0.0 else ahead


@compiled
def block_value(state: Floats, axis: int, tick: float) -> float:
    """What the minute that is being collected has shown; NaN where it had no term."""
    total, count = state[3 * axis + SUM], state[3 * axis + COUNT]
    if count == 0.0:
        return math.nan
    if axis == VOLATILITY:
        half_tick_bps = BPS * tick / 2.0 / state[LAST_MID]
        return 0.5 * math.log((total + half_tick_bps * half_tick_bps) / BLOCK_SECONDS)
    return total / count


@compiled
def close_block(state: Floats, fit: Fit) -> None:
    """Filter the minute that is over, and begin to collect anew."""
    for axis in range(AXES):
        value = block_value(state, axis, fit[TICK])
        state[3 * axis + HIGH] = filtered(state[3 * axis + HIGH], value, fit, axis)
        state[3 * axis + SUM], state[3 * axis + COUNT] = 0.0, 0.0


@compiled
def collect(
    state: Floats,
    mid_return_bps: float,
    bid_price: Floats,
    bid_shares: Floats,
    ask_price: Floats,
    ask_shares: Floats,
) -> None:
    """Count one row into the minute that is being collected."""
    mid = (bid_price[0] + ask_price[0]) / 2.0
    if not math.isnan(mid_return_bps):
        state[LAST_MID] = mid
        state[SUM] += mid_return_bps * mid_return_bps
        state[COUNT] += 1.0
    levels = min(5, len(bid_shares))
    spread = ask_price[0] - bid_price[0]
    depth = mid * (shown_shares(bid_shares, levels) + shown_shares(ask_shares, levels))
    if spread > 0.0 and depth > 0.0:
        state[3 * ILLIQUIDITY + SUM] += math.log(BPS * spread / mid / depth)
        state[3 * ILLIQUIDITY + COUNT] += 1.0


@compiled
def see_row(
    state: Floats,
    fit: Fit,
    time_ns: int,
    mid_return_bps: float,
    bid_price: Floats,
    bid_shares: Floats,
    ask_price: Floats,
    ask_shares: Floats,
) -> None:
    """One row that has a predecessor in its trading interval; closes the minute before it where that is over.

    A row at a full minute belongs to the minute that ends there. Changes `state`.
    """
    block = (time_ns - 1) // BLOCK_NS
    if state[BLOCK] != block:
        if not math.isnan(state[BLOCK]):
            close_block(state, fit)
        state[BLOCK] = block
    collect(state, mid_return_bps, bid_price, bid_shares, ask_price, ask_shares)


@compiled
def _both(regime_state: Floats, is_volatile: bool, is_illiquid: bool) -> float:
    volatile = regime_state[3 * VOLATILITY + HIGH]
    illiquid = regime_state[3 * ILLIQUIDITY + HIGH]
    return (volatile if is_volatile else 1.0 - volatile) * (illiquid if is_illiquid else 1.0 - illiquid)


@compiled
def calm_liquid_probability(regime_state: Floats) -> float:
    """Filtered probability that volatility is low and liquidity high, by minutes of today that are over."""
    return _both(regime_state, False, False)


@compiled
def calm_illiquid_probability(regime_state: Floats) -> float:
    """Filtered probability that volatility and liquidity are both low, by minutes of today that are over."""
    return _both(regime_state, False, True)


@compiled
def volatile_liquid_probability(regime_state: Floats) -> float:
    """Filtered probability that volatility and liquidity are both high, by minutes of today that are over."""
    return _both(regime_state, True, False)


@compiled
def volatile_illiquid_probability(regime_state: Floats) -> float:
    """Filtered probability that volatility is high and liquidity low, by minutes of today that are over."""
    return _both(regime_state, True, True)
