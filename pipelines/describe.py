"""Prints every table from its declaration: the documentation that cannot go stale."""

from __future__ import annotations

from infra.tables import Column, Table


def _allowed(column: Column) -> str:
    if column.allowed:
        return "|".join(column.allowed)
    if column.low is None and column.high is None:
        return ""
    return (
        f"{column.low if column.low is not None else '-inf':g} … {column.high if column.high is not None else 'inf':g}"
    )


def describe(table: Table) -> str:
    """One table as text: what it holds, its key, and a line a column."""
    lines = [f"{table.name}: {table.meaning}", f"  key: {', '.join(table.key)}"]
    for column in table.columns:
        null = "null ok" if column.is_nullable else ""
        words = f"  {column.name:26} {column.kind:10} {column.unit:15} {null:8} {_allowed(column):24} {column.meaning}"
        lines.append(words.rstrip())
    lines += [f"  rule {rule.name}: {rule.because}" for rule in table.rules]
    return "\n".join(lines)


def print_tables() -> int:
    """Print every table."""
    from pipelines.fingerprint import every_table

    print("\n\n".join(describe(table) for table in every_table()))
    return 0
