"""A ledger on each of its databases, for every test that asks for one."""

from tests.postgres_server import ledger_home, postgres

__all__ = ["ledger_home", "postgres"]
