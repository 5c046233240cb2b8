"""Files come into bronze once, as they arrived; other content under a day that is there is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.labels import LABELS_TABLE
from infra import calendar
from infra.errors import ContractError, SourceError, UsageError
from infra.markets import MARKETS
from infra.registry import Registry
from infra.tables import BRONZE, DELIVERIES, NOUNS, QUARANTINE, RESTATEMENTS, TRAINING_SETS
from infra.version_files import write_version
from pipelines import ingest
from pipelines.bronze import known_rows
from pipelines.deliveries import judge_files
from pipelines.sources.file import SetAside, SourceFile
from pipelines.sources.sample import MADE
from pipelines.step import NO_TERMS, DeliveryTerms, StepContext
from tests.builders import FRIDAY, THURSDAY, plain_rows
from tests.pipelines.made_books import KNOWN_AT, books
from tests.pipelines.made_drops import a_context, drop, good_day

MONDAY = date(2026, 11, 23)
CORRECTION = DeliveryTerms(KNOWN_AT + timedelta(days=3), True, "ann", "vendor resent the day")
OTHER = {"book_snapshots": books(5, last_price=[100.0, 100.0, 99.0, 100.0, 100.0])}


def learn(context: StepContext, *days: date) -> None:
    """On Monday a training set from Thursday to Monday is named; of the sessions between it holds `days`."""
    rows = {day: plain_rows(LABELS_TABLE, 1, day=day) for day in days}
    version = context.lake.replace_days(LABELS_TABLE, "sample", rows).version
    named = plain_rows(
        TRAINING_SETS, 1, day=MONDAY, training_set_id="set-1", first_day=THURSDAY, last_day=MONDAY,
        delta_versions=json.dumps({LABELS_TABLE.name: version}),
    )  # fmt: skip
    context.lake.replace_days(TRAINING_SETS, "sample", {MONDAY: named})


def deliver(home: Path, changed: dict[str, pa.Table]) -> None:
    """The day's drop once more, some of its files with other content."""
    shutil.rmtree(home / "drops")
    drop(home, {**good_day(), **changed})


