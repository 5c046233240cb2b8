"""The ledger's commands on a real state folder: sound, exported, altered by one byte, asked."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import SourceError
from infra.ledger import Draft, open_ledger
from infra.settings import Settings
from pipelines.ledger import words
from tests.models.rollout.made import in_phase

AT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(home=tmp_path)
    ledger = open_ledger(found)
    drafts = [Draft(event.kind, event.payload) for event in in_phase("canary_10").events]
    ledger.append("sample", 0, drafts, at=AT, actor="ada")
    return found


def run(settings: Settings, command: str, **given: object) -> int:
    told = {"market": "sample", "head": None, "stream": None, "last": None, "first": None, "form": "text", "at": None}
    return int(getattr(words, command)(settings, argparse.Namespace(**{**told, **given})))


def test_a_sound_ledger_is_said_to_be_sound(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run(settings, "ledger", action="export")
    assert run(settings, "ledger", action="verify") == 0
    assert "sound: " in capsys.readouterr().out


def test_one_altered_byte_is_named(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = open_ledger(settings)
    ledger.engine.dispose()
    path = settings.home / "ledger" / "ledger.db"
    raw = path.read_bytes()
    assert raw.count(b'"salt":"salt"') >= 1
    path.write_bytes(raw.replace(b'"salt":"salt"', b'"salt":"sa1t"', 1))
    assert run(settings, "ledger", action="verify") == 1
    assert "NOT SOUND: entry" in capsys.readouterr().out


def test_a_head_of_another_ledger_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "head.json").write_text("{}")
    with pytest.raises(SourceError, match="cannot read an exported head"):
        run(settings, "ledger", action="verify", head=str(tmp_path / "head.json"))


def test_champion_history_and_audit_answer(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, "champion") == 0
    assert "sample.execution/0 (market_opened)" in capsys.readouterr().out
    assert run(settings, "history", version="sample.execution/5") == 0
    assert "rollout_drafted" in capsys.readouterr().out
    assert run(settings, "history", version="sample.execution/77") == 1
    assert run(settings, "audit", form="csv") == 0
    assert "approved_by" in capsys.readouterr().out
    assert run(settings, "audit", form="json") == 0
    assert run(settings, "ledger", action="show", last=3) == 0
