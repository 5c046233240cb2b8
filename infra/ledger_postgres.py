"""A ledger on PostgreSQL: nobody waits without end. Behind `infra/ledger_engine.py`.

Writers take one advisory lock (`ledger_schema.take_turn`), so that the sequence has no gap and the chain no fork.

A server that is stopped keeps its connections open: the kernel acknowledges what it never reads, so neither keepalives
nor the server's own `statement_timeout` end the wait. The client has a clock of its own for that.
"""

from __future__ import annotations

from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from infra.ledger_engine import ANSWER_SECONDS, CONNECT_SECONDS, LOCK_SECONDS, SCHEMA, STATEMENT_SECONDS


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that no answer may keep waiting for longer than ANSWER_SECONDS; it is closed then."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval=interval, timeout=timeout or ANSWER_SECONDS)
        except psycopg.errors._WaitTimeout as error:
            self.close()
            raise psycopg.OperationalError(f"no answer within {ANSWER_SECONDS} s") from error


def postgres_engine(url: URL) -> Engine:
    """An engine whose connections and statements all have an end."""
    served = {
        "statement_timeout": STATEMENT_SECONDS * 1000, "lock_timeout": LOCK_SECONDS * 1000,
        "idle_in_transaction_session_timeout": ANSWER_SECONDS * 1000, "synchronous_commit": "on", "search_path": SCHEMA,
    }  # fmt: skip
    options = " ".join(f"-c {name}={value}" for name, value in served.items())
    arguments = {"connect_timeout": CONNECT_SECONDS, "options": options}
    engine = create_engine(url, connect_args=arguments, poolclass=NullPool, isolation_level="READ COMMITTED")

    @event.listens_for(engine, "do_connect")
    def on_connect(_: Any, __: Any, words: Any, given: Any) -> Any:
        return BoundedConnection.connect(*words, **given)

    return engine
