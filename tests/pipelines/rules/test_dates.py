"""Rows and whole files that do not belong to their trade date."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from infra.markets import MARKETS
from infra.tables import NOUNS
from pipelines.rules.prices import day_refusals
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_books import arrived
from tests.pipelines.made_day import at, trades

SAMPLE = MARKETS["sample"]
DAY = 86_400.0


def refused(rows: pa.Table, noun: str = "trades") -> list[tuple[str, list[int]]]:
    return [(one.rule, one.rows.tolist()) for one in day_refusals(noun, rows, SAMPLE, FRIDAY)]


def known(rows: pa.Table, when: datetime) -> pa.Table:
    times = pa.array([when] * rows.num_rows, pa.timestamp("us", "UTC"))
    return rows.set_column(rows.column_names.index("known_at"), "known_at", times)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((0, 1, DAY, DAY + 1), [("wrong_trade_date", [2, 3])]),
        ((0, DAY, DAY + 1, DAY + 2), [("file_of_another_day", [0, 1, 2, 3])]),
    ],
)
def test_a_file_is_refused_whole_when_most_of_its_rows_are_of_another_day(
    seconds: tuple[float, ...], expected: list[tuple[str, list[int]]]
) -> None:
    assert refused(arrived(trades(4, **at(*seconds)), "trades")) == expected


def test_each_file_is_judged_for_itself() -> None:
    good = arrived(trades(2, **at(0, 1)), "trades", "good.parquet")
    misplaced = arrived(trades(2, **at(DAY, DAY + 1)), "trades", "misplaced.parquet")
    assert refused(pa.concat_tables([good, misplaced])) == [("file_of_another_day", [2, 3])]


@pytest.mark.parametrize(
    ("when", "is_refused"),
    [
        (datetime(2026, 11, 20, 4, 59, 59, tzinfo=UTC), True),  # a second before the day begins in New York
        (datetime(2026, 11, 20, 21, 15, tzinfo=UTC), False),
    ],
)
def test_a_file_that_was_known_before_its_trade_date_began_is_misdated(when: datetime, is_refused: bool) -> None:
    found = refused(known(arrived(trades(2), "trades"), when))
    assert found == ([("file_known_before_its_day", [0, 1])] if is_refused else [])


def test_a_row_is_not_known_before_it_happens() -> None:
    rows = known(arrived(trades(3, **at(0, 60, 61)), "trades"), datetime(2026, 11, 20, 14, 31, tzinfo=UTC))
    assert refused(rows) == [("event_after_known", [2])]


@pytest.mark.parametrize("noun", ["symbol_events", "signals"])
def test_a_calendar_and_an_outside_series_may_be_known_ahead(noun: str) -> None:
    rows = arrived(plain_rows(NOUNS[noun], 1, **at(0)), noun)
    assert refused(known(rows, datetime(2026, 11, 1, tzinfo=UTC)), noun) == []
