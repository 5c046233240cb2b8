"""Ledgers to be tried: entries, writers in processes of their own, what an administrator does around the guards."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

from infra.ledger import Draft, Head, Ledger
from infra.ledger_chain import FIRST_HASH, Row, chained
from infra.settings import Settings

AT = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
NOTE = Draft("noted", {"é": [1, 2.5, None]})
GUARDS = {
    "sqlite": ("ledger_no_update", "ledger_no_delete", "ledger_no_gap"),
    "postgresql": ("ledger_no_change", "ledger_no_truncate", "ledger_no_gap"),
}


def append(ledger: Ledger, stream: str, count: int = 1) -> None:
    for _ in range(count):
        ledger.append(stream, ledger.count(stream), [NOTE], at=AT, actor="ada")


def execute(ledger: Ledger, *statements: str) -> None:
    with ledger.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def unguarded(ledger: Ledger, *statements: str, back: bool = True) -> None:
    """What a database administrator can do: take the guards off, and put them back when it is done."""
    kind = ledger.engine.dialect.name
    execute(
        ledger,
        *(f"DROP TRIGGER {name}" + ("" if kind == "sqlite" else " ON ledger_entry") for name in GUARDS[kind]),
        *statements,
    )
    if back:
        from infra.ledger_schema import put_guards

        with ledger.engine.begin() as connection:
            put_guards(connection)


def chain_of(notes: list[tuple[str, int]]) -> list[Row]:
    """Rows of one chain: (stream, number) after (stream, number)."""
    found: list[Row] = []
    places: dict[str, int] = {}
    for stream, number in notes:
        head = Head(found[-1].sequence, found[-1].hash) if found else Head(0, FIRST_HASH)
        draft = Draft("noted", {"n": number})
        found += chained(head, stream, places.get(stream, 0), "t", "ada", [draft], "now" * (number % 2))
        places[stream] = places.get(stream, 0) + 1
    return found


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
    """A process that appends, and prints each entry that was acknowledged."""
    words = [sys.executable, "-c", WRITER, str(home.home), home.ledger_url, who, str(count)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def noted(ledger: Ledger) -> list[str]:
    return [str(entry.payload["id"]) for entry in ledger.entries("sample")]
