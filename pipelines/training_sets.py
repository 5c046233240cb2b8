"""Which training sets hold a session: the question behind every restatement notice and every late file.

A training set names its first and last session and the Delta versions that it read. Between the two a session may be
missing, because it came later; so what counts is whether the version of `gold.labels` that was read holds the day.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pyarrow.compute as pc

from features.labels import LABELS_TABLE
from infra.tables import TRAINING_SETS
from pipelines.step import StepContext


def _held(context: StepContext, row: dict[str, Any], day: date) -> bool:
    version = json.loads(row["delta_versions"]).get(LABELS_TABLE.name)
    return bool(context.lake.day_files(LABELS_TABLE, context.market.name, [day], version))


def training_sets_with(context: StepContext, day: date) -> list[dict[str, Any]]:
    """Rows of `gold.training_sets` that hold the day, by the night that made them."""
    sets = context.lake.read(TRAINING_SETS, context.market.name).sort_by("trade_date")
    around = pc.and_(pc.less_equal(sets["first_day"], day), pc.greater_equal(sets["last_day"], day))
    return [row for row in sets.filter(around).to_pylist() if _held(context, row, day)]
