"""The reference's regimes: minutes gathered in lists, Hamilton's filter written out."""

from __future__ import annotations

import math

from features.market_day import KnownBefore
from tests.features.books import NS, Intervals
from tests.features.reference import NAN, Look, interval, sum_of

Minute = list[tuple[float, Look]]


def _volatility(minute: Minute, tick: float) -> float:
    squares = [moved * moved for moved, _ in minute if not math.isnan(moved)]
    if not squares:
        return NAN
    mid = [look.mid for moved, look in minute if not math.isnan(moved)][-1]
    half_tick = 1e4 * tick / 2.0 / mid
    return 0.5 * math.log((sum_of(squares) + half_tick * half_tick) / 60.0)


def _illiquidity(minute: Minute) -> float:
    terms = []
    for _, look in minute:
        bid, ask = look.shares(5)
        spread, depth = look.asks[0][0] - look.bids[0][0], look.mid * (bid + ask)
        if spread > 0.0 and depth > 0.0:
            terms.append(math.log(1e4 * spread / look.mid / depth))
    return sum_of(terms) / len(terms) if terms else NAN


def _bell(value: float, mean: float, deviation: float) -> float:
    return math.exp(-0.5 * ((value - mean) / deviation) ** 2) / deviation


def _next(high: float, value: float, axis: list[float]) -> float:
    """Probability of the high state after one more minute."""
    low_mean, high_mean, low_deviation, high_deviation, low_stays, high_stays = axis
    ahead = high * high_stays + (1.0 - high) * (1.0 - low_stays)
    if math.isnan(value):
        return ahead
    if_high = ahead * _bell(value, high_mean, high_deviation)
    if_low = (1.0 - ahead) * _bell(value, low_mean, low_deviation)
    return if_high / (if_high + if_low) if if_high + if_low > 0.0 else ahead


def regimes(rows: list[Look], intervals: Intervals, before: KnownBefore) -> list[dict[str, float]]:
    """Filtered probabilities of the four regimes at every row."""
    tick, axes = float(before.fit[0]), [before.fit[34:40].tolist(), before.fit[40:46].tolist()]
    high = [(1.0 - axis[4]) / (2.0 - axis[4] - axis[5]) for axis in axes]
    minute: Minute = []
    current, found = None, []
    for place, row in enumerate(rows):
        old = rows[place - 1] if place else None
        inside = interval(row.at, intervals)
        if old is not None and inside >= 0 and inside == interval(old.at, intervals):
            number = (row.at - 1) // (60 * NS)
            if current is not None and number != current:
                seen = (_volatility(minute, tick), _illiquidity(minute))
                high = [_next(one, value, axis) for one, value, axis in zip(high, seen, axes, strict=True)]
                minute = []
            current = number
            minute.append((1e4 * (row.mid / old.mid - 1.0), row))
        volatile, illiquid = high
        found.append(
            {
                "calm_liquid_probability": (1.0 - volatile) * (1.0 - illiquid),
                "calm_illiquid_probability": (1.0 - volatile) * illiquid,
                "volatile_liquid_probability": volatile * (1.0 - illiquid),
                "volatile_illiquid_probability": volatile * illiquid,
            }
        )
    return found
