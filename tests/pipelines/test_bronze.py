"""What bronze holds, and what of it was known when."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from infra.tables import NOUNS
from pipelines.bronze import bronze_rows, known_rows
from pipelines.sources.file import SourceFile
from tests.builders import plain_rows
from tests.pipelines.made_books import KNOWN_AT


def trades(name: str, hours: int, *prices: float) -> SourceFile:
    rows = plain_rows(NOUNS["trades"], len(prices), price=list(prices), sequence=list(range(len(prices))))
    return SourceFile("trades", name, f"{name}@{hours}", KNOWN_AT + timedelta(hours=hours), rows)


def prices(rows: pa.Table) -> list[float]:
    found: list[float] = rows["price"].to_pylist()
    return found


def test_rows_stand_by_file_and_delivery_with_their_place_in_the_file() -> None:
    rows = bronze_rows([trades("b", 0, 3.0, 4.0), trades("a", 5, 1.5), trades("a", 0, 1.0, 2.0)])
    assert rows["source_file"].to_pylist() == ["a", "a", "a", "b", "b"]
    assert rows["source_row"].to_pylist() == [0, 1, 0, 0, 1]
    assert rows["source_sha256"].to_pylist()[2] == "a@5"


def test_a_source_may_say_where_in_its_file_each_row_stood() -> None:
    log = trades("log", 0, 1.0, 2.0)
    rows = bronze_rows([SourceFile("trades", "log", "x", KNOWN_AT, log.rows, np.array([4, 9]))])
    assert rows["source_row"].to_pylist() == [4, 9]


def test_the_latest_delivery_of_each_name_counts_and_an_earlier_time_sees_the_earlier_one() -> None:
    rows = bronze_rows([trades("a", 0, 1.0, 2.0), trades("a", 72, 9.0), trades("b", 0, 3.0)])
    assert prices(known_rows(rows)) == [9.0, 3.0]
    assert prices(known_rows(rows, KNOWN_AT + timedelta(hours=71))) == [1.0, 2.0, 3.0]
    assert prices(known_rows(rows, KNOWN_AT - timedelta(seconds=1))) == []


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), unique=True, min_size=1), st.integers(0, 5))
def test_what_was_known_then_does_not_depend_on_what_came_later(names: list[tuple[str, int]], hours: int) -> None:
    files = [trades(name, hour, float(hour)) for name, hour in names]
    at = KNOWN_AT + timedelta(hours=hours)
    then = [file for file in files if file.known_at <= at]
    everything = known_rows(bronze_rows(files), at)
    assert prices(everything) == (prices(known_rows(bronze_rows(then))) if then else [])
