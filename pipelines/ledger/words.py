"""What the ledger's commands do: `ledger verify|export|show`, `champion`, `history`, `audit`."""

from __future__ import annotations

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.errors import SourceError, UsageError
from infra.ledger import Entry, Head, Ledger, open_ledger
from infra.settings import Settings
from infra.whole_files import replace_file
from models.catalog import RECIPES
from models.rollout.audit import Change, Inventory, champion_at, change_log, history_of, inventory
from pipelines.arguments import market_named, time_from

LAST_SHOWN = 20


def _ledger(settings: Settings) -> Ledger:
    return open_ledger(settings, settings.ledger_purpose)


def heads_folder(settings: Settings) -> Path:
    """Where exported heads lie; copy them to where no administrator of the ledger can write."""
    return settings.home / "ledger" / "heads"


def read_head(path: Path) -> Head:
    """An exported head. Raises SourceError for another file."""
    try:
        told = json.loads(path.read_text())
        return Head(int(told["sequence"]), str(told["hash"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            "cannot read an exported head", which=path, found=type(error).__name__, allowed="a file of ledger export",
            next_step="name another file with --head",
        ) from None  # fmt: skip


def export_head(settings: Settings, ledger: Ledger, at: datetime) -> Path:
    """Write the head as it is now, one file a day; the evening does it too."""
    head = ledger.head()
    path = heads_folder(settings) / f"{at:%Y-%m-%d}.json"
    told = {"sequence": head.sequence, "hash": head.hash, "at": at.isoformat()}
    replace_file(path, (json.dumps(told) + "\n").encode())
    return path


def _verify(settings: Settings, arguments: Namespace) -> int:
    paths = [Path(arguments.head)] if arguments.head else sorted(heads_folder(settings).glob("*.json"))
    found = _ledger(settings).verify(*(read_head(path) for path in paths))
    print(f"{'sound' if found.is_sound else 'NOT SOUND'}: {found.reason}; {len(paths)} exported heads looked at")
    return 0 if found.is_sound else 1


def line_of(entry: Entry) -> str:
    """An entry as a person reads it."""
    told = ", ".join(f"{name} {value}" for name, value in entry.payload.items() if not isinstance(value, dict | list))
    head = f"{entry.sequence:>6}  {entry.at[:19] or '-':19}  {entry.stream:10} {entry.kind:20} {entry.actor:10}"
    return f"{head} {told[:160]}"


def ledger(settings: Settings, arguments: Namespace) -> int:
    """`fillwise ledger verify|export|show`."""
    if arguments.action == "verify":
        return _verify(settings, arguments)
    book = _ledger(settings)
    if arguments.action == "export":
        path = export_head(settings, book, datetime.now(UTC))
        print(f"head of {book.head().sequence} entries written to {path}")
        return 0
    entries = book.entries(arguments.stream)
    print("\n".join(line_of(entry) for entry in entries[-(arguments.last or LAST_SHOWN) :]))
    return 0


def _stamp(raw: str | None, option: str) -> str:
    at = time_from(raw, option) or datetime.now(UTC)
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def champion(settings: Settings, arguments: Namespace) -> int:
    """`fillwise champion --at T`."""
    market, at = market_named(arguments.market), _stamp(arguments.at, "--at")
    found = champion_at(_ledger(settings).entries(market.name), at)
    if found is None:
        print(f"{market.name} at {at}: {market.name}.execution/0, the benchmark policy; the ledger was not opened yet")
        return 0
    said = f"decided {found.decided_at}, on every desk since {found.from_at}"
    print(f"{market.name} at {at}: {found.version} ({found.how}), digest {found.digest[:16]}; {said}")
    return 0


def history(settings: Settings, arguments: Namespace) -> int:
    """`fillwise history VERSION`; exit 1 when the ledger knows nothing of it."""
    market = market_named(arguments.market)
    found = history_of(_ledger(settings).entries(market.name), arguments.version)
    for entry in found:
        print(line_of(entry))  # type: ignore[arg-type]
    if not found:
        print(f"{arguments.version}: nothing in the ledger", file=sys.stderr)
    return 0 if found else 1


def _printed(title: str, kind: type, rows: Sequence[Any], form: str) -> None:
    names = [one.name for one in fields(kind)]
    if form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([_inert(str(getattr(row, name))) for name in names] for row in rows)
        return
    print(f"{title}: {len(rows)}")
    for row in rows:
        print("  " + "; ".join(f"{name} {getattr(row, name)}" for name in names if getattr(row, name)))


def _inert(text: str) -> str:
    """No formula in a spreadsheet."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def audit(settings: Settings, arguments: Namespace) -> int:
    """`fillwise audit --from T --to T`: change log and model inventory."""
    market = market_named(arguments.market)
    if arguments.form not in ("text", "csv", "json"):
        raise UsageError(
            "unknown form", which="--format", found=arguments.form, allowed="text, csv, json", next_step="-"
        )
    entries = _ledger(settings).entries(market.name)
    first = _stamp(arguments.first, "--from") if arguments.first else ""
    changes = change_log(entries, first, _stamp(arguments.last, "--to"))
    catalog = {
        name: {
            "summary": row.summary,
            "purpose": row.purpose,
            "limits_of_use": row.limits_of_use,
            "tier": str(row.tier),
        }
        for name, row in RECIPES.items()
    }
    models = inventory(entries, catalog, f"{market.name}: {market.orders}")
    if arguments.form == "json":
        told = {"changes": [asdict(one) for one in changes], "inventory": [asdict(one) for one in models]}
        print(json.dumps(told, indent=1))
        return 0
    _printed("changes", Change, changes, arguments.form)
    _printed("models", Inventory, models, arguments.form)
    return 0
