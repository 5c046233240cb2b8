"""Bronze: every delivery of every file, with where each row came from and since when it could be known.

Bronze only grows. A corrected file is a second delivery of the same name, with its own bytes and a later `known_at`;
what was known at T is, for each file name, its latest delivery of those known by T:

    known(T) = rows of the delivery of each name with the greatest known_at <= T

The rows of earlier deliveries stay, so the same question asked tomorrow about T is answered alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.file import SourceFile

UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")


def _with_provenance(file: SourceFile) -> pa.Table:
    count = file.rows.num_rows
    numbers = np.arange(count) if file.source_rows is None else file.source_rows
    columns = {
        "known_at": pa.repeat(pa.scalar(file.known_at, UTC_MICROSECONDS), count),
        "source_file": pa.repeat(pa.scalar(file.name), count),
        "source_row": pa.array(numbers, pa.int64()),
        "source_sha256": pa.repeat(pa.scalar(file.sha256), count),
    }
    rows = file.rows
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    return rows


def bronze_rows(files: Sequence[SourceFile]) -> pa.Table:
    """Rows of one noun's files in order of file name, delivery and row, with their provenance."""
    ordered = sorted(files, key=lambda file: (file.name, file.known_at))
    return pa.concat_tables([_with_provenance(file) for file in ordered]).combine_chunks()


def known_rows(rows: pa.Table, at: datetime | None = None) -> pa.Table:
    """Of one noun's bronze rows of one day, those that were known at `at` (None: by now) and not yet superseded."""
    if at is not None:
        rows = rows.filter(pc.less_equal(rows["known_at"], pa.scalar(at, UTC_MICROSECONDS)))
    deliveries = rows.group_by(["source_file", "known_at"]).aggregate([])
    if len(pc.unique(deliveries["source_file"])) == deliveries.num_rows:
        return rows
    latest = deliveries.group_by("source_file").aggregate([("known_at", "max")])
    numbers = rows.append_column("_place", pa.array(np.arange(rows.num_rows)))
    kept = numbers.join(latest, "source_file", join_type="inner", use_threads=False)
    places = kept.filter(pc.equal(kept["known_at"], kept["known_at_max"]))["_place"]
    return rows.take(pa.array(np.sort(places.to_numpy())))
