"""What the night did to a symbol: nothing, a split, a swap of names, a new name."""

from __future__ import annotations

import pyarrow as pa
import pytest

from infra.markets import MARKETS
from infra.tables import NOUNS
from pipelines.check_rows import check_day
from pipelines.day_health import health_rows, reason_to_stop
from pipelines.rules.overnight import last_mids, levels, nearest_ratio, overnight_steps
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_books import books
from tests.pipelines.made_day import a_day, at, priced, spoilt, two_books

SAMPLE = MARKETS["sample"]


def announced(symbol: str, kind: str, ratio: float | None = None, new_symbol: str | None = None) -> pa.Table:
    values = {"symbol": symbol, "kind": kind, "ratio": ratio, "new_symbol": new_symbol}
    return plain_rows(NOUNS["symbol_events"], 1, **values, **at(0))


def steps(
    previous: dict[str, float], events: pa.Table | None = None, rows: pa.Table | None = None
) -> list[tuple[str, tuple[str, ...]]]:
    """Today AAA trades at 100 and BBB at 250."""
    found = overnight_steps(two_books(20) if rows is None else rows, events, previous)
    return [(step.rule, step.symbols) for step in found]


def test_an_ordinary_night_and_a_first_day_say_nothing() -> None:
    assert steps({"AAA": 92.0, "BBB": 270.0}) == []
    assert steps({}) == []


@pytest.mark.parametrize(
    ("aaa", "bbb", "is_swap"),
    [
        (250.0, 100.0, True),
        (210.0, 119.0, True),
        (205.0, 100.0, False),  # BBB's 250 is more than 20 % from 205: AAA may have split
        (250.0, 122.0, False),
    ],
)
def test_two_symbols_at_each_other_s_level_have_swapped(aaa: float, bbb: float, is_swap: bool) -> None:
    found = steps({"AAA": aaa, "BBB": bbb})
    assert (("symbol_swap", ("AAA", "BBB")) in found) == is_swap
    assert not is_swap or len(found) == 1


def test_two_symbols_of_like_price_cannot_be_told_apart() -> None:
    rows = pa.concat_tables([books(5), priced(books(5, symbol="BBB"), 1.4)])
    assert steps({"AAA": 140.0, "BBB": 100.0}, rows=rows) == []


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.5, "2 for 1"), (0.514, "2 for 1"), (0.516, None), (1 / 3, "3 for 1"), (0.25, "4 for 1"), (0.2, "5 for 1"),
        (0.1, "10 for 1"), (2 / 3, "3 for 2"), (2.0, "1 for 2"), (10.0, "1 for 10"), (1.5, "2 for 3"), (7.0, None),
        (0.9, None), (1.0, None),
    ],
)  # fmt: skip
def test_plain_ratios_are_named(ratio: float, words: str | None) -> None:
    assert nearest_ratio(ratio) == words


def test_a_split_that_was_announced_is_noted_and_any_other_stops() -> None:
    assert steps({"AAA": 200.0}) == [("split_unannounced", ("AAA",))]
    assert steps({"AAA": 200.0}, announced("AAA", "split", 2.0)) == [("split_announced", ("AAA",))]
    assert steps({"AAA": 200.0}, announced("AAA", "split", 4.0)) == [("split_unannounced", ("AAA",))]
    assert steps({"AAA": 200.0}, announced("BBB", "split", 2.0)) == [("split_unannounced", ("AAA",))]
    assert steps({"AAA": 200.0}, announced("AAA", "dividend")) == [("split_unannounced", ("AAA",))]


def test_an_announced_ratio_may_be_any_and_one_that_did_nothing_explains_nothing() -> None:
    assert steps({"AAA": 700.0}, announced("AAA", "split", 7.0)) == [("split_announced", ("AAA",))]
    assert steps({"AAA": 700.0}) == []
    assert steps({"AAA": 100.0}, announced("AAA", "split", 1.0)) == []


def test_one_wrong_price_at_the_open_is_no_split() -> None:
    tenfold = spoilt(two_books(20), bid_price_1={0: 1000.0}, ask_price_1={0: 1000.1})
    assert steps({"AAA": 100.0, "BBB": 250.0}, rows=tenfold) == []


def test_a_symbol_that_left_and_one_that_came_at_its_level_may_be_one_company() -> None:
    found = overnight_steps(two_books(20), None, {"OLD": 101.9, "BBB": 250.0})
    assert [(step.rule, step.symbols) for step in found] == [("ticker_change", ("OLD", "AAA"))]
    assert found[0].words == "OLD left at 101.9, AAA came at 100.005, not announced: a ticker change?"
    told = overnight_steps(two_books(20), announced("OLD", "ticker_change", new_symbol="AAA"), {"OLD": 101.9})
    assert told[0].words.endswith("announced")
    assert steps({"OLD": 102.5, "BBB": 250.0}) == []


def test_levels_are_medians_of_ten_and_a_locked_book_has_its_one_side() -> None:
    locked = spoilt(books(5), ask_price_1=dict.fromkeys(range(5), None))
    assert last_mids(locked) == {"AAA": 100.0}
    assert levels(books(3))["AAA"].median == pytest.approx(100.005)
    assert last_mids(books(2, bid_price_1=None, ask_price_1=[float("nan"), -1.0])) == {}
    assert last_mids(books(2, symbol=None)) == {}


def test_after_an_announced_split_an_old_previous_close_says_nothing_against_a_row() -> None:
    close = dict.fromkeys(range(200), 300.0)
    rows = spoilt(two_books(), previous_close_price=close)
    nouns = a_day(book_snapshots=rows, symbol_events=announced("AAA", "split", 3.0))
    previous = {"AAA": 300.0, "BBB": 250.0}
    checked = check_day(nouns, SAMPLE, FRIDAY, previous)
    assert checked["book_snapshots"].by_rule == {}
    assert int(checked["book_snapshots"].is_taken_in.sum()) == 200
    found = {row.check_name: row for row in health_rows(checked, SAMPLE, FRIDAY, previous)}
    assert (found["split_announced"].verdict, found["taken_back_in"].figure) == ("note", 200.0)
    assert reason_to_stop(list(found.values()), SAMPLE, FRIDAY) is None
    unannounced = check_day(a_day(book_snapshots=rows), SAMPLE, FRIDAY, previous)
    assert unannounced["book_snapshots"].by_rule == {"price_near_previous_close": 200}
