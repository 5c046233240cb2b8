"""Fills are held against the orders and the books of their day."""

from __future__ import annotations

import pyarrow as pa
import pytest

from infra.markets import MARKETS
from pipelines.check_rows import check_day
from pipelines.rules.across import cross_refusals
from tests.builders import FRIDAY
from tests.pipelines.made_books import arrived
from tests.pipelines.made_day import a_day, priced, spoilt, two_books

SAMPLE = MARKETS["sample"]


def refused(nouns: dict[str, pa.Table]) -> list[tuple[str, list[int]]]:
    return [(one.rule, one.rows.tolist()) for one in cross_refusals(nouns).get("fills", [])]


def fills(**cells: dict[int, object]) -> pa.Table:
    return spoilt(a_day()["fills"], **cells)


@pytest.mark.parametrize(("price", "is_refused"), [(98.01, False), (97.9, True), (102.0, False), (102.1, True)])
def test_two_per_cent_beyond_the_quotes_of_the_day_is_the_line(price: float, is_refused: bool) -> None:
    found = refused(a_day(fills=fills(price={0: price})))
    assert found == ([("fill_outside_day_range", [0])] if is_refused else [])


def test_each_symbol_has_its_own_range_and_one_without_books_has_none() -> None:
    assert refused(a_day(fills=fills(price={2: 100.0}))) == [("fill_outside_day_range", [2])]
    assert refused(a_day(fills=fills(price={2: 100.0}, symbol={2: "CCC"}))) == []


def test_a_locked_book_has_a_range_of_one_side() -> None:
    locked = spoilt(two_books(), ask_price_1=dict.fromkeys(range(400), None))
    assert refused(a_day(book_snapshots=locked, fills=fills(price={0: 102.1}))) == [("fill_outside_day_range", [0])]


def test_a_fat_finger_in_the_books_widens_no_range() -> None:
    rows = spoilt(two_books(), ask_price_1={5: 1000.0}, previous_close_price=dict.fromkeys(range(400), None))
    for level in range(2, 11):
        rows = spoilt(rows, **{f"ask_price_{level}": {5: 1000.0 + level}})
    nouns = a_day(book_snapshots=rows, fills=fills(price={0: 500.0}))
    assert [one.rule for one in check_day(nouns, SAMPLE, FRIDAY)["fills"].refused] == ["fill_outside_day_range"]


@pytest.mark.parametrize(("shares", "is_refused"), [(40.0, False), (40.0 + 1e-9, False), (40.1, True)])
def test_the_fills_of_a_child_sum_to_its_size_at_most(shares: float, is_refused: bool) -> None:
    found = refused(a_day(fills=fills(shares={1: shares})))
    assert found == ([("fills_beyond_child", [0, 1])] if is_refused else [])


def test_one_fill_larger_than_its_child_is_refused() -> None:
    assert refused(a_day(fills=fills(shares={2: 50.1}))) == [("fills_beyond_child", [2])]


def test_a_fill_that_came_twice_counts_once() -> None:
    again = arrived(a_day()["fills"], "fills", "again.parquet")
    checked = check_day(a_day(fills=pa.concat_tables([a_day()["fills"], again])), SAMPLE, FRIDAY)["fills"]
    assert (checked.by_rule, checked.duplicates, checked.good.num_rows) == ({}, 3, 3)


def test_a_child_that_was_refused_vouches_for_no_fill() -> None:
    children = spoilt(a_day()["child_orders"], child_shares={1: -50.0})
    checked = check_day(a_day(child_orders=children), SAMPLE, FRIDAY)
    assert (checked["child_orders"].by_rule, checked["fills"].by_rule) == (
        {"child_shares_in_bounds": 1},
        {"fill_of_unknown_child": 1},
    )


def test_fills_without_any_order_are_all_unknown() -> None:
    nouns = a_day()
    alone = {noun: nouns[noun] for noun in ("book_snapshots", "fills")}
    assert refused(alone) == [("fill_of_unknown_child", [0, 1, 2])]


def test_a_day_without_fills_or_books_is_not_asked() -> None:
    nouns = a_day()
    assert cross_refusals({"trades": nouns["trades"]}) == {}
    assert check_day({"fills": nouns["fills"].slice(0, 0)}, SAMPLE, FRIDAY)["fills"].refused == ()


def test_books_at_another_level_show_that_the_range_is_theirs() -> None:
    assert refused(a_day(book_snapshots=priced(two_books(), 1.1))) == [("fill_outside_day_range", [0, 1, 2])]
