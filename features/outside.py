"""Series from outside the market (news sentiment, say), as they were known: the rows of noun `signals`.

A value counts from the instant at which it could be used, never from the instant that it is about: `received_at` where
the feed tells it, else the row's `known_at`. From then on it stands until a newer one of the same series comes; one
about an earlier instant than what stands is late news and changes nothing. Days before the session count, so that
Friday's rating still stands on Monday.

To read another series: add its name to SERIES, a function here and a row in the catalog. A market that brings no such
series has null, by declaration.

    >>> import numpy as np
    >>> values, since = np.array([0.4]), np.array([1_000_000_000])
    >>> float(news_sentiment(values)), seconds_since_news(since, 3_000_000_000)
    (0.4, 2.0)
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from features.compiled import compiled

SERIES = ("news_sentiment",)
"""Names of the series that features read, in the order of the engine's arrays."""
NEWS_SENTIMENT = 0
SESSIONS_BACK = 5
"""Sessions before today's whose rows still stand, because a week without an update says that the feed has ended."""

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


@compiled
def count_signal(
    values: Floats, about_ns: Longs, usable_ns: Longs, series: int, at_ns: int, now: int, value: float
) -> None:
    """Let a value stand from `now`, unless what stands is about a later instant than `at_ns`. Changes the arrays."""
    if at_ns >= about_ns[series]:
        values[series], about_ns[series], usable_ns[series] = value, at_ns, now


@compiled
def news_sentiment(outside_values: Floats) -> float:
    """Latest known value of series `news_sentiment`, in the feed's own unit. It does not fade: its age is beside it."""
    value: float = outside_values[NEWS_SENTIMENT]
    return value


@compiled
def seconds_since_news(outside_usable_ns: Longs, time_ns: int) -> float:
    """Seconds since the value of `news_sentiment` could first be used; nights and weekends count."""
    since = outside_usable_ns[NEWS_SENTIMENT]
    if since < 0:
        return math.nan
    return (time_ns - since) / 1e9
