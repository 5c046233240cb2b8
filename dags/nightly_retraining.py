"""## Nightly retraining

After the close of each session: what the market did and what our own orders got becomes a checked, judged candidate.

**Owner**: operator of the nightly run.
**Schedule**: every day after the close in the exchange's own zone; `session` ends as skipped when there was no session.

**Triage.** Open the red task's log: its last line says what stopped, on which file or table, what was found, what is
allowed and what to do next. The champion and every table of other days are untouched, so nothing is on fire: trading
goes on with the version in production. Common cases:

- `ingest` *cannot read …*: ask the sender for the file again, then clear the task.
- `validate` *more rows refused than allowed*: look at the night's page, section quarantine, then decide.
- *already running*: another run works on this market; wait for it, then clear the task.
- `skew` never turns red: what it finds stands in its log and on the night's page, and the gate holds or fails with it.
  Run `fillwise skew --day D`, look at the first rows shown, compare the desk's revision and feed with the night's.
- `gate` never turns red on a bad candidate: it writes `hold` or `fail` with reasons, and nobody is promoted.

`report` runs after a failed step too, writes the page that says so, and then ends red itself, so that the run is red.

**Safe to run again**: yes, any task, any number of times, also after a kill. A step run twice leaves the same tables.
**By hand**: `fillwise <step> --market M --day D`; the whole night without Airflow: `fillwise night --market M --day D`.
**Backfill**: `fillwise bootstrap`, or trigger this DAG with the parameter `day`. A range is
`fillwise backfill --from D1 --to D2`: sessions of which the folder of `--data` has no file are left out and named at
its end (exit 0); a file that cannot be taken stops it, and so does a night without a file.
**A corrected day**: `fillwise reconcile --day D` exits 1 until `fillwise backfill` has worked the day again.
"""

from __future__ import annotations

import os
from datetime import datetime

from airflow.sdk import DAG, Param
from airflow.timetables.trigger import CronTriggerTimetable

from infra.markets import MARKETS, Market
from infra.operators import session_task, step
from pipelines.steps import STEPS

REPORT = "report"
FIRST_DAY = datetime(2024, 1, 1)


def nightly_retraining(market: Market) -> DAG:
    """The chain of steps for one market."""
    with DAG(
        dag_id=f"nightly_retraining_{market.name}",
        doc_md=__doc__,
        start_date=FIRST_DAY,
        catchup=False,
        schedule=CronTriggerTimetable(market.night_cron, timezone=market.zone),
        max_active_runs=1,
        tags=["fillwise", market.name],
        params={
            "day": Param(None, type=["null", "string"], description="session YYYY-MM-DD; empty: today's"),
            "data": Param(os.environ.get("FILLWISE_DATA"), type=["null", "string"], description="folder of files"),
        },
    ) as dag:
        before = session_task(market.name)
        for row in STEPS:
            rule = "none_skipped" if row.name == REPORT else "all_success"
            task = step(row.name, market.name, row.help, trigger_rule=rule)
            before >> task
            before = task
    return dag


for _market in MARKETS.values():
    globals()[f"nightly_retraining_{_market.name}"] = nightly_retraining(_market)
