"""Great Expectations asserts the declaration, sees what pandas hides, and draws pages that need no network."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from infra.quality import SuiteResult, assert_and_draw, frame_of, suite_of
from infra.tables import SILVER, Column, RowRule, Table

AT = datetime(2026, 11, 20, 21, 15, tzinfo=UTC)
TABLE = Table(
    "silver.made",
    "made for the test",
    (
        Column("market", "string", "partition"),
        Column("trade_id", "string", "one trade"),
        Column("price", "double", "price of the trade", "USD", low=1.0, high=9.0),
        Column("limit", "double", "limit, null for none", is_nullable=True, low=0.0, high=100.0),
        Column("side", "string", "side", allowed=("buy", "sell")),
    ),
    key=("market", "trade_id"),
    sort_by=("trade_id",),
    partition_by=("market",),
    rules=(RowRule("price_within_limit", pc.field("price") <= pc.field("limit"), "a fill beyond its limit is a bust"),),
    stopped_by_empty=True,
)
GOOD = pa.table({
    "market": ["m", "m"], "trade_id": ["a", "b"], "price": [2.0, 9.0], "limit": [None, 9.0], "side": ["buy", "sell"],
})  # fmt: skip


def with_column(name: str, values: list[object]) -> pa.Table:
    return GOOD.set_column(GOOD.column_names.index(name), name, pa.array(values, GOOD.schema.field(name).type))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, SuiteResult], Path]:
    from dataclasses import replace

    days = {
        "good": GOOD,
        "null": with_column("price", [None, 2.0]),
        "nan": with_column("limit", [float("nan"), 9.0]),
        "infinite": with_column("limit", [float("inf"), 9.0]),
        "beyond": with_column("price", [2.0, 9.5]),
        "word": with_column("side", ["buy", "<b>hold</b>"]),
        "rule": with_column("limit", [1.0, 9.0]),
        "twice": with_column("trade_id", ["a", "a"]),
        "empty": GOOD.slice(0, 0),
    }
    folder = tmp_path_factory.mktemp("pages") / "data_docs"
    folder.mkdir()
    (folder / "stale.html").touch()
    tables = [(replace(TABLE, name=f"silver.{name}"), rows) for name, rows in days.items()]
    found = assert_and_draw(tables, folder, "2026-11-20", AT)
    return {result.table.removeprefix("silver."): result for result in found}, folder


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("good", []),
        ("null", ["column_values_to_not_be_null of price"]),
        (
            "nan",
            ["column_values_to_be_between of non_finite_values", "column_values_to_be_in_set of price_within_limit"],
        ),
        ("infinite", ["column_values_to_be_between of limit", "column_values_to_be_between of non_finite_values"]),
        ("beyond", ["column_values_to_be_between of price", "column_values_to_be_in_set of price_within_limit"]),
        ("word", ["column_values_to_be_in_set of side"]),
        ("rule", ["column_values_to_be_in_set of price_within_limit"]),
        ("twice", ["column_values_to_be_unique of trade_id"]),
        ("empty", ["table_row_count_to_be_between of table"]),
    ],
)
def test_each_fault_fails_its_own_expectation(
    results: tuple[dict[str, SuiteResult], Path], case: str, words: list[str]
) -> None:
    found = results[0][case]
    assert [word.split(":")[0] for word in found.failed] == words
    assert found.is_success == (not words)


def test_pages_need_neither_network_nor_scripts(results: tuple[dict[str, SuiteResult], Path]) -> None:
    folder = results[1]
    pages = list(folder.rglob("*.html"))
    assert len(pages) == 10
    for page in pages:
        text = page.read_text()
        assert not re.search(r"<script|<link|<img|<iframe", text)
        assert "Content-Security-Policy" in text
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".html"}


def test_the_index_leads_to_every_table_and_says_what_failed(results: tuple[dict[str, SuiteResult], Path]) -> None:
    found, folder = results
    index = (folder / "index.html").read_text()
    assert not (folder / "stale.html").exists()
    for result in found.values():
        assert f'href="{result.page}"' in index
        assert (folder / result.page).is_file()
    assert index.count("all hold") == 1
    assert "&lt;b&gt;hold" in index
    assert "<b>hold" not in index


def test_non_finite_values_are_counted_before_pandas_hides_them() -> None:
    rows = with_column("limit", [float("nan"), None])
    assert frame_of(TABLE, rows)["non_finite_values"].tolist() == [1, 0]
    assert frame_of(TABLE, GOOD)["price_within_limit"].tolist() == [True, True]


@pytest.mark.parametrize("noun", SILVER)
def test_every_column_of_a_noun_is_asserted_somehow(noun: str) -> None:
    table = SILVER[noun]
    asserted = {getattr(expectation, "column", None) for expectation in suite_of(table)}
    free = {column.name for column in table.columns if column.is_nullable and column.low is None and not column.allowed}
    assert {column.name for column in table.columns} - asserted - free == set(table.partition_by)
    assert {rule.name for rule in table.rules} <= asserted
