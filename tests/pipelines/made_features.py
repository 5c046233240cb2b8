"""A session of features and labels of two symbols, a few visible numbers each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.labels import LABEL_NAMES, LABELS_TABLE
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import Table
from pipelines.step import StepContext
from tests.builders import FRIDAY, plain_rows

ROWS = 80
FIRST, LABEL = FEATURE_NAMES[0], LABEL_NAMES[0]
RISING = np.linspace(-1.0, 1.0, ROWS // 2).tolist()


def rows(table: Table, count: int = ROWS, **values: object) -> pa.Table:
    """Two symbols, half of the rows each; every float 0.0 but those in `values`."""
    plain = {column.name: 0.0 for column in table.columns if column.kind == "float"} | values
    keys = {"symbol": ["A"] * (count // 2) + ["B"] * (count - count // 2), "event_at_ns": list(range(count))}
    return plain_rows(table, count, sequence=0, **keys, **plain)


FEATURES = rows(FEATURES_TABLE, **{FIRST: RISING * 2})
LABELS = rows(LABELS_TABLE, **{LABEL: RISING + [-one for one in RISING[:-4]] + [None] * 4})


def a_context(home: Path) -> StepContext:
    settings = Settings(home=home)
    return StepContext(settings, MARKETS["sample"], (FRIDAY,), Lake(settings.lake))
