"""Reads the rows that a signal learns from, day by day, thinned as they are read, so that memory stays small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.labels import HORIZONS_SECONDS, LABEL_NAMES, LABELS_TABLE
from infra.lake_files import input_digest
from models.dataset import SignalDataset, concatenated, day_dataset
from pipelines.step import StepContext

KEYS = ["symbol", "event_at_ns"]


SOURCES = (FEATURES_TABLE, LABELS_TABLE)
NO_VERSIONS: Mapping[str, int] = {}


def content_hash(context: StepContext, days: Sequence[date], versions: Mapping[str, int] = NO_VERSIONS) -> str:
    """Digest of the content of these sessions, in the tables as of `versions` (the latest where none is named)."""
    lake, market = context.lake, context.market.name
    held = [lake.day_files(table, market, days, versions.get(table.name)) for table in SOURCES]
    return input_digest(*(path.stem for files in held for paths in files.values() for path in paths))


def training_dataset(
    context: StepContext, days: Sequence[date], versions: Mapping[str, int] = NO_VERSIONS
) -> SignalDataset:
    """Rows of these sessions, in the tables as of `versions` (the latest where none is named).

    Raises EvidenceError when there are none, or features and labels differ in rows.
    """
    market, lake = context.market.name, context.lake
    features, labels = (versions.get(table.name) for table in SOURCES)
    parts = [
        day_dataset(
            day,
            lake.read(FEATURES_TABLE, market, [day], [*KEYS, *FEATURE_NAMES], features),
            lake.read(LABELS_TABLE, market, [day], [*KEYS, *LABEL_NAMES], labels),
            FEATURE_NAMES,
            LABEL_NAMES,
            HORIZONS_SECONDS,
        )
        for day in context.progress(list(days), "training rows")
    ]
    return concatenated(parts)
