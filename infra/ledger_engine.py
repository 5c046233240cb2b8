"""Connections to the ledger's database, each with an end, and what its errors mean. Behind `infra/ledger.py`.

    SQLite       a file; writers `BEGIN IMMEDIATE`, readers wait for nobody
    PostgreSQL   `ledger_postgres.py`, loaded only where there is one

Each transaction connects anew: a kept connection may be dead, or shared with a forked child.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from infra.errors import ConflictError, DiskFullError, FillwiseError, LedgerError, SettingsError

CONNECT_SECONDS, LOCK_SECONDS, STATEMENT_SECONDS, ANSWER_SECONDS = 5, 5, 8, 10
"""A writer holds the lock for milliseconds and a block is read within one second: more than these is a database that
hangs. The client waits longest, so that a server that lives says itself what it waits for."""
SCHEMA = "fillwise"
SYNC = "EXTRA"
"""With FULL a power cut right after a commit may bring the journal's name back and undo an entry that was acknowledged;
EXTRA syncs the folder too. A rollback journal rather than a write-ahead log: the ledger is one file, whatever disk it
lies on, and a few entries a minute need no more."""


def sqlite_engine(path: Path) -> Engine:
    """An engine on a file of the state folder, whatever characters its path has."""
    return _sqlite(URL.create("sqlite", database=str(path)))


def server_engine(address: str) -> Engine:
    """An engine of `FILLWISE_LEDGER_URL`. Raises SettingsError for an address that is none of PostgreSQL's."""
    try:
        url, found = make_url(address), "another kind of database"
    except ArgumentError:
        url, found = URL.create("nothing"), "no address"
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise SettingsError(
            "cannot use the ledger's address", which="FILLWISE_LEDGER_URL", found=found,
            allowed="postgresql+psycopg://user@host:port/database", next_step="correct or unset the variable",
        )  # fmt: skip
    from infra.ledger_postgres import postgres_engine

    return postgres_engine(url.set(drivername="postgresql+psycopg"))


def _sqlite(url: URL) -> Engine:
    arguments = {"timeout": LOCK_SECONDS, "isolation_level": None}
    engine = create_engine(url, connect_args=arguments, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.text_factory = _text
        connection.execute(f"PRAGMA synchronous={SYNC}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        is_writer = connection.get_execution_options().get("is_writer", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    return engine


def _text(raw: bytes) -> str:
    """Text of the file; a damaged byte becomes another character, so that `verify` can name its entry."""
    return raw.decode(errors="replace")


def is_away(error: DBAPIError) -> bool:
    """Whether the database does not answer, so that the same may succeed in a moment."""
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


def as_error(error: DBAPIError | UnicodeDecodeError, where: str) -> FillwiseError:
    """What an error that trying again does not mend means to a person.

    A damaged file can be so damaged that SQLite's message about it is no text: a UnicodeDecodeError.
    """
    found = first_line(error) if isinstance(error, DBAPIError) else "a damaged file"
    if getattr(getattr(error, "orig", None), "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        return DiskFullError(
            "disk is full", which=where, found=found, allowed="room for a few kilobytes",
            next_step="make room (`fillwise maintain` says what may go), then repeat; nothing was written",
        )  # fmt: skip
    if isinstance(error, IntegrityError):
        return ConflictError(
            "another writer was first", which=where, found=found, allowed="the place behind the last entry",
            next_step="repeat the command",
        )  # fmt: skip
    return LedgerError(
        "ledger cannot be used", which=where, found=found, allowed="a ledger that can be read and written",
        next_step="keep this file, restore the last backup elsewhere (`fillwise restore`) and compare",
    )  # fmt: skip


def first_line(error: DBAPIError) -> str:
    """The database's own words, without the statement."""
    return (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]
