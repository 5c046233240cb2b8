"""The morning's question, as Airflow sees it."""

from pathlib import Path

import pytest

from infra.markets import MARKETS


@pytest.mark.filterwarnings("ignore")
def test_every_market_is_asked_at_its_own_deadline_whether_its_night_is_done() -> None:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(Path(__file__).resolve().parents[2] / "dags"))
    assert bag.import_errors == {}
    for market in MARKETS.values():
        dag = bag.dags[f"night_deadline_{market.name}"]
        (task,) = dag.tasks
        assert (task.task_id, task.values["FILLWISE_MARKET"]) == ("deadline", market.name)
        assert task.values["FILLWISE_AT"] == "{{ dag_run.run_after.isoformat() }}"
        assert market.zone in str(dag.timetable.serialize())
        assert not dag.catchup
