"""Small days written down by hand, and odd ones drawn by hypothesis: one-sided, empty, locked, frozen, interrupted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from features.fits import AXIS_SLOTS, MICROPRICE, REGIME, SLOTS, TICK
from features.market_day import KnownBefore, OutsideRows, SymbolDay

NS = 1_000_000_000
MORNING, AFTERNOON = (0, 600 * NS), (6_000 * NS, 6_600 * NS)
Intervals = tuple[tuple[int, int], ...]
INTERVALS: Intervals = (MORNING, AFTERNOON)
NAN = float("nan")

Row = tuple[float, float, float, float, float]
Trade = tuple[float, float, float, int]


def day_of(
    rows: list[Row],
    trades: list[Trade] | None = None,
    *,
    levels: int = 1,
    traded: list[tuple[float, float]] | None = None,
) -> SymbolDay:
    """A day from (seconds, bid, bid shares, ask, ask shares); deeper levels lie a tick apart with the same shares.

    trades: (seconds, price, shares, sign). traded: (shares, notional) of each row.
    """
    seconds, bid, bid_shares, ask, ask_shares = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    steps = np.arange(levels) * 0.01
    prints = trades or []
    totals = np.array(traded if traded is not None else [(NAN, NAN)] * len(rows), np.float64)
    return SymbolDay(
        symbol="AAA",
        times_ns=np.rint(seconds * NS).astype(np.int64),
        sequence=np.arange(len(rows), dtype=np.int64),
        bid_price=bid[:, None] - steps,
        bid_shares=np.where(np.isnan(bid)[:, None], 0.0, np.repeat(bid_shares[:, None], levels, axis=1)),
        ask_price=ask[:, None] + steps,
        ask_shares=np.where(np.isnan(ask)[:, None], 0.0, np.repeat(ask_shares[:, None], levels, axis=1)),
        traded_shares=totals[:, 0],
        traded_notional=totals[:, 1],
        trade_times_ns=np.array([round(one[0] * NS) for one in prints], np.int64),
        trade_price=np.array([one[1] for one in prints], np.float64),
        trade_shares=np.array([one[2] for one in prints], np.float64),
        trade_sign=np.array([one[3] for one in prints], np.int8),
    )


def fitted(volatility: float = 1.0) -> KnownBefore:
    """A fit written by hand, and an auction ten seconds before the afternoon ends."""
    fit = np.full(SLOTS, np.nan)
    fit[TICK] = 0.01
    fit[MICROPRICE:REGIME] = np.outer([0.5, 0.3, 0.1], np.linspace(-1, 1, 11)).ravel()
    fit[REGIME : REGIME + AXIS_SLOTS] = [0.0, volatility, 0.5, 0.6, 0.9, 0.8]
    fit[REGIME + AXIS_SLOTS :] = [-8.0, -4.0, 1.5, 2.0, 0.95, 0.9]
    return KnownBefore(fit, np.array([6_590 * NS]))


def outside_of(rows: list[tuple[float, float, float]]) -> OutsideRows:
    """Rows of `news_sentiment` from (usable at second, about second, value), in the order in which they come."""
    usable, about, value = (
        (np.array(column, np.float64) for column in zip(*rows, strict=True)) if rows else [np.empty(0)] * 3
    )
    seconds = [np.rint(one * NS).astype(np.int64) for one in (usable, about)]
    return OutsideRows(seconds[0], seconds[1], seconds[0], np.zeros(len(rows), np.int64), value)


SHARES = st.sampled_from([0.0, 1.0, 3.0, 100.0, 250.0, 1e7])
GAPS = st.sampled_from([0.0, 0.0, 0.001, 0.5, 3.0, 5.0, 61.0, 900.0, 5_000.0])


@st.composite
def odd_days(draw: st.DrawFn) -> SymbolDay:
    """Up to 25 rows of one to six levels: sides missing, books locked, times equal, a silent lunch, trades, news."""
    count, levels = draw(st.integers(1, 25)), draw(st.sampled_from([1, 5, 6]))
    seconds, rows = 0.0, []
    for _ in range(count):
        seconds += draw(GAPS)
        bid = draw(st.sampled_from([NAN, 9.99, 10.0, 10.0, 10.01]))
        ask = draw(st.sampled_from([NAN, 10.01, 10.02, 10.02, 10.05]))
        rows.append((seconds, bid, draw(SHARES), ask, draw(SHARES)))
    trades: list[Trade] = []
    if draw(st.booleans()):
        for _ in range(draw(st.integers(0, 12))):
            at, price = draw(st.floats(0.0, seconds + 1.0)), draw(st.sampled_from([9.99, 10.0, 10.015, 10.02]))
            sign = draw(st.sampled_from([-1, 0, 1]))
            trades.append((at, price, draw(st.sampled_from([1.0, 40.0])), sign))
    traded = [(shares, shares * 10.013) for shares in draw(st.lists(SHARES, min_size=count, max_size=count))]
    day = day_of(rows, sorted(trades), levels=levels, traded=None if draw(st.booleans()) else traded)
    shown = draw(st.integers(1, levels))
    day.bid_price[:, shown:], day.bid_shares[:, shown:] = np.nan, 0.0
    usable = sorted(draw(st.lists(st.floats(0.0, seconds + 1.0), max_size=4)))
    news = [(at, draw(st.floats(0.0, at)), draw(st.sampled_from([-0.5, 0.0, 0.7]))) for at in usable]
    return replace(day, outside=outside_of(news))
