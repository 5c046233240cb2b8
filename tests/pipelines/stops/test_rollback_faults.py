"""Rollback when something is broken: ledger, disk, key, or a stop file of the same name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import DiskFullError
from infra.ledger import open_ledger
from infra.routing_files import routing_folder
from infra.settings import Settings
from infra.stop_files import stops, stops_folder
from pipelines.stops import recording
from tests.infra.full_disk import fill, needs_root, small_disk
from tests.pipelines.stops.made import (
    ROLLBACK_ID,
    VERSION,
    Typed,
    desk,
    in_force,
    kinds,
    reports,
    steady,
)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_a_stop_of_that_name_with_another_subject_is_no_obstacle(home: Settings) -> None:
    in_force(home)
    typed = Typed(home)
    first = typed.rollback().stop
    path = stops_folder(home, "sample") / f"{first.stop_id}.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "signature": "00"}))
    second = typed.rollback().stop
    assert second.stop_id == f"{ROLLBACK_ID}-20261120150000000000"
    assert {stop.scope for stop in stops(home, "sample")} == {"all", "version"}


def test_a_ledger_that_breaks_in_any_way_takes_nothing_from_the_stop(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force(home)

    def broken(*_: object) -> None:
        raise RuntimeError("file is not a database")

    monkeypatch.setattr(recording, "ledger_of", broken)
    typed = Typed(home)
    typed.rollback()
    assert stops(home, "sample")[0].subject == VERSION
    assert typed.line("recorded") == (
        "recorded     NOT YET: RuntimeError: file is not a database; the next evening run records it"
    )


def test_a_ledger_of_a_simulation_is_not_written_by_the_desk(home: Settings) -> None:
    Typed(replace(home, ledger_purpose="simulation")).kill()
    assert kinds(open_ledger(home)) == []
    assert kinds(open_ledger(home, "simulation")) == ["killed"]


@needs_root
def test_on_a_full_disk_the_reserve_takes_the_stop_and_the_rest_is_said(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder:
        home = Settings(home=folder)
        in_force(home)
        fill(folder)
        typed = Typed(home)
        typed.rollback()
        assert stops(home, "sample")[0].subject == VERSION
        assert typed.line("recorded").startswith("recorded     NOT YET")


@needs_root
def test_when_nothing_can_be_written_the_message_says_how_to_end_the_desks(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder:
        home = Settings(home=folder)
        steady(home)
        reports(home, desk("d1", pid=4711), desk("d2", pid=4712), desk("d3", pid=4713, is_ended=True))
        for path in (routing_folder(home, "sample") / "reserve").iterdir():
            path.unlink()
        fill(folder)
        with pytest.raises(
            DiskFullError, match=r"NOT STOPPED.*next: kill -TERM 4711 4712: each desk cancels what rests"
        ):
            Typed(home).rollback(VERSION)


def test_with_a_damaged_key_a_rollback_says_that_a_kill_of_everything_needs_none(home: Settings) -> None:
    in_force(home)
    (home.keys / "stop.key").write_bytes(b"damaged")
    with pytest.raises(DiskFullError, match=r"NOT STOPPED.*private key is damaged.*fillwise kill --all needs no key"):
        Typed(home).rollback()
    assert Typed(home).kill().stop.scope == "all"
    assert [(stop.kind, stop.scope) for stop in stops(home, "sample")] == [("kill", "all")]
