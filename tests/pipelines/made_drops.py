"""A whole drop of a session of the sample market, a few rows a noun, every row good."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import NOUNS
from pipelines.sources.drop import DropManifest, write_drop
from pipelines.sources.sample import MADE
from pipelines.step import StepContext
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_books import KNOWN_AT, OPEN_NS, books

OPEN = datetime.fromtimestamp(OPEN_NS // 1_000_000_000, KNOWN_AT.tzinfo)


def session_ns(day: date) -> int:
    return OPEN_NS + (day - FRIDAY).days * 86_400_000_000_000


def good_day(day: date = FRIDAY, rows: int = 5, noun_rows: int = 2) -> dict[str, pa.Table]:
    """Rows of all eight nouns; ids are numbered, times are the session's opening."""
    start = session_ns(day)
    at = {"event_at_ns": start, "event_at": start // 1000}
    tables = {"book_snapshots": books(rows, day=day, start_ns=start)}
    for noun in MADE[1:]:
        table = NOUNS[noun]
        identity = {
            name: [f"{name}-{number}" for number in range(noun_rows)] for name in table.key if name.endswith("_id")
        }
        identity |= {"sequence": list(range(noun_rows))} if "sequence" in table.key else {}
        if noun == "served_features":
            identity |= {"event_at_ns": [start + place for place in range(noun_rows)]}
        if noun in ("child_orders", "fills"):
            orders = ("parent_order_id", "child_order_id") if noun == "fills" else ("parent_order_id",)
            identity |= {name: [f"{name}-{number}" for number in range(noun_rows)] for name in orders}
        if noun == "parent_orders":
            identity |= {"instructed_start_at": start // 1000, "instructed_end_at": start // 1000 + 600_000_000}
        tables[noun] = plain_rows(table, noun_rows, day=day, **{**at, **identity})
    return tables


def drop(home: Path, tables: dict[str, pa.Table], day: date = FRIDAY) -> Path:
    folder = Settings(home=home).drops / "sample" / str(day)
    known_at = KNOWN_AT + timedelta(days=(day - FRIDAY).days)
    write_drop(folder, tables, DropManifest("sample", day, known_at, 7, "sample.execution/0", "ab12"))
    return folder


def a_context(home: Path, *days: date) -> StepContext:
    settings = Settings(home=home)
    return StepContext(settings, MARKETS["sample"], days or (FRIDAY,), Lake(settings.lake))
