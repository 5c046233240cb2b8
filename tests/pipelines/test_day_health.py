"""Every note of the catalog shows with figure, threshold, because and words, and only on the day that has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pytest

from infra.markets import MARKETS, Market
from infra.tables import NOUNS
from pipelines.check_rows import check_day
from pipelines.day_health import WORDS, health_rows, reason_to_stop
from pipelines.health import HealthRow
from pipelines.rules.catalog import DAY_RULES, NOTE, RULES, STOP
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_books import arrived, books
from tests.pipelines.made_day import PREVIOUS, a_day, at, spoilt, trades, two_books

SAMPLE, ASHARE = MARKETS["sample"], MARKETS["ashare"]
QUIET = {"constant_feed", "symbol_swap", "split_unannounced", "refused_share", "rows"}
ALWAYS = {"silence", "market_silence", "stuck_feed"}
BOOKS = "book_snapshots"


@dataclass(frozen=True)
class Noted:
    """A day on which one thing is to be noted of one noun, and the words in which it is."""

    noun: str
    figure: float
    words: str
    nouns: dict[str, pa.Table]
    market: Market = SAMPLE
    previous: dict[str, float] = field(default_factory=lambda: PREVIOUS)
    released: frozenset[tuple[str, str, str, int]] = frozenset()


def told(kind: str, **values: object) -> pa.Table:
    return plain_rows(NOUNS["symbol_events"], 1, symbol="AAA", kind=kind, **{**at(1), **values})


def split_today() -> Noted:
    nouns = a_day(symbol_events=told("split", ratio=2.0))
    return Noted(BOOKS, 1.0, "AAA opens at 100.005 after 200", nouns, previous={"AAA": 200.0, "BBB": 250.0})


def a_book_row(price: float, market: Market = SAMPLE) -> Noted:
    rows = spoilt(two_books(), previous_close_price={0: price}, ask_price_1={0: None})
    return Noted(BOOKS, 1 / 400, "1 rows without an ask and 0 without a bid", a_day(book_snapshots=rows), market)


def locked() -> Noted:
    at_limit = replace(a_book_row(90.91), market=replace(SAMPLE, name="ashare"))
    return replace(at_limit, figure=1.0, words="1 rows without an ask at the highest price")


def numbered(market: str, *numbers: int) -> dict[str, pa.Table]:
    noun = "book_events" if market == "lobster" else "trades"
    rows = plain_rows(NOUNS[noun], 3, symbol="AAA", price=100.0, sequence=list(numbers), **at(0, 1, 2))
    return a_day(**{noun: rows})


def a_released_row() -> Noted:
    nouns = a_day(book_snapshots=spoilt(two_books(), previous_close_price={3: 20.0}))
    released = frozenset({(BOOKS, "price_near_previous_close", "books.parquet", 3)})
    return Noted(BOOKS, 1.0, "1 rows were taken back in", nouns, released=released)


def renamed(market: str) -> Market:
    return replace(SAMPLE, name=market)


NOTES: dict[str, Callable[[], Noted]] = {
    "split_announced": split_today,
    "ticker_change": lambda: Noted(
        BOOKS, 1.0, "OLD left at 100, AAA came", a_day(), previous={"OLD": 100.0, "BBB": 250.0}
    ),
    "side_empty_at_limit": locked,
    "side_empty": lambda: a_book_row(99.5),
    "silence": lambda: Noted(BOOKS, 22_405.0, "longest 22,405 s (AAA); 2 above 50 s", a_day()),
    "market_silence": lambda: Noted(BOOKS, 22_405.0, "longest 22,405 s (all symbols); 1 above 50 s", a_day()),
    "stuck_feed": lambda: Noted(BOOKS, 0.0, "longest 0 s", a_day()),
    "constant_symbol": lambda: Noted(
        BOOKS,
        1.0,
        "1 of 2 symbols never moved: AAA",
        a_day(book_snapshots=spoilt(two_books(), bid_shares_1=dict.fromkeys(range(200), 7.0))),
    ),
    "sequence_gap": lambda: Noted(
        "book_events", 1.0, "1 numbers missing", numbered("lobster", 0, 1, 3), renamed("lobster")
    ),
    "sequence_falls": lambda: Noted("trades", 1.0, "1 numbers are lower", numbered("b3", 0, 5, 3), renamed("b3")),
    "out_of_order": lambda: Noted("trades", 1.0, "1 of 3 rows came after", a_day(trades=trades(3, **at(0, 2, 1)))),
    "equal_times": lambda: Noted("trades", 1.0, "1 of 3 rows share time", a_day(trades=trades(3, **at(0, 2, 2)))),
    "outside_session": lambda: Noted(
        "trades", 1.0, "1 of 3 rows are of auctions", a_day(trades=trades(3, **at(-1, 0, 1)))
    ),
    "in_halt": lambda: Noted(
        "trades", 3.0, "3 rows while their symbol was halted (AAA)", a_day(symbol_events=told("halt"))
    ),
    "duplicate_rows": lambda: Noted(
        "trades", 3.0, "3 rows came twice", a_day(trades=pa.concat_tables([arrived(trades(3), "trades")] * 2))
    ),
    "taken_back_in": a_released_row,
}


def health(noted: Noted) -> list[HealthRow]:
    checked = check_day(noted.nouns, noted.market, FRIDAY, noted.previous, noted.released)
    return health_rows(checked, noted.market, FRIDAY, noted.previous, noted.released)


def test_every_note_of_the_catalog_is_shown_here() -> None:
    assert set(NOTES) == {rule.name for rule in DAY_RULES if rule.disposition == NOTE}


@pytest.mark.parametrize("rule", NOTES)
def test_a_note_has_figure_because_and_words_and_stops_nothing(rule: str) -> None:
    noted = NOTES[rule]()
    rows = health(noted)
    (row,) = (row for row in rows if (row.check_name, row.subject) == (rule, noted.noun))
    assert (row.verdict, row.figure, row.because) == ("note", noted.figure, RULES[rule].because)
    assert row.reason.startswith(noted.words)
    assert reason_to_stop(rows, noted.market, FRIDAY) is None


def test_a_good_day_has_its_shares_and_stretches_and_nothing_else() -> None:
    rows = health(Noted(BOOKS, 0.0, "", a_day()))
    assert {row.check_name for row in rows} == QUIET | ALWAYS
    assert {row.check_name for row in rows if row.verdict == "note"} == ALWAYS
    assert {row.check_name for row in rows if row.threshold is None} == set()


def test_rows_released_from_any_judgement_are_counted_and_from_a_declaration_none() -> None:
    nouns = a_day(book_snapshots=spoilt(two_books(), last_price={3: 1.0, 4: 1.0}, event_at_ns={9: 0}))
    rules = [("fat_finger", 3), ("wrong_trade_date", 9), ("no_such_rule", 5)]
    released = frozenset((BOOKS, rule, "books.parquet", row) for rule, row in rules)
    rows = health(Noted(BOOKS, 0.0, "", nouns, released=released))
    assert [row.figure for row in rows if row.check_name == "taken_back_in"] == [1.0]


def test_one_check_of_one_noun_is_one_row() -> None:
    for make in NOTES.values():
        names = [(row.check_name, row.subject) for row in health(make())]
        assert len(set(names)) == len(names)


def test_the_first_day_says_that_the_night_was_not_looked_at() -> None:
    rows = {row.check_name: row for row in health(Noted(BOOKS, 0.0, "", a_day(), previous={}))}
    for rule in ("symbol_swap", "split_unannounced"):
        assert (rows[rule].verdict, rows[rule].figure) == ("note", None)
        assert rows[rule].reason == "not asked: no books of the day before"


def test_every_rule_that_stops_a_night_has_its_sentence() -> None:
    stopping = {rule.name for rule in DAY_RULES if rule.disposition == STOP}
    assert set(WORDS) == stopping | {"refused_share", "rows", "great_expectations"}


def test_a_rule_that_stops_is_told_before_the_share_that_follows_from_it() -> None:
    rows = health(Noted(BOOKS, 0.0, "", a_day(), previous={"AAA": 250.0, "BBB": 100.0}))
    assert [row.check_name for row in rows if row.verdict == "fail"] == ["symbol_swap", "refused_share", "rows"]
    assert str(reason_to_stop(rows, SAMPLE, FRIDAY)).startswith("two symbols have each other's prices")


def test_rows_of_a_share_too_high_stop_the_night_with_their_because() -> None:
    crossed = spoilt(books(10), bid_price_1={0: 100.02})
    error = reason_to_stop(health(Noted(BOOKS, 0.0, "", a_day(book_snapshots=crossed), previous={})), SAMPLE, FRIDAY)
    assert "1 of 10 rows refused: book_not_crossed 1" in str(error)
    assert "a feed that loses one row in twenty is broken, not noisy" in str(error)
