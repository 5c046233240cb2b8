"""Features once more, slowly and obviously: plain Python, `math`, sums taken in the order of the rows.

Nothing here is shared with `features/`: a row is a handful of lists, the past is everything before it. A decayed sum is
taken over the whole past again at every row, oldest first, which is the same sequence of roundings as keeping it.
What is seen of a row is made here; `reference_window.py` looks back, `reference_regime.py` filters minutes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from features.market_day import NOTHING_BEFORE, KnownBefore, SymbolDay
from tests.features.books import NS, Intervals

NAN = math.nan


@dataclass
class Look:
    """One row: what the book shows, what traded since the row before it, and when something last traded."""

    at: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    signed: float
    traded: float
    traded_at: int | None
    news: float
    news_since: int | None

    @property
    def mid(self) -> float:
        return (self.bids[0][0] + self.asks[0][0]) / 2.0

    @property
    def has_sizes(self) -> bool:
        return not math.isnan(self.mid) and self.bids[0][1] > 0 and self.asks[0][1] > 0

    def shares(self, levels: int) -> tuple[float, float]:
        """Bid and ask shares over the levels that the feed has, at most `levels`."""
        bid, ask = (sum_of([shares for _, shares in side[:levels]]) for side in (self.bids, self.asks))
        return bid, ask

    def depth(self, levels: int) -> float:
        """Mean shares a side over the levels."""
        if not self.has_sizes:
            return NAN
        bid, ask = self.shares(levels)
        return (bid + ask) / 2.0


def sum_of(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def divided(over: float, under: float) -> float:
    return NAN if under == 0.0 else over / under


@dataclass
class Tape:
    """Signs prices as Lee and Ready do, and remembers the last price and tick."""

    last_price: float = NAN
    last_sign: float = NAN

    def sign(self, price: float, mid: float) -> float:
        tick = 1.0 if price > self.last_price else -1.0 if price < self.last_price else self.last_sign
        found = 1.0 if price > mid else -1.0 if price < mid else tick
        self.last_price, self.last_sign = price, tick
        return found


def _trades_of(day: SymbolDay, used: int, until: int, mid: float, tape: Tape) -> tuple[float, float, int]:
    """Signed and whole notional of the trades up to an instant, and how many are used then."""
    buys = sells = unsigned = 0.0
    while used < len(day.trade_times_ns) and day.trade_times_ns[used] <= until:
        price, notional = float(day.trade_price[used]), float(day.trade_price[used]) * float(day.trade_shares[used])
        guessed = tape.sign(price, mid)
        sign = float(day.trade_sign[used]) or guessed
        buys += notional if sign > 0 else 0.0
        sells += notional if sign < 0 else 0.0
        unsigned += 0.0 if abs(sign) > 0 else notional
        used += 1
    return buys - sells, buys + sells + unsigned, used


def _row_trades(shares: float, notional: float, mid: float, tape: Tape) -> tuple[float, float]:
    """Signed and whole notional of a feed that tells only totals a row."""
    if notional > 0.0:
        return (notional * tape.sign(notional / shares, mid) if shares > 0.0 else NAN), notional
    return (0.0 if shares == 0.0 else NAN), notional


def looks(day: SymbolDay, intervals: Intervals) -> list[Look]:
    """Rows, with everything between two rows counted into the later one."""
    found: list[Look] = []
    used, tape, traded_at = 0, Tape(), None
    for row in range(day.rows):
        at = int(day.times_ns[row])
        is_new = not found or interval(at, intervals) != interval(found[-1].at, intervals)
        before = found[-1].mid if found else NAN
        signed, traded, now_used = _trades_of(day, used, at, before, tape)
        if now_used > used:
            traded_at = int(day.trade_times_ns[now_used - 1])
        used = now_used
        if used == 0:
            shares, notional = float(day.traded_shares[row]), float(day.traded_notional[row])
            signed, traded = _row_trades(shares, notional, NAN if is_new else before, tape)
            traded_at = at if notional > 0.0 else traded_at
        if is_new:
            signed = traded = NAN
        bids, asks = (
            [(float(price[row, level]), float(shares[row, level])) for level in range(price.shape[1])]
            for price, shares in ((day.bid_price, day.bid_shares), (day.ask_price, day.ask_shares))
        )
        found.append(Look(at, bids, asks, signed, traded, traded_at, *_news(day, at)))
    return found


def _news(day: SymbolDay, at: int) -> tuple[float, int | None]:
    """The value about the latest instant among those that could be used by then; of equals the last that came."""
    value, about, since = NAN, -1, None
    rows = day.outside
    for usable, what, one in zip(rows.usable_ns.tolist(), rows.about_ns.tolist(), rows.value.tolist(), strict=True):
        if usable <= at and what >= about:
            value, about, since = one, what, usable
    return value, since


def interval(at: int, intervals: Intervals) -> int:
    inside = [place for place, (start, end) in enumerate(intervals) if start <= at <= end]
    return inside[0] if inside else -1 - sum(at > end for _, end in intervals)


def _steepness(side: list[tuple[float, float]]) -> tuple[float, float]:
    """Slope and curvature of one side over up to five levels."""
    deepest = max((level for level in range(min(5, len(side))) if not math.isnan(side[level][0])), default=0)
    if deepest == 0:
        return NAN, NAN
    best, far = side[0][0], side[deepest][0]
    behind = 1.0 - divided(side[0][1], sum_of([shares for _, shares in side[: deepest + 1]]))
    slope = divided(behind, 1e4 * abs(far / best - 1.0))
    levels = side[1 : deepest + 1]
    near = sum_of([shares for price, shares in levels if abs(price - best) <= abs(far - best) / 2.0])
    return slope, divided(near, sum_of([shares for _, shares in levels])) - 0.5 if deepest > 1 else NAN


def _adjusted(look: Look, before: KnownBefore) -> float:
    """Stoikov's adjustment, looked up by spread and imbalance."""
    tick, mid = float(before.fit[0]), look.mid
    if not look.has_sizes or math.isnan(tick):
        return NAN
    ticks = math.floor((look.asks[0][0] - look.bids[0][0]) / tick + 0.5)
    spread = min(max(ticks, 1), 3) - 1
    bid, ask = look.bids[0][1], look.asks[0][1]
    place = 5 + round((bid - ask) / (bid + ask) * 5)
    return 1e4 * float(before.fit[1 + 11 * spread + place]) * tick / mid


