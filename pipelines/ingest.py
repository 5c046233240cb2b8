"""Step `ingest`: files into bronze, each exactly once, as they arrived.

A day of bronze is every row of every file of a noun, with `source_file`, `source_row` and `known_at`. A day that
is there already is compared row by row, bit by bit: the same rows again change nothing; other rows are refused,
because a model may have learned from those that are there. Days are written in batches, one transaction a table
and batch; a batch that is refused leaves all its days as they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby, islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.errors import ContractError, SourceError
from infra.lake import Commit
from infra.lake_files import DayFile, write_day_file
from infra.tables import BRONZE
from pipelines.batches import day_batches, merged
from pipelines.sources import ashare, sample
from pipelines.sources.drop import read_drop
from pipelines.sources.file import SourceFile
from pipelines.step import StepContext, StepReport


def _built_in(context: StepContext, day: date) -> list[SourceFile]:
    return sample.read_day(context.drop_root / str(day), context.market, day)


def _recorded(context: StepContext, day: date) -> list[SourceFile]:
    """Recorded books, and what the desk made of them from its drop."""
    if context.data is None:
        raise SourceError(
            "recorded market needs its folder",
            which=context.market.name,
            found="no --data",
            allowed="a folder of recorded files",
            next_step="name it with --data FOLDER",
        )
    books = ashare.read_day(context.data, context.market, day)
    return [*books, *read_drop(context.drop_root / str(day), context.market, day)]


SOURCES: Mapping[str, Callable[[StepContext, date], list[SourceFile]]] = {
    "sample": _built_in,
    "ashare": _recorded,
}


def bronze_rows(files: list[SourceFile]) -> pa.Table:
    """Rows of one noun's files in order of file name and row, with their provenance."""
    parts = [
        file.rows.append_column("known_at", pa.repeat(pa.scalar(file.known_at, pa.timestamp("us", tz="UTC")), count))
        .append_column("source_file", pa.repeat(pa.scalar(file.name), count))
        .append_column("source_row", pa.array(np.arange(count)))
        for file in sorted(files, key=lambda file: file.name)
        for count in (file.rows.num_rows,)
    ]
    return pa.concat_tables(parts).combine_chunks()


def _by_noun(files: list[SourceFile]) -> Iterator[tuple[str, pa.Table]]:
    for noun, found in groupby(sorted(files, key=lambda file: file.noun), key=lambda file: file.noun):
        yield noun, bronze_rows(list(found))


def _bits(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    return whole.view(pa.int64()) if pa.types.is_float64(whole.type) else whole


def _differing(arrived: pa.Table, present: pa.Table) -> list[str]:
    """Names of the files whose rows are not the same in both, bit for bit (a NaN equals itself)."""
    names = sorted({*pc.unique(arrived["source_file"]).to_pylist(), *pc.unique(present["source_file"]).to_pylist()})
    found = []
    for name in names:
        ours, theirs = (rows.filter(pc.equal(rows["source_file"], name)) for rows in (arrived, present))
        if any(not _bits(ours[column]).equals(_bits(theirs[column])) for column in present.column_names):
            found.append(f"{name} ({theirs.num_rows:,} rows then, {ours.num_rows:,} now)")
    return found


def _require_same(context: StepContext, noun: str, day: date, arrived: pa.Table) -> None:
    present = context.lake.read_day(BRONZE[noun], context.market.name, day)
    differing = _differing(arrived.select(present.column_names), present)
    if differing:
        raise ContractError(
            "file was delivered before with other content",
            which=f"{BRONZE[noun].name} {context.market.name} {day}",
            found=", ".join(differing[:3]),
            allowed="the same rows as at the first delivery",
            next_step="deliver the first file again; taking in a correction (--restate) is not available yet",
        )


def _ingest_days(context: StepContext, days: Sequence[date], counted: Iterator[date]) -> list[Commit]:
    """One batch: read and write every day's files, then commit table by table. `counted` shows progress."""
    market, lake = context.market.name, context.lake
    present = {noun: set(lake.day_files(table, market, days)) for noun, table in BRONZE.items()}
    fresh: dict[str, dict[date, DayFile]] = {noun: {} for noun in BRONZE}
    counts: Counter[str] = Counter()
    for day in counted:
        for noun, rows in _by_noun(SOURCES[market](context, day)):
            counts[noun] += rows.num_rows
            if day in present[noun]:
                _require_same(context, noun, day, rows)
            else:
                fresh[noun][day] = write_day_file(lake.root, BRONZE[noun], market, day, rows)
    commits = []
    for noun, files in fresh.items():
        table = BRONZE[noun]
        version = lake.commit_days(table, market, files).version if files else lake.version(table)
        if version is not None:
            commits.append(Commit(table.name, version, counts[noun], not files))
    return commits


def run(context: StepContext) -> StepReport:
    """Bring every day's files into bronze.

    Raises SourceError (a file or folder is missing or damaged) or ContractError (columns, or other bytes than before).
    """
    counted = iter(context.progress(context.days, "ingest"))
    found = [_ingest_days(context, batch, islice(counted, len(batch))) for batch in day_batches(context.days)]
    commits = merged(commit for commits in found for commit in commits)
    rows = sum(commit.rows for commit in commits)
    return StepReport(rows, rows, 0, commits, all(commit.is_unchanged for commit in commits))
