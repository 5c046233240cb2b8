"""The ledger on SQLite and on a real PostgreSQL: one chain, one winner, nothing doubled, nothing altered unseen."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from infra import ledger as door
from infra.errors import ConflictError, LedgerError, RefusedError, UnreachableError
from infra.ledger import Draft, Head, Ledger, open_ledger
from infra.ledger_chain import FIRST_HASH, Row, chained, verify_rows
from infra.settings import Settings
from tests.postgres_server import PostgresServer, free_port

AT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
KILLS = int(os.environ.get("FAULT_TRIES", "3"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="fillwise-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "server", free_port())
        server.make()
        server.start()
        yield server
        server.stop("immediate")


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return Settings(home=tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    settings = Settings(home=tmp_path, ledger_url=server.url)
    with open_ledger(settings).engine.begin() as connection:
        connection.execute(text("DROP TABLE ledger_entry"))
    return settings


def append(ledger: Ledger, stream: str, count: int = 1) -> None:
    for _ in range(count):
        ledger.append(stream, ledger.count(stream), [Draft("noted", {"é": [1, 2.5, None]})], at=AT, actor="ada")


def unguarded(ledger: Ledger, *statements: str) -> None:
    """What a database administrator can do: take the triggers off first."""
    is_sqlite = ledger.engine.dialect.name == "sqlite"
    names = ("ledger_no_update", "ledger_no_delete") if is_sqlite else ("ledger_no_change", "ledger_no_truncate")
    with ledger.engine.begin() as connection:
        for name in names:
            connection.execute(text(f"DROP TRIGGER {name}" + ("" if is_sqlite else " ON ledger_entry")))
        for statement in statements:
            connection.execute(text(statement))


def test_entries_come_back_as_they_were_written(home: Settings) -> None:
    ledger = open_ledger(home)
    (entry,) = ledger.append("sample", 0, [Draft("noted", {"b": 1, "a": "ü"})], at=AT, actor="ada")
    assert ledger.entries("sample") == (entry,)
    assert (entry.sequence, entry.stream_sequence, entry.at) == (2, 1, "2026-11-20T21:00:00.000000Z")


def test_a_writer_who_has_not_seen_the_last_entry_is_refused(home: Settings) -> None:
    ledger = open_ledger(home)
    append(ledger, "sample")
    with pytest.raises(ConflictError, match="found 1 entries"):
        ledger.append("sample", 0, [Draft("other", {})], at=AT, actor="bob")


def test_streams_share_one_chain(home: Settings) -> None:
    ledger = open_ledger(home)
    for stream in ("sample", "people", "sample"):
        append(ledger, stream)
    entries = ledger.entries()
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert [entry.previous_hash for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]


def test_all_drafts_go_in_or_none(home: Settings) -> None:
    ledger = open_ledger(home)
    with pytest.raises(ValueError, match="JSON compliant"):
        ledger.append("sample", 0, [Draft("good", {}), Draft("bad", {"x": float("nan")})], at=AT, actor="ada")
    assert ledger.count("sample") == 0


def test_an_append_whose_answer_was_lost_is_not_doubled(home: Settings) -> None:
    ledger, drafts = open_ledger(home), [Draft("noted", {"n": 1}), Draft("noted", {"n": 2})]
    first = ledger.append("sample", 0, drafts, at=AT, actor="ada")
    assert ledger.append("sample", 0, drafts, at=AT, actor="ada") == first
    assert ledger.count("sample") == 2


@pytest.mark.parametrize("statement", ["UPDATE ledger_entry SET actor = 'eve'", "DELETE FROM ledger_entry"])
def test_changes_are_refused_by_trigger(home: Settings, statement: str) -> None:
    ledger = open_ledger(home)
    append(ledger, "sample")
    with pytest.raises(DBAPIError, match="append-only"), ledger.engine.begin() as connection:
        connection.execute(text(statement))
    assert ledger.verify().is_sound


def test_a_truncate_is_refused_by_trigger(postgres: PostgresServer, tmp_path: Path) -> None:
    ledger = open_ledger(Settings(home=tmp_path, ledger_url=postgres.url))
    with pytest.raises(DBAPIError, match="append-only"), ledger.engine.begin() as connection:
        connection.execute(text("TRUNCATE ledger_entry"))


@pytest.mark.parametrize(
    ("statement", "first_bad", "said"),
    [
        ("UPDATE ledger_entry SET payload = '{}' WHERE sequence = 4", 4, "entry 4 was altered"),
        ("UPDATE ledger_entry SET at = '2020' WHERE sequence = 3", 3, "entry 3 was altered"),
        ("DELETE FROM ledger_entry WHERE sequence = 5", 5, "entry 5 is missing"),
        ("UPDATE ledger_entry SET hash = 'x' WHERE sequence = 2", 2, "entry 2 was altered"),
    ],
)
def test_what_an_administrator_changed_is_named(home: Settings, statement: str, first_bad: int, said: str) -> None:
    ledger = open_ledger(home)
    append(ledger, "sample", 8)
    unguarded(ledger, statement)
    found = ledger.verify()
    assert (found.is_sound, found.first_bad) == (False, first_bad)
    assert said in found.reason


def test_entries_that_changed_places_are_named(home: Settings) -> None:
    ledger = open_ledger(home)
    append(ledger, "sample", 3)
    swap = "UPDATE ledger_entry SET sequence = {} WHERE sequence = {}"
    unguarded(ledger, swap.format(99, 2), swap.format(2, 3), swap.format(3, 99))
    assert ledger.verify().first_bad == 2


def test_a_missing_tail_and_a_rewritten_chain_show_against_an_exported_head(home: Settings) -> None:
    ledger = open_ledger(home)
    append(ledger, "sample", 4)
    head = ledger.head()
    unguarded(ledger, "DELETE FROM ledger_entry WHERE sequence > 3")
    assert ledger.verify().is_sound
    assert "the tail is missing: 3 entries, a head of 5 was exported" in ledger.verify(head).reason
    append(ledger, "sample", 1)
    append(ledger, "people", 3)
    assert "another hash than the exported head" in ledger.verify(head).reason


def test_one_altered_byte_of_the_file_is_found(tmp_path: Path) -> None:
    ledger = open_ledger(Settings(home=tmp_path))
    for number in range(20):
        ledger.append("sample", number, [Draft("noted", {"word": f"needle{number:02d}"})], at=AT, actor="ada")
    ledger.engine.dispose()
    path = tmp_path / "ledger" / "ledger.db"
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"needle07", b"needlf07", 1))
    found = ledger.verify()
    assert (found.is_sound, found.first_bad) == (False, 9)


def test_a_simulations_ledger_is_refused_by_the_desk(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    open_ledger(settings, "simulation")
    other = Settings(home=tmp_path, ledger_url=f"sqlite:///{tmp_path / 'ledger' / 'simulation.db'}")
    with pytest.raises(RefusedError, match="found simulation; allowed: desk"):
        open_ledger(other)


def test_a_newer_ledger_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path)
    monkeypatch.setattr(door, "FORMAT", 2)
    open_ledger(settings)
    monkeypatch.setattr(door, "FORMAT", 1)
    with pytest.raises(LedgerError, match="newer version"):
        open_ledger(settings)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from infra.errors import ConflictError
from infra.ledger import Draft, open_ledger
from infra.settings import Settings
ledger = open_ledger(Settings(home=Path(sys.argv[1]), ledger_url=sys.argv[2]))
who, wished = sys.argv[3], int(sys.argv[4])
print("ready", flush=True)
for number in range(wished):
    while True:
        try:
            draft = Draft("noted", {"id": f"{who}-{number}"})
            ledger.append("sample", ledger.count("sample"), [draft], at=datetime(2026, 1, 5, tzinfo=UTC), actor=who)
            break
        except ConflictError:
            continue
    print(f"{who}-{number}", flush=True)
"""


