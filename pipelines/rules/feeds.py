"""What a day of a feed tells about the feed: missing numbers, and rows that came in auctions and halts.

All of it is noted and none of it refused: the rows are what the market did.

Whether a feed numbers its rows without gaps is a property of the feed, declared here. Where it does,

    missing = sum over symbols of (last - first + 1 - distinct numbers)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra import calendar
from infra.markets import Market
from pipelines.rules.catalog import FEEDS, Finding
from pipelines.rules.ordering import by_symbol
from pipelines.rules.releases import Mask


@dataclass(frozen=True)
class FeedNumbers:
    """How a feed numbers the rows of a symbol and day: always upwards, and without gaps where `is_consecutive`."""

    is_consecutive: bool
    because: str


_B3 = FeedNumbers(False, "rpt_seq counts every message of an instrument; the recording holds trades and best quotes")
FEED_NUMBERS: dict[tuple[str, str], FeedNumbers] = {
    ("lobster", "book_events"): FeedNumbers(True, "a recording holds every message of its symbol, numbered in order"),
    ("b3", "trades"): _B3,
    ("b3", "book_snapshots"): _B3,
}
"""Feeds that are not here number only rows of one time, or not at all, so they have no gap to see."""


def _gaps(rows: pa.Table) -> tuple[int, str]:
    """How many numbers are missing, and where the first of them is."""
    missing, first = 0, ""
    for symbol, at in by_symbol(rows).items():
        sequence = np.unique(rows["sequence"].to_numpy()[at])
        gaps = np.flatnonzero(np.diff(sequence) > 1)
        missing += int(sequence[-1] - sequence[0]) + 1 - len(sequence)
        if len(gaps) and not first:
            first = f"{symbol} {sequence[gaps[0]] + 1:,}"
    return missing, first


def _falls(rows: pa.Table) -> int:
    times_ns, sequence = rows["event_at_ns"].to_numpy(), rows["sequence"].to_numpy()
    return sum(
        int(((np.diff(sequence[at]) < 0) & (np.diff(times_ns[at]) > 0)).sum()) for at in by_symbol(rows).values()
    )


def sequence_findings(noun: str, arrived: pa.Table, market: Market) -> list[Finding]:
    """Numbers that the feed must have sent and that did not arrive, refused rows among those that did; and falls."""
    declared = FEED_NUMBERS.get((market.name, noun))
    if declared is None:
        return []
    rows = arrived.select(["symbol", "event_at_ns", "sequence"]).drop_null()
    falls = _falls(rows)
    missing, first = _gaps(rows) if declared.is_consecutive else (0, "")
    share = missing / max(missing + rows.num_rows, 1)
    found = [
        Finding("sequence_gap", noun, float(missing), 0.0, f"{missing:,} numbers missing ({share:.2%}), first {first}"),
        Finding("sequence_falls", noun, float(falls), 0.0, f"{falls:,} numbers are lower than one of an earlier time"),
    ]
    return [one for one in found if one.figure]


def session_findings(noun: str, rows: pa.Table, market: Market, day: date) -> list[Finding]:
    """Rows outside the intervals in which decisions are taken."""
    times_ns = rows["event_at_ns"].to_numpy()
    inside = np.zeros(rows.num_rows, dtype=bool)
    for low, high in calendar.session_intervals_ns(market, day):
        inside |= (times_ns >= low) & (times_ns <= high)
    count = int((~inside).sum())
    words = f"{count:,} of {rows.num_rows:,} rows are of auctions, breaks or the time before and after the session"
    return [Finding("outside_session", noun, float(count), None, words)] if count else []


def _halts(noun: str, nouns: Mapping[str, pa.Table]) -> Iterator[tuple[str, int, bool]]:
    """Symbol, time, and whether it is halted from then on."""
    rows = nouns.get(noun)
    if rows is not None and rows.num_rows:
        told = rows.filter(pc.is_in(rows["kind"], pa.array(["halt", "resume"])))
        columns = (told[name].to_pylist() for name in ("symbol", "event_at_ns", "kind"))
        yield from ((symbol, at, kind == "halt") for symbol, at, kind in zip(*columns, strict=True))


def halts_ns(nouns: Mapping[str, pa.Table]) -> dict[str, list[tuple[int, int]]]:
    """Symbol to its halts, from each `halt` to the next `resume`, or to the end of time where none came."""
    told = sorted({one for noun in ("symbol_events", "book_events") for one in _halts(noun, nouns)})
    found: dict[str, list[tuple[int, int]]] = {}
    for symbol, at, is_halt in told:
        halts = found.setdefault(symbol, [])
        is_open = bool(halts) and halts[-1][1] == np.iinfo(np.int64).max
        if is_halt and not is_open:
            halts.append((at, np.iinfo(np.int64).max))
        elif not is_halt and is_open:
            halts[-1] = (halts[-1][0], at)
    return found


def _in_halt(rows: pa.Table, halts: Mapping[str, list[tuple[int, int]]]) -> Mask:
    times_ns = rows["event_at_ns"].to_numpy()
    mask = np.zeros(rows.num_rows, dtype=bool)
    for symbol, intervals in halts.items():
        own = pc.equal(rows["symbol"], symbol).to_numpy()
        for low, high in intervals:
            mask |= own & (times_ns > low) & (times_ns < high)
    return mask


def halt_findings(nouns: Mapping[str, pa.Table]) -> list[Finding]:
    """Rows of each feed strictly between a halt of their symbol and its resumption."""
    halts, found = halts_ns(nouns), []
    for noun in FEEDS if halts else ():
        rows = nouns.get(noun)
        count = int(_in_halt(rows, halts).sum()) if rows is not None else 0
        if count:
            words = f"{count:,} rows while their symbol was halted ({', '.join(sorted(halts)[:5])})"
            found.append(Finding("in_halt", noun, float(count), None, words))
    return found
