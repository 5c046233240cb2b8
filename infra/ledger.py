"""The ledger: an append-only, hash-chained SQL table of everything that was decided. The door to SQLAlchemy.

SQLite below the state folder by default (one file, `BEGIN IMMEDIATE`, full sync), PostgreSQL by `FILLWISE_LEDGER_URL`.
`append` is a compare-and-swap: the writer says how many entries of the stream it has seen, and another number is
refused (ConflictError: read again, decide again). All drafts of one call go in together or not at all. An append whose
answer was lost is found when it is tried again, not doubled. Updates and deletes are refused by triggers; what a
database administrator does around them, `verify` names.

Times are the caller's; order is by sequence alone, so a clock that jumps changes nothing.

    >>> import tempfile
    >>> from datetime import UTC, datetime
    >>> ledger = open_ledger(Settings(home=Path(tempfile.mkdtemp())))
    >>> monday = datetime(2026, 1, 5, tzinfo=UTC)
    >>> (entry,) = ledger.append("sample", 0, [Draft("noted", {"a": 1})], at=monday, actor="ada")
    >>> entry.sequence, entry.stream_sequence, ledger.verify().is_sound
    (2, 1, True)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random_exponential

from infra.errors import ConflictError, LedgerError, RefusedError, UnreachableError
from infra.ledger_chain import FIRST_HASH, Draft, Entry, Head, Row, Verification, chained, verify_rows
from infra.ledger_schema import ENTRIES, open_engine, prepare, take_turn
from infra.settings import Settings
from infra.signing import canonical

__all__ = ["Draft", "Entry", "Head", "Ledger", "Verification", "ledger_file", "open_ledger"]
FORMAT = 1
OWN_STREAM, OPENED = "ledger", "ledger_opened"
PATIENCE_SECONDS = 8.0
"""A database that restarts is back within seconds; longer is for the operator, and exit status 75 says so."""
BLOCK = 5_000


class _AwayError(Exception):
    """The database did not answer; the call may be tried again."""


def _is_away(error: DBAPIError) -> bool:
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


class Ledger:
    """One ledger. `where`: what a message calls it, without a password."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.where = engine.url.render_as_string(hide_password=True)

    @retry(
        retry=retry_if_exception_type(_AwayError),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=0.1, max=1.0),
        reraise=True,
    )
    def _tried(self, work: Any) -> Any:
        try:
            with self.engine.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            if _is_away(error):
                raise _AwayError(str(error.orig).strip().splitlines()[0]) from error
            raise

    def _transact(self, work: Any) -> Any:
        """Work in one transaction, tried for a few seconds. Raises UnreachableError when the database stays away."""
        try:
            return self._tried(work)
        except _AwayError as error:
            raise UnreachableError(
                "ledger does not answer",
                which=self.where,
                found=str(error),
                allowed=f"an answer within {PATIENCE_SECONDS:g} s",
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
        stamp = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

        def work(connection: Connection) -> list[Row]:
            take_turn(connection)
            return _append(connection, stream, expected, drafts, stamp, actor)

        rows: list[Row] = self._transact(work)
        return tuple(row.to_entry() for row in rows)

    def entries(self, stream: str | None = None, after: int = 0) -> tuple[Entry, ...]:
        """Entries of a stream, or all, behind a global sequence, in order."""
        query = select(ENTRIES).where(ENTRIES.c.sequence > after).order_by(ENTRIES.c.sequence)
        if stream is not None:
            query = query.where(ENTRIES.c.stream == stream)
        rows: list[Row] = self._transact(lambda connection: [_row(one) for one in connection.execute(query)])
        return tuple(row.to_entry() for row in rows)

    def count(self, stream: str) -> int:
        """Entries of a stream."""
        return int(self._transact(lambda connection: _count(connection, stream)))

    def head(self) -> Head:
        """The last entry's place and hash."""
        found: Head = self._transact(_head)
        return found

    def _blocks(self) -> Iterator[Row]:
        after = 0
        while True:
            query = select(ENTRIES).where(ENTRIES.c.sequence > after).order_by(ENTRIES.c.sequence).limit(BLOCK)
            rows = self._transact(lambda connection, query=query: [_row(one) for one in connection.execute(query)])
            yield from rows
            if len(rows) < BLOCK:
                return
            after = rows[-1].sequence

    def verify(self, *heads: Head) -> Verification:
        """Recompute the whole chain, and hold it against exported heads."""
        return verify_rows(self._blocks(), heads)


def _row(found: Any) -> Row:
    return Row(**found._mapping)


def _count(connection: Connection, stream: str) -> int:
    query = select(func.max(ENTRIES.c.stream_sequence)).where(ENTRIES.c.stream == stream)
    return int(connection.execute(query).scalar() or 0)


def _head(connection: Connection) -> Head:
    query = select(ENTRIES.c.sequence, ENTRIES.c.hash).order_by(ENTRIES.c.sequence.desc()).limit(1)
    found = connection.execute(query).first()
    return Head(0, FIRST_HASH) if found is None else Head(int(found[0]), str(found[1]))


def _appended_before(
    connection: Connection, stream: str, expected: int, drafts: Sequence[Draft], at: str, actor: str
) -> list[Row]:
    """The same entries at the same place, from an append whose answer was lost; none when others are there."""
    query = select(ENTRIES).where(ENTRIES.c.stream == stream, ENTRIES.c.stream_sequence > expected)
    rows = [_row(one) for one in connection.execute(query.order_by(ENTRIES.c.sequence))][: len(drafts)]
    told = [(row.kind, row.payload, row.at, row.actor) for row in rows]
    wished = [(draft.kind, canonical(draft.payload), at, actor) for draft in drafts]
    return rows if told == wished else []


def _append(
    connection: Connection, stream: str, expected: int, drafts: Sequence[Draft], at: str, actor: str
) -> list[Row]:
    found = _count(connection, stream)
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
    rows = chained(_head(connection), stream, found, at, actor, drafts)
    connection.execute(ENTRIES.insert(), [row.__dict__ for row in rows])
    return rows


def ledger_file(settings: Settings, purpose: str) -> Path:
    """The embedded ledger of a purpose."""
    return settings.home / "ledger" / ("ledger.db" if purpose == "desk" else f"{purpose}.db")


@lru_cache(maxsize=8)
def _engine(url: str) -> Engine:
    return open_engine(url)


def _open(connection: Connection, purpose: str) -> Any:
    take_turn(connection)
    prepare(connection)
    query = select(ENTRIES).where(ENTRIES.c.sequence == 1)
    found = connection.execute(query).first()
    if found is None:
        draft = Draft(OPENED, {"purpose": purpose, "format": FORMAT})
        rows = chained(Head(0, FIRST_HASH), OWN_STREAM, 0, "", "fillwise", [draft])
        connection.execute(ENTRIES.insert(), [row.__dict__ for row in rows])
        return draft.payload
    return _row(found).to_entry().payload


def open_ledger(settings: Settings, purpose: str = "desk") -> Ledger:
    """The ledger of a purpose, made on first use. Raises RefusedError for one of another purpose, LedgerError for a
    newer.

    A simulation has a ledger of its own, in a file of its own, that the real desk refuses.
    """
    path = ledger_file(settings, purpose)
    is_embedded = not settings.ledger_url or purpose != "desk"
    if is_embedded:
        path.parent.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(_engine(f"sqlite:///{path}" if is_embedded else settings.ledger_url))
    told = ledger._transact(lambda connection: _open(connection, purpose))
    if told.get("purpose") != purpose:
        raise RefusedError(
            "ledger is of another purpose",
            which=ledger.where,
            found=told.get("purpose"),
            allowed=purpose,
            next_step="set FILLWISE_LEDGER_URL to the desk's own ledger",
        )
    if int(told.get("format", FORMAT + 1)) > FORMAT:
        raise LedgerError(
            "ledger was made by a newer version",
            which=ledger.where,
            found=f"format {told.get('format')}",
            allowed=f"up to {FORMAT}",
            next_step="update Fillwise",
        )
    return ledger
