"""A minute that is played twice is refused the second time; what a market does by itself is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipelines.rules.repeats import blocks_again, content_hash, repeated_mask, standing_symbols
from tests.pipelines.made_books import books
from tests.pipelines.made_day import SECOND, at, copied, spoilt, trades, two_books


def again(rows: pa.Table, noun: str = "book_snapshots") -> list[int]:
    return np.flatnonzero(repeated_mask(noun, rows)).tolist()


@pytest.mark.parametrize(("rows", "is_found"), [(12, False), (13, True), (30, True)])
def test_a_block_of_a_minute_is_a_repetition_and_a_shorter_one_is_not(rows: int, is_found: bool) -> None:
    repeated = copied(books(200), 20, 100, rows)
    assert again(repeated) == (list(range(100, 100 + rows)) if is_found else [])


def test_the_later_block_is_named_wherever_it_stands_in_the_file() -> None:
    repeated = copied(books(200), 20, 100, 20)
    backwards = list(range(199, -1, -1))
    assert again(repeated.take(pa.array(backwards))) == list(range(80, 100))


def test_a_block_of_one_symbol_is_no_repetition_in_another() -> None:
    rows = two_books()
    assert again(copied(rows, 20, 100, 20)) == list(range(100, 120))
    assert again(rows) == []


def test_a_block_may_follow_itself_and_come_a_third_time() -> None:
    twice = copied(copied(books(200), 20, 40, 20), 20, 60, 20)
    assert again(twice) == list(range(40, 80))


def test_other_gaps_between_the_rows_are_another_minute() -> None:
    repeated = copied(books(200), 20, 100, 20)
    odd = {
        row: value + SECOND for row, value in enumerate(repeated["event_at_ns"].to_pylist()) if row >= 100 and row % 2
    }
    assert again(spoilt(repeated, event_at_ns=odd)) == []


def test_one_different_row_ends_the_block() -> None:
    repeated = spoilt(copied(books(200), 20, 100, 40), last_price={120: 100.01})
    assert again(repeated) == [*range(100, 120), *range(121, 140)]


@pytest.mark.parametrize("states", [1, 2, 4])
def test_a_book_that_stands_or_bounces_repeats_nothing(states: int) -> None:
    shares = [100.0 * (row % states) + 100.0 for row in range(200)]
    assert again(books(200, bid_shares_1=shares, **{f"bid_shares_{n}": 5.0 for n in range(2, 11)})) == []


def test_a_piece_that_hardly_moves_belongs_to_the_repetition_around_it() -> None:
    calm = {f"bid_shares_{level}": {row: 3.0 for row in range(30, 50)} for level in range(1, 11)}
    assert again(copied(spoilt(books(300), **calm), 20, 120, 60)) == list(range(120, 180))


def test_trades_are_asked_too_and_orders_of_our_own_are_not() -> None:
    rows = trades(200, price=[100 + 0.01 * (row % 50) for row in range(200)], **at(*range(0, 1000, 5)))
    assert again(rows, "trades") == list(range(50, 200))
    assert again(rows, "fills") == []


def test_null_is_content_and_times_and_numbers_are_not() -> None:
    rows = books(4, last_price=[None, 100.0, None, None], sequence=[0, 1, 2, 3], bid_shares_1=1.0)
    rows = rows.select(["symbol", "event_at_ns", "sequence", "last_price", "bid_shares_1"])
    found = content_hash(rows)
    assert (found[0] == found[2] == found[3], found[0] == found[1]) == (True, False)


def test_fewer_rows_than_a_window_repeat_nothing() -> None:
    assert not blocks_again(np.zeros(9, np.int64), np.arange(9), np.zeros(9, np.int64)).any()


def test_a_symbol_stands_when_its_best_book_never_moved_in_ten_minutes() -> None:
    both = two_books(130)
    still = spoilt(both, bid_shares_1=dict.fromkeys(range(130), 7.0))
    assert standing_symbols(both) == ([], 2)
    assert standing_symbols(still) == (["AAA"], 2)
    assert standing_symbols(spoilt(still, ask_price_1={60: 100.02})) == ([], 2)
    assert standing_symbols(still.slice(0, 120)) == ([], 1)
    assert standing_symbols(spoilt(still, ask_price_1=dict.fromkeys(range(130), None))) == (["AAA"], 2)
