"""Rollback and kill on eight desk processes at a venue with latency and lost acknowledgements: measured, each try.

`make test` tries a few times, `make test-faults` a hundred (`FAULT_TRIES`). One fleet trades one session throughout,
and nothing is restarted between the tries: each begins with a new version and ends with a resume.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

import pytest

from infra.desk_reports import STALE_SECONDS, DeskReport
from infra.errors import RefusedError
from infra.registry import RegisteredVersion
from infra.routing_files import routing_folder
from infra.stop_files import Stop, lift_stop, write_stop
from pipelines.desk.client_orders import accounts_of
from pipelines.desk.live_journal import ASSIGNED, DECIDED, ENDED, HANDED_OVER, NOTED, SENT, Line
from pipelines.desk.live_restore import RESTARTED
from tests.pipelines.desk.live_made import BENCHMARK, registered, routed
from tests.pipelines.desk.live_made_fleet import Fleet, seconds_of, waited

TRIES = int(os.environ.get("FAULT_TRIES", "2"))
PACE = 12.0 if TRIES > 10 else 30.0
"""Market seconds a wall second: a hundred tries and what follows fit into the half hour that a session then takes."""
AT = "2026-11-20T15:00:00Z"
MOST_SECONDS = 1.0
"""A stop holds within a second: the promise of a rollback."""
pytestmark = pytest.mark.timeout(3600)
"""A hundred tries take ten minutes on a quiet machine, all of them on one session."""


@dataclass(frozen=True)
class Times:
    """One try, seconds after the command: last new child, last acknowledgement, exposure zero at every desk."""

    kind: str
    last_child: float
    last_acknowledgement: float
    exposure_zero: float
    children: int
    lost: int


class Routes:
    """What the controller would publish: a new version a try, in one rollout, so that orders in flight come with it."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.epoch, self.number = fleet, 0, 0

    def challenger(self, share: float = 0.5) -> RegisteredVersion:
        """The next version gets its share."""
        self.epoch, self.number = self.epoch + 1, self.number + 1
        found = registered(self.fleet.settings, self.number)
        routed(self.fleet.settings, self.epoch, found, share, **self._in_force())
        return found

    def champion(self) -> None:
        """The champion alone."""
        self.epoch += 1
        routed(self.fleet.settings, self.epoch, **self._in_force())

    def _in_force(self) -> dict[str, object]:
        """From now on, for every client of desks of this size."""
        now, accounts = datetime.now(UTC), accounts_of(self.fleet.orders)
        return {
            "issued_at": now.isoformat(),
            "expires_at": (now + timedelta(hours=2)).isoformat(),
            "accounts": accounts,
        }


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    made = Fleet(tmp_path_factory.mktemp("fleet"), pace=PACE)
    try:
        made.start()
        yield made
        assert set(made.end()) <= {0}, made.said()
    finally:
        made.kill()


@pytest.fixture(scope="module")
def routes(fleet: Fleet) -> Routes:
    return Routes(fleet)


def at_epoch(fleet: Fleet, epoch: int) -> bool:
    return all(report.epoch >= epoch for report in fleet.reports())


def is_trading(fleet: Fleet, version: str, desks: int = 3) -> bool:
    """Whether a version has open children somewhere, and has sent some from several desks."""
    if not any(report.open_children.get(version, 0) for report in fleet.reports()):
        return False
    return sum(bool(of_version(fleet.lines(SENT, desk), version)) for desk in fleet.processes) >= desks


def begun(fleet: Fleet, routes: Routes) -> RegisteredVersion:
    """The next version, once it trades."""
    found = routes.challenger()
    waited(lambda: at_epoch(fleet, routes.epoch), 30.0, f"epoch {routes.epoch} at every desk")
    waited(lambda: is_trading(fleet, found.name), 120.0, f"children of {found.name} from three desks")
    return found


def is_done(report: DeskReport, stop: Stop, version: str) -> bool:
    """What a desk must say before the stop counts as done there."""
    owned = (report.open_children, report.unacknowledged, report.exposure_notional, report.in_flight)
    return stop.stop_id in report.stops and not any(counts.get(version) for counts in owned)


