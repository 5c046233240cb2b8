"""The ledger: an append-only, hash-chained SQL table of everything that was decided. The door to SQLAlchemy.

SQLite below the state folder by default (one file), PostgreSQL by `FILLWISE_LEDGER_URL`. `append` compares and swaps:
the writer says how many entries of the stream it has seen, and another number is refused (ConflictError: read again,
decide again). All drafts of one call go in together or not at all. An append whose answer was lost is found when it is
tried again, not doubled. Changes are refused by triggers (`ledger_schema.py`); what a database administrator does
around them, `verify` names, and `entries` refuses to read.

`at` is the caller's, `recorded_at` the database's clock; order is by sequence alone, so a clock that jumps changes
nothing, and both are in the chain, so an entry that was dated back shows.

    >>> import tempfile
    >>> from datetime import UTC
    >>> ledger = open_ledger(Settings(home=Path(tempfile.mkdtemp())))
    >>> monday = datetime(2026, 1, 5, tzinfo=UTC)
    >>> (entry,) = ledger.append("sample", 0, [Draft("noted", {"a": 1})], at=monday, actor="ada")
    >>> entry.sequence, entry.stream_sequence, ledger.verify().is_sound
    (2, 1, True)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random_exponential

from infra.errors import LedgerError, RefusedError, UnreachableError
from infra.ledger_chain import Draft, Entry, Head, Row, Verification, hash_of, verify_rows
from infra.ledger_engine import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    as_error,
    first_line,
    is_away,
    server_engine,
    sqlite_engine,
)
from infra.ledger_rows import FORMAT, OWN_STREAM, append_rows, count_of, first_row, head_of, make_ledger, rows_of
from infra.ledger_schema import ENTRIES, put_guards, take_turn, weaknesses
from infra.settings import Settings
from infra.times import stamp

__all__ = ["Draft", "Entry", "Head", "Ledger", "Verification", "is_embedded", "ledger_at", "ledger_file", "open_ledger"]
GUARDED = "guard_restored"
PATIENCE_SECONDS = 8
"""A database that restarts is back within seconds; longer is for the operator, and exit status 75 says so."""
BLOCK = 5_000


class _AwayError(Exception):
    """The database did not answer; the call may be tried again."""


class Ledger:
    """One ledger. `where`: what a message calls it, without a password."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.where = engine.url.render_as_string(hide_password=True)
        self._writer = engine.execution_options(is_writer=True)

    @retry(
        retry=retry_if_exception_type(_AwayError),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=0.1, max=1.0),
        reraise=True,
    )
    def _tried(self, engine: Engine, work: Any) -> Any:
        try:
            with engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            if is_away(error):
                raise _AwayError(first_line(error)) from error
            raise as_error(error, self.where) from error
        except UnicodeDecodeError as error:
            raise as_error(error, self.where) from error

    def _transact(self, engine: Engine, work: Any) -> Any:
        """Work in one transaction, tried for a few seconds. Raises UnreachableError when the database stays away."""
        try:
            return self._tried(engine, work)
        except _AwayError as error:
            raise UnreachableError(
                "ledger does not answer",
                which=self.where,
                found=str(error),
                allowed=f"a connection within {CONNECT_SECONDS} s and an answer within {ANSWER_SECONDS} s",
                next_step="start the database, then repeat; rollback and kill work without it",
            ) from error

    def append(
        self, stream: str, expected: int, drafts: Sequence[Draft], *, at: datetime, actor: str
    ) -> tuple[Entry, ...]:
        """Append to a stream of which `expected` entries were seen. Raises ConflictError when there are others.

        Raises ValueError for a payload that JSON cannot hold, and for a time without a zone.
        """
        if at.tzinfo is None:
            raise ValueError("an entry's time needs a zone")
        moment = stamp(at)

        def work(connection: Connection) -> list[Row]:
            return append_rows(connection, stream, expected, drafts, moment, actor)

        rows: list[Row] = self._transact(self._writer, work) if drafts else []
        return tuple(row.to_entry() for row in rows)

    def entries(self, stream: str | None = None, after: int = 0) -> tuple[Entry, ...]:
        """Entries of a stream, or all, behind a global sequence, in order. Raises LedgerError for an altered one."""
        return tuple(_trusted(row, self.where) for row in self.rows(stream, after))

    def rows(self, stream: str | None = None, after: int = 0) -> Iterator[Row]:
        """The same as stored, and unchecked, read in blocks."""
        while True:
            query = select(ENTRIES).where(ENTRIES.c.sequence > after).order_by(ENTRIES.c.sequence).limit(BLOCK)
            query = query if stream is None else query.where(ENTRIES.c.stream == stream)
            block: list[Row] = self._transact(self.engine, lambda connection, query=query: rows_of(connection, query))
            yield from block
            if len(block) < BLOCK:
                return
            after = block[-1].sequence

    def count(self, stream: str) -> int:
        """Entries of a stream."""
        return int(self._transact(self.engine, lambda connection: count_of(connection, stream)))

    def head(self) -> Head:
        """The last entry's place and hash."""
        found: Head = self._transact(self.engine, head_of)
        return found

    def verify(self, *heads: Head) -> Verification:
        """Recompute the whole chain, hold it against exported heads, see that file and guards are whole."""
        found = verify_rows(self.rows(), heads)
        weak = self._transact(self.engine, weaknesses) if found.is_sound else ()
        return replace(found, is_sound=False, reason=f"{found.reason}, but {'; '.join(weak)}") if weak else found

    def guard(self, *, at: datetime, actor: str) -> tuple[str, ...]:
        """Put back the triggers that somebody took off, and record it; their names."""

        def work(connection: Connection) -> tuple[str, ...]:
            take_turn(connection)
            return put_guards(connection)

        names: tuple[str, ...] = self._transact(self._writer, work)
        if names:
            draft = Draft(GUARDED, {"guards": list(names)})
            self.append(OWN_STREAM, self.count(OWN_STREAM), [draft], at=at, actor=actor)
        return names


