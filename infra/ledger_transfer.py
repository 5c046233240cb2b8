"""A ledger as lines of JSON, one a row: for a backup, for a witness elsewhere, for the way from SQLite to PostgreSQL.

Rows go over as they are stored, hashes and all, so that what was proved of one ledger holds for the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Connection

from infra.errors import LedgerError, UsageError
from infra.ledger import Ledger, ledger_at
from infra.ledger_chain import Row, verify_rows
from infra.ledger_engine import sqlite_engine
from infra.ledger_rows import head_of
from infra.ledger_schema import ENTRIES, is_prepared, prepare, take_turn
from infra.settings import Settings
from infra.whole_files import replace_file


def write_lines(rows: Iterator[Row], path: Path) -> int:
    """Write every row as a line of JSON; how many."""
    lines = [json.dumps(asdict(row), ensure_ascii=False, sort_keys=True) for row in rows]
    replace_file(path, "".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def read_lines(path: Path) -> tuple[Row, ...]:
    """The rows of `write_lines`. Raises LedgerError for another file."""
    try:
        return tuple(Row(**json.loads(line)) for line in path.read_text("utf-8").split("\n") if line)
    except (OSError, ValueError, TypeError) as error:
        raise LedgerError(
            "cannot read the ledger's entries", which=path, found=type(error).__name__,
            allowed="lines of fillwise ledger export --all", next_step="use another backup",
        ) from error  # fmt: skip


def rows_of_file(path: Path) -> tuple[Row, ...]:
    """The rows of a SQLite ledger, wherever it lies."""
    return tuple(Ledger(sqlite_engine(path)).rows())


def is_empty(settings: Settings, purpose: str) -> bool:
    """Whether there is no entry yet."""
    ledger = ledger_at(settings, purpose)

    def work(connection: Connection) -> bool:
        return not is_prepared(connection) or head_of(connection).sequence == 0

    return bool(ledger._transact(ledger.engine, work))


def fill_ledger(settings: Settings, purpose: str, rows: Sequence[Row]) -> None:
    """Put a sound chain into an empty ledger, all of it or nothing. Raises UsageError for one that is not empty,
    LedgerError for a chain that is not sound.
    """
    found = verify_rows(rows)
    if not found.is_sound:
        raise LedgerError(
            "ledger is not sound", which="entries to be put back", found=found.reason, allowed="one chain",
            next_step="keep them, and use another backup",
        )  # fmt: skip
    ledger = ledger_at(settings, purpose)

    def work(connection: Connection) -> None:
        take_turn(connection)
        prepare(connection)
        if there := head_of(connection).sequence:
            raise UsageError(
                "restore would overwrite a ledger", which=ledger.where, found=f"{there} entries",
                allowed="a ledger that is not there yet", next_step="set FILLWISE_LEDGER_URL to another database",
            )  # fmt: skip
        connection.execute(ENTRIES.insert(), [asdict(row) for row in rows])

    ledger._transact(ledger._writer, work)
