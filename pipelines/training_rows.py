"""Reads the rows that a signal learns from, day by day, thinned as they are read, so that memory stays small."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.labels import HORIZONS_SECONDS, LABEL_NAMES, LABELS_TABLE
from models.dataset import SignalDataset, concatenated, day_dataset
from pipelines.step import StepContext

KEYS = ["symbol", "event_at_ns"]


def training_dataset(context: StepContext, days: Sequence[date]) -> SignalDataset:
    """Rows of these sessions. Raises EvidenceError when there are none, or features and labels differ in rows."""
    market, lake = context.market.name, context.lake
    parts = [
        day_dataset(
            day,
            lake.read_day(FEATURES_TABLE, market, day, [*KEYS, *FEATURE_NAMES]),
            lake.read_day(LABELS_TABLE, market, day, [*KEYS, *LABEL_NAMES]),
            FEATURE_NAMES,
            LABEL_NAMES,
            HORIZONS_SECONDS,
        )
        for day in context.progress(list(days), "training rows")
    ]
    return concatenated(parts)
