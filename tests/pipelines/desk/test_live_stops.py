"""Rollbacks and kills on the live desk: at once, complete, and only as wide as they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.desk_reports import DeskReport
from infra.registry import RegisteredVersion
from infra.routing_files import routing_folder
from infra.settings import Settings
from infra.stop_files import lift_stop
from pipelines.desk.live_choice import Route
from pipelines.desk.live_journal import DECIDED, SENT
from pipelines.desk.live_parents import Parent
from pipelines.desk.live_work import Moment
from pipelines.desk.venue_messages import Request
from tests.pipelines.desk.live_made import (
    ROUGH,
    a_day,
    a_desk,
    registered,
    routed,
    stop,
)
from tests.pipelines.desk.live_made_desk import (
    CHAMPION,
    Script,
    lines_of,
    report_of,
    require_within_parents,
    versions_after,
)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def challenger(home: Settings) -> RegisteredVersion:
    """A registered version; the snapshot gives it half of the units."""
    found = registered(home, 3)
    routed(home, 1, found)
    return found


def test_a_rollback_stops_the_version_at_once_and_its_parents_go_on_under_the_champion(
    home: Settings, challenger: RegisteredVersion
) -> None:
    desk, link = a_desk(home, a_day(), ROUGH)
    seen: list[DeskReport] = []
    acts = {
        905.0: lambda: stop(home, "rollback", "version", challenger.name),
        935.0: lambda: seen.append(report_of(home)),
    }
    before: list[float] = []
    acts[904.0] = lambda: before.append(desk.now)
    desk.run(Script(desk, acts))
    require_within_parents(desk, link)
    stopped_at = next(line["at"] for line in reversed(lines_of(desk, SENT)) if line["version"] == challenger.name)
    assert stopped_at <= 935.0
    assert versions_after(desk, 935.0).keys() == {CHAMPION}
    passed = [line for line in lines_of(desk, DECIDED) if line["arm"] == "challenger" and line["second"] > 935]
    assert {line["version"] for line in passed} == {CHAMPION}
    assert all("rollback stop-1" in " ".join(line["why"]) for line in passed)
    assert seen[0].stops == ("stop-1",)


def test_children_of_a_stopped_version_are_taken_off_between_two_half_minutes(
    home: Settings, challenger: RegisteredVersion
) -> None:
    desk, _ = a_desk(home, a_day())
    resting: list[tuple[float, int]] = []

    def look() -> None:
        resting.append((desk.now, len([one for one in desk.orders.open() if one.sent.version == challenger.name])))

    acts: dict[float, Callable[[], object]] = dict.fromkeys((903.0, 908.0), look)
    acts[904.0] = lambda: stop(home, "rollback", "version", challenger.name)
    desk._until = lambda: desk.now + 0.5  # type: ignore[method-assign]
    desk.run(Script(desk, acts))
    assert resting[0][1] > 0
    assert resting[1][1] == 0
    assert resting[1][0] < 930.0


def test_a_kill_of_all_hands_every_parent_over_and_a_resume_goes_on_with_new_ones_without_a_restart(
    home: Settings, challenger: RegisteredVersion
) -> None:
    desk, link = a_desk(home, a_day(orders=12), ROUGH)
    reports: list[DeskReport] = []

    def resume() -> None:
        lift_stop(home, "sample", "stop-1")
        routed(home, 2, challenger)

    acts = {
        905.0: lambda: stop(home, "kill", "all", ""),
        1100.0: lambda: reports.append(report_of(home)),
        1200.0: resume,
    }
    desk.run(Script(desk, acts))
    require_within_parents(desk, link)
    assert not [line for line in lines_of(desk, SENT) if 935.0 < line["at"] < 1200.0]
    handed = {name for name, parent in desk.work.parents.items() if parent.handed_over is not None}
    left = {one.parent_order_id: one.shares for one in reports[0].residuals}
    assert set(left) <= handed
    assert left == {name: 100.0 * desk.work.remaining(desk.work.parents[name]) for name in left}
    assert reports[0].open_children == {}
    assert reports[0].in_flight == {}
    after = {line["parent_id"] for line in lines_of(desk, SENT) if line["at"] >= 1200.0}
    assert after
    assert not after & handed
    assert report_of(home, desk).epoch == 2


@pytest.mark.usefixtures("challenger")
def test_a_kill_of_a_symbol_leaves_the_other_symbol_alone(home: Settings) -> None:
    desk, link = a_desk(home, a_day(symbols=2))
    desk.run(Script(desk, {905.0: lambda: stop(home, "kill", "symbol", "AURA")}))
    require_within_parents(desk, link)
    later = Counter(line["order"]["symbol"] for line in lines_of(desk, SENT) if line["at"] > 935.0)
    assert later.keys() == {"BOLT"}


def test_a_kill_of_a_version_hands_over_what_it_has_in_flight_and_new_orders_go_to_the_champion(
    home: Settings, challenger: RegisteredVersion
) -> None:
    desk, link = a_desk(home, a_day(orders=16))
    desk.run(Script(desk, {905.0: lambda: stop(home, "kill", "version", challenger.name)}))
    require_within_parents(desk, link)
    handed = [one for one in desk.work.parents.values() if one.handed_over is not None]
    assert {one.version for one in handed} == {challenger.name}
    assert versions_after(desk, 935.0).keys() == {CHAMPION}
    assert [line for line in lines_of(desk, DECIDED) if line["arm"] == "challenger" and line["version"] == CHAMPION]


@pytest.mark.usefixtures("challenger")
def test_a_stop_that_cannot_be_verified_stops_everything(home: Settings) -> None:
    desk, _ = a_desk(home, a_day())
    path = routing_folder(home, "sample") / "stops" / "forged.json"

    def forge() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"payload": "{}", "signature": "00", "key_id": "ab"}')

    desk.run(Script(desk, {905.0: forge}))
    assert versions_after(desk, 935.0) == Counter()


@pytest.mark.usefixtures("challenger")
def test_a_desk_that_froze_between_looking_and_sending_sends_in_vain(home: Settings) -> None:
    desk, link = a_desk(home, a_day())

    def freeze() -> None:
        looked = desk.routing.look

        def late(utc: object) -> bool:
            found = looked(utc)
            link.wall.seconds += 2.0
            return found

        desk.routing.look = late  # type: ignore[method-assign]

    desk.run(Script(desk, {905.0: freeze}))
    refused = [one for one in link.books.venue.statement() if one.reason and one.reason.startswith("refused")]
    assert refused
    assert all("since the desk looked at its stops" in str(one.reason) for one in refused)
    taken = [one for one in link.books.venue.statement() if (one.arrived_at or 0.0) > 940.0 and one not in refused]
    assert taken == []


def test_a_kill_that_comes_between_two_decisions_of_one_half_minute_leaves_the_rest_of_them_to_the_person(
    home: Settings, challenger: RegisteredVersion
) -> None:
    desk, _ = a_desk(home, a_day(orders=16))
    decide, written = desk.work.decide, list[float]()

    def then_kill(parent: Parent, route: Route, moment: Moment) -> list[Request]:
        found = decide(parent, route, moment)
        waiting = [one for one in desk.work.to_decide(moment.now) if one.version == challenger.name]
        if moment.now >= 300.0 and not written and len(waiting) > 2 and waiting[0] is parent:
            stop(home, "kill", "version", challenger.name)
            written.append(moment.now)
        return found

    desk.work.decide = then_kill  # type: ignore[method-assign]
    desk.run(lambda: False)
    handed = {name for name, parent in desk.work.parents.items() if parent.handed_over is not None}
    assert len(handed) > 2
    decided = [line for line in lines_of(desk, DECIDED) if line["parent_order_id"] in handed]
    assert {line["version"] for line in decided} == {challenger.name}
    assert len([line for line in decided if line["second"] == written[0]]) == 1