def of_version(lines: list[Line], version: str) -> list[Line]:
    return [line for line in lines if line["version"] == version]


def measured(fleet: Fleet, version: str, kind: str, written_at: float, done_at: float) -> Times:
    """What the journals say of one try, held against what the desks reported."""
    sent = of_version(fleet.lines(SENT), version)
    ended = {line["child_id"]: seconds_of(line["wall"]) for line in fleet.lines(ENDED)}
    last_child = max(seconds_of(line["wall"]) for line in sent)
    names = {line["order"]["child_id"] for line in sent}
    assert names <= set(ended), f"reported as done, open: {sorted(names - set(ended))}"
    last_word = max(ended[name] for name in names)
    assert last_word <= done_at, f"reported as done {last_word - done_at:.3f} s before the last acknowledgement"
    assert last_child - written_at < MOST_SECONDS, f"a child {last_child - written_at:.3f} s after the stop file"
    reasons = Counter(line["reason"].partition(":")[0] for line in fleet.lines(ENDED) if line["child_id"] in names)
    return Times(
        kind, max(0.0, last_child - written_at), max(0.0, last_word - written_at), done_at - written_at, len(names),
        reasons["refused"],
    )  # fmt: skip


def require_residuals(fleet: Fleet, stop: Stop, version: str) -> int:
    """Each parent that the version had in flight is listed, with exactly what is left of it; how many."""
    filled: Counter[str] = Counter()
    for line in fleet.lines(ENDED):
        filled[line["child_id"].rpartition("-c")[0]] += sum(fill["lots"] for fill in line["fills"])
    handed = {line["parent_order_id"] for line in fleet.lines(HANDED_OVER) if stop.stop_id in line["why"]}
    decided = {line["parent_order_id"]: line["version"] for line in fleet.lines(DECIDED)}
    assert {decided[name] for name in handed} <= {version}
    listed = {one.parent_order_id: one.shares for report in fleet.reports() for one in report.residuals}
    lots = {name: count for number in range(1, 9) for name, count in fleet.parent_lots(number).items()}
    left = {name: 100.0 * (lots[name] - filled[name]) for name in handed}
    assert {name: listed.get(name, 0.0) for name in handed} == left
    later = {line["parent_id"] for line in fleet.lines(SENT) if seconds_of(line["wall"]) > seconds_of(stop.at) + 1.0}
    assert not later & handed
    return len(handed)


def one_try(fleet: Fleet, routes: Routes, draw: random.Random, number: int) -> Times:
    kind = "kill" if number % 4 == 3 else "rollback"
    version = begun(fleet, routes).name
    time.sleep(draw.uniform(0.0, 2.5))
    at = datetime.now(UTC)
    stop = Stop(f"stop-{number}", "sample", kind, "version", version, "olga", "a try", at.isoformat())
    write_stop(fleet.settings, stop)
    if draw.random() < 0.5:
        routes.champion()
    done = partial(lambda: all(is_done(report, stop, version) for report in fleet.reports()))
    found = measured(fleet, version, kind, at.timestamp(), waited(done, 60.0, f"{kind} of {version} done"))
    if kind == "kill":
        assert require_residuals(fleet, stop, version) > 0
    routes.champion()
    lift_stop(fleet.settings, "sample", stop.stop_id)
    return found


def table(name: str, values: list[float]) -> str:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return f"  {name:32}{median(ordered):8.3f}{p99:8.3f}{ordered[-1]:8.3f}"


def test_a_rollback_or_kill_at_a_random_moment_holds_within_a_second_and_is_done_when_nothing_is_left(
    fleet: Fleet, routes: Routes
) -> None:
    draw, times = random.Random(5), []
    for number in range(TRIES + TRIES % 2) if TRIES > 2 else (2, 3):
        times.append(one_try(fleet, routes, draw, number))
    for kind in ("rollback", "kill"):
        some = [one for one in times if one.kind == kind]
        children, refused = sum(one.children for one in some), sum(one.lost for one in some)
        print(
            f"\n{len(some)} x {kind}, 8 desks: {children} children of the stopped versions, {refused} refused as stale"
        )
        print(f"  {'seconds after the command':32}{'median':>8}{'p99':>8}{'max':>8}")
        print(table("last new child", [one.last_child for one in some]))
        print(table("last cancel acknowledged", [one.last_acknowledgement for one in some]))
        print(table("exposure zero at every desk", [one.exposure_zero for one in some]))
    assert {one.kind for one in times} == {"rollback", "kill"}


