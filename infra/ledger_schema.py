"""The ledger's table, and the triggers that refuse to change it. SQLAlchemy's second door, behind `infra/ledger.py`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Engine, MetaData, Table, Text, UniqueConstraint, create_engine, event, text

CONNECT_SECONDS, STATEMENT_SECONDS, LOCK_SECONDS = 5, 15, 10
"""A database that does not answer must not hold up a rollback: five seconds to connect, fifteen for a statement."""
METADATA = MetaData()
ENTRIES = Table(
    "ledger_entry",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", Text, nullable=False),
    Column("stream_sequence", BigInteger, nullable=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    UniqueConstraint("stream", "stream_sequence"),
)
ADVISORY_LOCK = 7_451_206_911
REFUSAL = "the ledger is append-only"
SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS ledger_no_{verb.lower()} BEFORE {verb} ON ledger_entry "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    for verb in ("UPDATE", "DELETE")
)
POSTGRES_TRIGGERS = (
    "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
    "CREATE OR REPLACE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE ON ledger_entry "
    "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    "CREATE OR REPLACE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger_entry "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
)


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgres(url: str) -> Engine:
    options = f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c lock_timeout={LOCK_SECONDS * 1000}"
    alive = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
    arguments = {"connect_timeout": CONNECT_SECONDS, "options": options, "tcp_user_timeout": 15_000, **alive}
    return create_engine(url, connect_args=arguments, pool_pre_ping=True)


def open_engine(url: str) -> Engine:
    """An engine whose transactions are the only writer while they last, and whose connections all have an end."""
    return _sqlite(url) if url.startswith("sqlite") else _postgres(url)


def take_turn(connection: Any) -> None:
    """Be the only writer until the transaction ends. SQLite's `BEGIN IMMEDIATE` is that already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def prepare(connection: Any) -> None:
    """Make table and triggers where they are missing."""
    METADATA.create_all(connection)
    triggers = SQLITE_TRIGGERS if connection.dialect.name == "sqlite" else POSTGRES_TRIGGERS
    for statement in triggers:
        connection.execute(text(statement))
