"""What `fillwise ledger verify|export|show|copy|guard` does."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.errors import UsageError
from infra.ledger import Entry, Ledger, open_ledger
from infra.ledger_chain import Row, hash_of
from infra.ledger_transfer import write_lines
from infra.settings import Settings
from pipelines.arguments import market_named
from pipelines.ledger.heads import export_head, exported_heads, read_head

LAST_SHOWN = 20
WORDS_SHOWN = 240
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def ledger_of(settings: Settings) -> Ledger:
    """The ledger that this state folder decides by."""
    return open_ledger(settings, settings.ledger_purpose)


def _told(payload: Mapping[str, Any]) -> str:
    """What an event says, without its tables: `reason because it is cheaper; share 0.1`."""
    found = []
    for name, value in payload.items():
        texts = value if isinstance(value, list) else [value]
        if texts and all(isinstance(one, str | int | float | bool) for one in texts):
            found.append(f"{name} {', '.join(DIGEST.sub(_short, str(one)) for one in texts)}")
    return "; ".join(found)


def _short(digest: re.Match[str]) -> str:
    return digest.group()[:12]


def line_of(entry: Entry) -> str:
    """An entry as a person reads it."""
    told = " ".join(_told(entry.payload).split())
    short = told if len(told) <= WORDS_SHOWN else f"{told[:WORDS_SHOWN]}…"
    return f"{entry.sequence:>6}  {entry.at[:19] or '-':19}  {entry.stream:10} {entry.kind:20} {entry.actor:10} {short}"


def _line(row: Row) -> str:
    """The same of a stored row, which may have been altered."""
    if row.hash == hash_of(row):
        return line_of(row.to_entry())
    return f"{row.sequence:>6}  ALTERED: {row.stream} {row.kind} {row.actor} {row.payload[:WORDS_SHOWN]}"


def _verify(settings: Settings, arguments: Namespace) -> int:
    heads = (read_head(Path(arguments.head)),) if arguments.head else exported_heads(settings)
    found = ledger_of(settings).verify(*heads)
    print(f"{'sound' if found.is_sound else 'NOT SOUND'}: {found.reason}; {len(heads)} exported heads looked at")
    return 0 if found.is_sound else 1


def _export(settings: Settings, arguments: Namespace) -> int:
    book = ledger_of(settings)
    path = export_head(settings, book, datetime.now(UTC), Path(arguments.to) if arguments.to else None)
    print(f"head of {read_head(path).sequence} entries written to {path}")
    print("keep a copy where those who administer the database cannot write")
    if arguments.all:
        lines = path.with_suffix(".entries.jsonl")
        print(f"{write_lines(book.rows(), lines)} entries written to {lines}")
    return 0


def _show(settings: Settings, arguments: Namespace) -> int:
    rows = list(ledger_of(settings).rows(arguments.stream))
    for row in rows[-(arguments.last or LAST_SHOWN) :]:
        print(_line(row))
    return 0


def _copy(settings: Settings, arguments: Namespace) -> int:
    from infra.lake import Lake
    from pipelines.ledger.copy import copy_ledger, reconcile

    book, lake, market = ledger_of(settings), Lake(settings.lake), market_named(arguments.market)
    before = copy_ledger(lake, book, market, exported_heads(settings))
    put_back = "" if before.first_other is None else f"; put back from entry {before.first_other} on"
    after = reconcile(lake, book, market)
    print(f"{market.name}: {after.words()}{put_back}")
    return 0 if after.is_equal else 1


def _guard(settings: Settings, arguments: Namespace) -> int:
    if not arguments.by:
        raise UsageError(
            "somebody is missing", which="fillwise ledger guard", found="no --by NAME", allowed="who puts them back",
            next_step="fillwise people list",
        )  # fmt: skip
    names = ledger_of(settings).guard(at=datetime.now(UTC), actor=arguments.by)
    print(f"put back: {', '.join(names)}; recorded" if names else "every trigger that refuses changes is there")
    return 0


ACTIONS = {"verify": _verify, "export": _export, "show": _show, "copy": _copy, "guard": _guard}


def ledger(settings: Settings, arguments: Namespace) -> int:
    """The command."""
    return ACTIONS[arguments.action](settings, arguments)
