"""The rollout's DAGs as Airflow sees them: what each task runs, and the policies that keep approvals ours."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from infra import card_operators, operators
from infra.card_operators import AnswerOperator, AskOperator, CardsOperator, card_name
from infra.markets import MARKETS
from pipelines.__main__ import build_parser

pytestmark = pytest.mark.filterwarnings("ignore")
TRADED = [market for market in MARKETS.values() if market.is_traded_by_desk]
DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(DAGS))
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_every_market_that_a_desk_trades_has_its_three_dags(dags: dict[str, Any]) -> None:
    wanted = {f"{name}_{m.name}" for m in TRADED for name in ("model_rollout", "approval_card", "intraday_watch")}
    assert {name for name in dags if not name.startswith("night")} == wanted


def test_every_task_is_a_command_that_a_person_can_type(dags: dict[str, Any]) -> None:
    parser, runs = build_parser(), 0
    for name in ("model_rollout_sample", "approval_card_sample", "intraday_watch_sample"):
        for task in dags[name].tasks:
            if isinstance(task, operators.StepOperator) and not isinstance(task, AnswerOperator):
                parser.parse_args([task.command, *task.words])
                runs += 1
    parser.parse_args(["approve", "a-card", "--airflow", "answer.json"])
    parser.parse_args(["required_action", "a-card"])
    assert runs == 13


def test_the_evening_waits_for_its_night_judges_and_repairs_even_after_a_failure(dags: dict[str, Any]) -> None:
    dag = dags["model_rollout_sample"]
    upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    assert upstream == {
        "session": set(), "night": {"session"}, "judge": {"night"}, "reconcile": {"judge"}, "cards": {"judge"},
        "show": {"cards"}, "page": {"reconcile"}, "alerts": {"reconcile"},
    }  # fmt: skip
    night = dag.get_task("night")
    assert night.retries * night.retry_delay == timedelta(hours=4)
    for repair in ("reconcile", "page", "alerts"):
        assert dag.get_task(repair).trigger_rule.value == "none_skipped"
    assert dag.get_task("judge").values["FILLWISE_DAY"] == operators.OF_SESSION


def test_schedules_follow_the_exchange(dags: dict[str, Any]) -> None:
    for market in TRADED:
        for name in ("model_rollout", "intraday_watch"):
            dag = dags[f"{name}_{market.name}"]
            assert market.zone in str(dag.timetable.serialize())
            assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert "30 18 * * *" in str(dags["model_rollout_sample"].timetable.serialize())
    assert "*/5 9-16 * * *" in str(dags["intraday_watch_sample"].timetable.serialize())
    assert "*/5 9-14 * * *" in str(dags["intraday_watch_ashare"].timetable.serialize())


def test_a_card_that_waits_keeps_no_evening_out(dags: dict[str, Any]) -> None:
    for market in TRADED:
        card = dags[f"approval_card_{market.name}"]
        assert card.max_active_runs > 1
        assert "Null" in str(card.timetable.__class__.__name__)
        show = dags[f"model_rollout_{market.name}"].get_task("show")
        told = show.partial_kwargs
        assert told["trigger_dag_id"] == card.dag_id
        assert not told.get("wait_for_completion", False)
        assert told["skip_when_already_exists"]
        evening = dags[f"model_rollout_{market.name}"]
        assert not any(isinstance(task, HITLOperator) for task in evening.tasks)


def test_no_card_has_a_default_answer_and_each_ends(dags: dict[str, Any]) -> None:
    asked = [task for dag in dags.values() for task in dag.tasks if isinstance(task, HITLOperator)]
    assert len(asked) == 2 * len(TRADED)
    for task in asked:
        assert isinstance(task, AskOperator)
        assert task.defaults is None
        assert task.response_timeout == timedelta(hours=24)
        assert task.options == ["Approve", "Reject"]
        assert task.retries >= 2
        assert not task.do_xcom_push
        assert "subject" not in task.template_fields
        assert "body" not in task.template_fields


def test_a_card_asks_for_a_reason_and_a_code_and_never_for_a_secret(dags: dict[str, Any]) -> None:
    for market in TRADED:
        dag = dags[f"approval_card_{market.name}"]
        assert set(dag.params) == {"card", "day"}
        for task in dag.tasks:
            if isinstance(task, AskOperator):
                assert set(task.serialized_params) == {"reason", "code"}
                assert not re.search("secret|password", json.dumps(task.serialized_params))


def test_two_answers_are_two_chains_that_ask_act_and_judge(dags: dict[str, Any]) -> None:
    dag = dags["approval_card_sample"]
    upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    assert upstream == {
        "ask_1": set(), "act_1": {"ask_1"}, "judge_1": {"act_1"}, "page_1": {"judge_1"},
        "ask_2": set(), "act_2": {"ask_2"}, "judge_2": {"act_2"}, "page_2": {"judge_2"},
    }  # fmt: skip
    for place in (1, 2):
        assert dag.get_task(f"act_{place}").asked == f"ask_{place}"
        assert dag.get_task(f"act_{place}").trigger_rule.value == "all_success"


def test_every_runbook_names_the_command_that_answers(dags: dict[str, Any]) -> None:
    parser = build_parser()
    known = set(parser._subparsers._group_actions[0].choices)  # type: ignore[union-attr]
    for name in ("model_rollout_sample", "approval_card_sample", "intraday_watch_sample"):
        told = dags[name].doc_md
        commands = set(re.findall(r"`fillwise ([a-z_]+)", told))
        assert {"rollback", "kill"} <= commands or name.startswith("approval_card")
        assert commands <= known, commands - known
        assert "Owner" in told
        assert "Triage" in told
        assert "Safe to run again" in told


def a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    fake = tmp_path / "fillwise"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(operators, "FILLWISE", fake)


ACTION = {
    "card_id": "c1", "subject": "s", "body": "b", "approvals": 1, "expires_at": "t", "waits_seconds": 60.0,
    "closed": "", "assigned": [{"id": "paul", "name": "paul"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "place", "error", "said"),
    [
        ({}, 2, AirflowSkipException, "c1 asks for 1 answers"),
        ({"closed": "expired at noon"}, 1, AirflowSkipException, "asks nobody any more: expired at noon"),
        ({"assigned": []}, 1, AirflowFailException, "a card without names is open to everybody"),
    ],
)
def test_a_card_is_shown_only_where_somebody_named_may_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], place: int, error: type, said: str
) -> None:
    a_command(tmp_path, monkeypatch, f"echo '{json.dumps({**ACTION, **change})}'")
    asks = AskOperator(task_id=f"ask_{place}", card="c1", market="sample", place=place)
    with pytest.raises(error, match=said):
        asks.execute({})


def test_a_card_that_ran_out_of_time_is_not_asked_again() -> None:
    asks = AskOperator(task_id="ask_1", card="c1", market="sample", place=1)
    with pytest.raises(AirflowFailException, match="nobody has answered before it expired"):
        asks.process_trigger_event_error({"error_type": "timeout", "error": "late"})


@pytest.mark.parametrize(
    "raw", ["", "--airflow=/etc/passwd", "-x", ".hidden", "a b", "$(id)", "../x", "a\n", "x" * 101]
)
def test_what_is_no_name_of_a_card_never_becomes_a_word_of_a_command(raw: str) -> None:
    with pytest.raises(AirflowFailException, match="no name of a card"):
        card_name(raw)


def test_cards_that_ask_become_runs_named_after_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_command(tmp_path, monkeypatch, """echo '["sample-r1-canary_10-1", "sample.r2-baking-1"]'""")
    values = {"FILLWISE_MARKET": "sample", "FILLWISE_DAY": "2026-11-20"}
    found = CardsOperator(task_id="cards", command="required_action", values=values).execute({})
    assert found == [
        {"trigger_run_id": f"card__{name}", "conf": {"card": name, "day": "2026-11-20"}}
        for name in ("sample-r1-canary_10-1", "sample.r2-baking-1")
    ]


def test_an_answer_is_not_acted_on_while_airflow_does_not_tell_who_gave_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_command(tmp_path, monkeypatch, f"touch {tmp_path}/acted; exit 0")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(tmp_path / "passwords"))
    (tmp_path / "passwords").write_text('{"fillwise": "x"}')
    acts = AnswerOperator(task_id="act_1", card="c1", asked="ask_1", values={})
    run = type("Run", (), {"dag_id": "d", "run_id": "r"})()
    with pytest.raises(AirflowException, match="Airflow does not tell the answer: URLError"):
        acts.execute({"dag_run": run})
    assert not (tmp_path / "acted").exists()


def test_success_of_the_command_is_not_enough_without_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_command(tmp_path, monkeypatch, "echo approved")
    acts = AnswerOperator(task_id="act_1", card="c1", asked="ask_1", values={})
    run = type("Run", (), {"dag_id": "d", "run_id": "r"})()
    monkeypatch.setattr(card_operators, "hitl_details", lambda *_: {"responded_by_user": None})
    with pytest.raises(AirflowFailException, match="nobody has answered, whatever the task says"):
        acts.execute({"dag_run": run})


def test_no_command_of_a_card_waits_for_a_session_that_its_dag_does_not_find(dags: dict[str, Any]) -> None:
    tasks = [one for one in dags["approval_card_sample"].tasks if isinstance(one, operators.StepOperator)]
    assert len(tasks) == 6
    assert [one.task_id for one in tasks if operators.OF_SESSION in one.values.values()] == []
