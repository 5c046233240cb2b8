"""A real session of the paper desk: what it logged is what the night computes, and one bit is caught."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from features.catalog import FEATURES_TABLE
from features.engine import FEATURE_NAMES
from infra import calendar
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import HEALTH, SILVER
from models.production import benchmark_production
from pipelines import build_features, fit_features, skew
from pipelines.desk.paper import work_day
from pipelines.leak import PARTS, look_ahead
from pipelines.step import StepContext
from pipelines.symbol_days import desk_knowledge

MARKET = MARKETS["sample"]
YESTERDAY, DAY = calendar.sessions_until(MARKET, date(2026, 11, 27), 2)
SERVED = SILVER["served_features"]


def worked(context: StepContext, day: date) -> dict[str, pa.Table]:
    """The desk's session, with what the lake knew when it opened, as silver rows."""
    knowledge = desk_knowledge(context.lake, MARKET, day)
    rows = work_day(context.settings, MARKET, day, benchmark_production(MARKET.name), knowledge)
    known_at = pa.scalar(calendar.known_at(MARKET, day), pa.timestamp("us", tz="UTC"))
    nouns = ("book_snapshots", "trades", "decisions", "served_features")
    return {noun: rows[noun].append_column("known_at", pa.repeat(known_at, rows[noun].num_rows)) for noun in nouns}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> StepContext:
    """Two sessions of one symbol; the second, a half day, opened with the fits of the first."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), sample_symbols=1)
    context = StepContext(settings, MARKET, (DAY,), Lake(settings.lake))
    for day in (YESTERDAY, DAY):
        for noun, rows in worked(context, day).items():
            context.lake.replace_days(SILVER[noun], MARKET.name, {day: rows})
        for step in (fit_features, build_features):
            step.run(replace(context, days=(day,)))
    return context


def served(context: StepContext) -> pa.Table:
    return context.lake.read_day(SERVED, MARKET.name, DAY)


def with_vector(rows: pa.Table, place: int, **values: float) -> pa.Table:
    """The rows with one vector altered."""
    texts = rows["features"].to_pylist()
    texts[place] = json.dumps({**json.loads(texts[place]), **values})
    return rows.set_column(rows.column_names.index("features"), "features", pa.array(texts))


def test_every_vector_of_the_desk_is_what_the_night_computes(night: StepContext) -> None:
    found = skew.compare(night, served(night))
    assert (found.verdict, found.different) == ("pass", 0)
    assert found.vectors == served(night).num_rows > 300
    assert found.values == found.vectors * len(FEATURE_NAMES)
    assert found.desk_fit == YESTERDAY


def test_one_bit_of_one_value_is_caught_with_the_row(night: StepContext) -> None:
    rows = served(night)
    before = np.float32(json.loads(rows["features"][7].as_py())["spread_bps"])
    after = np.nextafter(before, np.float32(np.inf))
    found = skew.compare(night, with_vector(rows, 7, spread_bps=float(after)))
    at = rows["event_at"][7].as_py().isoformat()
    assert found.verdict == "fail"
    assert found.reason.startswith(f"skew: 1 of {found.values:,} values differ")
    assert f"AURA {at} spread_bps: desk {after!s}, night {before!s}" in found.reason


def test_a_desk_that_rounds_a_feature_is_caught_in_every_row(night: StepContext) -> None:
    rows = served(night)
    texts = [json.loads(text) for text in rows["features"].to_pylist()]
    rounded = [{**one, "mid_trend_bps_60s": round(one["mid_trend_bps_60s"] or 0.0, 2)} for one in texts]
    planted = rows.set_column(
        rows.column_names.index("features"), "features", pa.array([json.dumps(one) for one in rounded])
    )
    found = skew.compare(night, planted)
    assert found.verdict == "fail"
    assert found.different > 0.9 * found.vectors
    assert len(found.first) == 5


def test_a_vector_that_cannot_be_read_is_a_failed_check_and_does_not_stop_the_night(night: StepContext) -> None:
    rows = served(night)
    texts = rows["features"].to_pylist()
    texts[4] = texts[4][:-1]
    planted = rows.set_column(rows.column_names.index("features"), "features", pa.array(texts))
    found = skew.compare(night, planted)
    assert (found.verdict, found.different) == ("fail", 1)
    assert f"AURA {rows['event_at'][4].as_py().isoformat()} vector: desk no JSON object, night one" in found.reason


def test_a_decision_without_a_vector_holds(night: StepContext) -> None:
    found = skew.compare(night, served(night).slice(3))
    assert (found.verdict, found.different, found.unserved) == ("hold", 0, 3)
    assert "3 instants of decisions have no vector" in found.reason


def test_vectors_made_with_fits_of_several_sessions_hold(night: StepContext) -> None:
    rows = served(night)
    fit_days = [None, None, *rows["fit_day"].to_pylist()[2:]]
    place = rows.column_names.index("fit_day")
    found = skew.compare(night, rows.set_column(place, "fit_day", pa.array(fit_days, pa.date32())))
    assert (found.verdict, found.different, found.uncompared) == ("hold", 0, 2)


def test_another_row_of_the_same_time_is_another_book_row(night: StepContext) -> None:
    rows = served(night)
    numbers = rows["book_sequence"].to_pylist()
    numbers[3] += 1
    planted = rows.set_column(rows.column_names.index("book_sequence"), "book_sequence", pa.array(numbers))
    assert f"sequence {numbers[3]}, night" in skew.compare(night, planted).reason


def test_each_session_of_a_range_is_judged(night: StepContext) -> None:
    notes = skew.run(replace(night, days=(YESTERDAY, DAY))).notes
    told = [f"{YESTERDAY}: pass: skew", f"{DAY}: pass: skew", f"{DAY}: pass: leak"]
    assert [":".join(note.split(":")[:3]) for note in notes] == told
    rows = night.lake.read(HEALTH, MARKET.name, [YESTERDAY, DAY]).to_pylist()
    assert [(row["trade_date"], row["check_name"]) for row in rows] == [
        (YESTERDAY, "skew"), (DAY, "leak"), (DAY, "skew"),
    ]  # fmt: skip


def test_a_desk_that_missed_a_book_row_is_caught_by_the_row(night: StepContext) -> None:
    rows = served(night)
    earlier = rows["book_event_at_ns"].to_pylist()
    earlier[3] -= 5_000_000_000
    planted = rows.set_column(rows.column_names.index("book_event_at_ns"), "book_event_at_ns", pa.array(earlier))
    assert "book row: desk" in skew.compare(night, planted).reason


def test_vectors_of_other_definitions_hold_and_are_not_called_equal(night: StepContext) -> None:
    rows = served(night)
    other = rows.set_column(rows.column_names.index("definitions"), "definitions", pa.array(["0" * 16] * rows.num_rows))
    found = skew.compare(night, other)
    assert (found.verdict, found.vectors, found.uncompared) == ("hold", 0, rows.num_rows)
    assert "other definitions" in found.reason


def test_fits_of_another_session_than_the_night_s_hold(night: StepContext) -> None:
    rows = served(night)
    none = rows.set_column(rows.column_names.index("fit_day"), "fit_day", pa.nulls(rows.num_rows, pa.date32()))
    found = skew.compare(night, none)
    assert found.verdict == "fail"
    assert "the desk had fits through None, the night reads those through" in found.reason


def test_nothing_served_is_a_note_and_never_a_pass(night: StepContext) -> None:
    found = skew.compare(night, served(night).slice(0, 0))
    assert (found.verdict, found.reason) == ("note", "skew: the desk logged no vector, nothing to compare")


def test_the_verdict_stands_in_health_and_a_failure_in_the_log(
    night: StepContext, caplog: pytest.LogCaptureFixture
) -> None:
    assert skew.run(night).notes[0].startswith("pass: skew: 0 of")
    recorded = night.lake.read_day(HEALTH, MARKET.name, DAY).to_pylist()
    assert [(row["step"], row["check_name"], row["verdict"], row["figure"]) for row in recorded] == [
        ("skew", "leak", "pass", 0.0),
        ("skew", "skew", "pass", 0.0),
    ]
    rows = served(night)
    night.lake.replace_days(SERVED, MARKET.name, {DAY: with_vector(rows, 7, spread_bps=99.0)})
    with caplog.at_level(logging.ERROR, logger="fillwise"):
        skew.run(night)
    night.lake.replace_days(SERVED, MARKET.name, {DAY: rows})
    assert "spread_bps: desk 99.0, night" in caplog.text


def test_features_are_the_same_without_what_came_later(night: StepContext) -> None:
    row = look_ahead(night).to_row()
    assert (row.verdict, row.figure) == ("pass", 0.0)
    assert row.reason.startswith(f"leak: 0 of {len(PARTS) * len(FEATURE_NAMES):,} values change")


def test_a_feature_that_reads_ahead_is_caught_by_name(night: StepContext) -> None:
    rows = night.lake.read_day(FEATURES_TABLE, MARKET.name, DAY)
    place = rows.column_names.index("mid_trend_bps_10s")
    ahead = pa.concat_arrays([rows["mid_trend_bps_10s"].combine_chunks().slice(200), pa.nulls(200, pa.float32())])
    night.lake.replace_days(FEATURES_TABLE, MARKET.name, {DAY: rows.set_column(place, "mid_trend_bps_10s", ahead)})
    row = look_ahead(night).to_row()
    night.lake.replace_days(FEATURES_TABLE, MARKET.name, {DAY: rows})
    assert row.verdict == "fail"
    assert "mid_trend_bps_10s: its past" in row.reason


def test_without_rows_to_compare_nobody_says_that_nothing_leaks(night: StepContext) -> None:
    rows = night.lake.read_day(FEATURES_TABLE, MARKET.name, DAY)
    night.lake.replace_days(FEATURES_TABLE, MARKET.name, {DAY: rows.slice(0, 0)})
    row = look_ahead(night).to_row()
    night.lake.replace_days(FEATURES_TABLE, MARKET.name, {DAY: rows})
    assert (row.verdict, row.figure) == ("hold", None)
