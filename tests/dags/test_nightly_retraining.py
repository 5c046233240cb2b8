"""The DAG as Airflow sees it, and the one operator as it behaves."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from infra import operators
from infra.markets import MARKETS
from pipelines.steps import STEPS

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(Path(__file__).resolve().parents[2] / "dags"))
    assert bag.import_errors == {}
    return {name: dag for name, dag in bag.dags.items() if name.startswith("nightly_retraining_")}


def test_there_is_one_dag_a_market_and_it_chains_every_step_in_order(dags: dict[str, Any]) -> None:
    assert set(dags) == {f"nightly_retraining_{market}" for market in MARKETS}
    for dag in dags.values():
        names = ["session", *(step.name for step in STEPS)]
        assert [task.task_id for task in dag.topological_sort()] == names
        for before, after in pairwise(names):
            assert dag.get_task(after).upstream_task_ids == {before}


def test_the_night_follows_the_exchange_and_never_catches_up(dags: dict[str, Any]) -> None:
    for market in MARKETS.values():
        dag = dags[f"nightly_retraining_{market.name}"]
        assert not dag.catchup
        assert dag.max_active_runs == 1
        assert market.zone in str(dag.timetable.serialize())


def test_the_report_is_written_after_a_failure_but_not_on_a_day_without_session(dags: dict[str, Any]) -> None:
    dag = dags["nightly_retraining_sample"]
    rules = {task.task_id: task.trigger_rule.value for task in dag.tasks}
    assert rules.pop("report") == "none_skipped"
    assert set(rules.values()) == {"all_success"}


def test_the_session_task_is_told_when_the_run_was_due(dags: dict[str, Any]) -> None:
    values = dags["nightly_retraining_sample"].get_task("session").values
    assert values["FILLWISE_AT"] == "{{ dag_run.run_after.isoformat() }}"


def an_operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, **given: Any) -> operators.StepOperator:
    fake = tmp_path / "fillwise"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(operators, "FILLWISE", fake)
    return operators.StepOperator(task_id="t", command="ingest", **{"values": {"FILLWISE_DAY": "2026-11-20"}, **given})


def test_a_step_gets_its_day_in_the_environment_and_returns_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = an_operator(tmp_path, monkeypatch, 'echo noise; echo "$1 $FILLWISE_DAY $FILLWISE_DIE_WITH_PARENT"')
    assert operator.execute({}) == "ingest 2026-11-20 1"


def test_what_is_typed_into_the_form_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = f"$(touch {tmp_path}/owned); `touch {tmp_path}/owned`"
    operator = an_operator(tmp_path, monkeypatch, 'printf "%s" "$FILLWISE_DAY"', values={"FILLWISE_DAY": typed})
    assert operator.execute({}) == typed
    assert not (tmp_path / "owned").exists()


def test_a_stopped_step_fails_for_good_with_its_own_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = an_operator(tmp_path, monkeypatch, "echo 'cannot read: f; found x; allowed: y; next: z'; exit 1")
    with pytest.raises(AirflowFailException, match="exit status 1: cannot read: f"):
        operator.execute({})


def test_a_busy_step_may_be_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowException) as caught:
        an_operator(tmp_path, monkeypatch, "exit 75").execute({})
    assert not isinstance(caught.value, AirflowFailException)


def test_exit_99_means_no_session_for_the_session_task_and_failure_for_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AirflowSkipException, match="no session today"):
        an_operator(tmp_path, monkeypatch, "echo no session today; exit 99", may_skip=True).execute({})
    with pytest.raises(AirflowFailException):
        an_operator(tmp_path, monkeypatch, "exit 99").execute({})
