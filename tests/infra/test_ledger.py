"""The ledger on SQLite and on a real PostgreSQL: one chain over all streams, one winner, nothing doubled."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from infra import ledger as door
from infra import ledger_rows
from infra.errors import ConflictError, LedgerError, RefusedError, SettingsError
from infra.ledger import Draft, Head, ledger_file, open_ledger
from infra.ledger_chain import FIRST_HASH, chained
from infra.settings import Settings
from tests.infra.made_ledger import AT, NOTE, append, execute


def test_entries_come_back_as_they_were_written(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    (entry,) = ledger.append("sample", 0, [Draft("noted", {"b": 1, "a": "ü\n\u0000"})], at=AT, actor="ada")
    assert ledger.entries("sample") == (entry,)
    assert (entry.sequence, entry.stream_sequence, entry.at) == (2, 1, "2026-11-20T21:00:00.000000Z")
    assert ledger.entries(after=1) == (entry,)
    assert ledger.entries("people") == ()


def test_a_writer_who_has_not_seen_the_last_entry_is_refused(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample")
    with pytest.raises(ConflictError, match="found 1 entries"):
        ledger.append("sample", 0, [Draft("other", {})], at=AT, actor="bob")
    with pytest.raises(ConflictError, match="found 1 entries"):
        ledger.append("sample", 2, [Draft("other", {})], at=AT, actor="bob")


def test_streams_share_one_chain(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    for stream in ("sample", "people", "sample"):
        append(ledger, stream)
    entries = ledger.entries()
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert [entry.stream_sequence for entry in entries] == [1, 1, 1, 2]
    assert [entry.previous_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]


def test_many_entries_are_read_in_blocks_that_meet(ledger_home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_ledger(ledger_home)
    ledger.append("sample", 0, [Draft("noted", {"n": n}) for n in range(7)], at=AT, actor="ada")
    monkeypatch.setattr(door, "BLOCK", 2)
    assert [entry.payload["n"] for entry in ledger.entries("sample")] == list(range(7))
    assert ledger.verify().entries == 8


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "half a character \ud800"])
def test_all_drafts_go_in_or_none(ledger_home: Settings, bad: object) -> None:
    ledger = open_ledger(ledger_home)
    with pytest.raises(ValueError, match=r"JSON compliant|surrogates not allowed"):
        ledger.append("sample", 0, [Draft("good", {}), Draft("bad", {"x": bad})], at=AT, actor="ada")
    assert ledger.count("sample") == 0
    assert ledger.append("sample", 0, [], at=AT, actor="ada") == ()


def test_an_append_whose_answer_was_lost_is_not_doubled(ledger_home: Settings) -> None:
    ledger, drafts = open_ledger(ledger_home), [Draft("noted", {"n": 1}), Draft("noted", {"n": 2})]
    first = ledger.append("sample", 0, drafts, at=AT, actor="ada")
    append(ledger, "people")
    append(ledger, "sample")
    assert ledger.append("sample", 0, drafts, at=AT, actor="ada") == first
    assert ledger.count("sample") == 3
    with pytest.raises(ConflictError):
        ledger.append("sample", 0, [*drafts, Draft("noted", {"n": 3})], at=AT, actor="ada")


def test_a_clock_that_jumps_back_changes_no_order_and_shows(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    ledger.append("sample", 0, [NOTE], at=AT, actor="ada")
    ledger.append("sample", 1, [NOTE], at=AT - timedelta(days=30), actor="ada")
    first, second = ledger.entries("sample")
    assert first.at > second.at
    assert first.recorded_at <= second.recorded_at
    assert len(first.recorded_at) == len(first.at)
    assert ledger.verify().is_sound


def test_a_time_without_a_zone_is_refused(ledger_home: Settings) -> None:
    with pytest.raises(ValueError, match="needs a zone"):
        open_ledger(ledger_home).append("sample", 0, [NOTE], at=AT.replace(tzinfo=None), actor="ada")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET actor = 'eve'",
        "DELETE FROM ledger_entry",
        "INSERT INTO ledger_entry VALUES (9, 'sample', 9, '', '', '', '{}', '', '', '')",
    ],
)
def test_changes_are_refused_by_trigger(ledger_home: Settings, statement: str) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample")
    with pytest.raises(DBAPIError, match="append-only"):
        execute(ledger, statement)
    assert ledger.verify().is_sound


def test_an_insert_that_replaces_is_refused_by_trigger(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    append(ledger, "sample")
    values = "INTO ledger_entry VALUES (2, 'sample', 1, '', '', '', '{}', '', '', '')"
    is_sqlite = ledger.engine.dialect.name == "sqlite"
    upsert = f"INSERT {values} ON CONFLICT (sequence) DO UPDATE SET payload = '{{}}'"
    with pytest.raises(DBAPIError, match="append-only"):
        execute(ledger, f"INSERT OR REPLACE {values}" if is_sqlite else upsert)
    assert ledger.verify().is_sound


def test_a_truncate_is_refused_by_trigger(ledger_home: Settings) -> None:
    if ledger_home.ledger_url:
        with pytest.raises(DBAPIError, match="append-only"):
            execute(open_ledger(ledger_home), "TRUNCATE ledger_entry")


def test_a_simulations_ledger_is_refused_by_the_desk(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    open_ledger(settings, "simulation")
    other = replace(settings, ledger_url=f"sqlite:///{ledger_file(settings, 'simulation')}")
    with pytest.raises(RefusedError, match="found simulation; allowed: desk"):
        open_ledger(other)


def test_a_simulation_never_uses_the_desks_server(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ledger_url="postgresql+psycopg://nobody@192.0.2.1/none")
    append(open_ledger(settings, "simulation"), "sample")
    assert ledger_file(settings, "simulation").exists()


def test_a_newer_ledger_is_refused(ledger_home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_rows, "FORMAT", 2)
    with pytest.raises(LedgerError, match="newer version"):
        open_ledger(ledger_home)


@pytest.mark.parametrize("address", ["mysql://me@here/db", "nonsense", "mssql://me:s3cret@here/db"])
def test_an_address_of_another_kind_is_refused_without_saying_the_password(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsError, match="FILLWISE_LEDGER_URL") as raised:
        open_ledger(Settings(home=tmp_path, ledger_url=address))
    assert "s3cret" not in str(raised.value)


def test_a_folder_of_any_name_holds_a_ledger(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "a b?c%41#d")
    append(open_ledger(settings), "sample")
    assert ledger_file(settings, "desk").exists()


def test_a_ledger_of_before_recorded_times_is_brought_to_this_form(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    opened = Draft("ledger_opened", {"purpose": "desk", "format": 1})
    rows = chained(Head(0, FIRST_HASH), "ledger", 0, "", "fillwise", [opened])
    rows += chained(Head(1, rows[0].hash), "sample", 0, "2026", "ada", [NOTE])
    ledger_file(settings, "desk").parent.mkdir()
    with closing(sqlite3.connect(ledger_file(settings, "desk"))) as old, old:
        names = "stream TEXT, stream_sequence BIGINT, at TEXT, actor TEXT, kind TEXT, payload TEXT, previous_hash TEXT"
        old.execute(f"CREATE TABLE ledger_entry (sequence BIGINT PRIMARY KEY, {names}, hash TEXT)")
        for row in rows:
            old.execute("INSERT INTO ledger_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", list(row.__dict__.values())[:9])
    ledger = open_ledger(settings)
    append(ledger, "sample")
    assert ledger.verify().is_sound
    assert [entry.recorded_at == "" for entry in ledger.entries()] == [True, True, False]
    with pytest.raises(DBAPIError, match="append-only"):
        execute(ledger, "DELETE FROM ledger_entry")


def test_status_rollback_and_kill_start_without_the_databases_library() -> None:
    code = "import sys, pipelines.__main__, pipelines.commands; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
