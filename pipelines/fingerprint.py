"""Content hash of each table's day: equal lines mean equal tables, whatever was killed in between.

The copy of the ledger is left out: it holds the wall times of what people did.
"""

from __future__ import annotations

from infra.lake import Lake
from infra.tables import LEDGER, TABLES, Table
from pipelines.runner import Run


def every_table() -> tuple[Table, ...]:
    """All tables, those of the feature catalog included."""
    from features.catalog import FEATURES_TABLE
    from features.labels import LABELS_TABLE

    return (*TABLES.values(), FEATURES_TABLE, LABELS_TABLE)


def print_fingerprint(run: Run) -> int:
    """One line a table: hash of its day's bytes, read again and compared with the hash in the file's name."""
    lake = Lake(run.settings.lake)
    kept = [table for table in every_table() if table.name != LEDGER.name]
    for table in sorted(kept, key=lambda found: found.name):
        print(f"{table.name:28} {run.days[-1]} {lake.fingerprint(table, run.market.name, run.days[-1])}")
    return 0
