"""The door to `gold.health`: one row a check a day, which the gate and the next rollout decision read.

Several steps write the table. Each owns the rows that carry its name: writing a day replaces the step's own rows
and leaves the others', so that any step may run again. Callers hold the market's lock (`pipelines/runner.py`).

    >>> HealthRow("refused_share", "trades", "pass", 0.0, 0.05, "one in twenty is broken", "0 of 40 rows refused")
    ... # doctest: +ELLIPSIS
    HealthRow(check_name='refused_share', ...)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from infra.lake import Commit
from infra.tables import HEALTH
from pipelines.step import StepContext

Verdict = Literal["pass", "hold", "fail", "note"]


@dataclass(frozen=True)
class HealthRow:
    """One check of one day. `figure` is what was found, `threshold` what was asked for; None where there is none."""

    check_name: str
    subject: str
    verdict: Verdict
    figure: float | None
    threshold: float | None
    because: str
    reason: str


def _table(context: StepContext, step: str, day: date, rows: Sequence[HealthRow]) -> pa.Table:
    keys = {"market": context.market.name, "trade_date": day, "step": step}
    return pa.Table.from_pylist([{**keys, **asdict(row)} for row in rows], schema=HEALTH.arrow_schema)


def record_health_days(context: StepContext, step: str, rows: Mapping[date, Sequence[HealthRow]]) -> Commit:
    """Make `rows` the step's checks of each day, in one commit; rows of other steps stay."""
    present = context.lake.read(HEALTH, context.market.name, list(rows)).cast(HEALTH.arrow_schema)
    others = present.filter(pc.not_equal(present["step"], step))
    days = {
        day: pa.concat_tables([others.filter(pc.equal(others["trade_date"], day)), _table(context, step, day, found)])
        for day, found in rows.items()
    }
    return context.lake.replace_days(HEALTH, context.market.name, days)


def record_health(context: StepContext, step: str, day: date, rows: Sequence[HealthRow]) -> Commit:
    """Make `rows` the step's checks of one day; rows of other steps stay."""
    return record_health_days(context, step, {day: rows})
