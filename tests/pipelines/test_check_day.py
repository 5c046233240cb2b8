"""Each rule of the catalog refuses the rows that break it and no neighbour, and a day's rows always add up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pytest

from infra.markets import MARKETS
from pipelines.check_rows import CheckedRows, check_day
from pipelines.day_health import health_rows, reason_to_stop
from pipelines.health import HealthRow
from pipelines.rules.catalog import DAY_RULES, NOTE, RULES
from tests.builders import FRIDAY
from tests.pipelines.made_books import OPEN_NS, arrived
from tests.pipelines.made_day import PREVIOUS, SECOND, a_day, at, copied, spoilt, trades, two_books

SAMPLE = MARKETS["sample"]
DAY_NS = 86_400 * SECOND
BOOKS = "book_snapshots"


@dataclass(frozen=True)
class Broken:
    """A day in which one rule is broken: by these rows of this noun, and by no others."""

    noun: str
    rows: list[int]
    nouns: dict[str, pa.Table]
    previous: dict[str, float] = field(default_factory=lambda: PREVIOUS)


def books_with(rows: list[int], **cells: dict[int, object]) -> Broken:
    return Broken(BOOKS, rows, a_day(book_snapshots=spoilt(two_books(), **cells)))


def fills_with(rows: list[int], **cells: dict[int, object]) -> Broken:
    return Broken("fills", rows, a_day(fills=spoilt(a_day()["fills"], **cells)))


def trades_at(rows: list[int], *seconds: float) -> Broken:
    return Broken("trades", rows, a_day(trades=trades(**at(*seconds))))


def trades_known_the_day_before() -> Broken:
    rows = arrived(trades(), "trades")
    known = [when.replace(day=19) for when in rows["known_at"].to_pylist()]
    known_at = pa.array(known, rows.schema.field("known_at").type)
    return Broken(
        "trades",
        [0, 1, 2, 3, 4],
        a_day(trades=rows.set_column(rows.column_names.index("known_at"), "known_at", known_at)),
    )


def every_best_book_stands() -> Broken:
    same: dict[int, object] = dict.fromkeys(range(400), 7.0)
    return books_with(list(range(400)), bid_shares_1=same)


def a_block_again() -> Broken:
    return Broken(BOOKS, list(range(60, 80)), a_day(book_snapshots=copied(two_books(), 10, 60, 20)))


def two_trades_of_one_number() -> Broken:
    rows = trades(sequence=[0, 1, 2, 2, 4], price=[100.0, 100.0, 100.0, 101.0, 100.0], **at(0, 1, 2, 2, 4))
    return Broken("trades", [2, 3], a_day(trades=rows))


BREAKS: dict[str, Callable[[], Broken]] = {
    "file_known_before_its_day": trades_known_the_day_before,
    "file_of_another_day": lambda: trades_at([0, 1, 2, 3, 4], 0, *[86_400 + second for second in range(4)]),
    "wrong_trade_date": lambda: trades_at([2], 0, 1, 86_400, 3, 4),
    "event_times_agree": lambda: books_with([3], event_at_ns={3: OPEN_NS + 15 * SECOND + 1_000}),
    "event_after_known": lambda: trades_at([4], 0, 1, 2, 24_300, 24_301),
    "level_without_shares": lambda: books_with([3], ask_shares_4={3: 0.0}),
    "price_near_previous_close": lambda: books_with([3], previous_close_price={3: 20.0}),
    "fat_finger": lambda: books_with([3], last_price={3: 1.0}),
    "repeated_block": a_block_again,
    "constant_feed": every_best_book_stands,
    "symbol_swap": lambda: Broken(BOOKS, list(range(400)), a_day(), {"AAA": 250.0, "BBB": 100.0}),
    "split_unannounced": lambda: Broken(BOOKS, list(range(200)), a_day(), {"AAA": 200.0, "BBB": 250.0}),
    "fill_of_unknown_child": lambda: fills_with([2], child_order_id={2: "c7"}),
    "fill_of_unknown_parent": lambda: fills_with([1], parent_order_id={1: "p7"}),
    "fills_beyond_child": lambda: fills_with([0, 1], shares={1: 41.0}),
    "fill_outside_day_range": lambda: fills_with([2], price={2: 244.9}),
    "duplicate_key_conflict": two_trades_of_one_number,
}  # fmt: skip


def refused(checked: dict[str, CheckedRows]) -> list[tuple[str, str, list[int]]]:
    return [(noun, one.rule, one.rows.tolist()) for noun, rows in checked.items() for one in rows.refused]


def keys_of(broken: Broken, rule: str) -> frozenset[tuple[str, str, str, int]]:
    rows = broken.nouns[broken.noun].take(pa.array(broken.rows))
    return frozenset((broken.noun, rule, row["source_file"], row["source_row"]) for row in rows.to_pylist())


def test_a_good_day_passes_whole() -> None:
    checked = check_day(a_day(), SAMPLE, FRIDAY, PREVIOUS)
    assert refused(checked) == []
    assert {noun: rows.good.num_rows for noun, rows in checked.items()} == {
        "book_snapshots": 400,
        "trades": 5,
        "parent_orders": 2,
        "child_orders": 2,
        "fills": 3,
    }


def test_every_rule_that_refuses_is_broken_here() -> None:
    assert set(BREAKS) == {rule.name for rule in DAY_RULES if rule.disposition != NOTE}


@pytest.mark.parametrize("rule", BREAKS)
def test_a_rule_refuses_its_rows_and_no_neighbour(rule: str) -> None:
    broken = BREAKS[rule]()
    checked = check_day(broken.nouns, SAMPLE, FRIDAY, broken.previous)
    assert refused(checked) == [(broken.noun, rule, broken.rows)]
    assert broken.noun in RULES[rule].nouns
    assert checked[broken.noun].refused[0].because == RULES[rule].because


@pytest.mark.parametrize("rule", BREAKS)
def test_a_person_may_overrule_judgements_and_nothing_else(rule: str) -> None:
    broken = BREAKS[rule]()
    checked = check_day(broken.nouns, SAMPLE, FRIDAY, broken.previous, keys_of(broken, rule))
    assert refused(checked) == ([] if RULES[rule].is_releasable else [(broken.noun, rule, broken.rows)])


@pytest.mark.parametrize(
    "rule", ["fat_finger", "fill_outside_day_range", "price_near_previous_close", "repeated_block"]
)
def test_a_release_holds_for_its_row_only(rule: str) -> None:
    broken = BREAKS[rule]()
    row = broken.rows[0]
    other = frozenset(
        {(broken.noun, rule, "another.parquet", row), (broken.noun, "wrong_trade_date", "books.parquet", row)}
    )
    assert refused(check_day(broken.nouns, SAMPLE, FRIDAY, broken.previous, other)) == [
        (broken.noun, rule, broken.rows)
    ]
    mine = frozenset({(broken.noun, rule, "books.parquet", row)})
    left = refused(check_day(broken.nouns, SAMPLE, FRIDAY, broken.previous, mine))
    assert left == ([(broken.noun, rule, broken.rows[1:])] if len(broken.rows) > 1 else [])


def test_a_row_released_from_one_rule_is_still_held_to_the_others() -> None:
    rows = spoilt(two_books(), previous_close_price={3: 20.0}, last_price={3: 1.0})
    released = frozenset({(BOOKS, "price_near_previous_close", "books.parquet", 3)})
    checked = check_day(a_day(book_snapshots=rows), SAMPLE, FRIDAY, PREVIOUS, released)
    assert refused(checked) == [(BOOKS, "fat_finger", [3])]


def test_a_row_let_in_against_the_declaration_is_told_apart() -> None:
    broken = BREAKS["price_near_previous_close"]()
    checked = check_day(broken.nouns, SAMPLE, FRIDAY, PREVIOUS, keys_of(broken, "price_near_previous_close"))[BOOKS]
    assert (checked.good.num_rows, checked.as_declared.num_rows) == (400, 399)
    assert 3 not in checked.as_declared["source_row"].to_pylist()


def health(broken: Broken, released: frozenset[tuple[str, str, str, int]] = frozenset()) -> list[HealthRow]:
    checked = check_day(broken.nouns, SAMPLE, FRIDAY, broken.previous, released)
    return health_rows(checked, SAMPLE, FRIDAY, broken.previous)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            "symbol_swap",
            r"two symbols have each other's prices: book_snapshots sample 2026-11-20; "
            r"found AAA trades at 100.005 after 250, BBB at 250.012 after 100; "
            r"allowed: symbols that swapped: at most 0 \(two symbols that .*\); next: correct .* sample 2026-11-20",
        ),
        (
            "split_unannounced",
            r"a price jumped overnight as in a split: .*; found AAA opens at 100.005 after 200, as a split 2 for 1; "
            r"symbol_events has no split; allowed: .* at most 0 \(.*\); next: deliver the split in symbol_events",
        ),
        ("constant_feed", r"the whole feed stood still: .*; found 400 books and none of them moved; .*; next: have"),
    ],
)  # fmt: skip
def test_a_rule_that_stops_the_night_says_what_which_found_allowed_and_next(rule: str, words: str) -> None:
    broken = BREAKS[rule]()
    error = reason_to_stop(health(broken), SAMPLE, FRIDAY)
    assert re.match(words, str(error)), str(error)
    assert reason_to_stop(health(broken, keys_of(broken, rule)), SAMPLE, FRIDAY) is None


def test_a_stop_holds_until_every_row_of_it_was_taken_back_in() -> None:
    broken = BREAKS["symbol_swap"]()
    most = frozenset(sorted(keys_of(broken, "symbol_swap"))[1:])
    assert reason_to_stop(health(broken, most), SAMPLE, FRIDAY) is not None


def test_a_swap_is_named_even_when_the_previous_close_has_refused_its_rows() -> None:
    closes = {row: 250.0 for row in range(200)} | {row: 100.0 for row in range(200, 400)}
    nouns = a_day(book_snapshots=spoilt(two_books(), previous_close_price=closes))
    broken = Broken(BOOKS, [], nouns, {"AAA": 250.0, "BBB": 100.0})
    assert refused(check_day(nouns, SAMPLE, FRIDAY, broken.previous)) == [
        (BOOKS, "price_near_previous_close", list(range(400)))
    ]
    assert "AAA trades at 100.005 after 250" in str(reason_to_stop(health(broken), SAMPLE, FRIDAY))
