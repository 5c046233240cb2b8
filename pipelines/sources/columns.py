"""Fits what a file holds to the declared columns of a noun, or says why it does not fit.

Nothing is guessed: names are compared exactly (a near miss is only named in the error), and a value never changes.
What may be left out: `market` and `trade_date` (the folder says them), and book levels deeper than the market
shows. What may differ: an integer column where a double is declared, other widths of integers and floats, other
encodings of text. Text is never turned into numbers, and a time without a zone is refused, because a local time
that exists twice (or never) cannot be told from one that does not.

    >>> accepts("double", pa.int64()), accepts("double", pa.string()), accepts("timestamp", pa.timestamp("us"))
    (True, False, False)
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from infra.errors import ContractError
from infra.markets import Market
from infra.tables import NOUNS, Table
from infra.tables.columns import Column, Kind

LEVEL = re.compile(r"(?:bid|ask)_(?:price|shares)_(\d+)")


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


_ACCEPTED: dict[Kind, Callable[[pa.DataType], bool]] = {
    "string": _is_text,
    "double": lambda kind: bool(pa.types.is_floating(kind) or pa.types.is_integer(kind)),
    "float": lambda kind: bool(pa.types.is_floating(kind) or pa.types.is_integer(kind)),
    "long": pa.types.is_integer,
    "int": pa.types.is_integer,
    "boolean": pa.types.is_boolean,
    "date": pa.types.is_date,
    "timestamp": lambda kind: bool(pa.types.is_timestamp(kind) and kind.tz is not None),
}
_ALLOWED_WORDS: dict[Kind, str] = {
    "string": "text",
    "double": "a number",
    "float": "a number",
    "long": "whole numbers",
    "int": "whole numbers",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "a time with a zone, as 2024-01-02T14:30:00Z",
}


def accepts(kind: Kind, found: pa.DataType) -> bool:
    """Whether a column found with this Arrow type may become the declared kind without changing a value."""
    return bool(pa.types.is_null(found) or _ACCEPTED[kind](found))


def first_line(error: Exception) -> str:
    """What a library says, short enough for one line of a report."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def suggestions(missing: Sequence[str], extra: Sequence[str]) -> str:
    """Which unknown name was probably meant by which missing one; '' when none comes near."""
    found = []
    by_lower = {name.strip().lower(): name for name in extra}
    for name in missing:
        near = difflib.get_close_matches(name, list(by_lower), n=1, cutoff=0.6)
        if name in by_lower:
            found.append(f"{by_lower[name]!r} differs from {name!r} by case or spaces")
        elif near:
            found.append(f"did you mean {name!r} by {by_lower[near[0]]!r}?")
    return "; ".join(found[:3])


def _is_unique(rows: pa.Table, names: Sequence[str]) -> bool:
    return bool(rows.group_by(list(names)).aggregate([]).num_rows == rows.num_rows)


def _derived(column: Column, rows: pa.Table, table: Table, market: Market) -> pa.Array | pa.ChunkedArray | None:
    """The one value that a column which was left out can have; None when there is no such value."""
    names = set(rows.column_names)
    if column.name == "event_at_ns" and "event_at" in names and pa.types.is_timestamp(rows["event_at"].type):
        zone, unit = rows["event_at"].type.tz, rows["event_at"].type.unit
        if unit == "ns" and zone:
            return rows["event_at"].cast(pa.int64())
        return pc.multiply(rows["event_at"].cast(pa.timestamp("us", tz=zone)).cast(pa.int64()), 1000) if zone else None
    if column.name == "event_at" and "event_at_ns" in names and pa.types.is_integer(rows["event_at_ns"].type):
        return pc.divide(rows["event_at_ns"].cast(pa.int64()), 1000).cast(column.arrow_type)
    if column.name == "sequence":
        key = [name for name in table.key if name not in (*table.partition_by, "sequence", "event_at_ns")]
        time = [name for name in ("event_at_ns", "event_at") if name in names][:1]
        is_clear = time and names.issuperset(key) and _is_unique(rows, [*key, *time])
        return pa.repeat(pa.scalar(0, column.arrow_type), rows.num_rows) if is_clear else None
    if column.name == "currency":
        return pa.repeat(pa.scalar(market.currency), rows.num_rows)
    return pa.nulls(rows.num_rows, column.arrow_type) if column.is_nullable else None