def _trusted(row: Row, where: str) -> Entry:
    if row.hash == hash_of(row):
        return row.to_entry()
    raise LedgerError(
        "an entry of the ledger was altered", which=where, found=f"entry {row.sequence} ({row.kind} in {row.stream})",
        allowed="entries whose hash is theirs", next_step="fillwise ledger verify, then restore the last backup",
    )  # fmt: skip


def ledger_file(settings: Settings, purpose: str) -> Path:
    """The embedded ledger of a purpose."""
    return settings.home / "ledger" / ("ledger.db" if purpose == "desk" else f"{purpose}.db")


@lru_cache(maxsize=8)
def _engine(place: Path | str) -> Engine:
    return sqlite_engine(place) if isinstance(place, Path) else server_engine(place)


def _require(told: Entry, where: str, purpose: str) -> None:
    if told.payload.get("purpose") != purpose:
        raise RefusedError(
            "ledger is of another purpose",
            which=where,
            found=told.payload.get("purpose"),
            allowed=purpose,
            next_step="set FILLWISE_LEDGER_URL to the desk's own ledger",
        )
    if int(told.payload.get("format", FORMAT + 1)) > FORMAT:
        raise LedgerError(
            "ledger was made by a newer version",
            which=where,
            found=f"format {told.payload.get('format')}",
            allowed=f"up to {FORMAT}",
            next_step="update Fillwise",
        )


def is_embedded(settings: Settings, purpose: str) -> bool:
    """Whether the ledger of a purpose is a file of the state folder."""
    return not settings.ledger_url or purpose != "desk"


def ledger_at(settings: Settings, purpose: str) -> Ledger:
    """The ledger's place, with a ledger in it or not. Everybody but a restore wants `open_ledger`."""
    if not is_embedded(settings, purpose):
        return Ledger(_engine(settings.ledger_url))
    path = ledger_file(settings, purpose)
    path.parent.mkdir(parents=True, exist_ok=True)
    return Ledger(_engine(path))


def open_ledger(settings: Settings, purpose: str = "desk") -> Ledger:
    """The ledger of a purpose, made on first use. Raises RefusedError for one of another purpose, LedgerError for a
    newer or a damaged one.

    A simulation has a ledger of its own, in a file of its own, that the real desk refuses.
    """
    ledger = ledger_at(settings, purpose)
    first = ledger._transact(ledger.engine, first_row)
    if first is None:
        first = ledger._transact(ledger._writer, lambda connection: make_ledger(connection, purpose))
    if first is None:
        raise LedgerError(
            "ledger is damaged", which=ledger.where, found="entry 1 is missing", allowed="one chain from entry 1 on",
            next_step="keep this ledger, restore the last backup elsewhere (`fillwise restore`) and compare",
        )  # fmt: skip
    _require(_trusted(first, ledger.where), ledger.where, purpose)
    return ledger
