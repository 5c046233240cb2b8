"""What is asked years later, through the commands: champion, history, audit, controls."""

from __future__ import annotations

import argparse
import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest

from infra.errors import LedgerError, RefusedError, UsageError
from infra.ledger import Draft, open_ledger
from infra.settings import Settings
from pipelines.approval.people import embedded_people
from pipelines.ledger import answers
from tests.infra.made_ledger import AT, unguarded
from tests.models.rollout.made import in_phase


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(home=tmp_path)
    ledger = open_ledger(found)
    drafts = [Draft(event.kind, event.payload) for event in in_phase("canary_10").events]
    ledger.append("sample", 0, drafts, at=AT, actor="ada")
    return found


def run(settings: Settings, command: str, **given: object) -> int:
    told = {"market": "sample", "first": None, "last": None, "form": "text", "at": None}
    return int(getattr(answers, command)(settings, argparse.Namespace(**{**told, **given})))


def test_the_champion_is_told_with_both_times(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, "champion") == 0
    assert "sample.execution/0 (market_opened)" in capsys.readouterr().out
    assert run(settings, "champion", at="2026-11-20T20:59:59+00:00") == 0
    assert "the ledger was not opened yet" in capsys.readouterr().out
    with pytest.raises(UsageError, match="cannot read a time"):
        run(settings, "champion", at="2026-11-20 20:59")


def test_the_history_of_an_unknown_version_is_an_error(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, "history", version="sample.execution/5") == 0
    assert "rollout_drafted" in capsys.readouterr().out
    assert run(settings, "history", version="sample.execution/77") == 1


def test_the_audit_has_three_tables_in_each_form(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run(settings, "audit", form="json")
    told = json.loads(capsys.readouterr().out)
    assert {title: bool(rows) for title, rows in told.items()} == {
        "changes": True, "inventory": True, "controls": True,
    }  # fmt: skip
    run(settings, "audit", form="csv")
    rows = list(csv.reader(capsys.readouterr().out.splitlines()))
    assert {row[0] for row in rows} == {"changes", "inventory", "controls", "table"}
    assert ["table", "at", "nature", "subject", "made_by", "approved_by", "reason"] in rows
    run(settings, "audit")
    assert "changes: " in capsys.readouterr().out
    with pytest.raises(UsageError, match="allowed: text, csv, json"):
        run(settings, "audit", form="xml")


def test_days_stand_for_their_beginning_and_their_end(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    day = str(AT.date())
    run(settings, "audit", form="json", first=day, last=day)
    whole = json.loads(capsys.readouterr().out)["changes"]
    run(settings, "audit", form="json", first=f"{day}T00:00:00Z", last=f"{day}T23:59:59Z")
    assert json.loads(capsys.readouterr().out)["changes"] == whole != []
    run(settings, "audit", form="json", last=str(AT.date() - timedelta(days=900)))
    assert json.loads(capsys.readouterr().out)["changes"] == []


def test_no_text_becomes_a_formula_in_a_spreadsheet(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = open_ledger(settings)
    told = {"accounts": [], "person": "@tom", "reason": "=HYPERLINK(1)"}
    ledger.append("sample", ledger.count("sample"), [Draft("accounts_changed", told)], at=AT, actor="tom")
    run(settings, "audit", form="csv")
    row = next(one for one in csv.reader(capsys.readouterr().out.splitlines()) if "clients opted in" in one)
    assert (row[4], row[6]) == ("'@tom", "'=HYPERLINK(1)")


def test_nothing_is_answered_from_an_altered_ledger(settings: Settings) -> None:
    unguarded(open_ledger(settings), "UPDATE ledger_entry SET actor = 'eve' WHERE sequence = 3")
    for command in ("champion", "audit"):
        with pytest.raises(LedgerError, match="entry 3"):
            run(settings, command)


def test_a_test_of_a_control_is_recorded_by_somebody_who_is_known(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = open_ledger(settings)
    embedded_people(settings, ledger, AT)
    person = next(entry.payload["name"] for entry in ledger.entries("people"))
    told = {"action": "tested", "control": "kill", "result": "pass", "detail": "drill on two desks", "by": person}
    assert run(settings, "control", **told) == 0
    for name, wrong in (("control", "airbag"), ("by", "nobody"), ("result", None)):
        with pytest.raises(RefusedError, match="test of a control is not recorded"):
            run(settings, "control", **{**told, name: wrong})
    run(settings, "audit", form="json")
    controls = json.loads(capsys.readouterr().out.split("recorded\n")[1])["controls"]
    kill = next(one for one in controls if one["name"] == "kill")
    assert (kill["kind"], kill["effect"], kill["result"]) == ("person", "action", "pass")
    assert kill["last_tested_at"] != ""
    assert run(settings, "control", action="list") == 0
