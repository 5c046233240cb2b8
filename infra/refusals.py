"""The refusal predicates of a table, compiled from its declaration: which rows may not pass, and by which rule.

For each column: present (unless nullable), finite, inside both bounds, among the allowed words; then the table's
row rules. A row is refused once, by the first rule that it breaks, so that rows in = good + refused always adds up.

The column checks look at one aggregate first (null count, min and max), and build a mask only when that is bad:
37,000 rows of 50 columns take some 20 ms. They are the judge; Great Expectations (`infra/quality.py`) asserts the
same declaration on what passed.

    >>> from infra.tables.columns import Column, Table
    >>> table = Table("t", "t", (Column("price", "double", "p", low=1, high=9),), ("price",), ("price",), ())
    >>> [(found.rule, found.rows.tolist()) for found in refusals(table, pa.table({"price": [2.0, None, 50.0]}))]
    [('price_is_present', [1]), ('price_in_bounds', [2])]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from infra.tables.columns import Column, RowRule, Table

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Refusal:
    """What one rule refused: `rows` (k,) int64 are row numbers of the table that was checked, ascending."""

    rule: str
    because: str
    rows: npt.NDArray[np.int64]


def _mask(values: pa.ChunkedArray | pa.Array, *, if_null: bool) -> Mask:
    found = pc.fill_null(values, if_null)
    return np.asarray(found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy())


def _bounds(column: Column) -> tuple[float, float]:
    return -np.inf if column.low is None else column.low, np.inf if column.high is None else column.high


def _bounds_mask(column: Column, values: pa.ChunkedArray) -> Mask | None:
    low, high = _bounds(column)
    found = pc.min_max(values).as_py()
    if found["min"] is None or (low <= found["min"] and found["max"] <= high):
        return None
    return _mask(pc.or_(pc.less(values, low), pc.greater(values, high)), if_null=False)


def _column_masks(column: Column, values: pa.ChunkedArray) -> Iterator[tuple[str, str, Mask]]:
    name = column.name
    if values.null_count and not column.is_nullable:
        yield f"{name}_is_present", "the column is declared without nulls", _mask(pc.is_null(values), if_null=True)
    if pa.types.is_floating(values.type) and not pc.all(pc.is_finite(values), min_count=0).as_py():
        bad = _mask(pc.invert(pc.is_finite(values)), if_null=False)
        yield f"{name}_is_finite", "NaN and infinity are no measurements; unknown is null", bad
    if column.low is not None or column.high is not None:
        outside = _bounds_mask(column, values)
        if outside is not None:
            yield f"{name}_in_bounds", "declared from {:g} to {:g}".format(*_bounds(column)), outside
    if column.allowed:
        known = pc.is_in(values, value_set=pa.array([*column.allowed, None], values.type))
        if not pc.all(known, min_count=0).as_py():
            yield f"{name}_is_allowed", f"declared as one of {', '.join(column.allowed)}", ~_mask(known, if_null=True)


def keeps(rule: RowRule, rows: pa.Table) -> Mask:
    """(n,) true where the row keeps the rule; a rule whose values are not there is kept, as in SQL's CHECK."""
    found = ds.dataset(rows.select(_columns_of(rule, rows))).to_table(columns={"good": rule.good})["good"]
    return _mask(found, if_null=True)


def _columns_of(rule: RowRule, rows: pa.Table) -> list[str]:
    text = str(rule.good)
    return [name for name in rows.column_names if name in text]


def _masks(table: Table, rows: pa.Table) -> Iterator[tuple[str, str, Mask]]:
    for column in table.columns:
        if column.name in rows.column_names:
            yield from _column_masks(column, rows.column(column.name))
    for rule in table.rules:
        good = keeps(rule, rows)
        if not good.all():
            yield rule.name, rule.because, ~good


def refusals(table: Table, rows: pa.Table) -> list[Refusal]:
    """Rows that the declaration refuses, each under the first rule that it breaks, in the order of the rules."""
    found: list[Refusal] = []
    is_refused = np.zeros(rows.num_rows, dtype=bool)
    for rule, because, bad in _masks(table, rows):
        fresh = np.flatnonzero(bad & ~is_refused)
        if len(fresh):
            found.append(Refusal(rule, because, fresh))
            is_refused[fresh] = True
    return found


def kept_rows(count: int, refused: list[Refusal]) -> Mask:
    """(count,) true for the rows that no rule refused."""
    mask = np.ones(count, dtype=bool)
    for refusal in refused:
        mask[refusal.rows] = False
    return mask
