"""Book rows that pass every check, a few visible numbers each; and files of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from infra.tables import BRONZE, NOUNS
from tests.builders import FRIDAY, plain_rows

OPEN_NS = int(datetime(2026, 11, 20, 14, 30, tzinfo=UTC).timestamp()) * 1_000_000_000
KNOWN_AT = datetime(2026, 11, 20, 21, 15, tzinfo=UTC)
FIVE_SECONDS = 5_000_000_000


def books(
    count: int, *, symbol: str = "AAA", day: date = FRIDAY, start_ns: int = OPEN_NS, **values: object
) -> pa.Table:
    """`count` rows of one symbol, five seconds apart: best bid 100.00, best ask 100.01, ten levels, a cent apart."""
    times = [start_ns + number * FIVE_SECONDS for number in range(count)]
    levels: dict[str, object] = {}
    for level in range(1, 11):
        levels[f"bid_price_{level}"] = round(100.0 - 0.01 * (level - 1), 2)
        levels[f"ask_price_{level}"] = round(100.0 + 0.01 * level, 2)
        levels[f"bid_shares_{level}"] = [100.0 * (level + number) for number in range(count)]
        levels[f"ask_shares_{level}"] = 200.0 * level
    plain: dict[str, object] = {
        "symbol": symbol,
        "event_at_ns": times,
        "event_at": [datetime.fromtimestamp(time // 1_000_000_000, UTC) for time in times],
        "sequence": 0,
        "received_at": None,
        "previous_close_price": 99.5,
        "last_price": 100.0,
        "currency": "USD",
        **levels,
    }
    return plain_rows(NOUNS["book_snapshots"], count, day=day, **{**plain, **values})


def arrived(rows: pa.Table, noun: str = "book_snapshots", name: str = "books.parquet") -> pa.Table:
    """The rows as they stand in bronze."""
    table = BRONZE[noun]
    given = {column: rows[column].to_pylist() for column in rows.column_names}
    provenance = {"known_at": KNOWN_AT, "source_file": name, "source_row": list(range(rows.num_rows))}
    return plain_rows(table, rows.num_rows, **{**given, **provenance})


def write(folder: Path, rows: pa.Table, name: str = "books.parquet") -> Path:
    """The rows as a Parquet file without the partition columns, as a user would deliver them."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows.drop_columns(["market", "trade_date"]), folder / name)
    return folder / name