def instant(look: Look, before: KnownBefore = NOTHING_BEFORE) -> dict[str, float]:
    """What needs no past."""
    (bid, bid_shares), (ask, ask_shares), mid = look.bids[0], look.asks[0], look.mid
    found = {"spread_bps": 1e4 * (ask - bid) / mid, "microprice_adjusted_bps": _adjusted(look, before)}
    weight = divided(bid_shares, bid_shares + ask_shares)
    found["microprice_offset_bps"] = 1e4 * ((bid + weight * (ask - bid)) - mid) / mid
    for levels in (1, 5, 10):
        bids, asks = look.shares(levels)
        is_shown = len(look.bids) >= levels and not math.isnan(mid)
        found[f"imbalance_{levels}"] = divided(bids - asks, bids + asks) if is_shown else NAN
    five = look.shares(5)
    found["depth_notional"] = mid * (five[0] + five[1])
    found["bid_slope"], found["bid_curvature"] = _steepness(look.bids)
    found["ask_slope"], found["ask_curvature"] = _steepness(look.asks)
    found["seconds_since_trade"] = NAN if look.traded_at is None else (look.at - look.traded_at) / 1e9
    found["news_sentiment"] = look.news
    found["seconds_since_news"] = NAN if look.news_since is None else (look.at - look.news_since) / 1e9
    return found


def clock(at: int, intervals: Intervals, before: KnownBefore) -> dict[str, float]:
    """Where in the session the row stands."""
    place, found = interval(at, intervals), {"seconds_since_open": NAN, "seconds_to_close": NAN}
    if place >= 0:
        passed = sum(end - begin for begin, end in intervals[:place]) + at - intervals[place][0]
        left = sum(end - begin for begin, end in intervals[place + 1 :]) + intervals[place][1] - at
        found = {"seconds_since_open": passed / NS, "seconds_to_close": left / NS}
    ahead = [start for start in before.auctions_ns.tolist() if start >= at]
    return {**found, "seconds_to_auction": (ahead[0] - at) / 1e9 if ahead else NAN}
