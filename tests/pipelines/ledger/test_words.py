"""The ledger's commands on a real state folder: sound, exported, altered by one byte, cut, rewritten."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from infra.errors import LedgerError, SourceError, UsageError
from infra.ledger import Draft, ledger_file, open_ledger
from infra.ledger_transfer import read_lines
from infra.settings import Settings
from pipelines.ledger import words
from tests.infra.made_ledger import AT, append, unguarded
from tests.models.rollout.made import in_phase


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(home=tmp_path)
    ledger = open_ledger(found)
    drafts = [Draft(event.kind, event.payload) for event in in_phase("canary_10").events]
    ledger.append("sample", 0, drafts, at=AT, actor="ada")
    return found


def run(settings: Settings, action: str, **given: object) -> int:
    told = {"market": "sample", "head": None, "stream": None, "last": None, "to": None, "all": False, "by": None}
    return words.ledger(settings, argparse.Namespace(action=action, **{**told, **given}))


def test_a_sound_ledger_is_said_to_be_sound(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run(settings, "export")
    assert run(settings, "verify") == 0
    assert "1 exported heads looked at" in capsys.readouterr().out


def test_one_altered_byte_is_named_and_shown(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    path = ledger_file(settings, "desk")
    raw = path.read_bytes()
    assert raw.count(b'"salt":"salt"') >= 1
    path.write_bytes(raw.replace(b'"salt":"salt"', b'"salt":"sa1t"', 1))
    assert run(settings, "verify") == 1
    assert "NOT SOUND: entry" in capsys.readouterr().out
    assert run(settings, "show", last=1000) == 0
    assert "ALTERED: sample rollout_drafted" in capsys.readouterr().out


def test_a_tail_that_was_cut_shows_against_the_head_of_the_day(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run(settings, "export")
    unguarded(open_ledger(settings), "DELETE FROM ledger_entry WHERE sequence > 5")
    assert run(settings, "verify") == 1
    assert "the tail is missing: 5 entries" in capsys.readouterr().out


def test_no_head_is_given_out_of_a_chain_that_was_rewritten(settings: Settings) -> None:
    run(settings, "export")
    before = [path.read_bytes() for path in (settings.home / "ledger" / "heads").iterdir()]
    ledger = open_ledger(settings)
    unguarded(ledger, "DELETE FROM ledger_entry WHERE sequence > 5")
    append(ledger, "people", 60)
    assert ledger.verify().is_sound
    with pytest.raises(LedgerError, match="another hash than the exported head"):
        run(settings, "export")
    assert [path.read_bytes() for path in (settings.home / "ledger" / "heads").iterdir()] == before


def test_every_entry_can_be_exported_and_proved_elsewhere(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "head.json"
    assert run(settings, "export", to=str(target), all=True) == 0
    rows = read_lines(target.with_name("head.entries.jsonl"))
    assert rows == tuple(open_ledger(settings).rows())
    assert json.loads(target.read_text())["hash"] == rows[-1].hash
    assert run(settings, "verify", head=str(target)) == 0


def test_a_file_that_is_no_head_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "head.json").write_text("{}")
    with pytest.raises(SourceError, match="cannot read an exported head"):
        run(settings, "verify", head=str(tmp_path / "head.json"))


def test_an_entry_says_when_who_and_why(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = open_ledger(settings)
    told = {"rollout_id": "sample.r1", "reasons": ["too dear", "too late"], "note": "a\nb", "digest": "ab" * 32}
    ledger.append("sample", ledger.count("sample"), [Draft("held", told)], at=AT, actor="tom")
    run(settings, "show", last=1, stream="sample")
    line = capsys.readouterr().out
    assert "2026-11-20T21:00:00  sample     held                 tom" in line
    assert "reasons too dear, too late" in line
    assert "digest abababababab; " in line
    assert line.count("\n") == 1


def test_triggers_are_put_back_by_a_named_person(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    unguarded(open_ledger(settings), back=False)
    assert run(settings, "verify") == 1
    with pytest.raises(UsageError, match="no --by NAME"):
        run(settings, "guard")
    assert run(settings, "guard", by="tom") == 0
    assert run(settings, "verify") == 0
    assert "put back: ledger_no_delete" in capsys.readouterr().out


def test_the_copy_for_analysis_is_made_by_command(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, "copy") == 0
    assert "sample: the copy equals the ledger" in capsys.readouterr().out
