"""Good rows reach silver, bad ones quarantine, and too many of them stop the night for this day only."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from infra.errors import QualityError, SourceError
from infra.tables import BRONZE, HEALTH, NOUNS, QUARANTINE, SILVER
from pipelines import ingest, validate
from pipelines.day_health import reason_to_stop
from pipelines.health import HealthRow
from pipelines.step import StepContext
from tests.builders import FRIDAY, THURSDAY
from tests.pipelines.made_books import books
from tests.pipelines.made_drops import a_context, drop, good_day, session_ns

ROWS = 100


def books_with(**values: object) -> pa.Table:
    """A hundred book rows; `column=(row, value)` spoils one cell."""
    rows = books(ROWS)
    for name, (row, value) in values.items():  # type: ignore[misc]
        cells = rows[name].to_pylist()
        cells[row] = value
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(cells, rows.schema.field(name).type))
    return rows


def ingested(home: Path, **nouns: pa.Table) -> StepContext:
    drop(home, {**good_day(), **nouns})
    ingest.run(a_context(home))
    return a_context(home)


def quarantined(context: StepContext) -> list[tuple[str, str, int]]:
    rows = context.lake.read_day(QUARANTINE, "sample", context.night).to_pylist()
    return [(row["noun"], row["rule"], row["source_row"]) for row in rows]


def verdicts(context: StepContext) -> dict[tuple[str, str], str]:
    rows = context.lake.read_day(HEALTH, "sample", context.night).to_pylist()
    return {(row["check_name"], row["subject"]): row["verdict"] for row in rows}


def test_a_day_with_a_few_bad_rows_goes_through_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    rows = books_with(bid_price_1=(7, 100.02), last_price=(9, 10_000.0))
    context = ingested(tmp_path, book_snapshots=pa.concat_tables([rows, rows.slice(3, 1)]))
    report = validate.run(context)
    assert (report.rows_in, report.rows_out, report.rows_refused) == (115, 112, 2)
    assert quarantined(context) == [
        ("book_snapshots", "book_not_crossed", 7),
        ("book_snapshots", "fat_finger", 9),
    ]
    assert report.notes == (
        "2026-11-20 book_snapshots: 1 rows refused by book_not_crossed",
        "2026-11-20 book_snapshots: 1 rows refused by fat_finger",
    )
    silver = context.lake.read_day(SILVER["book_snapshots"], "sample", FRIDAY)
    assert (silver.num_rows, silver.column_names[-1]) == (98, "known_at")
    found = verdicts(context)
    assert found["refused_share", "book_snapshots"] == found["great_expectations", "silver"] == "pass"
    assert found["duplicate_rows", "book_snapshots"] == found["silence", "book_snapshots"] == "note"
    page = context.page_folder(FRIDAY) / "data_docs" / "index.html"
    assert "silver.book_snapshots" in page.read_text()
    assert validate.run(context).is_unchanged


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_price_that_is_no_number_is_quarantined_as_it_arrived(tmp_path: Path, value: float) -> None:
    rows = books_with(bid_price_1=(7, value)).slice(0, 8)
    context = ingested(tmp_path, book_snapshots=rows)
    with pytest.raises(QualityError, match="1 of 8 rows refused: bid_price_1_is_finite 1"):
        validate.run(context)
    assert quarantined(context) == [("book_snapshots", "bid_price_1_is_finite", 7)]


def test_too_many_refused_rows_stop_the_night_and_leave_quarantine_to_look_at(tmp_path: Path) -> None:
    rows = books(10, bid_price_1=[100.02, *[100.0] * 9])
    context = ingested(tmp_path, book_snapshots=rows)
    words = (
        r"too many rows were refused: book_snapshots sample 2026-11-20; found 1 of 10 rows refused: "
        r"book_not_crossed 1; allowed: refused share: at most 0\.05 \(a feed that loses .*\); "
        r"next: look at quarantine\.rows"
    )
    with pytest.raises(QualityError, match=words):
        validate.run(context)
    assert quarantined(context) == [("book_snapshots", "book_not_crossed", 0)]
    assert verdicts(context)["refused_share", "book_snapshots"] == "fail"
    assert all(context.lake.days(table, "sample") == () for table in SILVER.values())


def test_one_order_of_our_own_that_cannot_be_read_stops_the_night(tmp_path: Path) -> None:
    orders = good_day()["fills"]
    spoilt = orders.set_column(orders.column_names.index("price"), "price", pa.array([10.0, -1.0]))
    context = ingested(tmp_path, fills=spoilt)
    with pytest.raises(QualityError, match="fills sample 2026-11-20; found 1 of 2 rows refused: price_in_bounds 1"):
        validate.run(context)


def test_an_empty_day_stops_the_night(tmp_path: Path) -> None:
    context = ingested(tmp_path, book_snapshots=NOUNS["book_snapshots"].arrow_schema.empty_table())
    with pytest.raises(QualityError, match=r"empty day: book_snapshots sample 2026-11-20; found 0 good rows"):
        validate.run(context)
    assert verdicts(context)["rows", "book_snapshots"] == "fail"


def test_a_day_that_was_not_ingested_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="fillwise ingest --market sample --day 2026-11-20"):
        validate.run(a_context(tmp_path))


def test_a_bad_day_in_a_range_leaves_the_days_before_it_done(tmp_path: Path) -> None:
    crossed = books(5, start_ns=session_ns(FRIDAY), bid_price_1=100.02)
    drop(tmp_path, good_day(THURSDAY), THURSDAY)
    drop(tmp_path, {**good_day(), "book_snapshots": crossed})
    context = a_context(tmp_path, THURSDAY, FRIDAY)
    ingest.run(context)
    with pytest.raises(QualityError, match="2026-11-20"):
        validate.run(context)
    assert context.lake.days(SILVER["book_snapshots"], "sample") == (THURSDAY,)
    assert context.lake.days(QUARANTINE, "sample") == (THURSDAY, FRIDAY)
    assert not (context.page_folder(FRIDAY) / "data_docs").exists()


def test_nothing_after_a_bad_day_is_done(tmp_path: Path) -> None:
    crossed = books(5, day=THURSDAY, start_ns=session_ns(THURSDAY), bid_price_1=100.02)
    drop(tmp_path, {**good_day(THURSDAY), "book_snapshots": crossed}, THURSDAY)
    drop(tmp_path, good_day())
    context = a_context(tmp_path, THURSDAY, FRIDAY)
    ingest.run(context)
    with pytest.raises(QualityError, match="2026-11-19"):
        validate.run(context)
    assert context.lake.days(SILVER["book_snapshots"], "sample") == ()
    assert context.lake.days(HEALTH, "sample") == (THURSDAY,)


def test_a_day_that_stops_keeps_the_silver_it_had(tmp_path: Path) -> None:
    context = ingested(tmp_path, book_snapshots=books(5, bid_price_1=100.02))
    silver = SILVER["book_snapshots"]
    kept = books(3).append_column("known_at", pa.array([0, 0, 0], pa.timestamp("us", "UTC")))
    context.lake.replace_days(silver, "sample", {FRIDAY: kept})
    before = context.lake.fingerprint(silver, "sample", FRIDAY)
    with pytest.raises(QualityError):
        validate.run(context)
    assert context.lake.fingerprint(silver, "sample", FRIDAY) == before


def test_a_failed_expectation_on_rows_that_passed_stops_the_night() -> None:
    row = HealthRow("great_expectations", "silver", "fail", 1.0, 0.0, "because", "silver.fills: column_values")
    error = reason_to_stop([row], a_context(Path("/nowhere")).market, FRIDAY)
    assert str(error).startswith("rows that passed break an expectation: silver sample 2026-11-20; found silver.fills")


def test_bronze_may_hold_anything_of_the_right_type() -> None:
    assert all(column.low is None and not column.allowed for column in BRONZE["fills"].columns[2:-3])
