"""MLflow's database as a file: copied whole while a server may be writing, pointed at another state folder, or away.

MLflow stores absolute paths in many columns (artifact roots, run folders, model sources). A registry that moves to
another place must have every one of them rewritten, or its files are not found. Standard library only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from infra.errors import UnreachableError

AWAY = ("database is locked", "unable to open database file", "disk I/O error")


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite file as of one moment, by SQLite's own backup."""
    with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy:
        origin.backup(copy)


def _text_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (table, row[1])
        for table in tables
        for row in database.execute(f'PRAGMA table_info("{table}")')
        if "CHAR" in str(row[2]).upper() or "TEXT" in str(row[2]).upper()
    ]


def relocate(database_file: Path, old: Path, new: Path) -> int:
    """Replace the old state folder by the new one at the start of every path stored; how many cells changed."""
    if old == new:
        return 0
    changed = 0
    with closing(sqlite3.connect(database_file)) as database, database:
        for table, column in _text_columns(database):
            for prefix in ("", "file://"):
                before, after = f"{prefix}{old}/", f"{prefix}{new}/"
                done = database.execute(
                    f'UPDATE "{table}" SET "{column}" = ? || substr("{column}", ?) '  # noqa: S608
                    f'WHERE substr("{column}", 1, ?) = ?',
                    (after, len(before) + 1, len(before), before),
                )
                changed += done.rowcount
    return changed


@contextmanager
def reached(database: Path) -> Iterator[None]:
    """Whatever says inside that the database cannot be had now is an UnreachableError: the same may do in a moment."""
    try:
        yield
    except Exception as error:
        if not any(words in str(error) for words in AWAY):
            raise
        raise UnreachableError(
            "MLflow's database does not answer", which=database, found=str(error).splitlines()[0][:120],
            allowed="a file that nobody else holds for longer than a few seconds",
            next_step="see who holds it (fuser), then give the same command again: nothing was registered",
        ) from error  # fmt: skip