def test_parents_of_a_rolled_back_version_go_on_under_the_champion_and_keep_their_arm(
    fleet: Fleet, routes: Routes
) -> None:
    version = begun(fleet, routes).name
    write_stop(fleet.settings, Stop("pass", "sample", "rollback", "version", version, "olga", "", AT))
    epoch = routes.epoch
    waited(lambda: len(passed(fleet, epoch)) >= 5, 60.0, "decisions of the champion for the challenger's parents")
    assert {line["version"] for line in passed(fleet, epoch)} == {BENCHMARK.version}
    routes.champion()
    lift_stop(fleet.settings, "sample", "pass")


def passed(fleet: Fleet, epoch: int) -> list[Line]:
    """Decisions for parents of the challenger's arm by another version, because of the stop."""
    decided = [line for line in fleet.lines(DECIDED) if line["epoch"] == epoch and line["arm"] == "challenger"]
    return [line for line in decided if "rollback pass" in " ".join(line["why"])]


def test_no_decision_is_a_mixture_while_snapshots_change_and_an_older_epoch_is_refused(
    fleet: Fleet, routes: Routes
) -> None:
    first = routes.epoch + 1
    old = (routing_folder(fleet.settings, "sample") / "snapshot.json").read_bytes()
    wanted: dict[int, tuple[str, str]] = {}
    started, seen = time.time(), dict[int, float]()
    for _ in range(12):
        found = routes.challenger(share=0.6)
        wanted[routes.epoch] = (found.name, found.digest)
        seen[routes.epoch] = time.time()
        time.sleep(0.7)
    waited(lambda: at_epoch(fleet, routes.epoch), 30.0, f"epoch {routes.epoch} at every desk")
    decided = [line for line in fleet.lines(DECIDED) if line["epoch"] >= first]
    taken = [line for line in decided if line["version"] != BENCHMARK.version]
    assert taken
    assert all((line["version"], line["digest"]) == wanted[line["epoch"]] for line in taken)
    for desk in fleet.processes:
        epochs = [line["epoch"] for line in fleet.lines(DECIDED, desk)]
        assert epochs == sorted(epochs), desk
    print(f"\n{len(decided)} decisions of 8 desks under 12 snapshots in {time.time() - started:.1f} s: none a mixture")
    print(latency_table(fleet, seen))
    with pytest.raises(RefusedError, match="epochs that grow"):
        routed(fleet.settings, routes.epoch - 1)
    (routing_folder(fleet.settings, "sample") / "snapshot.json").write_bytes(old)
    waited(lambda: all("was seen before" in str(one.why) for one in fleet.reports()), 30.0, "the old epoch refused")
    assert all(report.epoch >= routes.epoch for report in fleet.reports())
    (routing_folder(fleet.settings, "sample") / "snapshot.json").unlink()
    routes.champion()
    waited(lambda: all(report.why is None for report in fleet.reports()), 30.0, "the new snapshot obeyed")


def latency_table(fleet: Fleet, seen: dict[int, float]) -> str:
    """From a snapshot published until it is in force at a desk, and until the desk's first decision under it."""
    force, first = list[float](), list[float]()
    for desk in fleet.processes:
        for epoch, at in seen.items():
            words = [line for line in fleet.lines(NOTED, desk) if line["what"].startswith(f"epoch {epoch},")]
            force += [seconds_of(line["wall"]) - at for line in words[:1]]
            first += [seconds_of(line["wall"]) - at for line in fleet.lines(DECIDED, desk) if line["epoch"] == epoch][
                :1
            ]
    head = f"  {'seconds after publication':32}{'median':>8}{'p99':>8}{'max':>8}"
    return "\n".join([head, table("in force at a desk", force), table("first decision under it", first)])


