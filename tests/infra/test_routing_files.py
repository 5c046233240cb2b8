"""The routing snapshot and the stops beside it: what a desk obeys, and what it does when it cannot be trusted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.errors import RefusedError
from infra.routing_files import RoutedArm, RoutingView, Snapshot, publish, read_snapshot, routing_folder
from infra.settings import Settings
from infra.signing import rotate
from infra.stop_files import Stop, lift_stop, stops, stops_folder, write_stop

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
CHAMPION = RoutedArm("champion", "sample.execution/0", "d0", "benchmark", 0.9)
CHALLENGER = RoutedArm("challenger", "sample.execution/5", "d5", "r5", 0.1)
STOP = Stop("sample.r1-rollback", "sample", "rollback", "version", "sample.execution/5", "tom", "why", "2026-11-20")


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def snapshot(epoch: int = 1, **others: object) -> Snapshot:
    made = Snapshot(
        "sample", epoch, "sample.r1", "canary_10", "salt", (CHALLENGER, CHAMPION), {"sample.execution/5": {}},
        ("ACCOUNT-01",), "2026-11-20T14:00:00Z", "2026-11-21T14:00:00Z", 7, "h", "desk",
    )  # fmt: skip
    return replace(made, **others)  # type: ignore[arg-type]


def test_a_published_snapshot_is_read_as_it_was_written(home: Settings) -> None:
    publish(home, snapshot())
    assert read_snapshot(home, "sample", NOW, least_epoch=0) == snapshot()


def test_an_older_epoch_is_refused_by_writer_and_reader(home: Settings) -> None:
    publish(home, snapshot(2))
    with pytest.raises(RefusedError, match="epoch 1 after 2"):
        publish(home, snapshot(1))
    with pytest.raises(RefusedError, match="epoch 2, 3 was seen before"):
        read_snapshot(home, "sample", NOW, least_epoch=3)


def test_an_epoch_says_one_thing_only(home: Settings) -> None:
    publish(home, snapshot())
    with pytest.raises(RefusedError, match="epoch 1 with another routing"):
        publish(home, snapshot(salt="other"))


def test_the_same_routing_is_written_again_only_to_last_longer(home: Settings) -> None:
    assert publish(home, snapshot())
    assert not publish(home, snapshot(issued_at="2026-11-20T15:00:00Z"))
    assert publish(home, snapshot(expires_at="2026-11-23T14:00:00Z"))


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"arms": (CHALLENGER,)}, "one champion"),
        ({"arms": (CHAMPION,)}, "do not sum to one"),
        ({"arms": (CHALLENGER, CHALLENGER, replace(CHAMPION, share=0.8))}, "each once"),
        ({"limits": {}}, "sample.execution/5 has no limits"),
    ],
)
def test_a_snapshot_that_does_not_fit_is_not_published(home: Settings, others: dict[str, object], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        publish(home, snapshot(**others))


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def forged(path: Path) -> None:
    told = json.loads(path.read_text())
    told["payload"] = told["payload"].replace('"share":0.1', '"share":0.2').replace('"share":0.9', '"share":0.8')
    path.write_text(json.dumps(told))


def by_a_stranger(path: Path) -> None:
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "key_id": "0123456789abcdef"}))


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


def test_a_stop_that_cannot_be_verified_stops_everything(home: Settings) -> None:
    path = write_stop(home, STOP)
    torn(path)
    (found,) = stops(home, "sample")
    assert (found.kind, found.scope) == ("kill", "all")


def test_a_stop_file_has_a_plain_name(home: Settings) -> None:
    with pytest.raises(RefusedError, match="no name of a stop"):
        write_stop(home, replace(STOP, stop_id="../../snapshot"))
    assert not stops_folder(home, "sample").exists()


def test_what_an_old_key_signed_is_valid_after_rotation(home: Settings) -> None:
    publish(home, snapshot())
    rotate(home, "routing")
    assert read_snapshot(home, "sample", NOW, least_epoch=0) == snapshot()
    assert publish(home, snapshot(2))


def test_a_key_that_others_can_read_is_refused(home: Settings) -> None:
    publish(home, snapshot())
    (home.keys / "routing.key").chmod(0o644)
    with pytest.raises(RefusedError, match="can be read by others"):
        publish(home, snapshot(2))
