"""## Intraday watch

Every five minutes while the exchange is open: the guardrails that cannot wait for the evening, and alerts that nobody
has acknowledged yet.

**Owner**: trader on duty. `watch` ends as skipped outside the session; `alerts` runs all the same.

**Alarms**, and the command that answers each:

- *a guardrail is broken*: the version is rolled back already (`fillwise stops`, `fillwise rollout status`).
- *desk … has not reported*, *runs epoch …*: `fillwise desks`; stop it by hand where it does not stop by itself.
- *limit …*: `fillwise rollout status`; `fillwise rollback --version V --reason TEXT` takes the version out.
- anything you do not like: `fillwise rollback --version V --reason TEXT`; everything at once: `fillwise kill --all`.

**Triage.** `watch` red: nobody has looked; run `fillwise watch --market M` by hand, and roll back when in doubt.
`alerts` red: somebody could not be told; `fillwise alerts test` says which address, `fillwise alerts list` what stands.

**Safe to run again**: yes. Rollback and kill need none of this.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

from infra.markets import MARKETS, Market
from infra.operators import command_task

FIRST_DAY = datetime(2024, 1, 1)
EVERY_MINUTES = 5


def session_cron(market: Market) -> str:
    """Every five minutes of the hours in which the market trades; the command knows half days and breaks."""
    first, last = market.sessions[0][0].hour, market.sessions[-1][1].hour
    return f"*/{EVERY_MINUTES} {first}-{last} * * *"


def intraday_watch(market: Market) -> DAG:
    """One look."""
    with DAG(
        dag_id=f"intraday_watch_{market.name}",
        doc_md=__doc__,
        start_date=FIRST_DAY,
        catchup=False,
        schedule=CronTriggerTimetable(session_cron(market), timezone=market.zone),
        max_active_runs=1,
        tags=["fillwise", market.name],
    ) as dag:
        watch = command_task(
            "watch", market.name, "watch", "guardrails of the session so far", day="", retries=0, may_skip=True
        )
        alerts = command_task(
            "alerts", market.name, "alerts escalate", "tells whoever must be told", day="", trigger_rule="all_done"
        )
        watch >> alerts
    return dag


for _market in MARKETS.values():
    if _market.is_traded_by_desk:
        globals()[f"intraday_watch_{_market.name}"] = intraday_watch(_market)
