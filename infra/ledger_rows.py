"""What is read and written in one transaction of the ledger. Behind `infra/ledger.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, func, select

from infra.errors import ConflictError
from infra.ledger_chain import FIRST_HASH, Draft, Head, Row, chained
from infra.ledger_schema import ENTRIES, database_time, is_prepared, prepare, take_turn
from infra.signing import canonical

FORMAT = 1
OWN_STREAM, OPENED, ROBOT = "ledger", "ledger_opened", "fillwise"


def rows_of(connection: Connection, query: Select[Any]) -> list[Row]:
    """Rows of a query over the whole table's columns."""
    return [Row(*found) for found in connection.execute(query)]


def count_of(connection: Connection, stream: str) -> int:
    """Entries of a stream."""
    query = select(func.max(ENTRIES.c.stream_sequence)).where(ENTRIES.c.stream == stream)
    return int(connection.execute(query).scalar() or 0)


def head_of(connection: Connection) -> Head:
    """The last entry's place and hash."""
    query = select(ENTRIES.c.sequence, ENTRIES.c.hash).order_by(ENTRIES.c.sequence.desc()).limit(1)
    found = connection.execute(query).first()
    return Head(0, FIRST_HASH) if found is None else Head(int(found[0]), str(found[1]))


def _appended_before(
    connection: Connection, stream: str, expected: int, drafts: Sequence[Draft], at: str, actor: str
) -> list[Row]:
    """The same entries at the same place, from an append whose answer was lost; none when others are there."""
    query = select(ENTRIES).where(ENTRIES.c.stream == stream, ENTRIES.c.stream_sequence > expected)
    rows = rows_of(connection, query.order_by(ENTRIES.c.sequence).limit(len(drafts)))
    there = [(row.kind, row.payload, row.at, row.actor) for row in rows]
    wished = [(draft.kind, canonical(draft.payload), at, actor) for draft in drafts]
    return rows if there == wished else []


def append_rows(
    connection: Connection, stream: str, expected: int, drafts: Sequence[Draft], at: str, actor: str
) -> list[Row]:
    """Be the only writer, and append at the place that was expected. Raises ConflictError when others were first."""
    take_turn(connection)
    found = count_of(connection, stream)
    if found != expected:
        known = _appended_before(connection, stream, expected, drafts, at, actor)
        if known:
            return known
        raise ConflictError(
            "another writer was first",
            which=f"stream {stream}",
            found=f"{found} entries",
            allowed=f"{expected}, as read before",
            next_step="repeat the command",
        )
    rows = chained(head_of(connection), stream, found, at, actor, drafts, database_time(connection))
    connection.execute(ENTRIES.insert(), [row.__dict__ for row in rows])
    return rows


def first_row(connection: Connection) -> Row | None:
    """The entry that says what a ledger is; None for a ledger that is to be made, or brought to this form."""
    rows = rows_of(connection, select(ENTRIES).where(ENTRIES.c.sequence == 1)) if is_prepared(connection) else []
    return rows[0] if rows else None


def make_ledger(connection: Connection, purpose: str) -> Row | None:
    """Make the table and its first entry where they are missing; None where entry 1 is missing and others are there."""
    take_turn(connection)
    prepare(connection)
    if head_of(connection).sequence == 0:
        now, opened = database_time(connection), Draft(OPENED, {"purpose": purpose, "format": FORMAT})
        (row,) = chained(Head(0, FIRST_HASH), OWN_STREAM, 0, now, ROBOT, [opened], now)
        connection.execute(ENTRIES.insert(), [row.__dict__])
    return first_row(connection)
