"""A small day of every noun that the checks look at, all of it good: two symbols, two orders, three fills."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from infra.tables import NOUNS
from tests.builders import plain_rows
from tests.pipelines.made_books import OPEN_NS, arrived, books

SECOND = 1_000_000_000
BOOK_ROWS = 200
"""Rows a symbol, five seconds apart: a little more than a quarter of an hour."""
PREVIOUS = {"AAA": 99.0, "BBB": 251.0}


def at(*seconds: float) -> dict[str, object]:
    """Event times, seconds after the open."""
    times = [OPEN_NS + round(second * SECOND) for second in seconds]
    return {"event_at_ns": times, "event_at": [time // 1000 for time in times]}


def priced(rows: pa.Table, factor: float) -> pa.Table:
    """The same books at another level."""
    for name in (name for name in rows.column_names if "price" in name):
        values = [None if value is None else round(value * factor, 4) for value in rows[name].to_pylist()]
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(values, pa.float64()))
    return rows


def two_books(count: int = BOOK_ROWS) -> pa.Table:
    """AAA at 100.00 / 100.01, then BBB at 250.00 / 250.025; the best bid's size moves with every row."""
    return pa.concat_tables([books(count), priced(books(count, symbol="BBB"), 2.5)])


def trades(count: int = 5, **values: object) -> pa.Table:
    plain = {"symbol": "AAA", "price": 100.0, "shares": 100.0, "sequence": list(range(count))}
    return plain_rows(NOUNS["trades"], count, **{**plain, **at(*range(count)), **values})


def a_day(**nouns: pa.Table) -> dict[str, pa.Table]:
    """Noun to its rows of bronze; `nouns` puts others in their place."""
    symbols = ["AAA", "BBB"]
    parents = {"parent_order_id": ["p0", "p1"], "instructed_start_at": OPEN_NS // 1000}
    parents |= {"instructed_end_at": OPEN_NS // 1000 + 600_000_000}
    children = {"child_order_id": ["c0", "c1"], "parent_order_id": ["p0", "p1"], "child_shares": [100.0, 50.0]}
    fills = {
        "fill_id": ["f0", "f1", "f2"],
        "child_order_id": ["c0", "c0", "c1"],
        "parent_order_id": ["p0", "p0", "p1"],
        "symbol": ["AAA", "AAA", "BBB"],
        "shares": [60.0, 40.0, 50.0],
        "price": [100.0, 100.01, 250.0],
    }
    tables = {
        "book_snapshots": two_books(),
        "trades": trades(),
        "parent_orders": plain_rows(NOUNS["parent_orders"], 2, symbol=symbols, **parents, **at(0, 1)),
        "child_orders": plain_rows(NOUNS["child_orders"], 2, symbol=symbols, **children, **at(2, 3)),
        "fills": plain_rows(NOUNS["fills"], 3, **fills, **at(4, 5, 6)),
    }
    given = {**tables, **nouns}
    return {noun: rows if "source_row" in rows.column_names else arrived(rows, noun) for noun, rows in given.items()}


def spoilt(rows: pa.Table, **cells: Mapping[int, object]) -> pa.Table:
    """The rows with other values in some cells: `column={row: value}`."""
    for name, changed in cells.items():
        values = rows[name].to_pylist()
        for row, value in changed.items():
            values[row] = value
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(values, rows.schema.field(name).type))
    return rows


def copied(rows: pa.Table, source: int, target: int, count: int) -> pa.Table:
    """The content of `count` rows from `source` written over those from `target`, whose times stay."""
    numbers = list(range(rows.num_rows))
    numbers[target : target + count] = range(source, source + count)
    copy = rows.take(pa.array(numbers))
    for name in ("event_at_ns", "event_at", "sequence"):
        copy = copy.set_column(copy.column_names.index(name), name, rows[name])
    return copy
