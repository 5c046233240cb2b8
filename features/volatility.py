"""How much the price moved, and which way: realised and jump-robust volatility, trend.

With r_i the return of the mid from row to row in bps, and W the part of the window that was seen (`windows.py`):

    realised volatility  sqrt(sum r_i^2 / W)                       bps per square root of a second
    bipower volatility   sqrt(pi/2 * sum |r_i| |r_(i-1)| / W)      the same, a jump enters once and not squared

Sources: Andersen, Bollerslev, Diebold and Labys (2003) "Modeling and forecasting realized volatility", section 2;
Barndorff-Nielsen and Shephard (2004) "Power and bipower variation with stochastic volatility and jumps", section 3.
Neither is corrected for the bounce between bid and ask, nor scaled to a year; on an event feed most r_i are 0 and
bipower falls below realised for that reason alone. Returns are simple, not logarithmic: over seconds they agree.

    >>> round(realised_volatility(40.0, 10.0, 60.0), 3)
    2.0
"""

from __future__ import annotations

import math

from features.book import BPS
from features.compiled import compiled
from features.windows import rate, ratio


@compiled
def return_bps(mid: float, previous_mid: float) -> float:
    """1e4 * (mid / previous mid - 1); NaN where either book has an empty side."""
    return BPS * (mid / previous_mid - 1.0)


@compiled
def squared_return(mid_return_bps: float) -> float:
    """Square of the mid's return since the previous row, bps^2."""
    return mid_return_bps * mid_return_bps


@compiled
def bipower_product(mid_return_bps: float, previous_mid_return_bps: float) -> float:
    """Product of two consecutive absolute returns, bps^2."""
    return abs(mid_return_bps) * abs(previous_mid_return_bps)


@compiled
def realised_volatility(squared_return_sum: float, elapsed_seconds: float, window_seconds: float) -> float:
    """sqrt(sum of squared returns / seconds seen), bps per square root of a second."""
    return math.sqrt(rate(squared_return_sum, elapsed_seconds, window_seconds))


@compiled
def bipower_volatility(bipower_product_sum: float, elapsed_seconds: float, window_seconds: float) -> float:
    """sqrt(pi/2 * sum of products of neighbouring absolute returns / seconds seen), bps per square root of a second."""
    return math.sqrt(math.pi / 2.0 * rate(bipower_product_sum, elapsed_seconds, window_seconds))


@compiled
def volatility_ratio(
    squared_return_sum: float,
    elapsed_seconds: float,
    window_seconds: float,
    squared_return_sum_1800s: float,
    elapsed_seconds_1800s: float,
) -> float:
    """Realised volatility over the window / over 1800 s: 1 is as usual today. Null where the price stood still."""
    now = rate(squared_return_sum, elapsed_seconds, window_seconds)
    usual = rate(squared_return_sum_1800s, elapsed_seconds_1800s, 1800.0)
    return math.sqrt(ratio(now, usual))


@compiled
def mid_trend_bps(mid: float, mid_mean: float) -> float:
    """1e4 * (mid / its mean over the window before now - 1). Not a return between two instants: nothing drops out."""
    return BPS * (mid / mid_mean - 1.0)


@compiled
def seconds_since_mid_change(time_ns: int, last_mid_change_ns: int) -> float:
    """Seconds since the mid last moved inside this trading interval, null before it first did."""
    if last_mid_change_ns < 0:
        return math.nan
    return (time_ns - last_mid_change_ns) / 1e9
