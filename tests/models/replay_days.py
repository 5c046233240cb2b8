"""Small days to replay: a book written down row by row, and a seeded random walk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.market_day import SymbolDay
from infra.markets import Fees
from models.impact import NO_IMPACT, StatedImpact
from models.replay import FillBound, OrderArrays, ReplayRules

SECOND = 1_000_000_000
FEES = Fees(maker_bps=-0.2, taker_bps=0.3, sell_tax_bps=5.0)
Quote = tuple[float, float]


def written_day(
    seconds: list[float],
    bids: list[list[Quote]],
    asks: list[list[Quote]],
    prints: list[tuple[float, float, float, int]] = [],  # noqa: B006
) -> SymbolDay:
    """A day from rows as one would write them: (price, shares) a level; prints (second, price, shares, sign)."""
    depth = max(len(row) for row in bids + asks)
    sides = []
    for rows in (bids, asks):
        price, shares = np.full((len(rows), depth), np.nan), np.zeros((len(rows), depth))
        for at, row in enumerate(rows):
            for level, quote in enumerate(row):
                price[at, level], shares[at, level] = quote
        sides += [price, shares]
    times = np.array([round(second * SECOND) for second in seconds], np.int64)
    nothing = np.full(len(times), np.nan)
    return SymbolDay(
        "AAA", times, np.zeros(len(times), np.int64), *sides, nothing, nothing,
        np.array([round(one[0] * SECOND) for one in prints], np.int64),
        np.array([one[1] for one in prints], np.float64), np.array([one[2] for one in prints], np.float64),
        np.array([one[3] for one in prints], np.int8),
    )  # fmt: skip


def walk_day(seed: int, rows: int = 1200, depth: int = 5, price: float = 20.0) -> SymbolDay:
    """Random walk on a one-cent grid, a row each 3 s, spread of one to three ticks, redrawn every 5 minutes."""
    random = np.random.default_rng(seed)
    bid = np.round(price * 100) + np.cumsum(random.choice([-1, 0, 1], rows, p=[0.02, 0.96, 0.02]))
    ask = bid + np.repeat(random.choice([1, 1, 2, 3], -(-rows // 100)), 100)[:rows]
    levels = np.arange(depth)
    times = (np.arange(rows, dtype=np.int64) * 3) * SECOND
    shares = random.integers(1, 20, (2, rows, depth)) * 100.0
    count = random.integers(1, 4, rows)
    of_row = np.repeat(np.arange(rows), count)
    sign = random.choice([-1, 1], len(of_row))
    before = np.maximum(of_row - 1, 0)
    return SymbolDay(
        "AAA", times, np.zeros(rows, np.int64),
        (bid[:, None] - levels) / 100, shares[0], (ask[:, None] + levels) / 100, shares[1],
        np.full(rows, np.nan), np.full(rows, np.nan),
        np.sort(times[of_row] - random.integers(1, 3 * SECOND, len(of_row))),
        np.where(sign > 0, ask[before], bid[before]) / 100, random.integers(1, 8, len(of_row)) * 100.0,
        sign.astype(np.int8),
    )  # fmt: skip


def some_orders(seed: int, count: int = 40, *, alpha_bps: float = 0.0) -> OrderArrays:
    """Orders of 5 to 15 minutes inside an hour, of 500 to 5,000 shares, both sides and all urgencies."""
    random = np.random.default_rng(seed)
    length = random.integers(10, 31, count) * 30
    start = random.integers(1, 3500 - length.max(), count)
    return OrderArrays.of(
        side=random.choice([-1.0, 1.0], count),
        shares=random.integers(5, 51, count) * 100.0,
        arrival_ns=start * SECOND,
        end_ns=(start + length) * SECOND,
        urgency=random.integers(0, 3, count),
        alpha_bps=np.full(count, alpha_bps),
        alpha_seconds=np.full(count, 300.0),
    )


def rules(
    fill_bound: FillBound = "trade_through",
    impact: StatedImpact = NO_IMPACT,
    latency_seconds: float = 0.0,
    lot_shares: float = 100.0,
    intervals_ns: tuple[tuple[int, int], ...] = (),
) -> ReplayRules:
    return ReplayRules(0.01, lot_shares, FEES, fill_bound, latency_seconds, impact, intervals_ns)


def mirrored(day: SymbolDay, around: float) -> SymbolDay:
    """The day seen by somebody who does the opposite: prices reflected, sides and signs exchanged."""
    return replace(
        day,
        bid_price=2 * around - day.ask_price,
        ask_price=2 * around - day.bid_price,
        bid_shares=day.ask_shares,
        ask_shares=day.bid_shares,
        trade_price=2 * around - day.trade_price,
        trade_sign=-day.trade_sign,
    )
