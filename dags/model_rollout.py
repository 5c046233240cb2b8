"""## Model rollout

Every evening, after the night: what the session showed becomes a verdict, and routing, stops, aliases, cards and alerts
become what the ledger says.

**Owner**: operator of the nightly run; approvals belong to head of trading and risk (`approval_card_<market>`).
**Schedule**: an hour after the night begins, in the exchange's own zone; `session` ends as skipped when there was no
session, `night` waits until the night is whole, since an evening is judged once.

**Alarms**, and the command that answers each (`fillwise alerts list` shows what stands, `fillwise alerts ack ID
--by YOU --reason TEXT` says that you have it):

- *rollback of … is not done*: `fillwise rollout status`, `fillwise stops`, `fillwise desks`; a desk that is gone for
  good: `fillwise stops forget DESK`.
- *in …: missing …*, *held for …*: `fillwise rollout status` says what is missing; mend the night, then clear `judge`.
- *needs … approvals*: `fillwise card show`, then Required Actions, or `fillwise approve`.
- *refit … stays out of production*: `fillwise rollout status`; the last good refit trades on.
- *MLflow's alias … stood on …*: it was put back; `fillwise ledger show` says who trades; ask who moved it.
- *night is not ready*: `nightly_retraining_<market>`.
- anything you do not like: `fillwise rollback --version V --reason TEXT`; everything at once: `fillwise kill --all`.

**Triage.** `judge` red: its last line says why; nothing was decided, the routing of yesterday stays. `night` red: a
step stopped the night, or it did not end in four hours; mend it, clear `night`. `reconcile` runs after a failed `judge`
too: it decides nothing and repairs what a crash left behind. `cards` and `show` open one run of `approval_card` a card,
once. `page` and `alerts` red change nothing for trading.

**Safe to run again**: yes, any task, any number of times; a session is judged once. Rollback and kill need none of
this: `fillwise rollback` and `fillwise kill` work with Airflow away.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param
from airflow.timetables.trigger import CronTriggerTimetable

from infra.card_operators import CardsOperator
from infra.markets import MARKETS, Market
from infra.operators import OF_SESSION, RETRIES, RETRY_DELAY, command_task, session_task

FIRST_DAY = datetime(2024, 1, 1)
HOURS_AFTER_NIGHT = 1
NIGHT_TRIES, NIGHT_DELAY = 48, timedelta(minutes=5)
"""Four hours: longer than any night measured; then somebody must look."""


def evening_cron(night_cron: str) -> str:
    """The night's schedule, an hour later."""
    minute, hour, rest = night_cron.split(maxsplit=2)
    return f"{minute} {(int(hour) + HOURS_AFTER_NIGHT) % 24} {rest}"


def _cards(name: str) -> CardsOperator:
    """Which cards ask, and a run of the card's own DAG for each; nothing here waits for an answer."""
    cards = CardsOperator(
        task_id="cards",
        command="required_action",
        values={"FILLWISE_MARKET": name, "FILLWISE_DAY": OF_SESSION},
        retries=RETRIES,
        retry_delay=RETRY_DELAY,
        doc_md="`fillwise required_action`: which cards ask",
    )
    TriggerDagRunOperator.partial(
        task_id="show",
        trigger_dag_id=f"approval_card_{name}",
        logical_date=None,
        skip_when_already_exists=True,
        openlineage_inject_parent_info=False,
        retries=RETRIES,
        retry_delay=RETRY_DELAY,
    ).expand_kwargs(cards.output)
    return cards


def model_rollout(market: Market) -> DAG:
    """The evening of one market."""
    name = market.name
    with DAG(
        dag_id=f"model_rollout_{name}",
        doc_md=__doc__,
        start_date=FIRST_DAY,
        catchup=False,
        schedule=CronTriggerTimetable(evening_cron(market.night_cron), timezone=market.zone),
        max_active_runs=1,
        tags=["fillwise", name],
        params={
            "day": Param(None, type=["null", "string"], description="session YYYY-MM-DD; empty: today's"),
            "data": Param(None, type=["null", "string"], description="folder of files"),
        },
    ) as dag:
        night = command_task(
            "night", name, "night_done", "waits for the night", retries=NIGHT_TRIES, retry_delay=NIGHT_DELAY
        )
        judge = command_task("judge", name, "rollout judge", "the evening: judge, route, ask")
        repair = {"trigger_rule": "none_skipped"}
        reconcile = command_task("reconcile", name, "rollout reconcile", "routing, stops, aliases as decided", **repair)
        page = command_task("page", name, "rollout page", "the rollout as a picture", **repair)
        alerts = command_task("alerts", name, "alerts escalate", "tells whoever must be told", **repair)
        session_task(name) >> night >> judge >> reconcile >> [page, alerts]
        judge >> _cards(name)
    return dag


for _market in MARKETS.values():
    if _market.is_traded_by_desk:
        globals()[f"model_rollout_{_market.name}"] = model_rollout(_market)
