"""Prints tables from their declaration: the documentation that cannot go stale.

Nouns come first, as a user's file holds them, each with an example: columns, units, what may be left out, two rows of
CSV. Then every table of the lake.
"""

from __future__ import annotations

import re

from infra.errors import UsageError
from infra.tables import NOUNS, Column, Table

DEEPER_LEVEL = re.compile(r"(?:bid|ask)_(?:price|shares)_(?:[3-9]|10)")
EXAMPLES: dict[str, tuple[str, str]] = {
    "symbol": ("AAA", "AAA"),
    "event_at": ("2026-11-20T14:30:00Z", "2026-11-20T14:30:05Z"),
    "instructed_start_at": ("2026-11-20T14:30:00Z",) * 2,
    "instructed_end_at": ("2026-11-20T15:00:00Z",) * 2,
    "ended_at": ("2026-11-20T14:31:00Z",) * 2,
    "currency": ("USD", "USD"),
    "aggressor_side": ("1", "-1"),
    "bid_price_1": ("100.00", "100.00"),
    "bid_price_2": ("99.99", "99.99"),
    "ask_price_2": ("100.02", "100.02"),
    "features": ('"{""spread_bps"":1.5,""ofi_1_10s"":null}"',) * 2,
}
EXAMPLE_NOTE = """  example: {noun}_2026-11-20.csv (market and trade_date are in its name; `null ok` columns,
  event_at_ns, currency and, where symbol and time are unique, sequence may be left out)"""
BY_UNIT = {"currency/share": ("100.01", "100.01"), "shares": ("300", "200"), "bps": ("", ""), "currency": ("0", "0")}
BY_KIND = {"boolean": ("false", "false"), "double": ("1", "1"), "long": ("0", "1"), "int": ("1", "1")}


def _allowed(column: Column) -> str:
    if column.allowed:
        return "|".join(column.allowed)
    if column.low is None and column.high is None:
        return ""
    return (
        f"{column.low if column.low is not None else '-inf':g} … {column.high if column.high is not None else 'inf':g}"
    )


def _line(column: Column) -> str:
    null = "null ok" if column.is_nullable else ""
    words = f"  {column.name:26} {column.kind:10} {column.unit:15} {null:8} {_allowed(column):24} {column.meaning}"
    return words.rstrip()


def describe(table: Table) -> str:
    """One table as text: what it holds, its key, and a line a column; book levels from 3 on are like level 2."""
    shown = [column for column in table.columns if not DEEPER_LEVEL.fullmatch(column.name)]
    lines = [f"{table.name}: {table.meaning}", f"  key: {', '.join(table.key)}", *map(_line, shown)]
    if len(shown) < len(table.columns):
        lines.append(
            "  … and the same of levels 3 to 10: bid_price_3, bid_shares_3, ask_price_3, ask_shares_3 and so on"
        )
    lines += [f"  rule {rule.name}: {rule.because}" for rule in table.rules]
    return "\n".join(lines)


def _example(column: Column, row: int) -> str:
    if column.allowed:
        return column.allowed[0]
    if column.name.endswith("_id"):
        return f"{column.name.removesuffix('_id').replace('_', '-')}-{row + 1}"
    plain = EXAMPLES.get(column.name) or BY_UNIT.get(column.unit) or BY_KIND.get(column.kind, ("x", "x"))
    return plain[row]


def _is_in_the_example(column: Column, table: Table) -> bool:
    if column.name in (*table.partition_by, "event_at_ns", "sequence"):
        return False
    return not column.is_nullable or column.name in ("bid_price_1", "bid_shares_1", "ask_price_1", "ask_shares_1")


def example_csv(noun: str) -> str:
    """A header and two rows that `files` takes in as they are."""
    table = NOUNS[noun]
    shown = [column for column in table.columns if _is_in_the_example(column, table)]
    rows = [",".join(_example(column, row) for column in shown) for row in (0, 1)]
    return "\n".join([",".join(column.name for column in shown), *rows])


def print_tables(name: str | None) -> int:
    """Print one noun or table, or all of them."""
    from pipelines.fingerprint import every_table

    if name is not None and name not in {*NOUNS, *(table.name for table in every_table())}:
        raise UsageError(
            "unknown table",
            which=name,
            found=name,
            allowed=", ".join(NOUNS),
            next_step="name a noun, or nothing for all tables",
        )
    for noun in [noun for noun in NOUNS if name in (None, noun)]:
        print(f"{describe(NOUNS[noun])}\n\n{EXAMPLE_NOTE.format(noun=noun)}")
        print("\n".join(f"    {line}" for line in example_csv(noun).splitlines()) + "\n")
    for table in every_table():
        if name in (None, table.name):
            print(f"{describe(table)}\n")
    return 0
