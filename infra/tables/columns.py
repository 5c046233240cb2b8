"""The words in which a table is declared: `Column`, `Table`, and the four kinds of value.

A declaration is data. Arrow and Spark schemas, Great Expectations suites, the refusal predicates, the
documentation and the test rows are all made from it, so a bound is written once.

    >>> Column("price", "double", "price per share", unit="currency", low=0.0001, high=1e6).arrow_type
    DataType(double)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["string", "double", "float", "long", "int", "boolean", "date", "timestamp"]

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "double": pa.float64(),
    "float": pa.float32(),
    "long": pa.int64(),
    "int": pa.int32(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class Column:
    """One column: name, kind of value, meaning, unit, and what it may hold.

    `low` and `high` are both inclusive and both checked, together with finiteness, because comparisons
    let NaN and infinity pass in some engines (Delta constraints, Spark's ordering of NaN).
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    is_nullable: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()

    @property
    def arrow_type(self) -> pa.DataType:
        return ARROW_TYPES[self.kind]

    @property
    def arrow_field(self) -> pa.Field:
        return pa.field(self.name, self.arrow_type, nullable=self.is_nullable)


@dataclass(frozen=True)
class RowRule:
    """A rule that looks at several columns of one row. `name` is what quarantine and reports print.

    `good` is an Arrow expression over the columns, true for a good row; null (a value that it needs is not there)
    is good too, as in SQL's CHECK. An expression is data: it prints as text, pickles, and runs at Arrow's speed.

        >>> print(RowRule("positive", pc.field("shares") > 0, "nobody trades nothing").good)
        (shares > 0)
    """

    name: str
    good: pc.Expression = field(compare=False)
    because: str


@dataclass(frozen=True)
class Table:
    """One table: where it lives, its columns, its key, and how much refusal stops the night."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sort_by: tuple[str, ...]
    partition_by: tuple[str, ...] = ("market", "trade_date")
    rules: tuple[RowRule, ...] = ()
    max_refused_share: float = 0.05
    max_refused_because: str = "a feed that loses one row in twenty is broken, not noisy"
    stopped_by_empty: bool = False
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        unknown = (set(self.key) | set(self.sort_by) | set(self.partition_by)) - set(names)
        if len(set(names)) != len(names) or unknown:
            raise ValueError(f"table {self.name} is declared wrongly: repeated or unknown columns {sorted(unknown)}")

    @property
    def arrow_schema(self) -> pa.Schema:
        return pa.schema([column.arrow_field for column in self.columns])

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)
