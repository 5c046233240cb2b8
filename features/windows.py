"""Exponential time windows: what every windowed feature is made of.

A window of w seconds weighs something that happened `age` seconds ago with exp(-age / w). Two kinds are kept, each
updated once a row, in constant time and without a buffer:

* a **sum** of increments:     S <- S * d + x                with d = exp(-seconds / w)
* a **mean** of a held value:  V <- V * d + v * w * (1 - d)   and the same for its weight with v = 1; mean = V / W

where `seconds` have passed since the previous row, x is what happened at this row, and v is the value that stood
between the two rows (left-continuous, so the mean never contains the present). Sums start anew with each trading
interval. The weight W of the constant 1 is the part of the window that has been seen: w * (1 - exp(-elapsed / w)).

Source: exponentially weighted sums over irregular times, Müller (1991) "Specially weighted moving averages with
repeated application of the EMA operator"; Eckner (2012) "Algorithms for unevenly spaced time series", section 3.
It is not a sliding window: nothing falls out at its end, so nothing jumps w seconds after an event, and no rounding
is left behind by adding and taking away.

    >>> add(2.0, 0.5, 3.0), add(float("nan"), 0.5, 3.0), add(2.0, 0.5, float("nan"))
    (4.0, 3.0, 1.0)
"""

from __future__ import annotations

import math

from features.compiled import compiled

WINDOWS_SECONDS = (10, 60, 300, 1800)
FILLED_SHARE = 0.1
"""A rate is null until this share of its window was seen, because a rate over a few seconds is noise."""


@compiled
def decay(seconds: float, window_seconds: float) -> float:
    """Weight after `seconds` of what weighed 1; NaN stays NaN."""
    return math.exp(-seconds / window_seconds)


@compiled
def add(total: float, factor: float, increment: float) -> float:
    """Decayed sum with one more increment; NaN until the first increment that is known."""
    if math.isnan(increment):
        return total * factor
    if math.isnan(total):
        return increment
    return total * factor + increment


@compiled
def hold(total: float, factor: float, window_seconds: float, value: float) -> float:
    """Decayed integral of a value held since the previous row; NaN until a value that is known was held."""
    return add(total, factor, value * window_seconds * (1.0 - factor))


@compiled
def one_where_known(value: float) -> float:
    """1 where the value is known, else NaN: what the weight of a mean holds."""
    return math.nan if math.isnan(value) else 1.0


@compiled
def ratio(numerator: float, denominator: float) -> float:
    """Quotient, NaN where the denominator is zero."""
    if denominator == 0.0:
        return math.nan
    return numerator / denominator


@compiled
def rate(total: float, elapsed_seconds: float, window_seconds: float) -> float:
    """Decayed sum per second of window seen, NaN while too little of the window was seen."""
    if not elapsed_seconds >= FILLED_SHARE * window_seconds:
        return math.nan
    return total / elapsed_seconds
