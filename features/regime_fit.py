"""Two regimes on each axis, fitted on the minutes of earlier days: Baum and Welch's expectation and maximisation.

A Gaussian hidden Markov chain of two states, a sequence a session (the chain starts anew each day from its stationary
shares). Started from the halves below and above the median, so that the same minutes give the same fit; the state with
the higher mean is `high`. Deviations have a floor, because a state that collapses onto one minute explains it
infinitely well.

Source: Baum, Petrie, Soules and Weiss (1970); in this form Rabiner (1989) "A tutorial on hidden Markov models", section
III C with scaling, V A. The filtered probabilities under these parameters equal those of statsmodels' regression with
switching means and variances (a test).

    >>> low, high = np.tile([0.0, 0.1], 100), np.tile([5.0, 5.1], 100)
    >>> fit_axis(np.concatenate([low, high, low, high]), np.array([800]))[:2].round(2).tolist()
    [0.05, 5.05]
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from features.fits import (
    AXIS_SLOTS,
    HIGH_DEVIATION,
    HIGH_MEAN,
    HIGH_STAYS,
    LOW_DEVIATION,
    LOW_MEAN,
    LOW_STAYS,
)
from features.regime import stationary

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

ROUNDS, TOLERANCE = 60, 1e-6
"""Rounds of EM at most, because the likelihood then moves in the sixth digit; and the gain a minute that ends it."""
MIN_BLOCKS = 200
"""Minutes that a fit needs: half a session, because six numbers are read from them."""
DEVIATION_FLOOR = 0.25
"""Of the pooled deviation; below it a state is one cluster of equal minutes and no regime."""
MAX_STAYS = 0.999
"""A regime lasts 1,000 minutes at most, because a state that is never left cannot be told from a trend."""


@njit(cache=True)
def _log_density(value: float, mean: float, deviation: float) -> float:
    if math.isnan(value):
        return 0.0
    return -0.5 * ((value - mean) / deviation) ** 2 - math.log(deviation)


@njit(cache=True)
def _likelihoods(values: Floats, fit: Floats, seen: Floats) -> float:
    """Fills `seen` (n, 2): likelihood of each value in each state over the larger of the two; log of the divisors."""
    divided = 0.0
    for step in range(len(values)):
        low = _log_density(values[step], fit[LOW_MEAN], fit[LOW_DEVIATION])
        high = _log_density(values[step], fit[HIGH_MEAN], fit[HIGH_DEVIATION])
        top = max(low, high)
        seen[step, 0], seen[step, 1] = math.exp(low - top), math.exp(high - top)
        divided += top
    return divided


@njit(cache=True)
def _forwards(seen: Floats, fit: Floats, ahead: Floats, scale: Floats) -> float:
    """Fills `ahead` (n, 2), filtered probabilities, and `scale` (n); log likelihood."""
    high = stationary(fit[LOW_STAYS], fit[HIGH_STAYS])
    likelihood = 0.0
    for step in range(len(seen)):
        if step > 0:
            high = ahead[step - 1, 1] * fit[HIGH_STAYS] + ahead[step - 1, 0] * (1.0 - fit[LOW_STAYS])
        if_low, if_high = (1.0 - high) * seen[step, 0], high * seen[step, 1]
        scale[step] = if_low + if_high
        ahead[step, 0], ahead[step, 1] = if_low / scale[step], if_high / scale[step]
        likelihood += math.log(scale[step])
    return likelihood


@njit(cache=True)
def _backwards(seen: Floats, fit: Floats, ahead: Floats, scale: Floats, weight: Floats, moves: Floats) -> None:
    """Fills `weight` (n), smoothed probability of the high state, and adds to `moves` (2, 2) of the chain."""
    low, high = 1.0, 1.0
    for step in range(len(seen) - 1, -1, -1):
        total = ahead[step, 0] * low + ahead[step, 1] * high
        weight[step] = ahead[step, 1] * high / total
        if step > 0:
            if_low, if_high = seen[step, 0] * low / scale[step], seen[step, 1] * high / scale[step]
            stays, rises = fit[LOW_STAYS] * if_low, (1.0 - fit[LOW_STAYS]) * if_high
            falls, remains = (1.0 - fit[HIGH_STAYS]) * if_low, fit[HIGH_STAYS] * if_high
            moves[0, 0] += ahead[step - 1, 0] * stays / total
            moves[0, 1] += ahead[step - 1, 0] * rises / total
            moves[1, 0] += ahead[step - 1, 1] * falls / total
            moves[1, 1] += ahead[step - 1, 1] * remains / total
            low, high = stays + rises, falls + remains


@njit(cache=True)
def _expect(values: Floats, ends: Longs, fit: Floats, weight: Floats, moves: Floats) -> float:
    """The step E of all sessions: fills `weight` (n) of the high state and `moves` (2, 2); log likelihood."""
    seen, ahead, scale = np.empty((len(values), 2)), np.empty((len(values), 2)), np.empty(len(values))
    likelihood, start = _likelihoods(values, fit, seen), 0
    moves[:] = 0.0
    for end in ends:
        likelihood += _forwards(seen[start:end], fit, ahead[start:end], scale[start:end])
        _backwards(seen[start:end], fit, ahead[start:end], scale[start:end], weight[start:end], moves)
        start = end
    return likelihood


def _maximised(values: Floats, weight: Floats, moves: Floats, pooled: float) -> Floats:
    is_known = np.isfinite(values)
    found = np.empty(AXIS_SLOTS)
    for state, share in enumerate((1.0 - weight, weight)):
        mass = np.where(is_known, share, 0.0)
        total = max(float(mass.sum()), 1e-12)
        mean = float((mass * np.where(is_known, values, 0.0)).sum()) / total
        spread = float((mass * np.where(is_known, values - mean, 0.0) ** 2).sum()) / total
        found[state] = mean
        found[2 + state] = max(math.sqrt(spread), DEVIATION_FLOOR * pooled)
        found[4 + state] = min(MAX_STAYS, moves[state, state] / max(float(moves[state].sum()), 1e-12))
    return found


def _start(values: Floats, pooled: float) -> Floats:
    middle = float(np.nanmedian(values))
    low, high = values[values <= middle], values[values > middle]
    high_mean = float(high.mean()) if len(high) else middle + pooled
    return np.array([float(low.mean()), high_mean, pooled, pooled, 0.95, 0.95])


def fit_axis(values: Floats, ends: Longs) -> Floats:
    """(AXIS_SLOTS) parameters of one axis from the minutes (n, NaN: nothing seen); `ends` where each session ends.

    NaN everywhere with fewer than MIN_BLOCKS minutes or where nothing ever moves.
    """
    known = values[np.isfinite(values)]
    pooled = float(known.std()) if len(known) else 0.0
    if len(known) < MIN_BLOCKS or pooled == 0.0:
        return np.full(AXIS_SLOTS, np.nan)
    fit, weight, moves, before = _start(values, pooled), np.empty(len(values)), np.empty((2, 2)), -math.inf
    for _ in range(ROUNDS):
        likelihood = _expect(values, ends, fit, weight, moves)
        if likelihood - before < TOLERANCE * len(values):
            break
        before, fit = likelihood, _maximised(values, weight, moves, pooled)
    return fit if fit[0] <= fit[1] else fit[[1, 0, 3, 2, 5, 4]]
