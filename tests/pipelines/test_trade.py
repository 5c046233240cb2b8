"""Step trade: each day is worked once, and worked the same way however many processes do it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from infra import calendar
from infra.errors import SourceError
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from pipelines import trade
from pipelines.sources import sample
from pipelines.sources.sample import MADE
from pipelines.step import StepContext

DAYS = (date(2026, 1, 5), date(2026, 1, 6))
MARKET = MARKETS["sample"]


def context(home: Path, threads: int = 1) -> StepContext:
    settings = Settings(home=home, sample_symbols=1, threads=threads)
    return StepContext(settings, MARKET, DAYS, Lake(settings.lake), None)


def digests(here: StepContext) -> list[str]:
    return [found.sha256 for day in DAYS for found in sample.read_day(here.drop_root / str(day), MARKET, day)]


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> StepContext:
    here = context(tmp_path_factory.mktemp("home"))
    report = trade.run(here)
    assert not report.is_unchanged
    assert report.rows_in == 2 * 26
    return here


def test_a_drop_holds_all_eight_nouns_known_after_the_close(traded: StepContext) -> None:
    for day in DAYS:
        files = sample.read_day(traded.drop_root / str(day), MARKET, day)
        assert {found.noun for found in files} == set(MADE)
        assert {found.known_at for found in files} == {calendar.known_at(MARKET, day)}


def test_a_day_that_was_traded_is_never_traded_again(traded: StepContext) -> None:
    before = digests(traded)
    assert trade.run(traded).is_unchanged
    assert digests(traded) == before


def test_the_number_of_processes_changes_nothing(traded: StepContext, tmp_path: Path) -> None:
    two = context(tmp_path, threads=2)
    trade.run(two)
    assert digests(two) == digests(traded)


def test_only_what_is_missing_is_traded(tmp_path: Path) -> None:
    here = context(tmp_path)
    trade.run(replace(here, days=DAYS[:1]))
    report = trade.run(here)
    assert "1 of 2 sessions new" in report.notes[0]


def test_a_damaged_drop_stops_the_step(tmp_path: Path) -> None:
    here = context(tmp_path)
    (here.drop_root / str(DAYS[0])).mkdir(parents=True)
    with pytest.raises(SourceError, match=r"no manifest\.json"):
        trade.run(here)
