"""What a table's declaration cannot say, because it looks at a whole day of one symbol: refusals and notes.

Refused: an event outside its trade date in the exchange's own zone, an `event_at` that is not `event_at_ns`, and a
fat finger: a price whose distance from the symbol-day's median is more than a factor of two, |log(p / median)| >
log 2. A misplaced decimal point is a factor of 100 or 10; a day's own move is bounded by limits and halts far below
two. The median is that of the whole day, not a running one: a run of bad prices as long as a window would carry a
running median away and pass, while here it would have to fill half the day, and then the night stops on the share.

Noted, never refused: silence (no row for ten snapshot intervals while the market is open) and a stuck feed (the same
best book for ten minutes): both are also what halts and thin names look like.

    >>> median_distance(np.array([10.0, 10.1, 1000.0]), np.array([0, 0, 0])).round(2).tolist()
    [0.01, 0.0, 4.6]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra import calendar
from infra.markets import Market
from infra.refusals import Refusal, kept_rows

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

FAT_FINGER_FACTOR = 2.0
SILENT_INTERVALS = 10
STUCK_SECONDS = 600.0
NS = 1_000_000_000
FAT_FINGER_PRICES = {"book_snapshots": ("bid_price_1", "ask_price_1", "last_price"), "trades": ("price",)}


@dataclass(frozen=True)
class Stretch:
    """The longest stretch of its kind in a day, and how many there were above the threshold."""

    symbol: str
    seconds: float
    threshold_seconds: float
    count: int


def _symbols(rows: pa.Table) -> tuple[list[str], Long]:
    encoded = rows["symbol"].combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _numbers(rows: pa.Table, name: str) -> Float:
    return np.asarray(rows[name].cast(pa.float64()).combine_chunks().to_numpy(zero_copy_only=False), dtype=np.float64)


def median_distance(prices: Float, symbols: Long) -> Float:
    """(n,) |log(price / median of its symbol)|; NaN where there is no price."""
    distance = np.full(len(prices), np.nan)
    for symbol in np.unique(symbols):
        at = np.flatnonzero((symbols == symbol) & np.isfinite(prices))
        if len(at):
            distance[at] = np.abs(np.log(prices[at] / np.median(prices[at])))
    return distance


def _fat_fingers(noun: str, rows: pa.Table) -> npt.NDArray[np.bool_]:
    bad = np.zeros(rows.num_rows, dtype=bool)
    _, symbols = _symbols(rows)
    for name in FAT_FINGER_PRICES.get(noun, ()):
        bad |= median_distance(_numbers(rows, name), symbols) > np.log(FAT_FINGER_FACTOR)
    return bad


def _outside_date(rows: pa.Table, market: Market, day: date) -> npt.NDArray[np.bool_]:
    zone = ZoneInfo(market.zone)
    first = int(datetime.combine(day, time(), zone).timestamp()) * NS
    last = int(datetime.combine(day + timedelta(days=1), time(), zone).timestamp()) * NS
    times_ns = rows["event_at_ns"].to_numpy()
    return np.asarray((times_ns < first) | (times_ns >= last))


def day_refusals(noun: str, rows: pa.Table, market: Market, day: date) -> list[Refusal]:
    """What the day's rules refuse among rows that already fit the declaration, each row once."""
    is_apart = rows["event_at"].cast(pa.int64()).to_numpy() != rows["event_at_ns"].to_numpy() // 1000
    found: list[Refusal] = []
    for rule, because, bad in (
        ("wrong_trade_date", f"trade date {day} is that day in {market.zone}", _outside_date(rows, market, day)),
        (
            "event_times_agree",
            "event_at is event_at_ns in microseconds",
            is_apart,
        ),
        ("fat_finger", f"a factor of {FAT_FINGER_FACTOR:g} from the day's median is no move", _fat_fingers(noun, rows)),
    ):
        fresh = np.flatnonzero(bad & kept_rows(rows.num_rows, found))
        if len(fresh):
            found.append(Refusal(rule, because, fresh))
    return found


def _worst(gaps: dict[str, Float], threshold: float) -> Stretch:
    longest = {symbol: float(found.max(initial=0.0)) for symbol, found in gaps.items()}
    symbol = max(sorted(longest), key=lambda name: longest[name], default="")
    count = sum(int((found > threshold).sum()) for found in gaps.values())
    return Stretch(symbol, longest.get(symbol, 0.0), threshold, count)


def _by_symbol(books: pa.Table) -> dict[str, Long]:
    names, symbols = _symbols(books)
    order = np.lexsort((books["event_at_ns"].to_numpy(), symbols))
    cuts = np.searchsorted(symbols[order], np.arange(1, len(names)))
    return dict(zip(names, np.split(order, cuts), strict=True))


def silence(books: pa.Table, market: Market, day: date) -> Stretch:
    """The longest time without a row of a symbol while the market is open, edges of the session included."""
    times_ns, gaps = books["event_at_ns"].to_numpy(), {}
    intervals = calendar.session_intervals_ns(market, day)
    for symbol, at in _by_symbol(books).items():
        own = times_ns[at]
        inside = [
            np.diff(np.concatenate([[low], own[(own >= low) & (own <= high)], [high]])) for low, high in intervals
        ]
        gaps[symbol] = np.concatenate(inside) / NS
    return _worst(gaps, SILENT_INTERVALS * market.snapshot_seconds)


def stuck(books: pa.Table, market: Market, day: date) -> Stretch:
    """The longest time that the best book of a symbol stood still, within one session interval."""
    times_ns, gaps = books["event_at_ns"].to_numpy(), {}
    names = [f"{side}_{what}_1" for side in ("bid", "ask") for what in ("price", "shares")]
    best = np.column_stack([np.nan_to_num(_numbers(books, name), nan=-1.0) for name in names])
    ends = np.array([high for _, high in calendar.session_intervals_ns(market, day)])
    for symbol, at in _by_symbol(books).items():
        own, interval = best[at], np.searchsorted(ends, times_ns[at])
        moved = np.ones(len(at), dtype=bool)
        moved[1:] = (own[1:] != own[:-1]).any(axis=1) | (np.diff(interval) != 0)
        starts = np.flatnonzero(moved)
        stops = np.append(starts[1:], len(at)) - 1
        gaps[symbol] = (times_ns[at][stops] - times_ns[at][starts]) / NS
    return _worst(gaps, STUCK_SECONDS)
