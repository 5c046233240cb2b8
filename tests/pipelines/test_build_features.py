"""Silver rows in, feature rows out: here or in Spark's workers, once."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.engine import compute_features
from features.market_day import symbol_day
from infra import calendar
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import SILVER
from pipelines import build_features
from pipelines.step import StepContext
from tests.builders import FRIDAY, THURSDAY, plain_rows
from tests.pipelines.made_books import FIVE_SECONDS, KNOWN_AT, OPEN_NS, books

MARKET = MARKETS["sample"]
DAY_NS = 86_400 * 1_000_000_000
LATER = KNOWN_AT + timedelta(hours=2)


def context(home: Path, *days: date) -> StepContext:
    settings = Settings(home=home)
    return StepContext(settings, MARKET, days, Lake(settings.lake))


def silver_books(count: int, day: date = FRIDAY, **values: object) -> pa.Table:
    start = OPEN_NS + (day - FRIDAY).days * DAY_NS
    given = {"traded_shares": None, "traded_notional": None, **values}
    parts = [books(count, symbol=symbol, day=day, start_ns=start, **given) for symbol in ("AAA", "BBB")]
    rows = pa.concat_tables(parts)
    return rows.append_column("known_at", pa.array([KNOWN_AT] * rows.num_rows, pa.timestamp("us", tz="UTC")))


def silver_trades(times_ns: list[int], known_at: datetime) -> pa.Table:
    stamps = [datetime.fromtimestamp(time // 1_000_000_000, UTC) for time in times_ns]
    return plain_rows(
        SILVER["trades"], len(times_ns), symbol="BBB", event_at_ns=times_ns, event_at=stamps, price=100.005,
        shares=10.0, aggressor_side=1, sequence=list(range(len(times_ns))), known_at=known_at,
    )  # fmt: skip


def write(given: StepContext, books_of: dict[date, pa.Table], trades_of: dict[date, pa.Table]) -> None:
    given.lake.replace_days(SILVER["book_snapshots"], MARKET.name, books_of)
    given.lake.replace_days(SILVER["trades"], MARKET.name, trades_of)


def test_one_day_is_built_without_spark_and_holds_what_the_kernel_says(tmp_path: Path) -> None:
    given = context(tmp_path, FRIDAY)
    write(given, {FRIDAY: silver_books(40)}, {FRIDAY: silver_trades([OPEN_NS + 7], KNOWN_AT)})
    report = build_features.run(given)
    assert (report.rows_out, report.is_unchanged) == (80, False)
    assert "pyspark" not in sys.modules or not _is_spark_running()

    stored = given.lake.read_day(FEATURES_TABLE, MARKET.name, FRIDAY)
    book = given.lake.read_day(SILVER["book_snapshots"], MARKET.name, FRIDAY).slice(40)
    trades = given.lake.read_day(SILVER["trades"], MARKET.name, FRIDAY)
    expected = compute_features(symbol_day("BBB", book, trades, 10), calendar.session_intervals_ns(MARKET, FRIDAY))
    for place, name in enumerate(FEATURE_NAMES):
        found = stored.column(name).to_numpy()[40:]
        assert np.array_equal(found, expected[:, place], equal_nan=True), name
    assert stored.column("trade_flow_10s").null_count == 41


def _is_spark_running() -> bool:
    from pyspark import SparkContext

    return SparkContext._active_spark_context is not None


def test_a_day_whose_inputs_did_not_change_is_left_alone(tmp_path: Path) -> None:
    given = context(tmp_path, THURSDAY, FRIDAY)
    write(given, {FRIDAY: silver_books(20)}, {FRIDAY: silver_trades([], KNOWN_AT)})
    first = build_features.run(given)
    again = build_features.run(given)
    assert again.is_unchanged
    assert again.tables[0].version == first.tables[0].version
    write(given, {FRIDAY: silver_books(21)}, {})
    assert build_features.run(given).rows_out == 42


def test_spark_hands_out_days_and_writes_the_same_bytes(tmp_path: Path) -> None:
    books_of = {day: silver_books(30, day) for day in (THURSDAY, FRIDAY)}
    trades_of = {day: silver_trades([], KNOWN_AT) for day in (THURSDAY, FRIDAY)}
    handed_out, one_by_one = context(tmp_path / "spark", THURSDAY, FRIDAY), tmp_path / "here"
    write(handed_out, books_of, trades_of)
    report = build_features.run(handed_out)
    assert (report.rows_out, report.tables[0].version) == (120, 1)
    for day in (THURSDAY, FRIDAY):
        here = context(one_by_one, day)
        write(here, {day: books_of[day]}, {day: trades_of[day]})
        build_features.run(here)
        same = here.lake.fingerprint(FEATURES_TABLE, MARKET.name, day)
        assert same == handed_out.lake.fingerprint(FEATURES_TABLE, MARKET.name, day) != "absent"


def test_a_row_is_known_when_the_last_trade_that_it_counts_is_known(tmp_path: Path) -> None:
    given = context(tmp_path, FRIDAY)
    write(given, {FRIDAY: silver_books(4)}, {FRIDAY: silver_trades([OPEN_NS + FIVE_SECONDS + 1], LATER)})
    build_features.run(given)
    known = given.lake.read_day(FEATURES_TABLE, MARKET.name, FRIDAY).column("known_at").to_pylist()
    assert known == [KNOWN_AT] * 6 + [LATER] * 2


def test_money_without_shares_is_signed_by_the_last_price(tmp_path: Path) -> None:
    given = context(tmp_path, FRIDAY)
    rows = silver_books(3, traded_shares=None, traded_notional=[0.0, 5_000.0, 0.0], last_price=100.01)
    write(given, {FRIDAY: rows}, {FRIDAY: silver_trades([], KNOWN_AT)})
    build_features.run(given)
    flow = given.lake.read_day(FEATURES_TABLE, MARKET.name, FRIDAY).column("trade_flow_10s").to_pylist()
    assert flow == [None, 1.0, 1.0] * 2


@pytest.mark.parametrize("traded", [[], [OPEN_NS]])
def test_a_day_without_books_has_no_features(tmp_path: Path, traded: list[int]) -> None:
    given = context(tmp_path, FRIDAY)
    write(given, {FRIDAY: silver_books(1).slice(0, 0)}, {FRIDAY: silver_trades(traded, KNOWN_AT)})
    assert build_features.run(given).rows_out == 0
    assert given.lake.days(FEATURES_TABLE, MARKET.name) == (FRIDAY,)
