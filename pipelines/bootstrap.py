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
from pipelines.runner import Run, run_step
from pipelines.steps import STEPS

log = logging.getLogger("fillwise")


def history_days(run: Run) -> tuple[date, ...]:
    """Sessions before tonight that the history should hold."""
    if run.market.name == "ashare" and run.data is not None:
        from pipelines.sources.ashare import market_days

        return tuple(day for day in market_days(run.data, run.market) if day < run.days[-1])
    count = run.settings.history_sessions
    return tuple(day for day in calendar.sessions_until(run.market, run.days[-1], count + 1) if day < run.days[-1])


def missing_days(lake: Lake, market: Market, days: tuple[date, ...]) -> tuple[date, ...]:
    """Those of `days` that some table of the history does not hold yet, ascending."""
    from features.labels import LABELS_TABLE

    present = [set(lake.days(table, market.name)) for table in (*SILVER.values(), LABELS_TABLE)]
    return tuple(day for day in days if not all(day in found for found in present))


def bootstrap(run: Run) -> int:
    """Sessions brought in (0 when nothing was missing)."""
    days = history_days(run)
    missing = missing_days(Lake(run.settings.lake), run.market, days)
    if not missing:
        log.info("bootstrap: history of %d sessions is there, nothing to do", len(days))
        return 0
    log.info("bootstrap: %d sessions of %s, %s to %s", len(missing), run.market.name, missing[0], missing[-1])
    history = replace(run, days=missing)
    for step in STEPS:
        if step.is_history:
            run_step(step.name, history)
    return len(missing)
