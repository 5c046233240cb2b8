"""Features once more, slowly and obviously: plain Python, `math`, sums taken in the order of the rows.

Nothing here is shared with `features/`: a row is a handful of lists, the past is everything before it. A decayed sum is
taken over the whole past again at every row, oldest first, which is the same sequence of roundings as keeping it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from features.market_day import SymbolDay
from tests.features.books import NS, Intervals

NAN = math.nan


@dataclass
class Look:
    """One row: what the book shows, and what traded since the row before it."""

    at: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    signed: float
    traded: float

    @property
    def mid(self) -> float:
        return (self.bids[0][0] + self.asks[0][0]) / 2.0

    @property
    def has_sizes(self) -> bool:
        return not math.isnan(self.mid) and self.bids[0][1] > 0 and self.asks[0][1] > 0

    def depth(self, levels: int) -> float:
        """Mean shares a side over the levels."""
        if not self.has_sizes:
            return NAN
        bid, ask = (sum_of([shares for _, shares in side[:levels]]) for side in (self.bids, self.asks))
        return (bid + ask) / 2.0


def sum_of(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def divided(over: float, under: float) -> float:
    return NAN if under == 0.0 else over / under


def looks(day: SymbolDay) -> list[Look]:
    """Rows with trades counted into the row that follows them, signed by the feed (these days all carry signs)."""
    found, used = [], 0
    for row in range(day.rows):
        buys = sells = 0.0
        while used < len(day.trade_times_ns) and day.trade_times_ns[used] <= day.times_ns[row]:
            notional = float(day.trade_price[used]) * float(day.trade_shares[used])
            buys, sells = (buys + notional, sells) if day.trade_sign[used] > 0 else (buys, sells + notional)
            used += 1
        bids, asks = (
            [(float(price[row, level]), float(shares[row, level])) for level in range(price.shape[1])]
            for price, shares in ((day.bid_price, day.bid_shares), (day.ask_price, day.ask_shares))
        )
        known = used > 0
        found.append(
            Look(int(day.times_ns[row]), bids, asks, buys - sells if known else NAN, buys + sells if known else NAN)
        )
    return found


def side_flow(now: tuple[float, float], before: tuple[float, float], better: int) -> float:
    """Cont, Kukanov and Stoikov's contribution of one side; `better` is +1 for bids, -1 for asks."""
    price, previous = (-math.inf if math.isnan(one[0]) else better * one[0] for one in (now, before))
    flow = 0.0
    if price >= previous:
        flow += now[1]
    if price <= previous:
        flow -= before[1]
    return flow


def lacks_size(look: Look) -> bool:
    return any(not math.isnan(side[0][0]) and not side[0][1] > 0 for side in (look.bids, look.asks))


def order_flow(now: Look, before: Look, levels: int) -> float:
    """Bid minus ask, level 1 first."""
    if lacks_size(now) or lacks_size(before):
        return NAN
    total = side_flow(now.bids[0], before.bids[0], 1) - side_flow(now.asks[0], before.asks[0], -1)
    for level in range(1, min(levels, len(now.bids))):
        total += side_flow(now.bids[level], before.bids[level], 1)
        total -= side_flow(now.asks[level], before.asks[level], -1)
    return total


def decayed(past: list[Look], values: list[float], window: float) -> float:
    """Sum of the values with weight exp(-age / window), NaN where none is known."""
    total = NAN
    for row in range(len(past)):
        factor = 1.0 if row == 0 else math.exp(-((past[row].at - past[row - 1].at) / 1e9) / window)
        if math.isnan(values[row]):
            total = total * factor
        else:
            total = values[row] if math.isnan(total) else total * factor + values[row]
    return total


def held_mean(past: list[Look], values: list[float], window: float) -> float:
    """Time-weighted mean of what stood between the rows, NaN where nothing was known for any time."""
    value = weight = NAN
    for row in range(1, len(past)):
        factor = math.exp(-((past[row].at - past[row - 1].at) / 1e9) / window)
        if math.isnan(values[row - 1]):
            value, weight = value * factor, weight * factor
            continue
        held, one = values[row - 1] * window * (1.0 - factor), 1.0 * window * (1.0 - factor)
        value = held if math.isnan(value) else value * factor + held
        weight = one if math.isnan(weight) else weight * factor + one
    return divided(value, weight)


