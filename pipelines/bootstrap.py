"""Brings missing history into an empty lake: the steps of a night up to labels, over one range of sessions.

Every other step touches only the day or range it is given; only `bootstrap` looks for what is missing. Run again
it finds nothing to do. After a kill it goes on where tables and drops end.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date

from infra import calendar
from infra.lake import Lake
from infra.markets import Market
from infra.tables import SILVER
from pipelines.recorded import recorded, tell_left_out
from pipelines.runner import Run, run_step
from pipelines.sources.catalog import Folders, delivered_days
from pipelines.steps import STEPS

log = logging.getLogger("fillwise")


def history_days(run: Run) -> tuple[date, ...]:
    """Sessions before tonight that the history should hold."""
    if run.data is not None:
        delivered = delivered_days(Folders(run.data, run.settings.drops / run.market.name), run.market)
        return tuple(day for day in delivered if day < run.days[-1])
    count = run.settings.history_sessions
    return tuple(day for day in calendar.sessions_until(run.market, run.days[-1], count + 1) if day < run.days[-1])


def missing_days(lake: Lake, market: Market, days: tuple[date, ...]) -> tuple[date, ...]:
    """Those of `days` that some table of the history does not hold yet, ascending."""
    from features.labels import LABELS_TABLE

    present = [set(lake.days(table, market.name)) for table in (*SILVER.values(), LABELS_TABLE)]
    return tuple(day for day in days if not all(day in found for found in present))


def bootstrap(run: Run) -> int:
    """Bring in the missing part of the history. Answers 0."""
    days = history_days(run)
    missing = missing_days(Lake(run.settings.lake), run.market, days)
    if not missing:
        log.info("bootstrap: history of %d sessions is there, nothing to do", len(days))
        return 0
    log.info("bootstrap: %d sessions of %s, %s to %s", len(missing), run.market.name, missing[0], missing[-1])
    return _work(replace(run, days=missing))


def backfill(run: Run) -> int:
    """Work a range up to labels: every step of the history over all of it, one Spark session for its features.

    Safe to run again; a day whose inputs did not change is left alone, one that was restated is made anew. Sessions
    that were not recorded are left out and named (`pipelines/recorded.py`). Answers 0.
    """
    worked = recorded(run)
    _work(worked)
    tell_left_out("backfill", worked)
    return 0


def _work(run: Run) -> int:
    for step in STEPS:
        if step.is_history:
            run_step(step.name, run)
    return 0
