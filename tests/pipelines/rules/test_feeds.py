"""Missing numbers are seen where a feed numbers without gaps; auctions and halts are counted."""

from __future__ import annotations

import pyarrow as pa
import pytest

from infra.markets import MARKETS
from infra.tables import NOUNS
from pipelines.rules.feeds import halt_findings, halts_ns, sequence_findings, session_findings
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_books import OPEN_NS
from tests.pipelines.made_day import SECOND, at, trades


def events(kinds: list[str], *seconds: float, symbol: str = "AAA", noun: str = "book_events") -> pa.Table:
    rows = {"kind": kinds, "symbol": symbol, **at(*seconds)}
    if noun == "book_events":
        rows["sequence"] = list(range(len(kinds)))
    return plain_rows(NOUNS[noun], len(kinds), **rows)


def numbered(*numbers: int | None, symbols: str | None = None) -> pa.Table:
    names = list(symbols or "A" * len(numbers))
    return trades(len(numbers), sequence=list(numbers), symbol=names)


def found(market: str, noun: str, rows: pa.Table) -> list[tuple[str, str]]:
    return [(one.rule, one.words) for one in sequence_findings(noun, rows, MARKETS[market])]


def test_a_feed_that_numbers_without_gaps_shows_how_many_messages_are_missing() -> None:
    assert found("lobster", "book_events", numbered(0, 1, 2, 3)) == []
    assert found("lobster", "book_events", numbered(0, 1, 4, 5, 9)) == [
        ("sequence_gap", "5 numbers missing (50.00%), first A 2")
    ]


def test_each_symbol_is_numbered_for_itself_and_a_number_that_came_twice_is_no_gap() -> None:
    assert found("lobster", "book_events", numbered(0, 7, 1, 8, 1, symbols="ABABA")) == []


def test_a_row_without_a_number_is_refused_elsewhere_and_breaks_nothing_here() -> None:
    assert found("lobster", "book_events", numbered(0, 1, None)) == []


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((3, 8, 20), []),
        ((3, 20, 8), [("sequence_falls", "1 numbers are lower than one of an earlier time")]),
    ],
)
def test_a_feed_that_only_counts_upwards_may_leave_numbers_out(numbers: tuple[int, ...], expected: object) -> None:
    assert found("b3", "trades", numbered(*numbers)) == expected


def test_a_feed_whose_numbers_say_nothing_is_not_asked() -> None:
    assert found("sample", "trades", numbered(0, 5, 3)) == []


def test_rows_outside_the_decision_time_are_counted() -> None:
    inside, early, late = 0.0, -1.0, 6.5 * 3600 + 1
    (one,) = session_findings("trades", trades(4, **at(early, inside, 6.5 * 3600, late)), MARKETS["sample"], FRIDAY)
    assert (one.rule, one.figure, one.words.split(" are")[0]) == ("outside_session", 2.0, "2 of 4 rows")
    assert session_findings("trades", trades(1), MARKETS["sample"], FRIDAY) == []


def test_rows_between_a_halt_and_its_resumption_are_counted_its_ends_are_not() -> None:
    halts = events(["halt", "resume"], 2, 4, noun="symbol_events")
    (one,) = halt_findings({"trades": trades(6), "symbol_events": halts})
    assert (one.rule, one.noun, one.figure) == ("in_halt", "trades", 1.0)
    assert one.words == "1 rows while their symbol was halted (AAA)"


def test_a_halt_of_another_symbol_is_not_ours() -> None:
    halts = events(["halt", "resume"], 1, 4, symbol="BBB", noun="symbol_events")
    assert halt_findings({"trades": trades(6), "symbol_events": halts}) == []


def test_a_halt_may_come_from_the_feed_and_quotes_alone_do_not_end_it() -> None:
    told = events(["add", "halt", "resume_quotes", "add", "resume"], 0, 1, 2, 3, 4)
    assert halts_ns({"book_events": told}) == {"AAA": [(OPEN_NS + SECOND, OPEN_NS + 4 * SECOND)]}
    assert [(one.noun, one.figure) for one in halt_findings({"book_events": told})] == [("book_events", 2.0)]


def test_a_halt_without_an_end_lasts_and_one_told_twice_is_one() -> None:
    twice = {"book_events": events(["halt"], 3), "symbol_events": events(["halt"], 2, noun="symbol_events")}
    assert [start for start, _ in halts_ns(twice)["AAA"]] == [OPEN_NS + 2 * SECOND]
    assert halt_findings({**twice, "trades": trades(5)})[0].figure == 2.0
