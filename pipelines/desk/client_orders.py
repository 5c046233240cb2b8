"""A seeded stream of client parent orders for one session, the same rules for every market that the desk works.

An order draws a participation rate (log-normal, median 5 %, cut to 1-20 %) and a horizon (log-uniform, 10 to 60
minutes); its quantity is the rate times the volume expected in its interval, in whole lots, at least one. If all orders
of a symbol would be more than 15 % of the session's expected volume, every quantity of the symbol is scaled down by one
factor: the draws stay as they fell, and `participation_rate` is the realised one, order_shares over expected volume,
so it may lie below 1 % (scaled) or above 20 % (one lot where next to nothing trades).

So that waiting is not free, an order carries a planted alpha: the price will move `planted_alpha_bps` in the order's
direction, as alpha * (1 - exp(-t / planted_alpha_seconds)) after arrival; positive is adverse (we buy what will rise).
Clients are a little informed, so adverse is drawn more often than favourable. Urgency is the one randomised knob, drawn
inside the client's limits with the logged propensity. Orders start and end on the half-minute, the desk's decision
clock, and never span a break. A limit, where there is one, is set from the reference price (the previous close).

What it is not: recorded client flow; say "synthetic orders" wherever results from it are shown.

    >>> interval_volume(np.array([600.0, 1200.0]), 0.0, 1.0), interval_volume(np.array([600.0, 1200.0]), 0.25, 0.75)
    (1800.0, 900.0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.markets import Market
from models.market_random import stream_seed
from pipelines.desk.noun_rows import noun_rows, utc

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
Intervals = Sequence[tuple[int, int]]
NS = 1_000_000_000

DECISION_CLOCK_SECONDS = 30
HORIZON_SECONDS = (600, 3600)
PARTICIPATION, PARTICIPATION_MEDIAN, PARTICIPATION_SIGMA = (0.01, 0.20), 0.05, 0.6
MOST_OF_EXPECTED_VOLUME = 0.15
URGENCY_PROPENSITY = (0.25, 0.5, 0.25)
ALPHA_SIGN = ((1.0, 0.4), (0.0, 0.3), (-1.0, 0.3))
ALPHA_BPS, ALPHA_SECONDS = (10.0, 25.0), (300.0, 1200.0)
LIMIT_SHARE, LIMIT_BPS = 0.15, (80.0, 250.0)
BENCHMARKS = (("arrival", 0.5), ("vwap", 0.25), ("twap", 0.2), ("close", 0.05))
ORDERS_PER_SYMBOL = 26
"""Eight symbols make 208 orders a session."""
LEAST_ACCOUNTS = 8


def accounts_of(orders_per_symbol: int) -> tuple[str, ...]:
    """The clients of a desk of that size: eight for 26 orders a symbol and session, in proportion for more."""
    count = max(LEAST_ACCOUNTS, round(LEAST_ACCOUNTS * orders_per_symbol / ORDERS_PER_SYMBOL))
    return tuple(f"ACCOUNT-{number:02d}" for number in range(1, count + 1))


ACCOUNTS = accounts_of(ORDERS_PER_SYMBOL)


@dataclass(frozen=True)
class Expectation:
    """What is expected of one symbol before the session.

    volume_shares (buckets): volume in equal parts of the decision time, breaks left out; one bucket: evenly spread.
    reference_price: the previous close, from which limits are set.
    """

    symbol: str
    volume_shares: Float
    reference_price: float


@dataclass(frozen=True)
class _Draws:
    """n orders of one symbol: seconds of decision time at which they start and end, UTC the same, and lots."""

    start: Long
    end: Long
    start_ns: Long
    end_ns: Long


def interval_volume(volume: Float, start: float, end: float) -> float:
    """Shares expected between two fractions of the decision time."""
    edges = np.linspace(0.0, 1.0, len(volume) + 1)
    passed = np.concatenate([np.zeros(1), np.cumsum(volume)])
    return float(np.interp(end, edges, passed) - np.interp(start, edges, passed))


def _between(random: np.random.Generator, bounds: tuple[float, float], count: int) -> Float:
    return bounds[0] + (bounds[1] - bounds[0]) * random.random(count)


def _times(random: np.random.Generator, intervals: Intervals, count: int) -> _Draws:
    """Horizons first, then a start among all half-minutes from which the horizon fits into one interval."""
    clock = DECISION_CLOCK_SECONDS
    lengths = np.array([(end - start) // NS // clock for start, end in intervals], np.int64)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])
    wanted = np.exp(_between(random, (np.log(HORIZON_SECONDS[0]), np.log(HORIZON_SECONDS[1])), count))
    horizon = np.minimum(np.rint(wanted / clock).astype(np.int64), lengths.max())
    room = np.maximum(lengths[None, :] - horizon[:, None] + 1, 0)
    place = np.floor(random.random(count) * room.sum(axis=1)).astype(np.int64)
    interval = (place[:, None] >= np.cumsum(room, axis=1)).sum(axis=1)
    offset = place - (np.cumsum(room, axis=1) - room)[np.arange(count), interval]
    opens = np.array([start for start, _ in intervals], np.int64)[interval]
    start = before[interval] + offset
    order = np.argsort(start * 10_000 + horizon, kind="stable")
    begins, lasts = opens + offset * clock * NS, horizon * clock * NS
    return _Draws(start[order], (start + horizon)[order], begins[order], (begins + lasts)[order])


def _choices(random: np.random.Generator, odds: Sequence[tuple[Any, float]], count: int) -> npt.NDArray[Any]:
    return random.choice([value for value, _ in odds], count, p=[share for _, share in odds])


def _participation(random: np.random.Generator, count: int) -> Float:
    rate = np.zeros(count)
    while (outside := (rate < PARTICIPATION[0]) | (rate > PARTICIPATION[1])).any():
        fresh = PARTICIPATION_MEDIAN * np.exp(PARTICIPATION_SIGMA * random.standard_normal(int(outside.sum())))
        rate[outside] = fresh
    return rate


def _lots(wanted_shares: Float, expected: Float, lot: int) -> Long:
    scale = min(1.0, MOST_OF_EXPECTED_VOLUME * float(expected.sum()) / max(float(wanted_shares.sum()), 1.0))
    return np.maximum(np.rint(wanted_shares * scale / lot), 1.0).astype(np.int64)


def _alpha_scale(count: int) -> float:
    """More clients know no more together: what they move the price by in a session keeps its variance."""
    return min(1.0, math.sqrt(ORDERS_PER_SYMBOL / count))


def _limits(random: np.random.Generator, side: Float, reference: float, tick: float) -> Float:
    distance = _between(random, LIMIT_BPS, len(side))
    limit = np.rint(reference * (1.0 + side * distance / 1e4) / tick) * tick
    return np.where(random.random(len(side)) < LIMIT_SHARE, np.round(limit, 10), np.nan)


def _symbol_orders(
    market: Market, day: date, intervals: Intervals, known: Expectation, seed: int, count: int, in_path: bool
) -> pa.Table:
    random = np.random.default_rng(stream_seed(seed, market.name, known.symbol, day.isoformat(), "clients"))
    times, lot = _times(random, intervals, count), market.lot_shares
    total = sum((end - start) // NS // DECISION_CLOCK_SECONDS for start, end in intervals)
    spans = zip(times.start / total, times.end / total, strict=True)
    expected = np.array([interval_volume(known.volume_shares, start, end) for start, end in spans])
    shares = _lots(_participation(random, count) * expected, known.volume_shares, lot) * lot
    side = np.where(random.random(count) < 0.5, 1.0, -1.0)
    sign = _choices(random, ALPHA_SIGN, count)
    urgency = random.choice(3, count, p=URGENCY_PROPENSITY)
    return noun_rows("parent_orders", market, day, {
        "parent_order_id": [f"{known.symbol}-{day:%Y%m%d}-{number:03d}" for number in range(count)],
        "account": random.choice(accounts_of(count), count).tolist(),
        "symbol": [known.symbol] * count,
        "side": np.where(side > 0, "buy", "sell").tolist(),
        "event_at_ns": times.start_ns,
        "instructed_start_at": utc(times.start_ns),
        "instructed_end_at": utc(times.end_ns),
        "order_shares": shares.astype(np.float64),
        "limit_price": _limits(random, side, known.reference_price, market.tick),
        "benchmark": _choices(random, BENCHMARKS, count).tolist(),
        "is_must_complete": np.full(count, True),
        "may_use_auctions": np.full(count, False),
        "is_short_sale": np.full(count, False),
        "urgency": urgency,
        "urgency_propensity": np.array(URGENCY_PROPENSITY)[urgency],
        "participation_rate": np.minimum(shares / np.maximum(expected, 1.0), 1.0),
        "planted_alpha_bps": sign * _between(random, ALPHA_BPS, count) * _alpha_scale(count),
        "planted_alpha_seconds": _between(random, ALPHA_SECONDS, count),
        "is_alpha_in_path": np.full(count, in_path),
    })  # fmt: skip


def client_orders(
    market: Market,
    day: date,
    intervals_ns: Intervals,
    expectations: Sequence[Expectation],
    seed: int,
    *,
    is_alpha_in_path: bool,
    orders_per_symbol: int = ORDERS_PER_SYMBOL,
) -> pa.Table:
    """Rows of `parent_orders`, symbol by symbol, by start. A symbol's orders depend on no other symbol.

    intervals_ns: UTC ns in which decisions are taken (`infra.calendar.session_intervals_ns`). Raises ValueError for no
    interval or no symbol. is_alpha_in_path: the market's own price will carry the planted move.
    """
    if not intervals_ns or not expectations:
        raise ValueError(f"{market.name} {day}: client orders need an interval and a symbol")
    return pa.concat_tables([
        _symbol_orders(market, day, intervals_ns, known, seed, orders_per_symbol, is_alpha_in_path)
        for known in expectations
    ]).combine_chunks()  # fmt: skip
