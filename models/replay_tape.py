"""`Tape`: a recorded session as the compiled loop reads it, and `SessionClock`: time that stands still at lunch.

Rows outside the session's intervals are left out, and all times are seconds of open market since the first opening
(in ns), so a schedule does not fall behind while nobody can trade and nothing can happen between intervals.

What traded between two rows comes from the trades where the feed has them. A feed that gives only shares and money
since the previous row gives one average price v; with b and a the quotes of the previous row, the split that explains
v by trades at the two touches alone is  seller-initiated share = (a - v) / (a - b)  where b <= v <= a; outside that
range everything traded at v.

    >>> clock = SessionClock(((0, 100), (150, 250)))
    >>> clock.to_clock(np.array([50, 120, 160])).tolist(), clock.to_utc(np.array([50, 110])).tolist()
    ([50, 100, 110], [50, 160])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from features.market_day import SymbolDay
from models.impact import row_volume

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
Records = npt.NDArray[Any]


@dataclass(frozen=True)
class SessionClock:
    """Maps UTC ns to ns of open market and back. No intervals: the market is always open."""

    intervals_ns: tuple[tuple[int, int], ...] = ()

    @property
    def _knots(self) -> tuple[Long, Long]:
        opens = np.array([start for start, _ in self.intervals_ns], np.int64)
        lengths = np.array([end - start for start, end in self.intervals_ns], np.int64)
        return opens, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])

    def to_clock(self, times_ns: Long) -> Long:
        """Time of open market passed; a time in a break maps to the end of the interval before it."""
        if not self.intervals_ns:
            return np.asarray(times_ns, np.int64)
        opens, passed = self._knots
        interval = np.searchsorted(opens, times_ns, side="right") - 1
        inside = np.asarray(times_ns, np.int64) - opens[np.maximum(interval, 0)]
        clock = passed[np.maximum(interval, 0)] + np.minimum(inside, np.diff(passed)[np.maximum(interval, 0)])
        return np.where(interval < 0, np.int64(-1), clock)

    def to_utc(self, clock_ns: Long) -> Long:
        """The UTC time at which so much open market had passed; the end of an interval maps to that end."""
        if not self.intervals_ns:
            return np.asarray(clock_ns, np.int64)
        opens, passed = self._knots
        interval = np.clip(np.searchsorted(passed, clock_ns, side="left") - 1, 0, len(opens) - 1)
        return np.asarray(opens[interval] + (clock_ns - passed[interval]), np.int64)

    def is_open(self, times_ns: Long) -> npt.NDArray[np.bool_]:
        if not self.intervals_ns:
            return np.ones(len(times_ns), bool)
        inside = [(times_ns >= start) & (times_ns <= end) for start, end in self.intervals_ns]
        return np.asarray(np.any(inside, axis=0), bool)


def record(real: str, whole: str = "") -> np.dtype[np.void]:
    """A record of float64 fields and int64 fields, named in two lists separated by spaces."""
    names = [(name, np.float64) for name in real.split()] + [(name, np.int64) for name in whole.split()]
    return np.dtype(names, align=True)


ROW = record(
    "claimed_by_buys claimed_by_sells moved_shares best_for_buys best_for_sells volume_shares",
    "clock_ns first_print last_print",
)
PRINT = record("price shares sign")
PRICE, SHARES = 0, 1


class Feed(NamedTuple):
    """What the compiled loop reads; it belongs to one replay, which writes into it what own orders took.

    rows (n) ROW: time on the session clock, prints first <= p < last since the row before; best_for_buys: the
    lowest price at which a resting buy could have been met (print or best ask), best_for_sells the highest;
    claimed_by_buys and _by_sells: shares that own resting orders took, moved_shares: net shares bought. volume_shares:
    traded up to the row, NaN throughout where the feed does not say.
    levels (n, 2, depth, 2): side 0 = bid, 1 = ask; price and shares left of what was shown, NaN and 0 where nothing
    is. prints (m) PRINT: sign +1 buyer-initiated, 0 unknown. signals_bps (n, p): what each policy reads, NaN for none.
    """

    rows: Records
    levels: Float
    prints: Records
    signals_bps: Float


class Tape(NamedTuple):
    """A day arranged for one replay: the feed; clock_ns, utc_ns (n); volume_shares (n + 1) traded before row r,
    cumulated, NaN throughout where the feed does not say."""

    feed: Feed
    clock_ns: Long
    utc_ns: Long
    volume_shares: Float


def make_tape(day: SymbolDay, clock: SessionClock, signal_bps: Float | None) -> Tape:
    """Arrange one day for the replay; signal_bps (day.rows) or (day.rows, p): predicted with each row, NaN for none."""
    inside = np.flatnonzero(clock.is_open(day.times_ns))
    utc, levels = day.times_ns[inside], _levels(day, inside)
    has_trades = len(day.trade_times_ns) > 0
    of_row, prints = _from_trades(day, clock, utc) if has_trades else _from_row_totals(day, inside, levels)
    rows = np.zeros(len(inside), ROW)
    told = np.full(day.rows, np.nan) if signal_bps is None else np.asarray(signal_bps, np.float64)
    signals = np.ascontiguousarray((told[:, None] if told.ndim == 1 else told)[inside])
    rows["clock_ns"] = clock.to_clock(utc)
    rows["first_print"] = np.searchsorted(of_row, np.arange(len(inside)), side="left")
    rows["last_print"] = np.searchsorted(of_row, np.arange(len(inside)), side="right")
    _mark_best(rows, levels, of_row, prints)
    traded = np.bincount(of_row, prints["shares"], minlength=len(inside)) if has_trades else row_volume(day)[inside]
    is_known = bool(np.isfinite(traded).any())
    volume = np.concatenate([[0.0], np.nancumsum(traded)]) if is_known else np.full(len(inside) + 1, np.nan)
    rows["volume_shares"] = volume[1:]
    return Tape(Feed(rows, levels, prints, signals), rows["clock_ns"].copy(), utc, volume)


def _levels(day: SymbolDay, inside: Long) -> Float:
    levels = np.empty((len(inside), 2, day.bid_price.shape[1], 2))
    levels[:, 0, :, PRICE], levels[:, 0, :, SHARES] = day.bid_price[inside], day.bid_shares[inside]
    levels[:, 1, :, PRICE], levels[:, 1, :, SHARES] = day.ask_price[inside], day.ask_shares[inside]
    return levels


def _mark_best(rows: Records, levels: Float, of_row: Long, prints: Records) -> None:
    low, high = levels[:, 1, 0, PRICE].copy(), levels[:, 0, 0, PRICE].copy()
    is_sold, is_bought = prints["sign"] <= 0.0, prints["sign"] >= 0.0
    np.fmin.at(low, of_row[is_sold], prints["price"][is_sold])
    np.fmax.at(high, of_row[is_bought], prints["price"][is_bought])
    rows["best_for_buys"], rows["best_for_sells"] = low, high


def _prints(price: Float, shares: Float, sign: Float) -> Records:
    prints = np.empty(len(price), PRINT)
    prints["price"], prints["shares"], prints["sign"] = price, shares, sign
    return prints


def _from_trades(day: SymbolDay, clock: SessionClock, row_utc: Long) -> tuple[Long, Records]:
    """Row that each print belongs to, and the prints."""
    row = np.searchsorted(row_utc, day.trade_times_ns, side="left")
    kept = np.flatnonzero(clock.is_open(day.trade_times_ns) & (row < len(row_utc)) & (day.trade_shares > 0.0))
    sign = day.trade_sign[kept].astype(np.float64)
    return row[kept].astype(np.int64), _prints(day.trade_price[kept], day.trade_shares[kept], sign)


def _from_row_totals(day: SymbolDay, inside: Long, levels: Float) -> tuple[Long, Records]:
    """The same from shares and money since the previous row."""
    shares, notional = day.traded_shares[inside], day.traded_notional[inside]
    traded = np.flatnonzero(np.isfinite(shares) & np.isfinite(notional) & (shares > 0.0) & (notional > 0.0))
    volume, average = shares[traded], notional[traded] / shares[traded]
    before = np.maximum(traded - 1, 0)
    bid, ask = levels[before, 0, 0, PRICE], levels[before, 1, 0, PRICE]
    nearly = 1e-7 * average
    is_between = (average >= bid - nearly) & (average <= ask + nearly) & (ask > bid)
    sold = np.ones(len(traded))
    np.divide(ask - average, ask - bid, out=sold, where=is_between)
    sold = np.clip(sold, 0.0, 1.0) * volume
    by_sellers = _prints(np.where(is_between, bid, average), sold, np.where(is_between, -1.0, 0.0))
    by_buyers = _prints(np.where(is_between, ask, average), volume - sold, np.ones(len(traded)))
    both, row = np.stack([by_sellers, by_buyers], axis=1).ravel(), np.repeat(traded, 2)
    kept = both["shares"] > 1e-9
    return row[kept], both[kept]
