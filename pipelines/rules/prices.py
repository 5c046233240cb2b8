"""What a table's declaration cannot say, because it looks at a whole day of one symbol: refusals and notes.

Refused: files and rows of another day (`pipelines/rules/dates.py`), levels without shares, a repeated block
(`pipelines/rules/repeats.py`), and a fat finger: a price whose distance from the symbol-day's median is more than a
factor of two, |log(p / median)| > log 2. A misplaced decimal point is a factor of 100 or 10; a day's own move is
bounded by limits and halts far below two. The median is that of the whole day, not a running one: a run of bad prices
as long as a window would carry a running median away and pass, while here it would have to fill half the day, and then
the night stops on the share. When no book of the market moves at all, the night stops too.

Noted, never refused: silence (no row for ten snapshot intervals while the market is open) and a stuck feed (the same
best book for ten minutes): both are also what halts and thin names look like.

    >>> median_distance(np.array([10.0, 10.1, 1000.0]), np.array([0, 0, 0])).round(2).tolist()
    [0.01, 0.0, 4.6]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra import calendar
from infra.markets import Market
from infra.refusals import Refusal
from infra.tables.book_rules import LEVELS
from pipelines.rules.dates import date_masks
from pipelines.rules.ordering import Float, Long, by_symbol, codes, numbers
from pipelines.rules.releases import NONE, Mask, Released, refused_by
from pipelines.rules.repeats import repeated_mask, standing_symbols

FAT_FINGER_FACTOR = 2.0
SILENT_INTERVALS = 10
STUCK_SECONDS = 600.0
NO_SHARES = 1e-9
"""Because the smallest share that a trade may have is this (`infra/tables`); below it are zero, -0.0 and denormals."""
NS = 1_000_000_000
FAT_FINGER_PRICES = {"book_snapshots": ("bid_price_1", "ask_price_1", "last_price"), "trades": ("price",)}


@dataclass(frozen=True)
class Stretch:
    """The longest stretch of its kind in a day, and how many there were above the threshold."""

    symbol: str
    seconds: float
    threshold_seconds: float
    count: int


def median_distance(prices: Float, symbols: Long) -> Float:
    """(n,) |log(price / median of its symbol)|; NaN where there is no price."""
    distance = np.full(len(prices), np.nan)
    for symbol in np.unique(symbols):
        at = np.flatnonzero((symbols == symbol) & np.isfinite(prices))
        if len(at):
            distance[at] = np.abs(np.log(prices[at] / np.median(prices[at])))
    return distance


def _fat_fingers(noun: str, rows: pa.Table) -> Mask:
    bad = np.zeros(rows.num_rows, dtype=bool)
    symbols = codes(rows, "symbol")[1] if noun in FAT_FINGER_PRICES else np.empty(0, np.int64)
    for name in FAT_FINGER_PRICES.get(noun, ()):
        bad |= median_distance(numbers(rows, name), symbols) > np.log(FAT_FINGER_FACTOR)
    return bad


def _without_shares(books: pa.Table) -> Mask:
    bad = np.zeros(books.num_rows, dtype=bool)
    for name in (f"{side}_shares_{level}" for side in ("bid", "ask") for level in range(1, LEVELS + 1)):
        least = pc.min(books[name]).as_py()
        if least is not None and least < NO_SHARES:
            bad |= numbers(books, name) < NO_SHARES
    return bad


def _all_stand(books: pa.Table) -> Mask:
    standing, count = standing_symbols(books)
    return np.full(books.num_rows, count > 0 and len(standing) == count)


def _masks(noun: str, rows: pa.Table, market: Market, day: date) -> Iterator[tuple[str, Mask]]:
    yield from date_masks(noun, rows, market, day)
    if noun == "book_snapshots":
        yield "level_without_shares", _without_shares(rows)
    yield "fat_finger", _fat_fingers(noun, rows)
    if noun == "book_snapshots":
        yield "constant_feed", _all_stand(rows)
    yield "repeated_block", repeated_mask(noun, rows)


def day_refusals(noun: str, rows: pa.Table, market: Market, day: date, released: Released = NONE) -> list[Refusal]:
    """What the day's rules refuse among rows that already fit the declaration, each row once."""
    return refused_by(noun, rows, _masks(noun, rows, market, day), released) if rows.num_rows else []


def _worst(gaps: dict[str, Float], threshold: float) -> Stretch:
    longest = {symbol: float(found.max(initial=0.0)) for symbol, found in gaps.items()}
    symbol = max(sorted(longest), key=lambda name: longest[name], default="")
    count = sum(int((found > threshold).sum()) for found in gaps.values())
    return Stretch(symbol, longest.get(symbol, 0.0), threshold, count)


def silence(books: pa.Table, market: Market, day: date) -> Stretch:
    """The longest time without a row of a symbol while the market is open, edges of the session included."""
    times_ns, gaps = books["event_at_ns"].to_numpy(), {}
    intervals = calendar.session_intervals_ns(market, day)
    for symbol, at in by_symbol(books).items():
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
    best = np.column_stack([np.nan_to_num(numbers(books, name), nan=-1.0) for name in names])
    ends = np.array([high for _, high in calendar.session_intervals_ns(market, day)])
    for symbol, at in by_symbol(books).items():
        own, interval = best[at], np.searchsorted(ends, times_ns[at])
        moved = np.ones(len(at), dtype=bool)
        moved[1:] = (own[1:] != own[:-1]).any(axis=1) | (np.diff(interval) != 0)
        starts = np.flatnonzero(moved)
        stops = np.append(starts[1:], len(at)) - 1
        gaps[symbol] = (times_ns[at][stops] - times_ns[at][starts]) / NS
    return _worst(gaps, STUCK_SECONDS)


def market_silence(books: pa.Table, market: Market, day: date) -> Stretch:
    """The longest time in which no symbol of the market had a row while it was open."""
    names = pa.repeat(pa.scalar("all symbols"), books.num_rows)
    return silence(pa.table({"symbol": names, "event_at_ns": books["event_at_ns"]}), market, day)
