"""What a person types about people and cards, and what they read; no secret is ever a word of a command."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.errors import FillwiseError, RefusedError, UsageError
from infra.ledger import Draft
from infra.settings import Settings
from models.approval import Card
from models.rollout import commands as wanted
from pipelines.approval.commands import COMMANDS, market_option, override_options, person_option, report_options
from pipelines.approval.words import override, report
from tests.models.rollout.made import ARM, opened, plan, proposal
from tests.pipelines.approval.made import Desk, card_of, desk, waiting

NOW = datetime.now(UTC)
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def run(made: Desk, *words: str) -> int:
    """One command, as the command line runs it."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        added = commands.add_parser(command.name)
        for add_options in command.options:
            add_options(added)
    arguments = parser.parse_args(words)
    return next(one for one in COMMANDS if one.name == arguments.command).call(made.settings, arguments)


@pytest.fixture
def made(tmp_path: Path) -> Desk:
    return desk(tmp_path / "home", LONG_AGO)


@pytest.fixture
def card(made: Desk) -> Card:
    made.tell(waiting())
    return card_of(made, at=NOW)


def secret_file(made: Desk, name: str, tmp_path: Path) -> str:
    path = tmp_path / f"secret-{name}"
    path.write_text(made.secrets[name])
    path.chmod(0o600)
    return str(path)


def test_the_first_call_tells_the_secrets_and_the_second_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Desk(Settings(home=tmp_path), {})
    assert run(made, "people") == 0
    first = capsys.readouterr().out
    assert first.count("shown once") == 3
    assert run(made, "people", "list") == 0
    assert "secret" not in capsys.readouterr().out


