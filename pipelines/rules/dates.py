"""Whether rows and files belong to their trade date: the exchange's own day, and what could be known of it when.

    first <= event_at_ns < last        midnight to midnight in the exchange's zone: 23 or 25 hours twice a year
    event_at <= known_at               a row cannot be known before it happens

A file is judged before its rows. One of which most rows are of another day lies in the wrong folder, and one that was
known before its trade date began has a wrong date; both are refused whole. Outside series and event calendars may be
known ahead, so only their trade date is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.markets import Market
from pipelines.rules.catalog import HAPPENED
from pipelines.rules.ordering import Long, codes
from pipelines.rules.releases import Mask

NS = 1_000_000_000
MOST = 0.5
"""Because a file of one day holds a few strays at most; where others are in the majority, the folder is theirs."""


def day_bounds_ns(market: Market, day: date) -> tuple[int, int]:
    """Midnight before and midnight after the trade date, as the exchange's clock shows it."""
    zone = ZoneInfo(market.zone)
    first = int(datetime.combine(day, time(), zone).timestamp()) * NS
    last = int(datetime.combine(day + timedelta(days=1), time(), zone).timestamp()) * NS
    return first, last


def _known_ns(rows: pa.Table) -> Long:
    return np.asarray(rows["known_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()) * 1000


def _in_files_mostly(rows: pa.Table, bad: Mask) -> Mask:
    names, files = codes(rows, "source_file")
    count = np.bincount(files, minlength=len(names))
    return np.asarray((np.bincount(files, bad, minlength=len(names)) > MOST * count)[files])


def date_masks(noun: str, rows: pa.Table, market: Market, day: date) -> Iterator[tuple[str, Mask]]:
    """Rule to the rows that break it, files first. Rows without provenance are not asked for their file."""
    first, last = day_bounds_ns(market, day)
    times_ns = rows["event_at_ns"].to_numpy()
    outside = np.asarray((times_ns < first) | (times_ns >= last))
    has_file = "source_file" in rows.column_names and rows.num_rows > 0
    if has_file and noun in HAPPENED:
        yield "file_known_before_its_day", _known_ns(rows) < first
    if has_file and outside.any():
        yield "file_of_another_day", _in_files_mostly(rows, outside)
    yield "wrong_trade_date", outside
    apart = pc.not_equal(rows["event_at"].cast(pa.int64()), pa.array(times_ns // 1000))
    yield "event_times_agree", np.asarray(apart.to_numpy())
    if has_file and noun in HAPPENED:
        yield "event_after_known", times_ns > _known_ns(rows)
