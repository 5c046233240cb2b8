"""Every table, declared once, as data.

>>> sorted(LAYERS)
['bronze', 'gold', 'quarantine', 'silver']
"""

from __future__ import annotations

from dataclasses import replace

from infra.tables.columns import Column, RowRule, Table
from infra.tables.custody import DELIVERIES, QUARANTINE, RELEASES, RESTATEMENTS
from infra.tables.gold import (
    BACKTESTS,
    COSTS,
    FEATURE_CORRELATIONS,
    FEATURE_SKETCHES,
    GOLD,
    HEALTH,
    LEDGER,
    TRAINING_SETS,
)
from infra.tables.nouns import NOUNS, PROVENANCE

__all__ = [
    "BACKTESTS",
    "BRONZE",
    "COSTS",
    "DELIVERIES",
    "FEATURE_CORRELATIONS",
    "FEATURE_SKETCHES",
    "GOLD",
    "HEALTH",
    "LAYERS",
    "LEDGER",
    "NOUNS",
    "QUARANTINE",
    "RELEASES",
    "RESTATEMENTS",
    "SILVER",
    "TABLES",
    "TRAINING_SETS",
    "Column",
    "RowRule",
    "Table",
    "bronze",
    "silver",
]

LAYERS = ("bronze", "silver", "gold", "quarantine")


def bronze(noun: str) -> Table:
    """The table that holds a noun as it arrived: every value nullable, with file, row and `known_at`."""
    table = NOUNS[noun]
    columns = tuple(
        column
        if column.name in table.partition_by
        else replace(column, is_nullable=True, low=None, high=None, allowed=())
        for column in table.columns
    )
    return Table(
        f"bronze.{noun}",
        f"{table.meaning}, as it arrived",
        (*columns, *PROVENANCE),
        key=("market", "trade_date", "source_file", "source_sha256", "source_row"),
        sort_by=("source_file", "known_at", "source_row"),
    )


def silver(noun: str) -> Table:
    """The table that holds a noun once checked; `known_at` comes along, because features are cut by it."""
    table = NOUNS[noun]
    return replace(table, name=f"silver.{noun}", columns=(*table.columns, PROVENANCE[0]))


BRONZE = {noun: bronze(noun) for noun in NOUNS}
SILVER = {noun: silver(noun) for noun in NOUNS}
TABLES: dict[str, Table] = {
    table.name: table
    for table in (*BRONZE.values(), DELIVERIES, *SILVER.values(), *GOLD.values(), QUARANTINE, RELEASES, RESTATEMENTS)
}