def per_second(past: list[Look], values: list[float], window: float) -> float:
    elapsed = NAN
    for row in range(1, len(past)):
        factor = math.exp(-((past[row].at - past[row - 1].at) / 1e9) / window)
        elapsed = window * (1.0 - factor) if math.isnan(elapsed) else elapsed * factor + window * (1.0 - factor)
    return decayed(past, values, window) / elapsed if elapsed >= 0.1 * window else NAN


def interval(at: int, intervals: Intervals) -> int:
    inside = [place for place, (start, end) in enumerate(intervals) if start <= at <= end]
    return inside[0] if inside else -1 - sum(at > end for _, end in intervals)


def instant(look: Look) -> dict[str, float]:
    """What needs no past."""
    (bid, bid_shares), (ask, ask_shares), mid = look.bids[0], look.asks[0], look.mid
    found = {"spread_bps": 1e4 * (ask - bid) / mid}
    weight = divided(bid_shares, bid_shares + ask_shares)
    found["microprice_offset_bps"] = 1e4 * ((bid + weight * (ask - bid)) - mid) / mid
    for levels in (1, 5, 10):
        bids, asks = (sum_of([shares for _, shares in side[:levels]]) for side in (look.bids, look.asks))
        is_shown = len(look.bids) >= levels and not math.isnan(mid)
        found[f"imbalance_{levels}"] = divided(bids - asks, bids + asks) if is_shown else NAN
    return found


def windowed(past: list[Look]) -> dict[str, float]:
    """What needs the rows of this trading interval up to now."""
    found: dict[str, float] = {}
    pairs = list(zip(past[1:], past, strict=False))
    flows = {levels: [NAN, *(order_flow(now, before, levels) for now, before in pairs)] for levels in (1, 5)}
    returns = [NAN, *(1e4 * (now.mid / before.mid - 1.0) for now, before in pairs)]
    squares = [one * one for one in returns]
    products = [NAN, *(abs(now) * abs(before) for now, before in zip(returns[1:], returns, strict=False))]
    traded, signed = [NAN, *(one.traded for one in past[1:])], [NAN, *(one.signed for one in past[1:])]
    for levels in (1, 5):
        usual = held_mean(past, [one.depth(levels) for one in past], 300.0)
        for window in (10, 60, 300):
            found[f"ofi_{levels}_{window}s"] = divided(decayed(past, flows[levels], window), usual)
    for window in (10, 60, 300):
        found[f"trade_flow_{window}s"] = divided(decayed(past, signed, window), decayed(past, traded, window))
        found[f"mid_trend_bps_{window}s"] = 1e4 * (
            past[-1].mid / held_mean(past, [one.mid for one in past], window) - 1.0
        )
    for window in (60, 300, 1800):
        found[f"realised_volatility_{window}s"] = math.sqrt(per_second(past, squares, window))
    found["bipower_volatility_300s"] = math.sqrt(math.pi / 2.0 * per_second(past, products, 300))
    found["trade_intensity_60s"] = divided(per_second(past, traded, 60), per_second(past, traded, 1800))
    return found


def reference(day: SymbolDay, intervals: Intervals) -> list[dict[str, float]]:
    """Features of every row by name, 64 bits. Trades must carry signs."""
    rows = looks(day)
    places = [interval(row.at, intervals) for row in rows]
    found = []
    for last, row in enumerate(rows):
        start = last
        while start > 0 and places[start - 1] == places[last]:
            start -= 1
        now = {**instant(row), **windowed(rows[start : last + 1]), "seconds_since_open": NAN}
        if places[last] >= 0:
            passed = sum(end - begin for begin, end in intervals[: places[last]])
            now["seconds_since_open"] = (passed + row.at - intervals[places[last]][0]) / NS
        found.append(now)
    return found
