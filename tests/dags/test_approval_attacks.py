"""The ways around an approval, each tried against a running Airflow: nothing changes, and it is said why.

One Airflow for all of them; every attack has a card and a run of its own, which asks before the first attack begins.
Paul approves, Rita is the risk officer, Ada is the author, Vera a viewer, Otto an operator who may edit every run.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.ledger import Entry
from infra.settings import PROJECT
from infra.stop_files import stops
from infra.times import aware_time
from models.approval import Card
from pipelines.airflow_users import users_of
from pipelines.approval.cards import card_named, stamp
from pipelines.approval.people import Person, trusted_people
from pipelines.approval.people_changes import add_person
from tests.airflow_server import AirflowServer, running_airflow, wait_for
from tests.pipelines.approval.made import Desk, card_of, desk, waiting

DAG_ID = "approval_card_sample"
RUNS = (
    "honest", "marked", "forged", "wrong_code", "other_card", "other_answer", "no_reason", "author", "two",
)  # fmt: skip
MOVES_PRODUCTION = {"approval_used", "phase_entered", "completed", "overridden", "rejected", "refit_live"}
LATE_SECONDS = 90.0
SAFE_SECONDS = 2.0
"""From the command to the stop file, with the interpreter's start; on a quiet machine it is a quarter of a second."""
NAMES = {"vera": ("trader",), "otto": ("operator",), "uma": ("approver",)}


@dataclass
class Attacked:
    """A desk, its Airflow, and a card with its run for each attack."""

    desk: Desk
    server: AirflowServer
    cards: dict[str, Card] = field(default_factory=dict)

    def details(self, run: str, place: int = 1) -> str:
        return f"/dags/{DAG_ID}/dagRuns/{run}/taskInstances/ask_{place}/-1/hitlDetails"

    def asks(self, run: str, place: int = 1) -> None:
        self.server.wait_asked(DAG_ID, run, f"ask_{place}")

    def answer(
        self, user: str, run: str, decision: str = "Approve", reason: str = "the evidence is there", place: int = 1,
        code: str | None = None,
    ) -> tuple[int, Any]:  # fmt: skip
        """Answer a run's card in Airflow as a user, with their own right code unless another is given."""
        typed = self.desk.code(user, self.cards[run], decision.lower()) if code is None else code
        body = {"chosen_options": [decision], "params_input": {"reason": reason, "code": typed}}
        return self.server.ask(user, "PATCH", self.details(run, place), body)

    def acted(self, run: str, place: int = 1) -> str:
        """The state of the acting task, once it has ended."""
        return self.server.wait_state(DAG_ID, run, f"act_{place}", "success", "failed", "upstream_failed", "skipped")

    def said(self, run: str, task: str = "act_1") -> str:
        return self.server.log(DAG_ID, run, task)

    def refusals(self, run: str) -> list[str]:
        """Why answers to the run's card were refused, as the ledger has it."""
        return [str(one.payload["why"]) for one in self.entries(run) if one.kind == "answer_refused"]

    def entries(self, run: str) -> list[Entry]:
        name = self.cards[run].card_id
        return [one for one in self.desk.ledger.entries("cards") if one.payload.get("card_id") == name]

    def answers(self, run: str) -> tuple[str, ...]:
        return card_named(self.desk.ledger, self.cards[run].card_id).persons


def open_run(attacked: Attacked, run: str) -> None:
    """A card of its own for this run, which asks for it."""
    at = datetime.now(UTC)
    told = {"rollout_id": f"sample.{run}", "card_id": f"card-{run}", "approvals": 2 if run == "two" else 1}
    if run == "late":
        told["expires_at"] = stamp(at + timedelta(seconds=LATE_SECONDS))
    attacked.cards[run] = card_of(attacked.desk, at, **told)
    attacked.server.trigger(DAG_ID, {"card": attacked.cards[run].card_id}, run)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    now = datetime.now(UTC)
    made = desk(tmp_path_factory.mktemp("attacked"), now - timedelta(days=2))
    made.tell(waiting("shadow"))
    for name, roles in NAMES.items():
        add_person(made.settings, made.ledger, "rita", Person(name, roles, name), now - timedelta(days=1))
    users = users_of(trusted_people(made.settings, made.ledger).values())
    users["uma"], users["ada"] = "user", "user"
    with running_airflow(made.settings.home, users, (DAG_ID,), made.settings) as server:
        found = Attacked(made, server)
        for run in RUNS:
            open_run(found, run)
        for run in RUNS:
            found.asks(run)
        open_run(found, "late")
        before = made.ledger.entries("sample")
        yield found
        since = {one.kind for one in made.ledger.entries("sample")[len(before) :]}
        assert not since & MOVES_PRODUCTION, since


def test_a_viewer_is_forbidden_to_answer(attacked: Attacked) -> None:
    attacked.asks("honest")
    assert attacked.answer("vera", "honest")[0] == 403


