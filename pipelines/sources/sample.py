"""The built-in market as a source: its drop holds eight nouns, since market and desk were simulated together.

Where limits held a version back, or one was in its shadow, their nouns come with them (`limit_events`, `shadow_...`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from infra.errors import SourceError
from infra.markets import Market
from pipelines.sources import drop
from pipelines.sources.file import SourceFile

MADE = (
    "book_snapshots", "trades", "parent_orders", "assignments", "decisions", "served_features", "child_orders", "fills",
)  # fmt: skip
LATER = ("served_features", "assignments")
"""Nouns that a drop of an earlier version lacks: a drop never changes, and step skew says that none was served."""


def read_day(folder: Path, market: Market, day: date) -> list[SourceFile]:
    """Files of one day's drop. Raises SourceError when a noun is missing or a file is not the manifest's."""
    files = drop.read_day(folder, market, day)
    missing = sorted({*MADE} - {*LATER} - {file.noun for file in files})
    if missing:
        raise SourceError(
            "drop lacks files",
            which=folder,
            found=f"no {', '.join(missing)}",
            allowed=f"all of {', '.join(MADE)}",
            next_step="remove the folder and run fillwise trade for the day",
        )
    return files