def completed_rows(rows: pa.Table, noun: str, market: Market) -> pa.Table:
    """The rows of a file that a person wrote, with the columns that may be left out filled in.

    Nullable columns are null; event_at and event_at_ns follow from each other; sequence is 0 where symbol and time are
    unique; currency is the market's. What has no such value stays missing, and is an error like any other.
    """
    table, given = NOUNS[noun], set(rows.column_names)
    for column in table.columns:
        if column.name not in rows.column_names and column.name not in table.partition_by:
            values = _derived(column, rows, table, market)
            rows = rows if values is None else rows.append_column(column.name, values)
    return rows if "event_at_ns" in given else _in_microseconds(rows)


def _in_microseconds(rows: pa.Table) -> pa.Table:
    """`event_at` without the digits that a column of nanoseconds has and `event_at_ns` keeps."""
    place = rows.schema.get_field_index("event_at")
    if place < 0 or rows.schema.field(place).type != pa.timestamp(
        "ns", tz=getattr(rows.schema.field(place).type, "tz", None)
    ):
        return rows
    micros = pc.cast(rows["event_at"], pa.timestamp("us", tz=rows["event_at"].type.tz), safe=False)
    return rows.set_column(place, "event_at", micros)


def _is_required(column: Column, table: Table, market: Market) -> bool:
    level = LEVEL.fullmatch(column.name)
    return column.name not in table.partition_by and (level is None or int(level[1]) <= market.book_levels)


def _check_names(path: Path, table: Table, market: Market, names: Sequence[str]) -> None:
    declared = [column.name for column in table.columns]
    required = [column.name for column in table.columns if _is_required(column, table, market)]
    missing = [name for name in required if name not in names]
    extra = [name for name in names if name not in declared]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not (missing or extra or repeated):
        return
    parts = [
        f"{word} {', '.join(map(repr, found[:5]))}{' and more' if len(found) > 5 else ''}"
        for word, found in (("missing", missing), ("unknown", extra), ("repeated", repeated))
        if found
    ]
    raise ContractError(
        "columns are not the declared ones",
        which=path,
        found="; ".join(parts),
        allowed=f"the {len(declared)} columns of {table.name}",
        next_step=suggestions(missing, extra) or "see `fillwise tables`, correct the file and deliver it again",
    )


def _constant(path: Path, column: Column, values: pa.ChunkedArray, expected: object) -> None:
    strange = [found for found in pc.unique(values).to_pylist() if found != expected]
    if strange:
        raise ContractError(
            "file belongs elsewhere",
            which=f"{path}, column {column.name!r}",
            found=", ".join(map(str, strange[:3])),
            allowed=expected,
            next_step="move the file to its own market and day",
        )


def _column(path: Path, column: Column, rows: pa.Table) -> pa.ChunkedArray:
    values = rows.column(column.name)
    if values.type == column.arrow_type:
        return values
    try:
        if not accepts(column.kind, values.type):
            raise pa.ArrowInvalid(f"type {values.type}")
        return values.cast(column.arrow_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ContractError(
            "column has another type",
            which=f"{path}, column {column.name!r}",
            found=first_line(error),
            allowed=f"{_ALLOWED_WORDS[column.kind]} ({column.arrow_type})",
            next_step="write the column in its declared type and deliver the file again",
        ) from error


def conform_rows(path: Path, rows: pa.Table, noun: str, market: Market, day: date) -> pa.Table:
    """Rows in the noun's declared columns and types. `path` is only named in errors. Raises ContractError."""
    table = NOUNS[noun]
    _check_names(path, table, market, rows.column_names)
    known = {"market": market.name, "trade_date": day}
    arrays = []
    for column in table.columns:
        if column.name in rows.column_names:
            values = _column(path, column, rows)
            if column.name in known:
                _constant(path, column, values, known[column.name])
        else:
            values = pa.repeat(pa.scalar(known.get(column.name), column.arrow_type), rows.num_rows)
        arrays.append(values)
    return pa.table(arrays, schema=pa.schema([pa.field(column.name, column.arrow_type) for column in table.columns]))
