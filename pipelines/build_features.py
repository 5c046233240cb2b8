"""Compute `gold.features` of every silver book row. Spark hands out days; rows never pass through the JVM.

Each task reads one day's silver files, runs the compiled kernel symbol by symbol, and writes one content-addressed
file; the driver commits a batch of days in one transaction. A file names its inputs (silver files, digest of every
definition), so a day whose inputs did not change is left alone. One day has nothing to hand out: it is built here, and
Spark is not started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.engine import catalog_digest, compute_features, kernel
from features.market_day import symbol_day
from features.point_in_time import latest_rows
from infra import calendar
from infra.lake import Commit
from infra.lake_files import DayFile, input_digest, read_day_file, write_day_file
from infra.markets import Market
from infra.spark import each_day, spark_session
from infra.tables import SILVER
from pipelines.batches import day_batches, merged
from pipelines.step import StepContext, StepReport

ROW_KEYS = ("symbol", "event_at", "event_at_ns", "sequence")
TRADE_COLUMNS = [*ROW_KEYS, "known_at", "price", "shares", "aggressor_side"]
SPARK_FROM_DAYS = 2
"""Fewer have nothing to hand out, and a session's start takes longer than building one day."""


@dataclass(frozen=True)
class DayTask:
    """What a worker needs for one day: where to read and where to write."""

    lake: Path
    market: Market
    day: date
    books: tuple[Path, ...]
    trades: tuple[Path, ...]

    @property
    def inputs(self) -> str:
        """Digest of all that the day is made from."""
        return input_digest(*(path.stem for path in (*self.books, *self.trades)), catalog_digest())


def _read(paths: tuple[Path, ...], noun: str, columns: list[str] | None) -> pa.Table:
    return pa.concat_tables([read_day_file(path, SILVER[noun], columns) for path in paths]).combine_chunks()


def _book_columns(market: Market) -> list[str]:
    sided = [f"{side}_{what}" for side in ("bid", "ask") for what in ("price", "shares")]
    levels = [f"{name}_{level}" for name in sided for level in range(1, market.book_levels + 1)]
    return [*ROW_KEYS, "known_at", "last_price", "traded_shares", "traded_notional", *levels]


def _by_symbol(rows: pa.Table) -> dict[str, pa.Table]:
    """Rows of each symbol; silver files are sorted by symbol, so these are slices."""
    runs = pc.run_end_encode(rows.column("symbol").combine_chunks())
    ends = runs.run_ends.to_pylist()
    spans = zip(runs.values.to_pylist(), [0, *ends], ends, strict=False)
    return {symbol: rows.slice(start, end - start) for symbol, start, end in spans}


def _known_at(book: pa.Table, prints: pa.Table | None) -> pa.Array:
    """When each row of features could first be known: with the last of the rows and trades that went into it."""
    known = np.maximum.accumulate(book.column("known_at").to_numpy().astype(np.int64))
    if prints is not None:
        used = latest_rows(prints.column("event_at_ns").to_numpy(), book.column("event_at_ns").to_numpy())
        latest = np.maximum.accumulate(prints.column("known_at").to_numpy().astype(np.int64))
        known = np.where(used >= 0, np.maximum(known, latest[np.maximum(used, 0)]), known)
    return pa.array(known, pa.int64()).cast(book.schema.field("known_at").type)


def _feature_rows(task: DayTask, symbol: str, book: pa.Table, prints: pa.Table | None) -> pa.Table:
    arrays = symbol_day(symbol, book, prints, task.market.book_levels)
    values = compute_features(arrays, calendar.session_intervals_ns(task.market, task.day))
    columns = [pa.array(values[:, place], from_pandas=True) for place in range(len(FEATURE_NAMES))]
    keys = [*(book.column(name) for name in ROW_KEYS), _known_at(book, prints)]
    return pa.table([*keys, *columns], names=[*ROW_KEYS, "known_at", *FEATURE_NAMES])


def build_day(task: DayTask) -> DayFile:
    """Read, compute, write one day; runs in a Spark worker or here."""
    books = _by_symbol(_read(task.books, "book_snapshots", _book_columns(task.market)))
    prints = _by_symbol(_read(task.trades, "trades", TRADE_COLUMNS)) if task.trades else {}
    parts = [_feature_rows(task, symbol, book, prints.get(symbol)) for symbol, book in books.items()]
    rows = pa.concat_tables(parts) if parts else FEATURES_TABLE.arrow_schema.empty_table()
    return write_day_file(task.lake, FEATURES_TABLE, task.market.name, task.day, rows, inputs=task.inputs)


def _tasks(context: StepContext) -> list[DayTask]:
    books, trades = (
        context.lake.day_files(SILVER[noun], context.market.name, context.days) for noun in ("book_snapshots", "trades")
    )
    root = context.lake.root
    return [DayTask(root, context.market, day, paths, trades.get(day, ())) for day, paths in books.items()]


@contextmanager
def _workers(context: StepContext, days: int) -> Iterator[Callable[[Sequence[DayTask]], list[DayFile]]]:
    """What builds a batch of days: Spark's workers, or this process where there is nothing to hand out."""
    if days < SPARK_FROM_DAYS:
        yield lambda tasks: [build_day(task) for task in tasks]
        return
    kernel()
    with spark_session(context.settings) as session:
        yield lambda tasks: each_day(session, tasks, build_day)


def run(context: StepContext) -> StepReport:
    """Build the days whose inputs changed."""
    tasks, name = _tasks(context), context.market.name
    known = context.lake.inputs(FEATURES_TABLE, name, context.days)
    stale = [task for task in tasks if known.get(task.day) != task.inputs]
    commits: list[Commit] = [] if stale else [context.lake.commit_days(FEATURES_TABLE, name, {})]
    with _workers(context, len(stale)) as build:
        for batch in context.progress(list(day_batches(stale)), "features"):
            files = dict(zip([task.day for task in batch], build(batch), strict=True))
            commits.append(context.lake.commit_days(FEATURES_TABLE, name, files))
    (commit,) = merged(commits)
    note = f"{len(stale)} of {len(tasks)} days built, {len(FEATURE_NAMES)} features"
    return StepReport(
        rows_in=commit.rows, rows_out=commit.rows, tables=(commit,), is_unchanged=commit.is_unchanged, notes=(note,)
    )
