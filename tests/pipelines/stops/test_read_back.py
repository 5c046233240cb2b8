"""When a stop is done: seen everywhere, nothing owned any more, and no desk silent."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from infra.desk_reports import DeskReport, desks_folder, report_desk
from infra.settings import Settings
from infra.times import stamp
from pipelines.stops.read_back import progress_of, rollback_progress, stop_progress, wait_for
from tests.pipelines.stops.made import NOW, VERSION, Wall, a_stop, desk, reports

OTHER = "sample.execution/0"
STOP = a_stop()
SEEN = {"stops": (STOP.stop_id,)}


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_a_stop_that_every_desk_has_seen_and_that_leaves_nothing_is_done() -> None:
    busy = {OTHER: 3}
    found = progress_of([desk("d1", **SEEN), desk("d2", **SEEN, open_children=busy, in_flight=busy)], [], STOP, NOW)
    assert (found.is_done, found.missing, found.desks) == (True, (), ("d1", "d2"))


def test_without_a_desk_there_is_nothing_to_wait_for() -> None:
    assert progress_of([], [], STOP, NOW).is_done


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"stops": ()}, "d1 has not seen it"),
        ({"open_children": {VERSION: 2}}, "d1 2 open child orders"),
        ({"unacknowledged": {VERSION: 1}}, "d1 1 cancels without acknowledgement"),
        ({"in_flight": {VERSION: 4}}, "d1 4 parent orders in flight"),
        ({"exposure_notional": {VERSION: 1234.5}}, "d1 exposure 1,234.50"),
        ({"exposure_notional": {VERSION: float("nan")}}, "d1 exposure nan"),
        ({"at": stamp(NOW - timedelta(seconds=14))}, "d1 has not reported for 14 s"),
        ({"at": "yesterday"}, "d1 has not reported for inf s"),
    ],
)
def test_one_thing_left_at_one_desk_is_not_done_and_named(others: dict[str, object], said: str) -> None:
    found = progress_of([desk("d1", **{**SEEN, **others}), desk("d2", **SEEN)], [], STOP, NOW)
    assert (found.is_done, found.missing) == (False, (said,))


def test_a_silent_desk_is_not_done_even_when_its_last_word_was_that_it_is() -> None:
    silent = desk("d1", **SEEN, at=stamp(NOW - timedelta(seconds=10.5)))
    assert not progress_of([silent], [], STOP, NOW).is_done
    assert progress_of([silent], [], STOP, NOW - timedelta(seconds=1)).is_done


def test_a_desk_whose_report_cannot_be_read_is_not_done(home: Settings) -> None:
    reports(home, desk("d1", **SEEN), desk("d2", **SEEN))
    assert stop_progress(home, STOP, NOW).is_done
    (desks_folder(home, "sample") / "d2.json").write_text("{")
    assert stop_progress(home, STOP, NOW).missing == ("d2 its report cannot be read",)


def test_a_desk_that_ended_in_order_needs_to_have_seen_nothing() -> None:
    ended = desk("d1", is_ended=True, at=stamp(NOW - timedelta(days=1)))
    assert progress_of([ended], [], STOP, NOW).is_done


def test_a_desk_that_ended_with_an_open_child_is_not_done() -> None:
    ended = desk("d1", is_ended=True, open_children={VERSION: 1})
    assert progress_of([ended], [], STOP, NOW).missing == ("d1 1 open child orders",)


def test_a_kill_of_everything_waits_for_every_version() -> None:
    stop = a_stop("kill", "all", "")
    report = desk("d1", **SEEN, open_children={OTHER: 1}, unacknowledged={VERSION: 1})
    found = progress_of([report], [], stop, NOW)
    assert found.missing == ("d1 1 open child orders; 1 cancels without acknowledgement",)


@pytest.mark.parametrize(
    ("open_by_symbol", "missing"),
    [
        ({"BOLT": 5}, ()),
        ({"AURA": 1, "BOLT": 5}, ("d1 1 open child orders",)),
        (None, ("d1 does not say what is open by symbol",)),
    ],
)
def test_a_kill_of_a_symbol_waits_for_that_symbol(
    open_by_symbol: dict[str, int] | None, missing: tuple[str, ...]
) -> None:
    report = desk("d1", **SEEN, open_children={OTHER: 5}, symbol_children=open_by_symbol)
    assert progress_of([report], [], a_stop("kill", "symbol", "AURA"), NOW).missing == missing


def test_the_last_child_and_the_last_cancel_are_those_of_the_version_over_all_desks() -> None:
    times = [{VERSION: "2026-11-20T14:59:01Z", OTHER: "2026-11-20T14:59:59Z"}, {VERSION: "2026-11-20T14:59:02Z"}]
    both = [desk(f"d{place}", **SEEN, last_child_at=told, last_cancel_at=told) for place, told in enumerate(times)]
    found = progress_of(both, [], STOP, NOW)
    assert (found.last_child_at, found.last_cancel_at) == ("2026-11-20T14:59:02Z", "2026-11-20T14:59:02Z")


def test_the_controller_asks_by_version_and_name(home: Settings) -> None:
    reports(home, desk("d1", **SEEN, in_flight={VERSION: 1}))
    assert rollback_progress(home, "sample", VERSION, STOP.stop_id, NOW).in_flight == 1
    assert rollback_progress(home, "sample", OTHER, STOP.stop_id, NOW).is_done
    assert not rollback_progress(home, "sample", OTHER, "another", NOW).is_done


def test_each_desk_is_told_of_once_as_soon_as_it_is_done(home: Settings) -> None:
    said, wall = list[str](), Wall()

    def later(number: int) -> DeskReport:
        return desk(f"d{number}", stops=SEEN["stops"] if wall.at >= NOW + timedelta(seconds=number * 0.2) else ())

    def happens(_: object) -> None:
        for number in (1, 2):
            report_desk(home, later(number))

    wall.happens = happens
    reports(home, later(1), later(2))
    found = wait_for(home, STOP, wall.clock, 5.0, said.append)
    assert found.is_done
    assert [line[:2] for line in said] == ["d1", "d2"]
    assert 0.3 < sum(wall.slept) < 0.6


@pytest.mark.parametrize("wait_seconds", [0.0, -1.0, float("nan")])
def test_a_wait_that_is_none_looks_once(home: Settings, wait_seconds: float) -> None:
    reports(home, desk("d1"))
    wall = Wall()
    assert not wait_for(home, STOP, wall.clock, wait_seconds, print).is_done
    assert wall.slept == []


def test_a_clock_that_jumps_back_does_not_wait_for_ever(home: Settings) -> None:
    reports(home, desk("d1"))
    wall = Wall()

    def jumps(_: object) -> None:
        wall.at = NOW - timedelta(hours=1)

    wall.happens = jumps
    assert not wait_for(home, STOP, wall.clock, 5.0, print).is_done