def test_the_administrator_and_an_operator_who_may_edit_every_run_are_not_named_on_the_card(
    attacked: Attacked,
) -> None:
    attacked.asks("honest")
    for user in ("admin", "otto"):
        status, said = attacked.answer(user, "honest", code="AAAA-BBBB-CCCC")
        assert status == 403
        assert "is not a respondent for the task" in said


def test_an_author_is_not_named_on_the_card(attacked: Attacked) -> None:
    attacked.asks("honest")
    status, found = attacked.server.ask("admin", "GET", attacked.details("honest"))
    assert (status, {one["id"] for one in found["assigned_users"]}) == (200, {"paul", "rita", "uma"})
    assert attacked.answer("ada", "honest")[0] == 403
    assert attacked.answers("honest") == ()


def test_a_task_marked_successful_has_no_answer(attacked: Attacked) -> None:
    attacked.asks("marked")
    path = f"/dags/{DAG_ID}/dagRuns/marked/taskInstances/ask_1"
    assert attacked.server.ask("otto", "PATCH", path, {"new_state": "success"})[0] == 200
    assert attacked.acted("marked") == "failed"
    assert "nobody (not answered)" in attacked.said("marked")
    assert attacked.refusals("marked") == ["unknown person"]
    assert attacked.answers("marked") == ()


def test_a_forged_xcom_is_read_by_nobody(attacked: Attacked) -> None:
    attacked.asks("forged")
    task = f"/dags/{DAG_ID}/dagRuns/forged/taskInstances/ask_1"
    code = attacked.desk.code("paul", attacked.cards["forged"])
    told = {
        "chosen_options": ["Approve"], "params_input": {"reason": "forged", "code": code},
        "responded_by_user": {"id": "paul", "name": "paul"},
    }  # fmt: skip
    body = {"key": "return_value", "value": told}
    assert attacked.server.ask("otto", "POST", f"{task}/xcomEntries", body)[0] == 201
    assert attacked.server.ask("otto", "PATCH", task, {"new_state": "success"})[0] == 200
    assert attacked.acted("forged") == "failed"
    assert attacked.refusals("forged") == ["unknown person"]
    assert attacked.answers("forged") == ()


@pytest.mark.parametrize(
    ("run", "code_of", "decision", "reason", "why"),
    [
        ("wrong_code", "nothing", "Approve", "good", "the code is not this person's for this answer"),
        ("other_card", "honest", "Approve", "good", "the code is not this person's for this answer"),
        ("other_answer", "reject", "Approve", "good", "the code is not this person's for this answer"),
        ("no_reason", "own", "Approve", "  ", "no reason was given"),
    ],
)
def test_an_answer_with_a_wrong_code_or_without_a_reason_is_refused_and_recorded(
    attacked: Attacked, run: str, code_of: str, decision: str, reason: str, why: str
) -> None:
    attacked.asks(run)
    codes = {
        "nothing": "AAAA-BBBB-CCCC", "own": attacked.desk.code("paul", attacked.cards[run]),
        "honest": attacked.desk.code("paul", attacked.cards["honest"]),
        "reject": attacked.desk.code("paul", attacked.cards[run], "reject"),
    }  # fmt: skip
    assert attacked.answer("paul", run, decision, reason, code=codes[code_of])[0] == 200
    assert attacked.acted(run) == "failed"
    assert attacked.refusals(run) == [why]
    assert why in attacked.said(run)
    assert attacked.answers(run) == ()


def test_an_author_whom_somebody_wrote_into_airflows_database_is_refused_by_the_service(attacked: Attacked) -> None:
    attacked.asks("author")
    with sqlite3.connect(attacked.server.settings.home / "airflow" / "airflow.db", timeout=60) as database:
        told = '[{"id": "ada", "name": "ada"}]'
        task = "SELECT id FROM task_instance WHERE run_id = 'author' AND task_id = 'ask_1'"
        changed = database.execute(f"UPDATE hitl_detail SET assignees = ? WHERE ti_id IN ({task})", (told,))  # noqa: S608
        assert changed.rowcount == 1
    database.close()
    assert attacked.answer("ada", "author")[0] == 200
    assert attacked.acted("author") == "failed"
    assert attacked.refusals("author") == ["no role that may approve"]


def test_one_person_cannot_give_both_answers_of_a_card_that_asks_two(attacked: Attacked) -> None:
    attacked.asks("two", 1)
    attacked.asks("two", 2)
    assert attacked.answer("paul", "two", place=1)[0] == 200
    assert attacked.acted("two", 1) == "success"
    assert attacked.answer("paul", "two", place=2)[0] == 200
    assert attacked.acted("two", 2) == "failed"
    assert attacked.refusals("two") == ["answered before"]
    assert attacked.answers("two") == ("paul",)


