"""## Night deadline

Every morning, at the market's own deadline: is the night of the latest session done?

**Owner**: operator of the nightly run.
**Red**: it is not. The last line of the log says where it stands: never started, stopped at a step and why, or still
running. The version in production trades on; nobody was promoted. Mend the night (`nightly_retraining_<market>`), then
clear this task: it turns green, and the alert in `fillwise status` goes.

**Safe to run again**: yes. **By hand**: `fillwise deadline --market M`.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

from infra.markets import MARKETS, Market
from infra.operators import deadline_task

FIRST_DAY = datetime(2024, 1, 1)


def night_deadline(market: Market) -> DAG:
    """One question a morning."""
    cron = f"{market.night_deadline.minute} {market.night_deadline.hour} * * *"
    with DAG(
        dag_id=f"night_deadline_{market.name}",
        doc_md=__doc__,
        start_date=FIRST_DAY,
        catchup=False,
        schedule=CronTriggerTimetable(cron, timezone=market.zone),
        max_active_runs=1,
        tags=["fillwise", market.name],
    ) as dag:
        deadline_task(market.name)
    return dag


for _market in MARKETS.values():
    globals()[f"night_deadline_{_market.name}"] = night_deadline(_market)
