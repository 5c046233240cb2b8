"""Tables that several steps write: each step owns the rows that carry its name in the column `step`.

Writing a day replaces the step's own rows and leaves the others', so that any step may run again. Callers hold the
market's lock (`pipelines/runner.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from infra.tables import Table
from pipelines.step import StepContext

NAMELESS = "validate"
"""Rows of a lake from before the column was there: `validate` was the only step that wrote them."""


def with_other_steps(
    context: StepContext, table: Table, step: str, rows: Mapping[date, pa.Table]
) -> dict[date, pa.Table]:
    """Each day's content once `step` has written `rows`: those, behind the rows of the other steps."""
    present = context.lake.read(table, context.market.name, list(rows)).cast(table.arrow_schema)
    others = present.filter(pc.not_equal(pc.fill_null(present["step"], NAMELESS), step))
    return {
        day: pa.concat_tables([others.filter(pc.equal(others["trade_date"], day)), found.cast(table.arrow_schema)])
        for day, found in rows.items()
    }
