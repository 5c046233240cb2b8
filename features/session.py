"""Where in the session a row stands, counted in trading time: pauses (lunch) take no time.

Intervals are the (k, 2) int64 UTC nanoseconds of `infra.calendar.session_intervals_ns`, so half days are shorter by
themselves. A row outside every interval has no place in the session: null, not zero. Auctions and the minutes that the
market's declaration leaves out are not counted. Source: intraday seasonality is by trading time since the open, as in
Andersen and Bollerslev (1997) "Intraday periodicity and volatility persistence in financial markets", section 2.

    >>> import numpy as np
    >>> seconds_since_open(np.array([[0, 60_000_000_000]]), 15_000_000_000)
    15.0
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.compiled import compiled

Intervals = npt.NDArray[np.int64]


def interval_array(intervals_ns: Sequence[tuple[int, int]]) -> Intervals:
    """(k, 2) int64 from the market's trading intervals."""
    return np.array(list(intervals_ns), dtype=np.int64).reshape(-1, 2)


@compiled
def interval_of(intervals: Intervals, time_ns: int) -> int:
    """Index of the interval that holds the instant, both ends included; else -1 minus the intervals gone by."""
    gone = 0
    for index in range(len(intervals)):
        if intervals[index, 0] <= time_ns <= intervals[index, 1]:
            return index
        if time_ns > intervals[index, 1]:
            gone += 1
    return -1 - gone


@compiled
def seconds_since_open(intervals: Intervals, time_ns: int) -> float:
    """Trading seconds since the first interval began; null outside the intervals."""
    current = interval_of(intervals, time_ns)
    if current < 0:
        return math.nan
    passed = time_ns - intervals[current, 0]
    for index in range(current):
        passed += intervals[index, 1] - intervals[index, 0]
    return passed / 1e9


@compiled
def seconds_to_close(intervals: Intervals, time_ns: int) -> float:
    """Trading seconds until the last interval ends; null outside the intervals."""
    current = interval_of(intervals, time_ns)
    if current < 0:
        return math.nan
    left = intervals[current, 1] - time_ns
    for index in range(current + 1, len(intervals)):
        left += intervals[index, 1] - intervals[index, 0]
    return left / 1e9


@compiled
def seconds_to_auction(auctions_ns: npt.NDArray[np.int64], time_ns: int) -> float:
    """Seconds by the clock until the day's next auction begins; null after the last one and in a market without any.

    Clock and not trading time, because an auction's orders are placed by the clock. Not how long the auction lasts.
    """
    for start in auctions_ns:
        if start >= time_ns:
            return (start - time_ns) / 1e9
    return math.nan
