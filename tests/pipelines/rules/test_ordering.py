"""Rows are judged in one order, whatever order they arrived in."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from infra.markets import MARKETS
from pipelines.check_rows import check_day
from pipelines.rules.ordering import by_symbol, codes, order_findings, row_order
from tests.builders import FRIDAY
from tests.pipelines.made_books import arrived
from tests.pipelines.made_day import PREVIOUS, a_day, at, copied, spoilt, trades, two_books


def given_rows(symbols: str, seconds: list[int], sequence: list[int] | None = None) -> pa.Table:
    count = len(seconds)
    named = {"symbol": list(symbols), "sequence": sequence or list(range(count))}
    return arrived(trades(count, **named, **at(*seconds)), "trades")


def test_symbol_then_time_then_number_then_file_then_row() -> None:
    rows = pa.concat_tables([given_rows("BAAA", [0, 5, 5, 1], [0, 2, 1, 0]), given_rows("A", [5], [1])])
    names = pa.array(["b", "b", "b", "b", "a"])
    rows = rows.set_column(rows.column_names.index("source_file"), "source_file", names)
    assert row_order(rows).tolist() == [3, 4, 2, 1, 0]
    assert {symbol: at.tolist() for symbol, at in by_symbol(rows).items()} == {"A": [3, 4, 2, 1], "B": [0]}


def test_texts_are_numbered_in_ascending_order() -> None:
    names, places = codes(pa.table({"symbol": ["B", "A", "B", "C"]}), "symbol")
    assert (names, places.tolist()) == (["A", "B", "C"], [1, 0, 1, 2])
    assert by_symbol(given_rows("", [])) == {}


def found(rows: pa.Table) -> dict[str, str]:
    return {one.rule: one.words for one in order_findings("trades", rows)}


def test_rows_in_order_are_not_mentioned() -> None:
    assert found(given_rows("AABB", [0, 1, 0, 1])) == {}


def test_a_row_that_came_late_and_rows_of_one_time_are_counted() -> None:
    assert found(given_rows("AAA", [1, 0, 2])) == {
        "out_of_order": "1 of 3 rows came after a later one of their file and symbol"
    }
    assert found(given_rows("AAA", [0, 1, 1])) == {
        "equal_times": "1 of 3 rows share time and symbol with an earlier one"
    }


def test_a_second_file_starts_a_new_order() -> None:
    both = pa.concat_tables([given_rows("AA", [5, 6]), arrived(trades(1, **at(0)), "trades", "late.parquet")])
    assert found(both) == {}


@given(st.permutations(range(40)))
def test_a_shuffled_file_gives_the_same_good_and_refused_rows(order: list[int]) -> None:
    rows = arrived(spoilt(copied(two_books(20), 0, 5, 5), last_price={7: 1.0}, bid_price_1={30: 300.0}))
    plain, shuffled = (
        check_day(a_day(book_snapshots=books), MARKETS["sample"], FRIDAY, PREVIOUS)["book_snapshots"]
        for books in (rows, rows.take(pa.array(order)))
    )
    assert set(plain.good["source_row"].to_pylist()) == set(shuffled.good["source_row"].to_pylist())
    assert plain.by_rule == shuffled.by_rule == {"book_not_crossed": 1, "fat_finger": 1}
