"""Sentences about what `make bench` holds ours against: the same features, counted fairly."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import books, peers_polars, peers_spark
from benchmarks.agreement import equal_rows
from benchmarks.growth import growth
from benchmarks.measured import Taken
from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from infra import calendar
from infra.lake import Lake
from infra.markets import MARKETS
from infra.tables import SILVER
from pipelines import build_features
from pipelines.symbol_days import day_sources

SAMPLE, DAY = MARKETS["sample"], date(2026, 11, 20)
INTERVALS = calendar.session_intervals_ns(SAMPLE, DAY)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, pa.Table]:
    """Ours and the Polars peer's features of one generated session in which a side is empty now and then."""
    home = tmp_path_factory.mktemp("peers")
    lake, rows = Lake(home / "lake"), books.book_rows(DAY, seed=3).slice(0, 2 * books.ROWS)
    place = rows.column_names.index("ask_price_1")
    holed = [None if number % 701 == 5 else price for number, price in enumerate(rows["ask_price_1"].to_pylist())]
    rows = rows.set_column(place, "ask_price_1", pa.array(holed, pa.float64()))
    lake.replace_days(SILVER["book_snapshots"], SAMPLE.name, {DAY: rows})
    sources = day_sources(lake, SAMPLE, [DAY])[DAY]
    lake.commit_days(FEATURES_TABLE, SAMPLE.name, {DAY: build_features.build_day(sources)})
    peers_polars.build_day(sources.books[0], home / "peer.parquet", INTERVALS, SAMPLE.book_levels)
    return lake.read_day(FEATURES_TABLE, SAMPLE.name, DAY), pq.read_table(home / "peer.parquet")


def test_polars_computes_the_same_38_features_on_every_row_that_matters(outputs: tuple[pa.Table, pa.Table]) -> None:
    shares = equal_rows(*outputs)
    assert len(shares) == 38
    assert {name: share for name, share in shares.items() if share < 0.999} == {}


def test_a_peer_that_computes_something_else_is_told_so(outputs: tuple[pa.Table, pa.Table]) -> None:
    ours, theirs = outputs
    place = theirs.column_names.index("ofi_1_60s")
    other = theirs.set_column(place, "ofi_1_60s", theirs["ofi_1_10s"])
    assert equal_rows(ours, other)["ofi_1_60s"] < 0.5


def test_a_peer_with_other_rows_is_refused(outputs: tuple[pa.Table, pa.Table]) -> None:
    ours, theirs = outputs
    with pytest.raises(ValueError, match="rows differ in"):
        equal_rows(ours, theirs.slice(1))


def test_spark_sql_names_the_same_features_as_polars(outputs: tuple[pa.Table, pa.Table]) -> None:
    peer = {name for name in outputs[1].column_names if name in FEATURE_NAMES}
    assert {name for name in peer if f" AS {name}" in peers_spark.query(SAMPLE.book_levels)} == peer


def test_a_repeated_session_keeps_its_features_under_another_date(tmp_path: Path) -> None:
    winter, rows = date(2026, 11, 20), books.book_rows(DAY, seed=3).slice(0, 500)
    summer = date(2026, 7, 1)
    starts = [calendar.session_intervals_ns(SAMPLE, day)[0][0] for day in (winter, summer)]
    lake, found = Lake(tmp_path / "lake"), {}
    for day, table in ((winter, rows), (summer, books.moved(rows, starts[1] - starts[0]))):
        lake.replace_days(SILVER["book_snapshots"], SAMPLE.name, {day: table})
        file = build_features.build_day(day_sources(lake, SAMPLE, [day])[day])
        lake.commit_days(FEATURES_TABLE, SAMPLE.name, {day: file})
        found[day] = lake.read_day(FEATURES_TABLE, SAMPLE.name, day).select(list(FEATURE_NAMES))
    assert found[winter].equals(found[summer])


def test_growth_is_the_slope_of_cpu_time_over_rows_with_its_spread_over_turns() -> None:
    def turns(rows: int, *seconds: float) -> list[Taken]:
        return [Taken(rows, 9.0, taken, 100.0 + rows) for taken in seconds]

    found = growth({1: turns(10, 1.0, 1.0), 5: turns(50, 5.0, 25.0), 20: turns(200, 20.0, 400.0)})
    assert (found.low, found.high, found.exponent) == pytest.approx((1.0, 2.0, 1.5))
    assert found.peak_mib == {1: 110.0, 5: 150.0, 20: 300.0}