def test_rows_stand_in_bronze_with_file_row_and_known_at(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    report = ingest.run(a_context(tmp_path))
    assert (report.rows_in, report.rows_out, report.rows_refused, report.is_unchanged) == (19, 19, 0, False)
    rows = a_context(tmp_path).lake.read_day(BRONZE["book_snapshots"], "sample", FRIDAY).to_pylist()
    assert [(row["source_file"], row["source_row"]) for row in rows[:2]] == [
        ("book_snapshots.parquet", 0),
        ("book_snapshots.parquet", 1),
    ]
    assert {row["known_at"] for row in rows} == {KNOWN_AT}
    made = {BRONZE[noun].name for noun in MADE}
    assert {table.table for table in report.tables} == made | {DELIVERIES.name}


def test_the_same_files_again_change_nothing(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    first = ingest.run(a_context(tmp_path))
    again = ingest.run(a_context(tmp_path))
    assert again.is_unchanged
    assert [(one.table, one.version, one.rows) for one in again.tables] == [
        (one.table, one.version, one.rows) for one in first.tables
    ]


def test_other_content_under_a_known_name_is_refused(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    ingest.run(a_context(tmp_path))
    before = a_context(tmp_path).lake.fingerprint(BRONZE["book_snapshots"], "sample", FRIDAY)
    deliver(tmp_path, OTHER)
    words = (
        r"delivered before with other content: book_snapshots\.parquet \(book_snapshots\) sample 2026-11-20; "
        r"found sha256 [0-9a-f]{16}, 5 rows; .*next: .*--restate --reason"
    )
    with pytest.raises(ContractError, match=words):
        ingest.run(a_context(tmp_path))
    assert a_context(tmp_path).lake.fingerprint(BRONZE["book_snapshots"], "sample", FRIDAY) == before


def test_a_correction_stands_beside_what_it_corrects_and_both_are_accounted_for(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    ingest.run(a_context(tmp_path))
    deliver(tmp_path, OTHER)
    ingest.run(replace(a_context(tmp_path), terms=CORRECTION))
    lake = a_context(tmp_path).lake
    rows = lake.read_day(BRONZE["book_snapshots"], "sample", FRIDAY)
    assert rows.num_rows == 10
    assert known_rows(rows)["last_price"].to_pylist() == [100.0, 100.0, 99.0, 100.0, 100.0]
    assert known_rows(rows, KNOWN_AT)["last_price"].to_pylist() == [100.0] * 5
    accounts = lake.read_day(DELIVERIES, "sample", FRIDAY).to_pylist()
    (correction,) = [one for one in accounts if one["restates_sha256"]]
    assert (correction["person"], correction["reason"]) == ("ann", "vendor resent the day")
    assert correction["known_at"] == KNOWN_AT + timedelta(days=3)
    assert all(
        one["rows_in"] == one["rows_bronze"] + one["rows_quarantined"] + one["rows_duplicate"] for one in accounts
    )


def test_a_correction_delivered_again_changes_nothing(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    ingest.run(a_context(tmp_path))
    deliver(tmp_path, OTHER)
    ingest.run(replace(a_context(tmp_path), terms=CORRECTION))
    assert ingest.run(replace(a_context(tmp_path), terms=CORRECTION)).is_unchanged
    assert ingest.run(a_context(tmp_path)).is_unchanged


def test_a_correction_that_does_not_say_since_when_it_is_known_is_refused(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    ingest.run(a_context(tmp_path))
    deliver(tmp_path, OTHER)
    with pytest.raises(UsageError, match="next: name the time with --known-at"):
        ingest.run(replace(a_context(tmp_path), terms=replace(CORRECTION, known_at=None)))


@pytest.mark.filterwarnings("ignore")
def test_a_correction_of_a_day_that_models_learned_from_names_them(tmp_path: Path) -> None:
    drop(tmp_path, good_day())
    context = a_context(tmp_path)
    ingest.run(context)
    learn(context, FRIDAY)
    digest, folder = write_version(context.settings.registry, "sample", {}, {"training_set_id": "set-1"})
    registry = Registry(context.settings)
    run_id, _ = registry.open_run("sample", str(MONDAY), "key")
    registry.register("sample", run_id, folder, "key", digest, str(MONDAY), "recipe")
    deliver(tmp_path, OTHER)
    report = ingest.run(replace(a_context(tmp_path), terms=CORRECTION))
    (words,) = report.notes
    assert words.startswith(
        "restatement: book_snapshots 2026-11-20, book_snapshots.parquet was corrected (vendor resent"
    )
    assert "training sets set-1 and versions sample.execution/1 saw the day as it was" in words
    (notice,) = context.lake.read_day(RESTATEMENTS, "sample", FRIDAY).to_pylist()
    assert (notice["training_sets"], notice["models"]) == ('["set-1"]', '["sample.execution/1"]')


def test_a_file_that_comes_late_for_a_day_that_models_learned_from_must_say_when_it_was_known(tmp_path: Path) -> None:
    day = good_day()
    fills = day.pop("fills")
    context = a_context(tmp_path)
    learn(context, FRIDAY)
    late = SourceFile("fills", "fills.parquet", "ab", KNOWN_AT, fills)
    learned = ingest.learned_at(context, FRIDAY)
    assert learned == datetime(2026, 11, 23, 21, 15, tzinfo=UTC)
    with pytest.raises(UsageError, match="a correction or late file must say since when it is known"):
        judge_files([late], [], NO_TERMS, learned_at=learned, where="sample 2026-11-20")
    (told,) = judge_files(
        [late], [], DeliveryTerms(known_at=KNOWN_AT + timedelta(days=5)), learned_at=learned, where="sample 2026-11-20"
    )
    assert (told.is_new, told.is_late, told.changes_the_past) == (True, True, True)


def test_a_day_that_a_training_set_spans_but_does_not_hold_is_no_day_that_was_learned_from(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    learn(context, THURSDAY)
    assert ingest.learned_at(context, THURSDAY) == datetime(2026, 11, 23, 21, 15, tzinfo=UTC)
    assert ingest.learned_at(context, FRIDAY) is None


def test_a_killed_writer_is_finished_and_nothing_is_there_twice(tmp_path: Path) -> None:
    """Bronze was committed, the accounts were not: the state after a kill between the two."""
    drop(tmp_path, good_day())
    ingest.run(a_context(tmp_path))
    lake = a_context(tmp_path).lake
    wanted = {table.name: lake.fingerprint(table, "sample", FRIDAY) for table in (*BRONZE.values(), DELIVERIES)}
    shutil.rmtree(lake.root / "bronze" / "deliveries")
    ingest.run(a_context(tmp_path))
    lake = a_context(tmp_path).lake
    assert {table.name: lake.fingerprint(table, "sample", FRIDAY) for table in (*BRONZE.values(), DELIVERIES)} == wanted


def test_rows_that_cannot_be_read_go_to_quarantine_with_their_rule_and_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = plain_rows(NOUNS["trades"], 2, sequence=[0, 1])
    aside = (SetAside(1, "line_is_whole", "8=FIX|9="), SetAside(3, "came_before", "same"))
    log = SourceFile("trades", "t.log", "cd", KNOWN_AT, rows, np.array([0, 2]), aside[:1], aside[1:])
    monkeypatch.setattr(ingest, "read_day", lambda *_: [log])
    report = ingest.run(a_context(tmp_path))
    assert (report.rows_in, report.rows_out, report.rows_refused) == (4, 3, 1)
    lake = a_context(tmp_path).lake
    assert lake.read_day(BRONZE["trades"], "sample", FRIDAY)["source_row"].to_pylist() == [0, 2]
    (refused,) = lake.read_day(QUARANTINE, "sample", FRIDAY).to_pylist()
    assert (refused["rule"], refused["source_row"], refused["step"]) == ("line_is_whole", 1, "ingest")
    (account,) = lake.read_day(DELIVERIES, "sample", FRIDAY).to_pylist()
    counts = ("rows_in", "rows_bronze", "rows_quarantined", "rows_duplicate")
    assert [account[name] for name in counts] == [4, 2, 1, 1]
    assert ingest.run(a_context(tmp_path)).is_unchanged


def test_a_log_that_grew_by_another_day_is_known_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = plain_rows(NOUNS["trades"], 2, sequence=[0, 1])
    short = SourceFile("trades", "t.log", "cd", KNOWN_AT, rows)
    monkeypatch.setattr(ingest, "read_day", lambda *_: [short])
    ingest.run(a_context(tmp_path))
    grown = replace(short, sha256="ef", known_at=KNOWN_AT + timedelta(days=1))
    monkeypatch.setattr(ingest, "read_day", lambda *_: [grown])
    assert ingest.run(a_context(tmp_path)).is_unchanged
    changed = replace(grown, rows=plain_rows(NOUNS["trades"], 2, sequence=[0, 2]))
    monkeypatch.setattr(ingest, "read_day", lambda *_: [changed])
    with pytest.raises(ContractError, match="delivered before with other content"):
        ingest.run(a_context(tmp_path))


def test_the_same_bytes_under_another_name_are_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = plain_rows(NOUNS["trades"], 2, sequence=[0, 1])
    one, twin = (SourceFile("trades", name, "cd", KNOWN_AT, rows) for name in ("a.parquet", "b.parquet"))
    monkeypatch.setattr(ingest, "read_day", lambda *_: [twin, one])
    ingest.run(a_context(tmp_path))
    lake = a_context(tmp_path).lake
    assert set(lake.read_day(BRONZE["trades"], "sample", FRIDAY)["source_file"].to_pylist()) == {"a.parquet"}
    accounts = lake.read_day(DELIVERIES, "sample", FRIDAY).to_pylist()
    assert [(row["source_file"], row["duplicate_of"], row["rows_duplicate"]) for row in accounts] == [
        ("a.parquet", None, 0),
        ("b.parquet", "a.parquet", 2),
    ]


def test_a_batch_that_is_refused_leaves_every_day_as_it_was(tmp_path: Path) -> None:
    drop(tmp_path, good_day(THURSDAY), THURSDAY)
    with pytest.raises(SourceError, match=r"drop is missing: .*2026-11-20"):
        ingest.run(a_context(tmp_path, THURSDAY, FRIDAY))
    assert a_context(tmp_path).lake.days(BRONZE["book_snapshots"], "sample") == ()


def test_a_drop_of_an_earlier_version_has_no_served_features_and_is_taken_in(tmp_path: Path) -> None:
    earlier = {noun: rows for noun, rows in good_day().items() if noun != "served_features"}
    drop(tmp_path, earlier)
    assert ingest.run(a_context(tmp_path)).rows_in == 17


def test_a_drop_without_fills_is_refused(tmp_path: Path) -> None:
    drop(tmp_path, {noun: rows for noun, rows in good_day().items() if noun != "fills"})
    with pytest.raises(SourceError, match=r"drop lacks files: .*found no fills"):
        ingest.run(a_context(tmp_path))


def test_a_range_is_committed_in_batches_of_ten_days(tmp_path: Path) -> None:
    days = calendar.sessions_until(MARKETS["sample"], FRIDAY, 12)
    for day in days:
        drop(tmp_path, good_day(day, rows=1, noun_rows=1), day)
    report = ingest.run(a_context(tmp_path, *days))
    assert report.rows_in == 12 * len(MADE)
    assert {one.table: one.rows for one in report.tables if one.table != DELIVERIES.name} == {
        BRONZE[noun].name: 12 for noun in MADE
    }
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
    with pytest.raises(UsageError, match="name it with --data FOLDER"):
        ingest.run(context)
