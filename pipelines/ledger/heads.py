"""Heads of the ledger that were given out: files, one a day, that tell a rewritten chain from the one that was.

A head is written only when the whole chain is sound and still holds every head that was given out before: an export
after a rewrite would bear witness to it. Copy the folder to where no administrator of the database can write; who holds
one head can prove every entry up to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from infra.errors import LedgerError, SourceError
from infra.ledger import Head, Ledger
from infra.settings import Settings
from infra.times import stamp
from infra.whole_files import replace_file


def heads_folder(settings: Settings) -> Path:
    """Where the heads of this state folder's ledger lie."""
    name = "heads" if settings.ledger_purpose == "desk" else f"{settings.ledger_purpose}_heads"
    return settings.home / "ledger" / name


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


def exported_heads(settings: Settings) -> tuple[Head, ...]:
    """Every head in the folder."""
    return tuple(read_head(path) for path in sorted(heads_folder(settings).glob("*.json")))


def require_sound(ledger: Ledger, heads: Iterable[Head]) -> Head:
    """The head of a ledger that is what it was. Raises LedgerError naming the first entry that is not."""
    found = ledger.verify(*heads)
    if not found.is_sound:
        raise LedgerError(
            "ledger is not sound", which=ledger.where, found=found.reason, allowed="one chain that holds every head",
            next_step="keep this ledger, restore the last backup elsewhere (`fillwise restore`) and compare",
        )  # fmt: skip
    return found.head


def export_head(settings: Settings, ledger: Ledger, at: datetime, path: Path | None = None) -> Path:
    """Write the head as it is now, one file a day, or to another file. Raises LedgerError for an unsound ledger."""
    head = require_sound(ledger, exported_heads(settings))
    target = path or heads_folder(settings) / f"{at:%Y-%m-%d}.json"
    told = {"sequence": head.sequence, "hash": head.hash, "at": stamp(at)}
    replace_file(target, (json.dumps(told) + "\n").encode())
    return target