def test_people_are_changed_by_who_shows_their_secret(
    made: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by = ("--by", "rita", "--secret-file", secret_file(made, "rita", tmp_path))
    assert run(made, "people", "add", "tom", "--roles", "approver, trader", "--identity", "Tom <t@x>", *by) == 0
    assert run(made, "people", "revoke", "tom", "trader", *by) == 0
    assert run(made, "people", "identify", "tom", "--identity", "tom@home", *by) == 0
    assert run(made, "people", "rotate", "tom", *by) == 0
    capsys.readouterr()
    assert run(made, "people", "show", "tom") == 0
    out = capsys.readouterr().out
    for said in ("tom             approver", "known as 'tom', 'Tom <t@x>', 'tom@home'", "role_revoked", "by rita"):
        assert said in out
    assert "signature" not in out


def test_people_as_of_a_time_are_those_of_then(made: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(made, "people", "grant", "paul", "risk", "--by", "rita", "--secret-file", secret_file(made, "rita", tmp_path))
    capsys.readouterr()
    run(made, "people", "list", "--at", "2001-06-01T00:00:00+00:00")
    assert "paul            approver, trader    " in capsys.readouterr().out
    run(made, "people", "list")
    assert "paul            approver, trader, risk" in capsys.readouterr().out


def test_an_entry_that_is_not_ours_is_named(made: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"name": "ada", "role": "approver"}
    made.ledger.append("people", 3, [Draft("role_granted", told)], at=NOW, actor="eve")
    run(made, "people")
    assert "⚠ entry 5 ('role_granted' at" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("people", "grant", "paul", "risk"), "--by is missing"),
        (("people", "grant", "--by", "rita"), "a name is missing"),
        (("people", "grant", "paul", "--by", "rita"), "a role is missing"),
        (("people", "show", "nobody"), "such a person is missing"),
        (("approve", "a", "b"), "one card at a time"),
        (("approve", "a", "--person", "paul"), "--decision is missing"),
        (("approve", "a", "--decision", "approve"), "--person is missing"),
        (("approve", "a", "--person", "paul", "--decision", "approve"), "--reason is missing"),
        (("card", "show"), "a card is missing"),
    ],
)
def test_a_command_that_lacks_something_says_what(made: Desk, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run(made, *words)


def test_a_code_is_printed_under_the_card_and_answers_it(
    made: Desk, card: Card, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    who = ("--person", "paul", "--decision", "approve")
    assert run(made, "approve", "code", card.card_id, *who, "--secret-file", secret_file(made, "paul", tmp_path)) == 0
    out = capsys.readouterr().out
    assert out.startswith("sample.r1: shadow to canary_10 (0 of 1 approvals)")
    code = out.splitlines()[-1]
    assert run(made, "approve", card.card_id, *who, "--code", code, "--reason", "the evidence is there") == 0
    assert "approved by paul, recorded as" in capsys.readouterr().out
    assert run(made, "card") == 0
    assert "sample-r1-canary_10-1             shadow to canary_10: 1 of 1 approvals" in capsys.readouterr().out


def test_a_code_is_not_given_to_who_does_not_know_the_secret(made: Desk, card: Card, tmp_path: Path) -> None:
    file = secret_file(made, "rita", tmp_path)
    with pytest.raises(RefusedError, match="secret does not fit"):
        run(made, "approve", "code", card.card_id, "--person", "paul", "--decision", "approve", "--secret-file", file)


def test_a_secret_is_typed_unseen_or_comes_by_standard_input(
    made: Desk, card: Card, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("approve", "code", card.card_id, "--person", "paul", "--decision", "reject")
    monkeypatch.setattr("getpass.getpass", lambda _: made.secrets["paul"])
    assert run(made, *words) == 0
    typed = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO(made.secrets["paul"] + "\n"))
    assert run(made, *words, "--secret-file", "-") == 0
    assert capsys.readouterr().out == typed
    assert made.secrets["paul"] not in typed


def test_no_command_has_an_option_for_a_secret() -> None:
    for command in COMMANDS:
        parser = argparse.ArgumentParser()
        for add_options in command.options:
            add_options(parser)
        names = [name for action in parser._actions for name in action.option_strings if "secret" in name]
        assert set(names) <= {"--secret-file"}


def test_what_airflow_tells_comes_by_a_file(
    made: Desk, card: Card, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = {"code": made.code("rita", card, "reject"), "reason": "too early"}
    told = {"chosen_options": ["Reject"], "params_input": typed, "responded_by_user": {"id": "rita", "name": "R"}}
    path = tmp_path / "details.json"
    path.write_text(json.dumps(told))
    assert run(made, "approve", card.card_id, "--airflow", str(path)) == 0
    out = capsys.readouterr().out
    assert "rejected by rita: too early" in out
    path.write_text("[]")
    with pytest.raises(UsageError, match="an answer is missing"):
        run(made, "approve", card.card_id, "--airflow", str(path))


def test_a_card_is_shown_as_airflow_shows_it(made: Desk, card: Card, capsys: pytest.CaptureFixture[str]) -> None:
    run(made, "card", "show", "--markdown")
    assert capsys.readouterr().out.startswith("### sample.r1: shadow to canary\\_10\n")
    run(made, "card", "show", card.card_id)
    assert "reads the signal" in capsys.readouterr().out


def words_of(*options: object, **given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for add_options in options:
        add_options(parser)  # type: ignore[operator]
    return argparse.Namespace(**{**vars(parser.parse_args([])), **given})


def test_two_persons_type_an_override_one_after_the_other(
    made: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = opened()
    story.do(wanted.Draft(proposal(), ARM, plan(), "salt", "probe"))
    story.do(wanted.RecordGate("hold", ARM.version, "2026-11-20", "e1", ("12 sessions",), 0.01))
    made.tell(story)
    for person in ("paul", "rita"):
        file = secret_file(made, person, tmp_path)
        told = words_of(market_option, person_option, override_options, person=person, secret_file=file, reason="known")
        assert override(made.settings, told) == 0
    out = capsys.readouterr().out.splitlines()
    assert "override of gate by paul: waits for a second person" in out[0]
    assert "override of gate by paul, rita: in force and recorded" in out[1]


def test_a_risk_officer_types_a_report(made: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = opened()
    story.do(wanted.Draft(proposal(), ARM, plan(), "salt", "probe"))
    made.tell(story)
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    told = {
        "recipe": ARM.recipe_id, "person": "rita", "secret_file": secret_file(made, "rita", tmp_path),
        "file": str(tmp_path / "report.pdf"), "expires": str((NOW + timedelta(days=100)).date()), "summary": "sound",
    }  # fmt: skip
    assert report(made.settings, words_of(market_option, person_option, report_options, **told)) == 0
    assert f"of recipe {ARM.recipe_id} by rita, counts until" in capsys.readouterr().out
    with pytest.raises(FillwiseError, match="cannot read a date"):
        report(made.settings, words_of(market_option, person_option, report_options, **{**told, "expires": "soon"}))


def test_the_commands_are_known_without_anything_heavy() -> None:
    code = "import sys, pipelines.approval.commands; print(sorted({'sqlalchemy', 'numpy', 'numba'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