def writer(home: Settings, who: str, count: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(home.home), home.ledger_url, who, str(count)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def noted(ledger: Ledger) -> list[str]:
    return [str(entry.payload["id"]) for entry in ledger.entries("sample")]


def test_four_writers_at_once_make_one_chain_without_gaps(home: Settings) -> None:
    ledger = open_ledger(home)
    processes = [writer(home, f"w{number}", 25) for number in range(4)]
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert sorted(noted(ledger)) == sorted(f"w{who}-{number}" for who in range(4) for number in range(25))
    assert ledger.verify().is_sound


def test_a_killed_writer_loses_nothing_that_was_acknowledged(home: Settings) -> None:
    ledger, chance = open_ledger(home), random.Random(7)
    for attempt in range(KILLS):
        with writer(home, f"k{attempt}", 2000) as process:
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


def test_postgresql_that_crashes_and_restarts_leaves_each_entry_once(postgres: PostgresServer, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, ledger_url=postgres.url)
    ledger = open_ledger(settings)
    unguarded(ledger, "DELETE FROM ledger_entry")
    open_ledger(settings)
    with writer(settings, "p", 400) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        postgres.stop("immediate")
        time.sleep(0.5)
        postgres.start()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert noted(ledger) == [f"p-{number}" for number in range(400)]


def test_a_database_that_is_away_or_hangs_is_said_within_seconds(postgres: PostgresServer, tmp_path: Path) -> None:
    gone = Settings(home=tmp_path, ledger_url=f"postgresql+psycopg://fillwise@127.0.0.1:{free_port()}/postgres")
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="rollback and kill work without it"):
        open_ledger(gone)
    assert time.monotonic() - started < 30.0
    ledger = open_ledger(Settings(home=tmp_path, ledger_url=postgres.url))
    ledger.engine.dispose()
    postgres.freeze()
    started = time.monotonic()
    try:
        with pytest.raises(UnreachableError):
            ledger.head()
    finally:
        postgres.thaw()
    assert time.monotonic() - started < 40.0


def rows(kinds: list[tuple[str, int]]) -> list[Row]:
    found: list[Row] = []
    places: dict[str, int] = {}
    for stream, number in kinds:
        head = Head(found[-1].sequence, found[-1].hash) if found else Head(0, FIRST_HASH)
        found += chained(head, stream, places.get(stream, 0), "t", "ada", [Draft("noted", {"n": number})])
        places[stream] = places.get(stream, 0) + 1
    return found


CHANGES = ("stream", "stream_sequence", "at", "actor", "kind", "payload", "previous_hash", "hash", "sequence")


@rules(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), min_size=1, max_size=12), st.data())
def test_any_single_change_is_found_at_its_place(kinds: list[tuple[str, int]], data: st.DataObject) -> None:
    chain = rows(kinds)
    assert verify_rows(chain).is_sound
    place, name = data.draw(st.integers(0, len(chain) - 1)), data.draw(st.sampled_from(CHANGES))
    old = getattr(chain[place], name)
    changed = old + 1 if isinstance(old, int) else json.dumps({"n": 99}) if name == "payload" else f"{old}x"
    chain[place] = Row(**{**chain[place].__dict__, name: changed})
    assert verify_rows(chain).first_bad == place + 1
