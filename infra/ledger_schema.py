"""The ledger's table, and the guards (triggers) that refuse to change it. Behind `infra/ledger.py`.

Guards refuse update, delete and truncate, and an insert that is not the next one: without that, SQLite's `INSERT OR
REPLACE` overwrites an entry and no trigger of deletion is asked.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, UniqueConstraint, inspect, text

from infra.ledger_engine import SCHEMA

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
    Column("recorded_at", Text, nullable=False, server_default=""),
    UniqueConstraint("stream", "stream_sequence"),
)
ADVISORY_LOCK = 7_451_206_911
REFUSAL = "the ledger is append-only"
NEXT = "NEW.sequence <> (SELECT COALESCE(MAX(sequence), 0) + 1 FROM ledger_entry)"
SQLITE_GUARDS = {
    "ledger_no_update": f"BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    "ledger_no_delete": f"BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    "ledger_no_gap": f"BEFORE INSERT ON ledger_entry WHEN {NEXT} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
}
POSTGRES_GUARDS = {
    "ledger_no_change": "BEFORE UPDATE OR DELETE ON ledger_entry FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    "ledger_no_truncate": "BEFORE TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
    "ledger_no_gap": "BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
}
POSTGRES_FUNCTION = (
    "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    f"IF TG_OP = 'INSERT' THEN IF NOT {NEXT} THEN RETURN NEW; END IF; END IF; RAISE EXCEPTION '{REFUSAL}'; END $$"
)
SQLITE_CLOCK = "SELECT strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
POSTGRES_CLOCK = """SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
IN_FORCE = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger_entry'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'ledger_entry'::regclass AND tgenabled IN ('O', 'A')",
}


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def take_turn(connection: Connection) -> None:
    """Be the only writer until the transaction ends. SQLite's `BEGIN IMMEDIATE` is that already."""
    if not _is_sqlite(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def database_time(connection: Connection) -> str:
    """The database's own clock, UTC."""
    return str(connection.execute(text(SQLITE_CLOCK if _is_sqlite(connection) else POSTGRES_CLOCK)).scalar())


def is_prepared(connection: Connection) -> bool:
    """Whether the table is there with every column."""
    found = inspect(connection)
    return found.has_table(ENTRIES.name) and any(
        one["name"] == "recorded_at" for one in found.get_columns(ENTRIES.name)
    )


def prepare(connection: Connection) -> None:
    """Make table and guards, and bring an older table to this form. A table in this form keeps the guards it has."""
    if is_prepared(connection):
        return
    if not _is_sqlite(connection):
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
    if inspect(connection).has_table(ENTRIES.name):
        connection.execute(text("ALTER TABLE ledger_entry ADD COLUMN recorded_at TEXT NOT NULL DEFAULT ''"))
    METADATA.create_all(connection)
    put_guards(connection)


def missing_guards(connection: Connection) -> tuple[str, ...]:
    """Names of the guards that are not there, or switched off."""
    there = set(connection.execute(text(IN_FORCE[connection.dialect.name])).scalars())
    wanted = SQLITE_GUARDS if _is_sqlite(connection) else POSTGRES_GUARDS
    return tuple(sorted(set(wanted) - there))


def weaknesses(connection: Connection) -> tuple[str, ...]:
    """What is wrong around the entries, in words: guards that are missing, an index of the file that lost some."""
    missing = missing_guards(connection)
    found = [f"nothing refuses changes any more: {', '.join(missing)} missing"] if missing else []
    checked = connection.execute(text("PRAGMA integrity_check(1)")).scalar() if _is_sqlite(connection) else "ok"
    return tuple(found if checked == "ok" else [*found, f"the file is damaged: {checked}"])


def put_guards(connection: Connection) -> tuple[str, ...]:
    """Put the missing guards back; their names."""
    missing = missing_guards(connection)
    guards = SQLITE_GUARDS if _is_sqlite(connection) else POSTGRES_GUARDS
    if missing and not _is_sqlite(connection):
        connection.execute(text(POSTGRES_FUNCTION))
    for name in missing:
        verb = "CREATE TRIGGER" if _is_sqlite(connection) else "CREATE OR REPLACE TRIGGER"
        connection.execute(text(f"{verb} {name} {guards[name]}"))
    return missing
