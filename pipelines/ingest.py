"""Step `ingest`: files into bronze, each exactly once, as they arrived.

A day of bronze is every row of every delivery of a noun (`pipelines/bronze.py`); what becomes of a file is decided by
the digest of its bytes (`pipelines/deliveries.py`) and stands in `bronze.deliveries`, where for every file

    rows in = rows in bronze + quarantined + duplicate

Rows that cannot be read as their noun go to quarantine with their rule. Days are written in batches, one transaction a
table and batch; a batch that is refused leaves all its days as they were. After a kill, what bronze already holds is
found by its digest and not written twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from infra import calendar
from infra.lake import Commit
from infra.lake_files import DayFile, write_day_file
from infra.tables import BRONZE, DELIVERIES, QUARANTINE, Table
from pipelines.batches import day_batches, merged
from pipelines.bronze import bronze_rows
from pipelines.deliveries import Delivery, Earlier, judge_files
from pipelines.restatement import record_restatements
from pipelines.sources.catalog import Folders, read_day
from pipelines.sources.file import SourceFile
from pipelines.step import StepContext, StepReport
from pipelines.step_rows import with_other_steps
from pipelines.training_sets import training_sets_with

STEP = "ingest"


@dataclass
class _Batch:
    """What a batch of days is about to write, table by table, and what is reported of it."""

    days: Sequence[date]
    files: dict[str, dict[date, DayFile]] = field(default_factory=dict)
    restated: list[tuple[date, Delivery]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows_in: int = 0
    refused: int = 0

    def add(self, context: StepContext, table: Table, day: date, rows: pa.Table) -> None:
        file = write_day_file(context.lake.root, table, context.market.name, day, rows)
        self.files.setdefault(table.name, {})[day] = file


def learned_at(context: StepContext, day: date) -> datetime | None:
    """When the first night that learned from the day was known; None when no training set holds the day."""
    nights = [row["trade_date"] for row in training_sets_with(context, day)]
    return calendar.known_at(context.market, nights[0]) if nights else None


def _fresh(present: pa.Table, files: Sequence[SourceFile]) -> list[SourceFile]:
    """Those that a killed writer has not brought into bronze already."""
    held = set(zip(present["source_file"].to_pylist(), present["source_sha256"].to_pylist(), strict=True))
    return [file for file in files if (file.name, file.sha256) not in held]


def _add_bronze(context: StepContext, day: date, noun: str, files: Sequence[SourceFile], batch: _Batch) -> None:
    market, table = context.market.name, BRONZE[noun]
    if not context.lake.day_files(table, market, [day]):
        batch.add(context, table, day, bronze_rows(files))
        return
    present = context.lake.read_day(table, market, day)
    fresh = _fresh(present.select(["source_file", "source_sha256"]).group_by(
        ["source_file", "source_sha256"]).aggregate([]), files)  # fmt: skip
    if fresh:
        batch.add(context, table, day, pa.concat_tables([present, bronze_rows(fresh).select(present.column_names)]))


def _quarantined(market: str, day: date, file: SourceFile) -> list[dict[str, object]]:
    same = {"market": market, "trade_date": day, "noun": file.noun, "source_file": file.name, "step": STEP}
    told = {"known_at": file.known_at, "source_sha256": file.sha256}
    return [
        {**same, **told, "rule": one.rule, "source_row": one.source_row, "row_json": json.dumps(one.text)}
        for one in file.refused
    ]


def _add_accounts(context: StepContext, day: date, before: pa.Table, found: Sequence[Delivery], batch: _Batch) -> None:
    market = context.market.name
    accounts = [one.account(market, day, context.terms) for one in found if not one.is_recorded]
    if accounts:
        fresh = pa.Table.from_pylist(accounts, schema=DELIVERIES.arrow_schema)
        batch.add(context, DELIVERIES, day, pa.concat_tables([before.cast(DELIVERIES.arrow_schema), fresh]))
    refused = [row for one in found if one.is_new for row in _quarantined(market, day, one.file)]
    if refused:
        fresh = pa.Table.from_pylist(refused, schema=QUARANTINE.arrow_schema)
        present = context.lake.read_day(QUARANTINE, market, day).cast(QUARANTINE.arrow_schema)
        earlier = present.filter(pc.equal(present["step"], STEP))
        kept = earlier.filter(pc.invert(pc.is_in(earlier["source_sha256"], fresh["source_sha256"])))
        days = with_other_steps(context, QUARANTINE, STEP, {day: pa.concat_tables([kept, fresh])})
        batch.add(context, QUARANTINE, day, days[day])


def _as_delivered(context: StepContext, day: date, file: SourceFile, accounts: Sequence[Earlier]) -> SourceFile:
    """The file under its earlier digest when it holds the same rows of this day: a log that grew by another day."""
    same = [one for one in accounts if (one["noun"], one["source_file"]) == (file.noun, file.name)]
    if not same or any(one["source_sha256"] == file.sha256 for one in same) or same[-1]["rows_in"] != file.rows_in:
        return file
    digest = same[-1]["source_sha256"]
    present = context.lake.read_day(BRONZE[file.noun], context.market.name, day)
    present = present.filter(pc.equal(present["source_sha256"], digest))
    twin = replace(file, sha256=digest, known_at=same[-1]["known_at"])
    is_same = bronze_rows([twin]).select(present.column_names).cast(present.schema).equals(present)
    return twin if is_same else file


def _take_in(context: StepContext, day: date, batch: _Batch) -> None:
    """Read, judge and prepare one day's files."""
    before = context.lake.read_day(DELIVERIES, context.market.name, day)
    files = read_day(Folders(context.data, context.drop_root), context.market, day)
    accounts = before.sort_by("known_at").to_pylist()
    found = judge_files(
        [_as_delivered(context, day, file, accounts) for file in files],
        accounts,
        context.terms,
        learned_at=learned_at(context, day),
        where=f"{context.market.name} {day}",
    )
    new: Mapping[str, list[SourceFile]] = {}
    for one in found:
        batch.rows_in += one.file.rows_in
        batch.refused += len(one.file.refused) if one.is_new else 0
        batch.notes += [f"{day} {one.file.name}: {note}" for note in one.file.notes]
        if one.is_new:
            new = {**new, one.file.noun: [*new.get(one.file.noun, []), one.file]}
    for noun, arrived in new.items():
        _add_bronze(context, day, noun, arrived, batch)
    _add_accounts(context, day, before, found, batch)
    batch.restated += [(day, one) for one in found if one.changes_the_past]


