"""The ledger in a backup: of either database, put back into either, with routing, stops and keys, and proved again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from infra.desk_reports import DeskReport, desk_reports, report_desk
from infra.errors import LakeError, LedgerError, UsageError
from infra.ledger import Draft, ledger_file, open_ledger
from infra.ledger_transfer import fill_ledger, read_lines, write_lines
from infra.routing_files import publish, published
from infra.settings import Settings
from infra.stop_files import stops, write_stop
from pipelines.backup import backup, restore
from pipelines.ledger.heads import export_head
from pipelines.ledger.saved import soundness
from tests.infra.made_ledger import AT, append, chain_of, unguarded
from tests.infra.made_routing import STOP, snapshot
from tests.postgres_server import PostgresServer, emptied


def used(settings: Settings) -> Settings:
    """A ledger with entries and an exported head, a snapshot, a stop."""
    ledger = open_ledger(settings)
    append(ledger, "sample", 5)
    export_head(settings, ledger, AT)
    append(ledger, "people", 2)
    publish(settings, snapshot())
    write_stop(settings, STOP)
    return settings


def rows(settings: Settings) -> list[object]:
    return list(open_ledger(settings).rows())


def test_a_restored_home_has_the_same_ledger_routing_and_stops(
    ledger_home: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = used(replace(ledger_home, home=tmp_path / "old"))
    before = rows(old)
    assert backup(old, str(tmp_path / "copy")) == 0
    new = replace(old, home=tmp_path / "new")
    if old.ledger_url:
        emptied(old)
    assert restore(new, str(tmp_path / "copy")) == 0
    assert "ledger sound: 8 entries" in capsys.readouterr().out
    assert rows(new) == before
    assert published(new, "sample") == published(old, "sample")
    assert stops(new, "sample") == stops(old, "sample") != ()
    append(open_ledger(new), "sample")
    assert open_ledger(new).verify().is_sound


def test_a_ledger_moves_from_the_file_to_a_server_and_back(postgres: PostgresServer, tmp_path: Path) -> None:
    embedded = used(Settings(home=tmp_path / "file"))
    before = rows(embedded)
    backup(embedded, str(tmp_path / "copy"))
    served = emptied(Settings(home=tmp_path / "served", ledger_url=postgres.url))
    assert restore(served, str(tmp_path / "copy")) == 0
    assert rows(served) == before
    backup(served, str(tmp_path / "back"))
    again = Settings(home=tmp_path / "again")
    assert restore(again, str(tmp_path / "back")) == 0
    assert rows(again) == before
    assert soundness(again)[0]


def test_a_restore_never_meets_entries_on_the_server(postgres: PostgresServer, tmp_path: Path) -> None:
    served = used(emptied(Settings(home=tmp_path / "old", ledger_url=postgres.url)))
    before = rows(served)
    backup(served, str(tmp_path / "copy"))
    with pytest.raises(UsageError, match="restore would overwrite a ledger"):
        restore(replace(served, home=tmp_path / "new"), str(tmp_path / "copy"))
    assert not (tmp_path / "new" / "ledger").exists()
    assert rows(served) == before
    with pytest.raises(UsageError, match="restore would overwrite a ledger"):
        fill_ledger(served, "desk", chain_of([("a", 1)]))


def test_a_ledger_that_was_rewritten_is_saved_and_restored_and_said(
    ledger_home: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = used(replace(ledger_home, home=tmp_path / "old"))
    unguarded(open_ledger(old), "DELETE FROM ledger_entry WHERE sequence > 3")
    assert backup(old, str(tmp_path / "copy")) == 1
    assert "ledger NOT SOUND: the tail is missing" in capsys.readouterr().out
    if old.ledger_url:
        emptied(old)
    assert restore(replace(old, home=tmp_path / "new"), str(tmp_path / "copy")) == 1
    assert "ledger NOT SOUND: the tail is missing" in capsys.readouterr().out


def test_altered_entries_are_kept_but_not_put_onto_a_server(postgres: PostgresServer, tmp_path: Path) -> None:
    old = used(emptied(Settings(home=tmp_path / "old", ledger_url=postgres.url)))
    unguarded(open_ledger(old), "UPDATE ledger_entry SET actor = 'eve' WHERE sequence = 3")
    assert backup(old, str(tmp_path / "copy")) == 1
    emptied(old)
    with pytest.raises(LedgerError, match="entry 3 was altered"):
        restore(replace(old, home=tmp_path / "new"), str(tmp_path / "copy"))
    assert len(read_lines(tmp_path / "new" / "ledger" / "entries.jsonl")) == 8


def test_a_damaged_file_stops_the_backup_with_its_name(tmp_path: Path) -> None:
    old = used(Settings(home=tmp_path / "old"))
    ledger_file(old, "desk").write_bytes(b"SQLite format 3\x00" + b"?" * 5000)
    with pytest.raises(LakeError, match=r"a database is damaged: .*ledger\.db"):
        backup(old, str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_what_is_being_written_stays_behind(tmp_path: Path) -> None:
    old = used(Settings(home=tmp_path / "old"))
    before = rows(old)
    with closing(sqlite3.connect(ledger_file(old, "desk"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE half_done (x)")
        assert ledger_file(old, "desk").with_name("ledger.db-journal").exists()
        assert backup(old, str(tmp_path / "copy")) == 0
        other.execute("ROLLBACK")
    assert not list((tmp_path / "copy").rglob("*-journal"))
    assert restore(Settings(home=tmp_path / "new"), str(tmp_path / "copy")) == 0
    assert rows(Settings(home=tmp_path / "new")) == before


def test_what_a_running_desk_says_of_itself_stays_behind(tmp_path: Path) -> None:
    old = used(Settings(home=tmp_path / "old"))
    report = DeskReport(
        "desk-1", "sample", 1, 1, {}, (), {}, {}, {}, {}, {}, {}, "2026-11-20T21:00:00Z",
    )  # fmt: skip
    report_desk(old, report)
    assert backup(old, str(tmp_path / "copy")) == 0
    new = Settings(home=tmp_path / "new")
    assert restore(new, str(tmp_path / "copy")) == 0
    assert desk_reports(new, "sample") == ()


def test_lines_hold_every_character_and_refuse_another_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    drafts = [Draft("noted", {"word": "a\u2028b\nc\r\u0085d"})]
    open_ledger(settings).append("sample", 0, drafts, at=AT, actor="ada")
    assert write_lines(open_ledger(settings).rows(), tmp_path / "lines") == 2
    assert list(read_lines(tmp_path / "lines")) == rows(settings)
    (tmp_path / "lines").write_text('{"sequence":1}\n')
    with pytest.raises(LedgerError, match="cannot read the ledger's entries"):
        read_lines(tmp_path / "lines")
