"""Compute `gold.features` of every silver book row. Spark hands out days; rows never pass through the JVM.

Each task reads one day's silver files, runs the compiled kernels symbol by symbol, and writes one content-addressed
file; the driver commits all days in one transaction. The commit names the inputs (silver files, catalog digest), so a
day whose inputs did not change is left alone and Spark is not even started.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.engine import catalog_digest, compute_features
from features.market_day import symbol_day
from infra import calendar
from infra.lake_files import DayFile, input_digest, read_day_file, write_day_file
from infra.markets import Market
from infra.spark import each_day, spark_session
from infra.tables import SILVER
from pipelines.step import StepContext, StepReport

ROW_KEYS = ("symbol", "event_at", "event_at_ns", "sequence", "known_at")


@dataclass(frozen=True)
class DayTask:
    """What a worker needs for one day: where to read and where to write."""

    lake: Path
    market: Market
    day: date
    books: tuple[Path, ...]
    trades: tuple[Path, ...]


def _read(paths: tuple[Path, ...], noun: str) -> pa.Table:
    return pa.concat_tables([read_day_file(path, SILVER[noun], None) for path in paths])


def build_day(task: DayTask) -> DayFile:
    """Read, compute, write one day; runs in a Spark worker."""
    books, trades = _read(task.books, "book_snapshots"), _read(task.trades, "trades") if task.trades else None
    intervals = calendar.session_intervals_ns(task.market, task.day)
    parts = []
    for symbol in pc.unique(books.column("symbol")).to_pylist():
        rows = books.filter(pc.equal(books.column("symbol"), symbol))
        prints = None if trades is None else trades.filter(pc.equal(trades.column("symbol"), symbol))
        values = compute_features(symbol_day(symbol, rows, prints, task.market.book_levels), intervals)
        columns = [
            pa.array(np.ascontiguousarray(values[:, place]), from_pandas=True) for place in range(values.shape[1])
        ]
        keys = [rows.column(name).combine_chunks() for name in ROW_KEYS]
        parts.append(pa.table([*keys, *columns], names=[*ROW_KEYS, *FEATURE_NAMES]))
    rows = pa.concat_tables(parts)
    return write_day_file(task.lake, FEATURES_TABLE, task.market.name, task.day, rows, inputs=_digest(task))


def _tasks(context: StepContext) -> list[DayTask]:
    books, trades = (
        context.lake.day_files(SILVER[noun], context.market.name, context.days) for noun in ("book_snapshots", "trades")
    )
    root = context.lake.root
    return [DayTask(root, context.market, day, paths, trades.get(day, ())) for day, paths in books.items()]


def _digest(task: DayTask) -> str:
    return input_digest(*(path.stem for path in (*task.books, *task.trades)), catalog_digest())


def run(context: StepContext) -> StepReport:
    """Build the days whose inputs changed."""
    tasks = _tasks(context)
    known = context.lake.inputs(FEATURES_TABLE, context.market.name, context.days)
    stale = [task for task in tasks if known.get(task.day) != _digest(task)]
    files: dict[date, DayFile] = {}
    if stale:
        with spark_session(context.settings) as session:
            files = dict(zip([task.day for task in stale], each_day(session, stale, build_day), strict=True))
    commit = context.lake.commit_days(FEATURES_TABLE, context.market.name, files)
    rows = sum(file.rows for file in files.values())
    note = f"{len(stale)} of {len(tasks)} days built, {len(FEATURE_NAMES)} features"
    return StepReport(rows_in=rows, rows_out=rows, tables=(commit,), is_unchanged=commit.is_unchanged, notes=(note,))