def _commit_tables(context: StepContext, batch: _Batch, tables: Sequence[Table]) -> Iterator[Commit]:
    for table in tables:
        files = batch.files.get(table.name, {})
        if files:
            yield context.lake.commit_days(table, context.market.name, files)
        elif (version := context.lake.version(table)) is not None:
            yield Commit(table.name, version, context.lake.count(table, context.market.name, batch.days), True)


def _commit(context: StepContext, batch: _Batch) -> tuple[list[Commit], list[str]]:
    """Bronze first and the accounts last: an account never tells of rows that are not there, nor before a notice."""
    commits = list(_commit_tables(context, batch, (*BRONZE.values(), QUARANTINE)))
    notices = record_restatements(context, batch.restated)
    return [*commits, *_commit_tables(context, batch, (DELIVERIES,))], notices


def run(context: StepContext) -> StepReport:
    """Bring every day's files into bronze.

    Raises SourceError (a file or folder is missing or damaged), ContractError (columns, or other bytes than before) or
    UsageError (a correction or late file that does not say since when it is known).
    """
    counted = iter(context.progress(context.days, STEP))
    commits: list[Commit] = []
    notes: list[str] = []
    rows_in = refused = 0
    for days in day_batches(context.days):
        batch = _Batch(days)
        for day in islice(counted, len(days)):
            _take_in(context, day, batch)
        committed, notices = _commit(context, batch)
        commits, notes = commits + committed, notes + batch.notes + notices
        rows_in, refused = rows_in + batch.rows_in, refused + batch.refused
    tables = merged(commits)
    is_unchanged = all(commit.is_unchanged for commit in tables)
    return StepReport(rows_in, rows_in - refused, refused, tables, is_unchanged, tuple(notes))
