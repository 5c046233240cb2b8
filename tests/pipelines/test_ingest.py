"""Files come into bronze once, as they arrived; other content under a day that is there is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow.compute as pc
import pytest

from infra import calendar
from infra.errors import ContractError, SourceError
from infra.markets import MARKETS
from infra.tables import BRONZE
from pipelines import ingest
from tests.builders import FRIDAY, THURSDAY
from tests.pipelines.made_books import KNOWN_AT, books
from tests.pipelines.made_drops import a_context, drop, good_day


def test_rows_stand_in_bronze_with_file_row_and_known_at(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    report = ingest.run(a_context(tmp_path))
    assert (report.rows_in, report.rows_out, report.rows_refused, report.is_unchanged) == (15, 15, 0, False)
    rows = a_context(tmp_path).lake.read_day(BRONZE["book_snapshots"], "sample", FRIDAY).to_pylist()
    assert [(row["source_file"], row["source_row"]) for row in rows[:2]] == [
        ("book_snapshots.parquet", 0),
        ("book_snapshots.parquet", 1),
    ]
    assert {row["known_at"] for row in rows} == {KNOWN_AT}
    assert {table.table for table in report.tables} == {table.name for table in BRONZE.values()}


def test_the_same_files_again_change_nothing(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    first = ingest.run(a_context(tmp_path))
    again = ingest.run(a_context(tmp_path))
    assert again.is_unchanged
    assert [(one.table, one.version, one.rows) for one in again.tables] == [
        (one.table, one.version, one.rows) for one in first.tables
    ]


def test_other_content_for_a_day_that_is_there_is_refused(tmp_path: Path) -> None:
    folder = drop(tmp_path, good_day())
    ingest.run(a_context(tmp_path))
    shutil.rmtree(folder)
    drop(tmp_path, {**good_day(), "book_snapshots": books(5, last_price=[100.0, 100.0, 99.0, 100.0, 100.0])})
    before = a_context(tmp_path).lake.fingerprint(BRONZE["book_snapshots"], "sample", FRIDAY)
    words = (
        r"delivered before with other content: bronze\.book_snapshots sample 2026-11-20; "
        r"found book_snapshots\.parquet \(5 rows then, 5 now\).*--restate\) is not available yet"
    )
    with pytest.raises(ContractError, match=words):
        ingest.run(a_context(tmp_path))
    assert a_context(tmp_path).lake.fingerprint(BRONZE["book_snapshots"], "sample", FRIDAY) == before


def test_a_row_less_or_a_later_known_at_is_other_content(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    context = a_context(tmp_path)
    ingest.run(context)
    (file, *_) = ingest.SOURCES["sample"](context, FRIDAY)
    shorter = replace(file, rows=file.rows.slice(1))
    later = replace(file, known_at=KNOWN_AT + timedelta(days=3))
    present = ingest.bronze_rows([file])
    assert ingest._differing(present, present) == []
    assert ingest._differing(ingest.bronze_rows([shorter]), present) == ["book_snapshots.parquet (5 rows then, 4 now)"]
    assert len(ingest._differing(ingest.bronze_rows([later]), present)) == 1
    assert len(ingest._differing(ingest.bronze_rows([replace(file, name="other.parquet")]), present)) == 2


def test_nan_equals_itself_when_a_delivery_is_compared(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    (file, *_) = ingest.SOURCES["sample"](a_context(tmp_path), FRIDAY)
    odd = replace(file, rows=books(5, last_price=[float("nan"), None, 1.0, 2.0, 3.0]))
    assert ingest._differing(ingest.bronze_rows([odd]), ingest.bronze_rows([odd])) == []


def test_a_batch_that_is_refused_leaves_every_day_as_it_was(tmp_path: Path) -> None:
    drop(tmp_path, good_day(THURSDAY), THURSDAY)
    with pytest.raises(SourceError, match=r"drop is missing: .*2026-11-20"):
        ingest.run(a_context(tmp_path, THURSDAY, FRIDAY))
    assert a_context(tmp_path).lake.days(BRONZE["book_snapshots"], "sample") == ()


def test_a_range_is_committed_in_batches_of_ten_days(tmp_path: Path) -> None:
    days = calendar.sessions_until(MARKETS["sample"], FRIDAY, 12)
    for day in days:
        drop(tmp_path, good_day(day, rows=1, noun_rows=1), day)
    report = ingest.run(a_context(tmp_path, *days))
    assert report.rows_in == 12 * 6
    assert {one.rows for one in report.tables} == {12}
    lake = a_context(tmp_path).lake
    assert lake.days(BRONZE["fills"], "sample") == days
    assert lake.version(BRONZE["fills"]) == 2


def test_a_truncated_file_stops_the_day_and_names_the_file(tmp_path: Path) -> None:
    folder = drop(tmp_path, good_day())
    path = folder / "trades.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceError, match=r"trades\.parquet"):
        ingest.run(a_context(tmp_path))


def test_a_recorded_market_needs_its_folder(tmp_path: Path) -> None:
    context = replace(a_context(tmp_path, date(2024, 1, 2)), market=MARKETS["ashare"])
    with pytest.raises(SourceError, match="name it with --data FOLDER"):
        ingest.run(context)


def test_source_rows_count_within_each_file(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    (file, *_) = ingest.SOURCES["sample"](a_context(tmp_path), FRIDAY)
    both = ingest.bronze_rows([replace(file, name="b.parquet"), replace(file, name="a.parquet")])
    assert both["source_file"].to_pylist() == ["a.parquet"] * 5 + ["b.parquet"] * 5
    assert both.filter(pc.equal(both["source_file"], "b.parquet"))["source_row"].to_pylist() == [0, 1, 2, 3, 4]