def others_than(fleet: Fleet, desk: str) -> list[DeskReport]:
    return [report for report in fleet.reports() if report.desk != desk]


def test_a_desk_that_is_frozen_keeps_the_promotion_incomplete_and_is_named(fleet: Fleet, routes: Routes) -> None:
    begun(fleet, routes)
    frozen = "desk-5"
    fleet.send(frozen, signal.SIGSTOP)
    try:
        version = routes.challenger()
        others = partial(others_than, fleet, frozen)
        waited(lambda: all(one.epoch >= routes.epoch for one in others()), 30.0, "the others at the new epoch")
        behind = [one.desk for one in fleet.reports() if one.versions.get(version.name) != version.digest]
        assert behind == [frozen]
        now = time.time()
        waited(lambda: now + STALE_SECONDS < time.time(), STALE_SECONDS + 5.0, "")
        assert [one.desk for one in fleet.reports() if time.time() - seconds_of(one.at) > STALE_SECONDS] == [frozen]
        stop = Stop("frozen", "sample", "rollback", "version", version.name, "olga", "", AT)
        write_stop(fleet.settings, stop)
        waited(lambda: all(is_done(one, stop, version.name) for one in others()), 60.0, "the others done")
        assert [one.desk for one in fleet.reports() if not is_done(one, stop, version.name)] == [frozen]
    finally:
        fleet.send(frozen, signal.SIGCONT)
    waited(lambda: is_done(fleet.report(frozen), stop, version.name), 60.0, "the frozen desk awake and done")
    assert [line for line in fleet.lines(SENT, frozen) if line["version"] == version.name] == []
    routes.champion()
    lift_stop(fleet.settings, "sample", "frozen")


def test_a_killed_desk_comes_back_finds_its_children_at_the_venue_and_takes_them_off(
    fleet: Fleet, routes: Routes
) -> None:
    begun(fleet, routes)
    waited(lambda: sum(fleet.report("desk-2").open_children.values()) > 0, 60.0, "open children")
    fleet.send("desk-2", signal.SIGKILL)
    fleet.processes["desk-2"].wait()
    ended = {line["child_id"] for line in fleet.lines(ENDED, "desk-2")}
    left = {line["order"]["child_id"] for line in fleet.lines(SENT, "desk-2")} - ended
    assert left
    assigned = {line["parent_order_id"]: line["arm"] for line in fleet.lines(ASSIGNED, "desk-2")}
    fleet.start([2])
    waited(lambda: left <= {line["child_id"] for line in fleet.lines(ENDED, "desk-2")}, 60.0, "the word of each")
    words = [line["what"] for line in fleet.lines(NOTED, "desk-2") if line["what"].startswith(RESTARTED)]
    assert words
    sent = [line["order"]["child_id"] for line in fleet.lines(SENT, "desk-2")]
    assert len(sent) == len(set(sent))
    later = {line["parent_order_id"]: line["arm"] for line in fleet.lines(ASSIGNED, "desk-2")}
    assert {name: later[name] for name in assigned} == assigned
    print(f"\nkilled with {len(left)} children at the venue: {words[0]}")


def test_at_the_end_every_child_of_every_desk_is_acknowledged_and_no_parent_was_over_filled(
    fleet: Fleet, routes: Routes
) -> None:
    routes.champion()
    assert set(fleet.end()) == {0}, fleet.said()
    assert all(report.is_ended for report in fleet.reports())
    sent, ended = fleet.lines(SENT), {line["child_id"]: line for line in fleet.lines(ENDED)}
    assert {line["order"]["child_id"] for line in sent} == set(ended)
    filled: Counter[str] = Counter()
    for child_id, line in ended.items():
        filled[child_id.rpartition("-c")[0]] += sum(fill["lots"] for fill in line["fills"])
    lots = {name: count for desk in range(1, 9) for name, count in fleet.parent_lots(desk).items()}
    assert all(filled[name] <= lots[name] for name in filled)
    print(f"\n{len(sent)} children, {sum(filled.values())} lots of {len(filled)} parents, {len(ended)} acknowledged")