def test_a_name_of_a_card_that_is_an_option_or_a_command_is_no_card(attacked: Attacked) -> None:
    owned = attacked.server.settings.home / "owned"
    for run, name in (
        ("inject_1", f"$(touch {owned})"),
        ("inject_2", "--airflow=/etc/passwd"),
        ("inject_3", "{{ 7 }}"),
    ):
        attacked.server.trigger(DAG_ID, {"card": name}, run)
    for run in ("inject_1", "inject_2", "inject_3"):
        assert attacked.server.wait_state(DAG_ID, run, "ask_1", "failed", "awaiting_input", "success") == "failed"
        assert "no name of a card" in attacked.said(run, "ask_1")
    assert not owned.exists()


def test_an_entitled_persons_own_answer_is_taken_once_whatever_is_replayed_cleared_or_deleted(
    attacked: Attacked,
) -> None:
    attacked.asks("honest")
    assert attacked.answer("paul", "honest")[0] == 200
    assert attacked.acted("honest") == "success", attacked.said("honest")
    assert attacked.answers("honest") == ("paul",)

    assert attacked.answer("rita", "honest", "Reject")[0] == 409

    body = {"dry_run": False, "task_ids": ["ask_1"], "dag_run_id": "honest", "include_downstream": True,
            "only_failed": False, "reset_dag_runs": True}  # fmt: skip
    assert attacked.server.ask("otto", "POST", f"/dags/{DAG_ID}/clearTaskInstances", body)[0] == 200
    attacked.asks("honest")
    assert attacked.answer("paul", "honest")[0] == 200
    assert attacked.acted("honest") == "failed"
    assert attacked.refusals("honest") == ["answered before"]
    path = f"/dags/{DAG_ID}/dagRuns/honest"
    wait_for(lambda: attacked.server.ask("otto", "DELETE", path)[0] == 204, 60.0, lambda: "the run cannot be deleted")
    assert attacked.answers("honest") == ("paul",)


def test_a_card_that_nobody_answers_in_time_expires_and_nothing_is_taken_as_an_answer(attacked: Attacked) -> None:
    ended = attacked.server.wait_state(DAG_ID, "late", "ask_1", "failed", "skipped")
    assert attacked.acted("late") in ("upstream_failed", "skipped")
    said = attacked.said("late", "ask_1")
    assert ended == "failed", said
    assert "nobody has answered before it expired; nothing was changed" in said
    assert [one.kind for one in attacked.entries("late")] == ["card_opened"]


def test_no_secret_and_no_code_stands_in_logs_or_xcom(attacked: Attacked) -> None:
    home = attacked.server.settings.home
    secrets = list(attacked.desk.secrets.values())
    codes = [attacked.desk.code("paul", card) for card in attacked.cards.values()]
    texts = {path: path.read_bytes() for path in _artefacts(home)}
    assert len(texts) > 20
    for word in secrets:
        assert [path for path, text in texts.items() if word.encode() in text] == []
    logs = {path: text for path, text in texts.items() if path.is_relative_to(home / "logs")}
    for word in codes:
        assert [path for path, text in logs.items() if word.encode() in text] == []
    with sqlite3.connect(home / "airflow" / "airflow.db", timeout=60) as database:
        told = " ".join(str(row) for row in database.execute("SELECT value FROM xcom WHERE run_id != 'forged'"))
        told += " ".join(
            str(row) for row in database.execute("SELECT rendered_fields FROM rendered_task_instance_fields")
        )
    database.close()
    assert [word for word in codes if word in told] == []


def test_with_all_of_airflow_killed_while_cards_wait_rollback_and_kill_work_within_a_second(attacked: Attacked) -> None:
    settings, rollout = attacked.server.settings, attacked.desk.state.rollout
    assert rollout is not None
    attacked.server.kill()
    words = (["rollback", "--version", rollout.arm.version], ["kill", "--all"])
    for stop in words:
        began = datetime.now(UTC)
        done = subprocess.run(
            [sys.executable, "-m", "pipelines", *stop, "--by", "tom", "--reason", "airflow is gone"],
            env={"PATH": os.environ["PATH"], "FILLWISE_HOME": str(settings.home)},
            cwd=PROJECT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        written = aware_time(stops(settings, "sample")[-1].at)
        assert written is not None
        assert (written - began).total_seconds() < SAFE_SECONDS
    assert {one.kind for one in stops(settings, "sample")} == {"rollback", "kill"}
    since = [entry.kind for entry in attacked.desk.ledger.entries("sample")]
    assert "killed" in since
    assert {"rollback_started", "rejected"} & set(since)


def _artefacts(home: Path) -> list[Path]:
    """Everything in the state folder but the key files, where secrets are kept."""
    return [path for path in home.rglob("*") if path.is_file() and not path.is_relative_to(home / "keys")]
