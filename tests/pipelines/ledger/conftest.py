"""A real PostgreSQL, for the tests that ask for one."""

from tests.postgres_server import ledger_home, postgres

__all__ = ["ledger_home", "postgres"]
