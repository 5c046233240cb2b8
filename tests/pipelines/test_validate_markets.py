"""Step `validate` over two sessions: what the night did stops it, and what a person released goes through."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from infra.errors import QualityError
from infra.tables import HEALTH, QUARANTINE, RELEASES, SILVER
from pipelines import ingest, validate
from pipelines.step import StepContext
from tests.builders import FRIDAY, THURSDAY, plain_rows
from tests.pipelines.made_books import books
from tests.pipelines.made_day import priced, spoilt
from tests.pipelines.made_drops import a_context, drop, good_day, session_ns

BOOKS = "book_snapshots"


def two_symbols(factor: float, other: float) -> pa.Table:
    return pa.concat_tables([priced(books(20), factor), priced(books(20, symbol="BBB"), other)])


def thursday(factor: float, other: float) -> pa.Table:
    start = session_ns(THURSDAY)
    rows = [books(20, symbol=symbol, day=THURSDAY, start_ns=start) for symbol in ("AAA", "BBB")]
    return pa.concat_tables([priced(rows[0], factor), priced(rows[1], other)])


def two_sessions(home: Path, before: pa.Table, today: pa.Table) -> StepContext:
    drop(home, {**good_day(THURSDAY), BOOKS: before}, THURSDAY)
    drop(home, {**good_day(), BOOKS: today})
    ingest.run(a_context(home, THURSDAY, FRIDAY))
    return a_context(home, THURSDAY, FRIDAY)


def release_all(context: StepContext) -> None:
    rows = context.lake.read_day(QUARANTINE, "sample", FRIDAY)
    names = [column.name for column in RELEASES.columns]
    kept = rows.select([name for name in names if name in rows.column_names])
    people = plain_rows(RELEASES, rows.num_rows).select([name for name in names if name not in kept.column_names])
    for name in people.column_names:
        kept = kept.append_column(name, people[name])
    context.lake.replace_days(RELEASES, "sample", {FRIDAY: kept.select(names)})


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_swapped_symbols_stop_the_night_until_a_person_releases_them(tmp_path: Path, in_one_batch: bool) -> None:
    context = two_sessions(tmp_path, thursday(2.5, 1.0), two_symbols(1.0, 2.5))
    if not in_one_batch:
        validate.run(a_context(tmp_path, THURSDAY))
        context = a_context(tmp_path)
    with pytest.raises(
        QualityError, match=r"two symbols have each other's prices: .* AAA trades at 100\.005 after 250\.012"
    ):
        validate.run(context)
    assert context.lake.days(SILVER[BOOKS], "sample") == (THURSDAY,)
    assert {row["rule"] for row in context.lake.read_day(QUARANTINE, "sample", FRIDAY).to_pylist()} == {"symbol_swap"}
    release_all(context)
    validate.run(context)
    assert context.lake.read_day(SILVER[BOOKS], "sample", FRIDAY).num_rows == 40
    assert context.lake.read_day(QUARANTINE, "sample", FRIDAY).num_rows == 0


def test_a_row_released_against_the_declaration_reaches_silver_and_great_expectations_holds(tmp_path: Path) -> None:
    rows = spoilt(two_symbols(1.0, 2.5), previous_close_price={3: 20.0})
    context = two_sessions(tmp_path, thursday(1.0, 2.5), rows)
    validate.run(context)
    assert context.lake.read_day(SILVER[BOOKS], "sample", FRIDAY).num_rows == 39
    release_all(context)
    validate.run(context)
    assert context.lake.read_day(SILVER[BOOKS], "sample", FRIDAY).num_rows == 40
    found = {row["check_name"]: row for row in context.lake.read_day(HEALTH, "sample", FRIDAY).to_pylist()}
    assert (found["taken_back_in"]["figure"], found["great_expectations"]["verdict"]) == (1.0, "pass")
    assert validate.run(context).is_unchanged
