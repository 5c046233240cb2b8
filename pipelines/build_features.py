"""Compute `gold.features` of every silver book row. Spark hands out days; rows never pass through the JVM.

Each task reads one day's silver files, runs the compiled kernel symbol by symbol, and writes one content-addressed
file; the driver commits a batch of days in one transaction. A file names its inputs (silver files, digest of every
definition), so a day whose inputs did not change is left alone. One day has nothing to hand out: it is built here, and
Spark is not started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.engine import catalog_digest, compute_features, kernel
from features.point_in_time import latest_rows
from infra import calendar
from infra.lake import Commit
from infra.lake_files import DayFile, input_digest, write_day_file
from infra.spark import each_day, spark_session
from pipelines.batches import day_batches, merged
from pipelines.sketches import commit_sketches
from pipelines.step import StepContext, StepReport
from pipelines.symbol_days import ROW_KEYS, DaySources, SymbolRows, day_sources, symbol_rows

Longs = npt.NDArray[np.int64]

SPARK_FROM_DAYS = 2
"""Fewer have nothing to hand out, and a session's start takes longer than building one day."""


def inputs_of(sources: DaySources) -> str:
    """Digest of all that a day is made from."""
    return input_digest(*sources.files, catalog_digest())


def _latest_known(known: pa.ChunkedArray | pa.Array) -> Longs:
    return np.maximum.accumulate(np.asarray(known.to_numpy().astype(np.int64)))


def _known_at(rows: SymbolRows) -> pa.Array:
    """When each row of features could first be known: with the last of the rows that went into it."""
    times, known = rows.day.times_ns, _latest_known(rows.book.column("known_at"))
    used = [(rows.day.outside.usable_ns, np.maximum.accumulate(rows.day.outside.known_ns // 1_000))]
    if rows.prints is not None:
        used.append((rows.prints.column("event_at_ns").to_numpy(), _latest_known(rows.prints.column("known_at"))))
    for at_ns, latest in used:
        if len(at_ns):
            last = latest_rows(at_ns, times)
            known = np.where(last >= 0, np.maximum(known, latest[np.maximum(last, 0)]), known)
    return pa.array(known, pa.int64()).cast(rows.book.schema.field("known_at").type)


def _nullable(values: npt.NDArray[np.float32]) -> pa.Array:
    """(n) as a column, NaN as null, without a copy; Arrow's own reading of NaN takes three times as long."""
    is_null = np.isnan(values)
    nulls = int(np.count_nonzero(is_null))
    bitmap = pa.py_buffer(np.packbits(~is_null, bitorder="little")) if nulls else None
    return pa.Array.from_buffers(pa.float32(), len(values), [bitmap, pa.py_buffer(values)], nulls)


def _feature_rows(sources: DaySources, rows: SymbolRows) -> pa.Table:
    intervals = calendar.session_intervals_ns(sources.market, sources.day)
    values = compute_features(rows.day, intervals, rows.before)
    columns = [_nullable(values[:, place]) for place in range(len(FEATURE_NAMES))]
    keys = [*(rows.book.column(name) for name in ROW_KEYS), _known_at(rows)]
    return pa.table([*keys, *columns], names=[*ROW_KEYS, "known_at", *FEATURE_NAMES])


def build_day(sources: DaySources) -> DayFile:
    """Read, compute, write one day; runs in a Spark worker or here."""
    parts = [_feature_rows(sources, rows) for rows in symbol_rows(sources)]
    rows = pa.concat_tables(parts) if parts else FEATURES_TABLE.arrow_schema.empty_table()
    market = sources.market.name
    return write_day_file(sources.lake, FEATURES_TABLE, market, sources.day, rows, inputs=inputs_of(sources))


@contextmanager
def _workers(context: StepContext, days: int) -> Iterator[Callable[[Sequence[DaySources]], list[DayFile]]]:
    """What builds a batch of days: Spark's workers, or this process where there is nothing to hand out."""
    if days < SPARK_FROM_DAYS:
        yield lambda tasks: [build_day(task) for task in tasks]
        return
    kernel()
    with spark_session(context.settings) as session:
        yield lambda tasks: each_day(session, tasks, build_day)


def run(context: StepContext) -> StepReport:
    """Build the days whose inputs changed."""
    name = context.market.name
    tasks = list(day_sources(context.lake, context.market, context.days).values())
    known = context.lake.inputs(FEATURES_TABLE, name, context.days)
    stale = [task for task in tasks if known.get(task.day) != inputs_of(task)]
    commits: list[Commit] = [] if stale else [context.lake.commit_days(FEATURES_TABLE, name, {})]
    with _workers(context, len(stale)) as build:
        for batch in context.progress(list(day_batches(stale)), "features"):
            files = dict(zip([task.day for task in batch], build(batch), strict=True))
            commits.append(context.lake.commit_days(FEATURES_TABLE, name, files))
    (commit,) = merged(commits)
    sketched = commit_sketches(context)
    note = f"{len(stale)} of {len(tasks)} days built, {len(FEATURE_NAMES)} features"
    is_unchanged = commit.is_unchanged and sketched.is_unchanged
    return StepReport(commit.rows, commit.rows, 0, (commit, sketched), is_unchanged, (note,))
