"""The predicates made from a declaration refuse exactly what the declaration forbids."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.refusals import keeps, kept_rows, refusals
from infra.tables import NOUNS, Column, RowRule, Table

TABLE = Table(
    "silver.made",
    "made for the test",
    (
        Column("symbol", "string", "instrument"),
        Column("price", "double", "price", low=1.0, high=9.0),
        Column("other", "double", "another price", is_nullable=True, low=0.0, high=100.0),
        Column("side", "string", "side", is_nullable=True, allowed=("buy", "sell")),
    ),
    key=("symbol",),
    sort_by=("symbol",),
    partition_by=(),
    rules=(RowRule("price_below_other", pc.field("price") < pc.field("other"), "for the test"),),
)


def found(**columns: list[object]) -> dict[str, list[int]]:
    plain: dict[str, list[object]] = {"symbol": ["A"], "price": [2.0], "other": [3.0], "side": ["buy"]}
    rows = max(len(values) for values in columns.values())
    table = pa.table(
        {
            name: pa.array(columns.get(name, values * rows), TABLE.column(name).arrow_type)
            for name, values in plain.items()
        }
    )
    return {refusal.rule: refusal.rows.tolist() for refusal in refusals(TABLE, table)}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"price": [2.0, 1.0, 9.0]}, {"price_below_other": [2]}),
        ({"price": [2.0, None]}, {"price_is_present": [1]}),
        ({"price": [math.nan, 2.0, math.inf, -math.inf]}, {"price_is_finite": [0, 2, 3]}),
        ({"other": [math.nan, None, 3.0]}, {"other_is_finite": [0]}),
        ({"price": [0.999, 2.0]}, {"price_in_bounds": [0]}),
        ({"price": [2.0, 9.001]}, {"price_in_bounds": [1]}),
        ({"side": ["buy", None, "hold", "BUY"]}, {"side_is_allowed": [2, 3]}),
        ({"other": [2.0, 2.5, None]}, {"price_below_other": [0]}),
        ({"symbol": [None, "A"], "price": [None, 2.0]}, {"symbol_is_present": [0]}),
    ],
)
def test_a_row_is_refused_once_by_the_first_rule_that_it_breaks(
    columns: dict[str, list[object]], expected: dict[str, list[int]]
) -> None:
    assert found(**columns) == expected


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64) | st.none(), max_size=30))
def test_what_is_kept_is_exactly_what_the_declaration_allows(prices: list[float | None]) -> None:
    rows = pa.table({"price": pa.array(prices, pa.float64()), "other": pa.array([100.0] * len(prices))})
    kept = kept_rows(len(prices), refusals(TABLE, rows)).tolist()
    assert kept == [price is not None and 1.0 <= price <= 9.0 for price in prices]


def test_no_rows_are_no_refusals() -> None:
    assert refusals(TABLE, pa.table({"price": pa.array([], pa.float64()), "other": pa.array([], pa.float64())})) == []


@pytest.mark.parametrize("noun", NOUNS)
def test_every_declared_rule_can_be_evaluated_over_its_noun(noun: str) -> None:
    empty = NOUNS[noun].arrow_schema.empty_table()
    assert [len(keeps(rule, empty)) for rule in NOUNS[noun].rules] == [0] * len(NOUNS[noun].rules)
