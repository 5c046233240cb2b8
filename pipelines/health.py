"""The door to `gold.health`: one row a check a day, which the gate and the next rollout decision read.

Several steps write the table, each its own rows (`pipelines/step_rows.py`).

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

from infra.lake import Commit
from infra.tables import HEALTH
from pipelines.step import StepContext
from pipelines.step_rows import with_other_steps

Verdict = Literal["pass", "ask", "hold", "fail", "note"]


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
    own = {day: _table(context, step, day, found) for day, found in rows.items()}
    return context.lake.replace_days(HEALTH, context.market.name, with_other_steps(context, HEALTH, step, own))


def record_health(context: StepContext, step: str, day: date, rows: Sequence[HealthRow]) -> Commit:
    """Make `rows` the step's checks of one day; rows of other steps stay."""
    return record_health_days(context, step, {day: rows})
