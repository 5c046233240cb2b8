"""Every way in which a row can be bad is refused by its rule, and rows always add up."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.markets import MARKETS
from infra.tables import NOUNS, QUARANTINE
from pipelines.check_rows import CheckedRows, check_rows, quarantine_rows, repeated_keys
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_books import OPEN_NS, arrived, books

SAMPLE = MARKETS["sample"]
FRIDAY_OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def check(rows: pa.Table) -> CheckedRows:
    return check_rows("book_snapshots", arrived(rows), SAMPLE, FRIDAY)


def with_value(name: str, value: object, count: int = 5, row: int = 2) -> pa.Table:
    rows = books(count)
    values = rows[name].to_pylist()
    values[row] = value
    return rows.set_column(rows.column_names.index(name), name, pa.array(values, rows.schema.field(name).type))


def test_good_books_pass_whole() -> None:
    checked = check(books(5))
    assert (checked.good.num_rows, checked.refused, checked.duplicates) == (5, (), 0)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("bid_price_1", 100.01, "book_not_crossed"),
        ("bid_price_1", 100.02, "book_not_crossed"),
        ("bid_price_1", float("nan"), "bid_price_1_is_finite"),
        ("ask_shares_3", float("inf"), "ask_shares_3_is_finite"),
        ("ask_price_1", 10_001.0, "book_levels_ordered"),
        ("last_price", 10_000.0, "fat_finger"),
        ("last_price", 1.0, "fat_finger"),
        ("bid_price_4", 100.0, "book_levels_ordered"),
        ("bid_shares_1", -100.0, "bid_shares_1_in_bounds"),
        ("ask_price_2", 0.0, "ask_price_2_in_bounds"),
        ("symbol", None, "symbol_is_present"),
        ("previous_close_price", 20.0, "price_near_previous_close"),
        ("event_at_ns", OPEN_NS - 86_400_000_000_000, "wrong_trade_date"),
        ("event_at_ns", OPEN_NS + 1, "event_times_agree"),
    ],
)
def test_a_bad_row_is_refused_and_its_neighbours_are_not(name: str, value: object, rule: str) -> None:
    checked = check(with_value(name, value))
    assert [(refusal.rule, refusal.rows.tolist()) for refusal in checked.refused] == [(rule, [2])]
    assert checked.good["source_row"].to_pylist() == [0, 1, 3, 4]


@pytest.mark.parametrize("factor", [100.0, 0.01])
@pytest.mark.parametrize("sides", [("bid",), ("ask",), ("bid", "ask")])
def test_prices_a_hundred_times_off_are_refused(factor: float, sides: tuple[str, ...]) -> None:
    rows = books(9, previous_close_price=None, last_price=None)
    for side in sides:
        for level in range(1, 11):
            name = f"{side}_price_{level}"
            values = rows[name].to_pylist()
            values[4] *= factor
            rows = rows.set_column(rows.column_names.index(name), name, pa.array(values))
    checked = check(rows)
    assert [refusal.rows.tolist() for refusal in checked.refused] == [[4]]
    crossed = (sides, factor) in ((("bid",), 100.0), (("ask",), 0.01))
    assert checked.refused[0].rule == ("book_not_crossed" if crossed else "fat_finger")


def test_row_numbers_are_those_of_the_file_whatever_was_refused_before() -> None:
    checked = check(books(6, bid_price_1=[100.02, *[100.0] * 5], last_price=[*[100.0] * 4, 10_000.0, 100.0]))
    assert [(refusal.rule, refusal.rows.tolist()) for refusal in checked.refused] == [
        ("book_not_crossed", [0]),
        ("fat_finger", [4]),
    ]
    assert checked.good["source_row"].to_pylist() == [1, 2, 3, 5]


def test_an_empty_side_is_legal_and_two_are_not() -> None:
    asks = {f"ask_{what}_{level}": None for what in ("price", "shares") for level in range(1, 11)}
    bids = {f"bid_{what}_{level}": None for what in ("price", "shares") for level in range(1, 11)}
    assert check(books(3, **asks)).refused == ()
    assert check(books(3, **asks, **bids)).by_rule == {"book_has_a_side": 3}


def test_equal_rows_are_dropped_and_rows_that_differ_under_one_key_are_all_refused() -> None:
    first, second = books(3), books(2)
    other = books(1, last_price=99.0)
    checked = check(pa.concat_tables([first, second, other]))
    assert (checked.good["source_row"].to_pylist(), checked.duplicates) == ([1, 2], 1)
    assert [(refusal.rule, refusal.rows.tolist()) for refusal in checked.refused] == [
        ("duplicate_key_conflict", [0, 3, 5])
    ]


def test_null_and_nan_free_columns_count_as_content_of_a_duplicate() -> None:
    rows = pa.table({"key": [1, 1, 2, 2], "value": [None, None, None, 1.0], "file": ["a", "b", "a", "b"]})
    dropped, conflict = repeated_keys(["key"], rows, ["file"])
    assert (dropped.tolist(), conflict.tolist()) == ([1], [2, 3])


def test_an_order_that_ends_before_it_starts_is_refused() -> None:
    ends = [FRIDAY_OPEN + timedelta(minutes=minutes) for minutes in (10, 0, -10)]
    rows = plain_rows(
        NOUNS["parent_orders"],
        3,
        parent_order_id=["a", "b", "c"],
        event_at=FRIDAY_OPEN,
        event_at_ns=OPEN_NS,
        instructed_start_at=FRIDAY_OPEN,
        instructed_end_at=ends,
    )
    checked = check_rows("parent_orders", arrived(rows, "parent_orders"), SAMPLE, FRIDAY)
    assert {refusal.rule: refusal.rows.tolist() for refusal in checked.refused} == {"instructed_interval": [1, 2]}


def test_quarantine_keeps_the_row_as_it_arrived() -> None:
    checked = check(with_value("bid_price_1", float("nan")))
    (row,) = quarantine_rows(checked).to_pylist()
    assert (row["noun"], row["rule"], row["source_file"], row["source_row"]) == (
        "book_snapshots",
        "bid_price_1_is_finite",
        "books.parquet",
        2,
    )
    content = json.loads(row["row_json"])
    assert (content["bid_price_1"], content["ask_price_1"], content["symbol"]) == ("nan", 100.01, "AAA")
    assert quarantine_rows(check(books(2))).schema == QUARANTINE.arrow_schema


@given(
    st.lists(st.sampled_from([99.99, 100.0, 100.01, float("nan"), float("inf"), 1.0, None]), min_size=1, max_size=12),
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
)
def test_rows_always_add_up(prices: list[float | None], seconds: list[int]) -> None:
    count = len(prices)
    times = [OPEN_NS + second * 1_000_000_000 for second in seconds[:count]]
    rows = books(count, last_price=prices, event_at_ns=times)
    rows = rows.set_column(
        rows.column_names.index("event_at"), "event_at", pa.array(np.array(times) // 1000, pa.timestamp("us", "UTC"))
    )
    checked = check(rows)
    assert checked.good.num_rows + checked.refused_count + checked.duplicates == count
    assert quarantine_rows(checked).num_rows == checked.refused_count
    keys = checked.good.select(["symbol", "event_at_ns", "sequence"]).to_pylist()
    assert len({tuple(key.values()) for key in keys}) == len(keys)
