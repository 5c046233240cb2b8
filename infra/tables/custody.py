"""What became of every file and every refused row: deliveries, quarantine, releases, restatements."""

from __future__ import annotations

from infra.tables.columns import Column, Table
from infra.tables.words import KEYS

NOUN = Column("noun", "string", "table that the rows were meant for")
FILE = Column("source_file", "string", "file that they came from")
SHA256 = Column("source_sha256", "string", "SHA-256 of that file's bytes", is_nullable=True)
ROW = Column("source_row", "long", "row in that file, from 0", low=0, high=1e12)
KNOWN = Column("known_at", "timestamp", "when the pipeline could first use them", "UTC")
PERSON = Column("person", "string", "who did it, null for the nightly run", is_nullable=True)
REASON = Column("reason", "string", "why, null for the nightly run", is_nullable=True)


def _count(name: str, meaning: str) -> Column:
    return Column(name, "long", meaning, "rows", low=0, high=1e12)


DELIVERIES = Table(
    "bronze.deliveries",
    "every file that ever came, and what became of its rows: in = bronze + quarantined + duplicate",
    (
        *KEYS,
        NOUN,
        FILE,
        SHA256,
        KNOWN,
        _count("rows_in", "rows (messages, lines) of the file that are of this day"),
        _count("rows_bronze", "of them written to bronze"),
        _count("rows_quarantined", "of them that could not be read as the noun"),
        _count("rows_duplicate", "of them that had come before"),
        Column("duplicate_of", "string", "name under which the same bytes came before", is_nullable=True),
        Column("restates_sha256", "string", "bytes that came under this name before", is_nullable=True),
        PERSON,
        REASON,
    ),
    key=("market", "trade_date", "noun", "source_file", "source_sha256"),
    sort_by=("noun", "source_file", "known_at", "source_sha256"),
)

QUARANTINE = Table(
    "quarantine.rows",
    "what was refused, with the rule that refused it",
    (
        *KEYS,
        NOUN,
        Column("rule", "string", "rule that refused it"),
        FILE,
        ROW,
        KNOWN,
        Column("row_json", "string", "the row as it arrived"),
        Column("step", "string", "ingest: could not be read; validate: was judged", is_nullable=True),
        SHA256,
    ),
    key=("market", "trade_date", "noun", "rule", "source_file", "source_row"),
    sort_by=("noun", "source_file", "source_row", "rule"),
)

RELEASES = Table(
    "quarantine.releases",
    "rows that a person looked at and took back in",
    (*KEYS, NOUN, Column("rule", "string", "rule that had refused it"), FILE, ROW, SHA256, PERSON, REASON),
    key=("market", "trade_date", "noun", "rule", "source_file", "source_row"),
    sort_by=("noun", "source_file", "source_row", "rule"),
)

RESTATEMENTS = Table(
    "gold.restatements",
    "days that changed after a model may have learned from them",
    (
        *KEYS,
        NOUN,
        FILE,
        SHA256,
        Column("restates_sha256", "string", "bytes that came under this name before, null: late", is_nullable=True),
        KNOWN,
        PERSON,
        REASON,
        Column("training_sets", "string", "JSON list: training sets that hold the day as it was"),
        Column("models", "string", "JSON list: registered versions trained on them"),
    ),
    key=("market", "trade_date", "noun", "source_file", "source_sha256"),
    sort_by=("noun", "source_file", "known_at", "source_sha256"),
)
