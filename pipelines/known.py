"""`fillwise known`: what was known of a day at a time.

Bronze answers, because silver holds only the latest. The content hash is over the rows in their order, so two answers
to the same question can be compared, today and in a year.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import UsageError
from infra.lake import Lake
from infra.tables import BRONZE, NOUNS
from pipelines.arguments import time_from
from pipelines.bronze import known_rows
from pipelines.runner import Run


def content_hash(rows: pa.Table) -> str:
    """First 16 hex digits of the SHA-256 of the rows as an Arrow stream in one batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        for batch in rows.combine_chunks().to_batches():
            stream.write_batch(batch)
    return hashlib.sha256(sink.getvalue()).hexdigest()[:16]


def read_known(lake: Lake, noun: str, market: str, day: date, at: datetime | None) -> pa.Table:
    """Rows of a noun's day as known at `at` (None: by now), in the columns of bronze."""
    return known_rows(lake.read_day(BRONZE[noun], market, day), at)


def _require_noun(noun: str | None, out: str | None) -> None:
    if noun not in (None, *NOUNS) or (out is not None and noun is None):
        raise UsageError(
            "unknown noun" if noun is not None else "--out needs a noun",
            which="--noun",
            found=noun,
            allowed=", ".join(NOUNS),
            next_step="name one of them",
        )


def print_known(run: Run, at: str | None, noun: str | None, out: str | None) -> int:
    """One line a noun and day; with `out`, the rows as a Parquet file."""
    _require_noun(noun, out)
    lake, asked = Lake(run.settings.lake), time_from(at, "--at")
    print(f"{run.market.name}, as known at {asked or 'this time'}")
    found: list[pa.Table] = []
    for day in run.days:
        for name in [noun] if noun else NOUNS:
            rows = read_known(lake, name, run.market.name, day, asked)
            found.append(rows)
            files = len(set(rows["source_file"].to_pylist()))
            if rows.num_rows or noun:
                print(f"  {day} {name:16}{rows.num_rows:>11,} rows of {files} files  {content_hash(rows)}")
    if out is not None:
        pq.write_table(pa.concat_tables(found), Path(out))
        print(f"written to {out}")
    return 0
