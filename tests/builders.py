"""Small real things that tests are made from: a session, a lake in a folder, rows of a table."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa

from infra.tables import Table

FRIDAY = date(2026, 11, 20)
THURSDAY = date(2026, 11, 19)
PLAIN = {
    "string": "x",
    "double": 1.0,
    "float": 1.0,
    "long": 1,
    "int": 1,
    "boolean": True,
    "date": FRIDAY,
    "timestamp": datetime(2026, 11, 20, 15, 0, tzinfo=UTC),
}


def plain_rows(table: Table, count: int, market: str = "sample", day: date = FRIDAY, **values: object) -> pa.Table:
    """`count` rows that fit the declaration; `values` overrides columns with one value or a list."""
    columns = {}
    for column in table.columns:
        plain: object = column.allowed[0] if column.allowed else PLAIN[column.kind]
        plain = {"market": market, "trade_date": day}.get(column.name, plain)
        given = values.get(column.name, plain)
        columns[column.name] = pa.array(given if isinstance(given, list) else [given] * count, column.arrow_type)
    return pa.table(columns)
