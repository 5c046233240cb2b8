"""What happens to a ledger's machines: writers at once, writers killed, servers that crash, hang or are gone."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from infra.errors import DiskFullError, UnreachableError
from infra.ledger import PATIENCE_SECONDS, Draft, ledger_file, open_ledger
from infra.ledger_engine import ANSWER_SECONDS, CONNECT_SECONDS
from infra.settings import Settings
from tests.infra.full_disk import fill, needs_root, small_disk
from tests.infra.made_ledger import AT, append, noted, writer
from tests.postgres_server import PostgresServer, emptied, free_port

KILLS = int(os.environ.get("FAULT_TRIES", "3"))
MOST_SECONDS = PATIENCE_SECONDS + 1 + CONNECT_SECONDS + ANSWER_SECONDS
"""The last try may begin when patience ends, wait a second, connect and then get no answer."""


def test_four_writers_at_once_make_one_chain_without_gaps(ledger_home: Settings) -> None:
    ledger = open_ledger(ledger_home)
    processes = [writer(ledger_home, f"w{number}", 25) for number in range(4)]
    for process in processes:
        process.communicate(timeout=300)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert sorted(noted(ledger)) == sorted(f"w{who}-{number}" for who in range(4) for number in range(25))
    found = ledger.verify()
    assert (found.is_sound, found.entries) == (True, 101)


def test_four_first_users_at_once_make_one_ledger(ledger_home: Settings) -> None:
    processes = [writer(ledger_home, f"f{number}", 1) for number in range(4)]
    for process in processes:
        process.communicate(timeout=300)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert open_ledger(ledger_home).verify().entries == 5


def test_a_killed_writer_loses_nothing_that_was_acknowledged(ledger_home: Settings) -> None:
    ledger, chance = open_ledger(ledger_home), random.Random(7)
    for attempt in range(KILLS):
        with writer(ledger_home, f"k{attempt}", 2000) as process:
            assert process.stdout is not None
            acknowledged = [process.stdout.readline() for _ in range(2)][1:]
            time.sleep(chance.random() * 0.3)
            process.send_signal(signal.SIGKILL)
            acknowledged += process.stdout.readlines()
        whole = [line.strip() for line in acknowledged if line.endswith("\n")]
        found = [name for name in noted(ledger) if name.startswith(f"k{attempt}-")]
        assert found[: len(whole)] == whole
        assert len(found) - len(whole) <= 1
    assert ledger.verify().is_sound


@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_postgresql_that_restarts_leaves_each_entry_once(postgres: PostgresServer, tmp_path: Path, mode: str) -> None:
    settings = emptied(Settings(home=tmp_path, ledger_url=postgres.url))
    with writer(settings, "p", 120) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        postgres.stop(mode)
        time.sleep(0.5)
        postgres.start()
        process.communicate(timeout=300)
    assert process.returncode == 0
    assert noted(open_ledger(settings)) == [f"p-{number}" for number in range(120)]
    assert open_ledger(settings).verify().is_sound


def seconds_until_unreachable(work: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="rollback and kill work without it"):
        work()
    return time.monotonic() - started


def test_a_server_that_is_gone_is_said_within_seconds(tmp_path: Path) -> None:
    address = f"postgresql+psycopg://fillwise:s3cret@127.0.0.1:{free_port()}/postgres"
    gone = Settings(home=tmp_path, ledger_url=address)
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="rollback and kill work without it") as raised:
        open_ledger(gone)
    assert time.monotonic() - started < PATIENCE_SECONDS + 3
    assert raised.value.exit_code == 75
    assert "s3cret" not in str(raised.value)


def test_a_server_that_hangs_is_said_within_seconds(postgres: PostgresServer, tmp_path: Path) -> None:
    ledger = open_ledger(Settings(home=tmp_path, ledger_url=postgres.url))
    append(ledger, "sample")
    postgres.freeze()
    try:
        took = seconds_until_unreachable(ledger.head)
    finally:
        postgres.thaw()
    assert took < MOST_SECONDS
    assert ledger.verify().is_sound


def test_a_server_that_hangs_in_a_transaction_is_said_within_seconds(postgres: PostgresServer, tmp_path: Path) -> None:
    ledger = open_ledger(Settings(home=tmp_path, ledger_url=postgres.url))
    before = ledger.head()

    def hang(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        postgres.freeze()
        connection.execute(text("SELECT 1"))

    try:
        took = seconds_until_unreachable(lambda: ledger._transact(ledger.engine, hang))
    finally:
        postgres.thaw()
    assert took < MOST_SECONDS
    assert ledger.verify(before).is_sound


def test_a_file_that_another_holds_is_said_within_seconds_and_can_be_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    ledger = open_ledger(settings)
    append(ledger, "sample")
    with closing(sqlite3.connect(ledger_file(settings, "desk"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert ledger.count("sample") == 1
        assert time.monotonic() - started < 1.0
        assert seconds_until_unreachable(lambda: append(ledger, "sample")) < MOST_SECONDS


@needs_root
def test_a_full_disk_is_said_and_the_ledger_is_as_it_was(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        settings = Settings(home=disk)
        ledger = open_ledger(settings)
        append(ledger, "sample", 3)
        fill(disk)
        with pytest.raises(DiskFullError, match="nothing was written"):
            ledger.append("sample", 3, [Draft("noted", {"long": "x" * 20_000})], at=AT, actor="ada")
        (disk / "filler").unlink()
        found = ledger.verify()
        assert (found.is_sound, found.entries) == (True, 4)
        append(ledger, "sample")
