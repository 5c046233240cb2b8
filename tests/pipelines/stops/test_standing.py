"""Stops held against the ledger: which it does not know yet, and which are over and may go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from infra.ledger import Ledger
from infra.settings import Settings
from infra.stop_files import stops, write_stop
from infra.times import stamp
from models.rollout import commands as wanted
from pipelines.rollout.record import record
from pipelines.stops.standing import is_over, lift_over, over_stops, unrecorded_stops
from tests.pipelines.stops.made import (
    NOW,
    ROLLBACK_ID,
    VERSION,
    Typed,
    a_stop,
    in_force,
    republished,
    state,
)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def ledger(home: Settings) -> Ledger:
    return in_force(home)


def test_stops_that_the_ledger_does_not_know_are_found_for_the_evening(home: Settings, ledger: Ledger) -> None:
    for stop in (a_stop("kill", "all", "", stop_id="k1"), a_stop(stop_id="r1"), a_stop(subject="other", stop_id="r2")):
        write_stop(home, stop)
    assert [stop.stop_id for stop in unrecorded_stops(home, "sample", ledger.entries("sample"))] == ["k1", "r1"]
    Typed(home).kill()
    Typed(home).rollback()
    assert unrecorded_stops(home, "sample", ledger.entries("sample")) == ()


def test_of_a_market_that_was_not_opened_only_kills_are_recorded(home: Settings) -> None:
    for stop in (a_stop("kill", "all", "", stop_id="k1"), a_stop(stop_id="r1")):
        write_stop(home, stop)
    assert [stop.stop_id for stop in unrecorded_stops(home, "sample", ())] == ["k1"]


def test_a_rollback_is_over_when_the_ledger_says_that_nothing_is_left(home: Settings, ledger: Ledger) -> None:
    stop = Typed(home).rollback().stop
    republished(home, ledger)
    assert over_stops(home, "sample", ledger.entries("sample"), NOW) == ()
    done = wanted.ConfirmRollback(stamp(NOW), "", "", ("d1",))
    record(ledger, "sample", done, at=NOW + timedelta(minutes=1), actor="fillwise")
    assert lift_over(home, "sample", ledger.entries("sample"), NOW) == (stop.stop_id,)
    assert stops(home, "sample") == ()


def test_a_second_stop_of_the_same_version_goes_with_the_first(home: Settings, ledger: Ledger) -> None:
    write_stop(home, a_stop(stop_id="by-hand"))
    rollback = wanted.RollBack(VERSION, "automatic", "fillwise", ("dear",), ROLLBACK_ID)
    record(ledger, "sample", rollback, at=NOW, actor="fillwise")
    assert unrecorded_stops(home, "sample", ledger.entries("sample")) == ()
    assert not is_over(a_stop(stop_id="by-hand"), state(ledger), ledger.entries("sample"))
    record(ledger, "sample", wanted.ConfirmRollback("t", "", "", ()), at=NOW + timedelta(minutes=1), actor="fillwise")
    republished(home, ledger)
    assert lift_over(home, "sample", ledger.entries("sample"), NOW) == ("by-hand",)


def test_a_stop_of_a_version_that_left_long_ago_and_was_stopped_since_stays(home: Settings, ledger: Ledger) -> None:
    Typed(home).rollback()
    record(ledger, "sample", wanted.ConfirmRollback("t", "", "", ()), at=NOW, actor="fillwise")
    later = a_stop(stop_id="later", at=stamp(NOW + timedelta(days=1)))
    assert not is_over(later, state(ledger), ledger.entries("sample"))


def test_the_stop_of_a_champion_goes_when_another_one_is_routed(home: Settings) -> None:
    ledger = in_force(home, "completed")
    stop = Typed(home).rollback(VERSION).stop
    assert lift_over(home, "sample", ledger.entries("sample"), NOW) == ()
    republished(home, ledger)
    assert lift_over(home, "sample", ledger.entries("sample"), NOW) == (stop.stop_id,)
