"""What `fillwise champion`, `history`, `audit` and `control` answer, from the ledger alone."""

from __future__ import annotations

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from typing import Any

from infra.errors import RefusedError, UsageError
from infra.ledger import Draft
from infra.settings import Settings
from infra.times import stamp
from models.catalog import RECIPES
from models.rollout.audit import Change, Inventory, champion_at, change_log, history_of, inventory
from models.rollout.controls import CONTROLS, Control, controls_tested
from pipelines.arguments import market_named, time_from
from pipelines.ledger.words import ledger_of, line_of

STREAM = "controls"


def _of_day(raw: str | None, time: str) -> str | None:
    """A bare day stands for its beginning or its end in UTC; anything else for itself."""
    try:
        return None if raw is None else f"{date.fromisoformat(raw)}{time}"
    except ValueError:
        return raw


def _stamp(raw: str | None, option: str) -> str:
    return stamp(time_from(raw, option) or datetime.now(UTC))


def champion(settings: Settings, arguments: Namespace) -> int:
    """`fillwise champion --at T`: by read-back, with the time of the decision beside it."""
    market, at = market_named(arguments.market), _stamp(arguments.at, "--at")
    found = champion_at(ledger_of(settings).entries(market.name), at)
    if found is None:
        print(f"{market.name} at {at}: {market.name}.execution/0, the benchmark policy; the ledger was not opened yet")
        return 0
    said = f"decided {found.decided_at}, on every desk since {found.from_at}"
    print(f"{market.name} at {at}: {found.version} ({found.how}), digest {found.digest[:16]}; {said}")
    return 0


def history(settings: Settings, arguments: Namespace) -> int:
    """`fillwise history VERSION`; exit 1 when the ledger knows nothing of it."""
    market = market_named(arguments.market)
    found = history_of(ledger_of(settings).entries(market.name), arguments.version)
    for entry in found:
        print(line_of(entry))  # type: ignore[arg-type]
    if not found:
        print(f"{arguments.version}: nothing in the ledger", file=sys.stderr)
    return 0 if found else 1


def _inert(text: str) -> str:
    """No formula in a spreadsheet."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _printed(title: str, kind: type, rows: Sequence[Any], form: str) -> None:
    names = [one.name for one in fields(kind)]
    if form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(["table", *names])
        writer.writerows([title, *(_inert(str(getattr(row, name))) for name in names)] for row in rows)
        return
    print(f"{title}: {len(rows)}")
    for row in rows:
        print("  " + "; ".join(f"{name} {getattr(row, name)}" for name in names if getattr(row, name)))


def audit(settings: Settings, arguments: Namespace) -> int:
    """`fillwise audit --from T --to T`: change log, model inventory, risk controls."""
    market = market_named(arguments.market)
    if arguments.form not in ("text", "csv", "json"):
        raise UsageError(
            "unknown form", which="--format", found=arguments.form, allowed="text, csv, json", next_step="-"
        )
    book = ledger_of(settings)
    entries = book.entries(market.name)
    first = _stamp(_of_day(arguments.first, "T00:00:00Z"), "--from") if arguments.first else ""
    catalog = {
        name: {
            "summary": row.summary, "purpose": row.purpose, "limits_of_use": row.limits_of_use, "tier": str(row.tier),
        }
        for name, row in RECIPES.items()
    }  # fmt: skip
    scope = f"exchange {market.calendar}; cash equities in {market.currency}; {market.orders}; desk {market.name}"
    tables: dict[str, tuple[type, Sequence[Any]]] = {
        "changes": (Change, change_log(entries, first, _stamp(_of_day(arguments.last, "T23:59:59.999999Z"), "--to"))),
        "inventory": (Inventory, inventory(entries, catalog, scope)),
        "controls": (Control, controls_tested((*entries, *book.entries(STREAM)))),
    }
    if arguments.form == "json":
        print(json.dumps({title: [asdict(one) for one in rows] for title, (_, rows) in tables.items()}, indent=1))
        return 0
    for title, (kind, rows) in tables.items():
        _printed(title, kind, rows, arguments.form)
    return 0


def control(settings: Settings, arguments: Namespace) -> int:
    """`fillwise control list|tested`. Raises RefusedError for a control or a person that nobody knows."""
    book = ledger_of(settings)
    if arguments.action == "list":
        _printed("controls", Control, controls_tested(book.entries(STREAM)), "text")
        return 0
    from pipelines.approval.people import trusted_people

    people = trusted_people(settings, book)
    for what, found, known in (
        ("CONTROL", arguments.control, CONTROLS), ("--by", arguments.by, people),
        ("--result", arguments.result, ("pass", "fail")),
    ):  # fmt: skip
        if found not in known:
            raise RefusedError(
                "test of a control is not recorded", which=what, found=found, allowed=", ".join(known) or "nobody yet",
                next_step="fillwise control list, fillwise people list",
            )  # fmt: skip
    told = {"control": arguments.control, "result": arguments.result, "detail": arguments.detail or ""}
    book.append(STREAM, book.count(STREAM), [Draft("control_tested", told)], at=datetime.now(UTC), actor=arguments.by)
    print(f"{arguments.control}: {arguments.result}, recorded")
    return 0
