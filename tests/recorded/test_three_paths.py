"""One definition, three paths, on recorded days: the night, the desk event by event, the slow reference; and labels.

Three sessions of each market by default; `RECORDED_SESSIONS=all` takes every one (minutes); `-s` prints the counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.day_statistics import DayStatistics, day_statistics, fit_symbol
from features.engine import FEATURE_NAMES, compute_features
from features.fits import FIT_SESSIONS, NO_FIT
from features.labels import DIRECTION_BANDS, direction_labels
from features.market_day import KnownBefore, SymbolDay, symbol_day
from infra import calendar
from infra.markets import MARKETS, Market
from pipelines.sources import ashare, b3, lobster
from pipelines.sources.file import SourceFile
from tests.features.test_engine import bits, event_by_event
from tests.features.test_reference import assert_same_bits

pytestmark = pytest.mark.recorded

SOURCES = {
    "ashare": (ashare, "ashare_l5_snapshots"),
    "b3": (b3, "b3_trades_l1"),
    "lobster": (lobster, "lobster_events"),
}
SLICE_ROWS = 80
"""Rows that the reference takes from the middle of each symbol's session: it looks at the whole past at every row."""


def sessions(days: tuple[date, ...]) -> tuple[date, ...]:
    return days if os.environ.get("RECORDED_SESSIONS") == "all" else days[:3]


def symbol_days(data: Path, market: Market, day: date) -> Iterator[SymbolDay]:
    files = SOURCES[market.name][0].read_day(data, market, day)
    books, trades = (_of_noun(files, noun) for noun in ("book_snapshots", "trades"))
    assert books is not None
    for symbol in sorted(set(books["symbol"].to_pylist())):
        mine = [_sorted(rows, symbol) for rows in (books, trades) if rows is not None]
        yield symbol_day(symbol, mine[0], mine[1] if trades is not None else None, market.book_levels)


def _of_noun(files: list[SourceFile], noun: str) -> pa.Table | None:
    parts = [file.rows for file in files if file.noun == noun]
    return pa.concat_tables(parts) if parts else None


def _sorted(rows: pa.Table, symbol: str) -> pa.Table:
    kept = rows.filter(pc.equal(rows["symbol"], symbol))
    return kept.sort_by([("event_at_ns", "ascending"), ("sequence", "ascending")]).combine_chunks()


def middle(day: SymbolDay) -> SymbolDay:
    """A piece of the session as a day of its own, with the trades inside it."""
    start = max(0, day.rows // 2 - SLICE_ROWS // 2)
    rows = slice(start, start + SLICE_ROWS)
    times = day.times_ns[rows]
    inside = (day.trade_times_ns >= times[0]) & (day.trade_times_ns <= times[-1])
    names = (
        "times_ns",
        "sequence",
        "bid_price",
        "bid_shares",
        "ask_price",
        "ask_shares",
        "traded_shares",
        "traded_notional",
    )
    prints = ("trade_times_ns", "trade_price", "trade_shares", "trade_sign")
    return replace(
        day,
        **{name: getattr(day, name)[rows] for name in names},
        **{name: getattr(day, name)[inside] for name in prints},
    )


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", SOURCES)
def test_night_desk_and_reference_agree_to_the_last_bit(recorded_data: Path, name: str) -> None:
    source, folder = SOURCES[name]
    market, data = MARKETS[name], recorded_data / folder
    learned: dict[str, list[DayStatistics]] = {}
    rows = live = slow = 0
    for day in sessions(source.market_days(data, market)):
        intervals = calendar.session_intervals_ns(market, day)
        auctions = np.array(calendar.auctions_ns(market, day), np.int64)
        for one in symbol_days(data, market, day):
            earlier = learned.setdefault(one.symbol, [])
            before = KnownBefore(fit_symbol(earlier, market.tick) if earlier else NO_FIT, auctions)
            night, desk = compute_features(one, intervals, before), event_by_event(one, intervals, before)
            assert np.array_equal(bits(night), bits(desk)), f"{one.symbol} {day}"
            rows, live = rows + one.rows, live + night.size
            slow += assert_same_bits(middle(one), intervals, before)
            earlier.append(day_statistics(one, intervals, market.tick))
            del earlier[:-FIT_SESSIONS]
    print(f"\n{name}: {rows:,} rows, {len(FEATURE_NAMES)} features; night = desk {live:,} values, = reference {slow:,}")
    assert live == rows * len(FEATURE_NAMES)
    assert slow > 1_000


@pytest.mark.timeout(3_600)
def test_directions_equal_the_recorder_s_own_labels_on_every_row_that_can_be_computed(recorded_data: Path) -> None:
    files = sorted((recorded_data / "ashare_l5_snapshots").glob("date=*.parquet"))
    compared = mismatched = 0
    for path in files if os.environ.get("RECORDED_SESSIONS") == "all" else files[::20]:
        for _, rows in pq.read_table(path).to_pandas().groupby(["sym", "session"], sort=False):
            for snapshots in DIRECTION_BANDS:
                found = direction_labels(rows["n_midprice"].to_numpy(), snapshots)
                known = found >= 0
                compared += int(known.sum())
                mismatched += int((found[known] != rows[f"label_{snapshots}"].to_numpy()[known]).sum())
    print(f"\n{compared:,} labels compared, {mismatched} different")
    assert compared > 500_000
    assert mismatched == 0
