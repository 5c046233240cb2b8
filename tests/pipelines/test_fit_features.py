"""Fits: made from sessions up to a day, read by sessions after it, made anew where a session behind them changed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.fits import FITS_TABLE, NO_FIT, SLOTS
from infra import calendar
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import SILVER
from pipelines import build_features, fit_features
from pipelines.step import StepContext
from pipelines.symbol_days import day_sources, known_before, symbol_rows
from tests.builders import FRIDAY
from tests.pipelines.made_books import KNOWN_AT, books

MARKET = MARKETS["sample"]
DAYS = calendar.sessions_until(MARKET, FRIDAY, 7)
ROWS = 400


def lively(day: date, seed: int) -> pa.Table:
    """Half an hour of books, five seconds apart, whose mid walks a tick at a time."""
    random = np.random.default_rng(seed)
    steps = np.cumsum(random.integers(-1, 2, ROWS)) * 0.01
    start = int(calendar.open_at(MARKET, day).timestamp()) * 1_000_000_000
    given: dict[str, object] = {"traded_shares": None, "traded_notional": None}
    for level in range(1, 11):
        for side, offset in (("bid", -0.01 * (level - 1)), ("ask", 0.01 * level)):
            given[f"{side}_price_{level}"] = np.round(100.0 + offset + steps, 2).tolist()
            given[f"{side}_shares_{level}"] = (random.integers(1, 9, ROWS) * 100.0).tolist()
    rows = books(ROWS, symbol="AAA", day=day, start_ns=start, **given)
    return rows.append_column("known_at", pa.array([KNOWN_AT] * ROWS, pa.timestamp("us", tz="UTC")))


def context(home: Path, *days: date) -> StepContext:
    settings = Settings(home=home)
    return StepContext(settings, MARKET, days, Lake(settings.lake))


@pytest.fixture
def whole(tmp_path: Path) -> StepContext:
    given = context(tmp_path, *DAYS)
    rows = {day: lively(day, seed) for seed, day in enumerate(DAYS)}
    given.lake.replace_days(SILVER["book_snapshots"], MARKET.name, rows)
    fit_features.run(given)
    return given


def build(given: StepContext) -> None:
    """Features of every session, one at a time, which needs no Spark."""
    for day in given.days:
        build_features.run(replace(given, days=(day,)))


def fit_of(given: StepContext, day: date) -> dict[str, object]:
    (row,) = given.lake.read_day(FITS_TABLE, MARKET.name, day).to_pylist()
    return row


def test_a_fit_learns_from_up_to_five_sessions_that_end_with_its_day(whole: StepContext) -> None:
    first, last = fit_of(whole, DAYS[0]), fit_of(whole, DAYS[-1])
    assert (first["sessions"], first["first_day"]) == (1, DAYS[0])
    assert (last["sessions"], last["first_day"]) == (5, DAYS[2])
    assert len(json.loads(last["fit"])) == SLOTS


def test_one_night_after_the_other_makes_the_fits_that_one_range_makes(whole: StepContext, tmp_path: Path) -> None:
    given = context(tmp_path / "nightly", *DAYS)
    for seed, day in enumerate(DAYS):
        given.lake.replace_days(SILVER["book_snapshots"], MARKET.name, {day: lively(day, seed)})
        fit_features.run(context(tmp_path / "nightly", day))
    for day in DAYS:
        assert given.lake.fingerprint(FITS_TABLE, MARKET.name, day) == whole.lake.fingerprint(
            FITS_TABLE, MARKET.name, day
        )


def test_features_of_a_day_read_the_fit_of_the_session_before_and_never_their_own(whole: StepContext) -> None:
    sources = day_sources(whole.lake, MARKET, [DAYS[0], DAYS[-1]])
    assert np.array_equal(known_before(sources[DAYS[0]])("AAA").fit, NO_FIT, equal_nan=True)
    read = known_before(sources[DAYS[-1]])("AAA").fit
    told = [np.nan if value is None else value for value in json.loads(fit_of(whole, DAYS[-2])["fit"])]
    assert np.array_equal(read, told, equal_nan=True)
    assert np.array_equal(known_before(sources[DAYS[-1]])("ZZZ").fit, NO_FIT, equal_nan=True)


def test_a_changed_session_makes_the_fits_that_learned_from_it_and_the_features_after_them_anew(
    whole: StepContext,
) -> None:
    build(whole)
    before = {day: whole.lake.fingerprint(FEATURES_TABLE, MARKET.name, day) for day in DAYS}
    assert fit_features.run(whole).is_unchanged
    whole.lake.replace_days(SILVER["book_snapshots"], MARKET.name, {DAYS[0]: lively(DAYS[0], 99)})
    assert fit_features.run(whole).notes == ("5 of 7 days fitted, each on up to 5 sessions",)
    build(whole)
    changed = [day for day in DAYS if whole.lake.fingerprint(FEATURES_TABLE, MARKET.name, day) != before[day]]
    assert changed == list(DAYS[:6])


def test_a_planted_future_in_a_fit_would_be_seen(whole: StepContext) -> None:
    """What a later session holds changes no feature of an earlier one, through the fits neither."""
    build(whole)
    before = whole.lake.fingerprint(FEATURES_TABLE, MARKET.name, DAYS[-2])
    whole.lake.replace_days(SILVER["book_snapshots"], MARKET.name, {DAYS[-1]: lively(DAYS[-1], 99)})
    fit_features.run(whole)
    build(whole)
    assert whole.lake.fingerprint(FEATURES_TABLE, MARKET.name, DAYS[-2]) == before


def test_the_fitted_features_have_values_once_there_is_a_fit(whole: StepContext) -> None:
    build(whole)
    rows = whole.lake.read_day(FEATURES_TABLE, MARKET.name, DAYS[-1])
    assert rows["microprice_adjusted_bps"].null_count == 0
    assert set(FEATURE_NAMES) <= set(rows.column_names)
    (only,) = symbol_rows(day_sources(whole.lake, MARKET, [DAYS[-1]])[DAYS[-1]])
    assert (only.symbol, only.day.rows) == ("AAA", ROWS)
