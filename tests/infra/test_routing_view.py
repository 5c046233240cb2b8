"""What a desk sees through its view: routing and stops, the champion alone when nothing can be trusted, at once."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from infra.routing_files import RoutingView, publish, routing_folder
from infra.settings import Settings
from infra.stop_files import lift_stop, write_stop
from tests.infra.full_disk import fill, needs_root, small_disk
from tests.infra.made_routing import CHAMPION, NOW, STOP, by_a_stranger, forged, put, snapshot, torn


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [(torn, "cannot be read"), (forged, "does not fit"), (by_a_stranger, "unknown key"), (Path.unlink, "missing")],
)
def test_a_damaged_snapshot_leaves_the_champion_alone(home: Settings, damage: object, said: str) -> None:
    view = RoutingView(home, "sample", "desk-1")
    publish(home, snapshot())
    assert view.look(NOW).snapshot == snapshot()
    damage(routing_folder(home, "sample") / "snapshot.json")  # type: ignore[operator]
    found = view.look(NOW)
    assert found.snapshot is not None
    assert [(one.arm, one.share) for one in found.snapshot.arms] == [("champion", 1.0)]
    assert said in str(found.why)


def test_an_expired_snapshot_leaves_the_champion_alone(home: Settings) -> None:
    view = RoutingView(home, "sample", "desk-1")
    publish(home, snapshot())
    assert view.look(NOW).why is None
    found = view.look(NOW + timedelta(days=2))
    assert found.snapshot is not None
    assert found.snapshot.champion.share == 1.0
    assert "expired" in str(found.why)


def test_a_desk_that_starts_again_does_not_go_back_behind_its_epoch(home: Settings) -> None:
    publish(home, snapshot(1))
    old = (routing_folder(home, "sample") / "snapshot.json").read_bytes()
    publish(home, snapshot(2))
    assert RoutingView(home, "sample", "desk-1").look(NOW).snapshot == snapshot(2)
    (routing_folder(home, "sample") / "snapshot.json").write_bytes(old)
    assert "epoch 1, 2 was seen before" in str(RoutingView(home, "sample", "desk-1").look(NOW).why)


def test_a_desk_refuses_what_a_simulation_routed(home: Settings) -> None:
    publish(home, snapshot(purpose="simulation"))
    assert "a snapshot for simulation" in str(RoutingView(home, "sample", "desk-1").look(NOW).why)


def test_a_new_snapshot_reaches_a_desk_at_its_next_look(home: Settings) -> None:
    view = RoutingView(home, "sample", "desk-1")
    publish(home, snapshot(1))
    view.look(NOW)
    publish(home, snapshot(2, phase="expand_25"))
    found = view.look(NOW)
    assert found.snapshot is not None
    assert found.snapshot.phase == "expand_25"


def test_a_stop_reaches_a_desk_at_its_next_look_and_is_lifted(home: Settings) -> None:
    view = RoutingView(home, "sample", "desk-1")
    view.look(NOW)
    write_stop(home, STOP)
    assert view.look(NOW).stops == (STOP,)
    write_stop(home, replace(STOP, stop_id="second"))
    assert len(view.look(NOW).stops) == 2
    lift_stop(home, "sample", STOP.stop_id)
    assert [stop.stop_id for stop in view.look(NOW).stops] == ["second"]


def test_a_desk_that_never_saw_a_snapshot_has_none_and_says_why(home: Settings) -> None:
    found = RoutingView(home, "sample", "desk-1").look(NOW)
    assert found.snapshot is None
    assert "missing" in str(found.why)


def test_a_desk_needs_no_private_key(home: Settings) -> None:
    publish(home, snapshot())
    (home.keys / "routing.key").unlink()
    assert RoutingView(home, "sample", "desk-1").look(NOW).snapshot == snapshot()
    assert not (home.keys / "routing.key").exists()
    (routing_folder(home, "sample") / "snapshot.json").unlink()
    again = RoutingView(home, "sample", "desk-1").look(NOW)
    assert again.snapshot is not None
    assert again.snapshot.champion.version == CHAMPION.version


def test_a_forged_last_good_is_not_believed(home: Settings, caplog: pytest.LogCaptureFixture) -> None:
    publish(home, snapshot())
    RoutingView(home, "sample", "desk-1").look(NOW)
    forged(routing_folder(home, "sample") / "last_good" / "desk-1.json")
    (routing_folder(home, "sample") / "snapshot.json").unlink()
    assert RoutingView(home, "sample", "desk-1").look(NOW).snapshot is None
    assert "forgot which routing it obeyed last" in caplog.text


def test_a_snapshot_that_comes_back_whole_is_obeyed_again(home: Settings) -> None:
    view, path = RoutingView(home, "sample", "desk-1"), routing_folder(home, "sample") / "snapshot.json"
    publish(home, snapshot())
    whole = path.read_bytes()
    view.look(NOW)
    torn(path)
    assert view.look(NOW).why is not None
    path.write_bytes(whole)
    assert view.look(NOW).why is None


def put_back(path: Path, content: bytes, told: os.stat_result) -> None:
    """Other content of the same size, in the same file, at the same time."""
    path.write_bytes(content)
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))


def test_two_snapshots_within_one_tick_of_the_clock_are_both_seen(home: Settings) -> None:
    path = routing_folder(home, "sample") / "snapshot.json"
    publish(home, snapshot(1))
    first = path.read_bytes()
    put(home, snapshot(2))
    second, told = path.read_bytes(), path.stat()
    put_back(path, first, told)
    view = RoutingView(home, "sample", "desk-1")
    assert view.look(NOW).snapshot == snapshot(1)
    put_back(path, second, told)
    assert view.look(NOW + timedelta(milliseconds=40)).snapshot == snapshot(2)


def looks(view: RoutingView, *milliseconds: int) -> list[str | None]:
    return [view.look(NOW + timedelta(milliseconds=one)).why for one in milliseconds]


def test_a_look_at_files_that_have_settled_reads_nothing(home: Settings) -> None:
    view, path = RoutingView(home, "sample", "desk-1"), routing_folder(home, "sample") / "snapshot.json"
    publish(home, snapshot())
    looks(view, 0, 60, 70)
    told, whole = path.stat(), path.read_bytes()
    put_back(path, b"x" * len(whole), told)
    assert looks(view, 80) == [None]
    put_back(path, b"x" * (len(whole) - 1), told)
    assert looks(view, 90) != [None]


def test_a_clock_that_jumps_back_is_no_reason_to_read_for_an_hour(home: Settings) -> None:
    view, path, hour = (
        RoutingView(home, "sample", "desk-1"),
        routing_folder(home, "sample") / "snapshot.json",
        3_600_000,
    )
    publish(home, snapshot())
    looks(view, 0, -hour, 60 - hour)
    told, whole = path.stat(), path.read_bytes()
    put_back(path, b"x" * len(whole), told)
    assert looks(view, 70 - hour) == [None]


def test_a_settled_snapshot_expires_all_the_same(home: Settings) -> None:
    view = RoutingView(home, "sample", "desk-1")
    publish(home, snapshot())
    looks(view, 0, 60, 70)
    assert "expired" in str(view.look(NOW + timedelta(days=2)).why)


@needs_root
def test_a_desk_on_a_full_disk_obeys_all_the_same_and_says_that_it_forgets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk") as folder:
        home = Settings(home=folder)
        publish(home, snapshot())
        view = RoutingView(home, "sample", "desk-1")
        fill(folder)
        assert view.look(NOW).snapshot == snapshot()
        assert "cannot keep its last good routing" in caplog.text
        (folder / "filler").unlink()
        view.look(NOW)
        assert (routing_folder(home, "sample") / "last_good" / "desk-1.json").exists()


def test_a_look_costs_microseconds(home: Settings) -> None:
    view = RoutingView(home, "sample", "desk-1")
    publish(home, snapshot())
    write_stop(home, STOP)
    for milliseconds in (0, 60):
        view.look(NOW + timedelta(milliseconds=milliseconds))
    later, costs = NOW + timedelta(milliseconds=100), []
    for _ in range(5):
        began = time.process_time()
        for _ in range(2_000):
            view.look(later)
        costs.append((time.process_time() - began) / 2_000)
    print(f"a look costs {1e6 * min(costs):.1f} µs")
    assert min(costs) < 100e-6
