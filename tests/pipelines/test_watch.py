"""What cannot wait for the evening: found from the files that desks obey and write."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.markets import MARKETS
from infra.routing_files import publish, routing_folder
from infra.settings import Settings
from infra.stop_files import Stop, stops, write_stop
from infra.times import stamp
from pipelines.alerts import open_alerts, standing_alerts
from pipelines.watch import Finding, findings, is_open, look_at, take_out, tell, watch
from tests.models.rollout.made import in_phase
from tests.pipelines.stops.made import NOW, VERSION, desk, in_force, reports, snapshot_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(home=tmp_path)
    in_force(found)
    return found


def seen(settings: Settings, seconds: float = 0.0) -> tuple[Finding, ...]:
    return findings(look_at(settings, "sample", NOW + timedelta(seconds=seconds)))


def causes(settings: Settings, seconds: float = 0.0) -> list[str]:
    return [one.cause for one in seen(settings, seconds)]


def test_desks_that_obey_and_report_are_no_finding(settings: Settings) -> None:
    reports(settings, desk("desk-1"), desk("desk-2"))
    assert causes(settings, 5) == []


def test_a_silent_desk_an_unread_report_and_an_older_epoch_are_named(settings: Settings) -> None:
    reports(settings, desk("desk-1", at=stamp(NOW - timedelta(seconds=30))), desk("desk-2", epoch=0))
    (routing_folder(settings, "sample") / "desks" / "desk-3.json").write_text("{")
    assert causes(settings, 5) == ["desk desk-3 unread", "desk desk-1 silent"]
    reports(settings, desk("desk-1", at=stamp(NOW + timedelta(seconds=19))))
    reports(settings, desk("desk-2", epoch=0, at=stamp(NOW + timedelta(seconds=19))))
    found = {one.cause: one.words for one in seen(settings, 20)}
    assert found["desk desk-2 epoch"].startswith("desk-2 obeys epoch 0, published is ")


def test_a_desk_that_ended_in_order_is_not_missed(settings: Settings) -> None:
    reports(settings, desk("desk-1", is_ended=True, at=stamp(NOW - timedelta(hours=3)), epoch=0))
    assert causes(settings, 60) == []


def test_a_desk_with_another_model_file_than_was_approved_is_found(settings: Settings) -> None:
    reports(settings, desk("desk-1", versions={VERSION: "swapped"}))
    (found,) = seen(settings)
    assert found.words == f"desk-1 holds {VERSION} as swapped, approved is d5"
    assert found.command == f"fillwise kill --market sample --version {VERSION}"


def test_an_expired_and_a_forged_snapshot_are_found(settings: Settings) -> None:
    assert causes(settings, 3 * 86_400) == ["routing expired"]
    path = routing_folder(settings, "sample") / "snapshot.json"
    path.write_text(path.read_text().replace("champion", "champi0n"))
    assert causes(settings) == ["routing refused"]


def test_a_stop_that_is_not_done_after_a_minute_is_found(settings: Settings) -> None:
    told = ("rollback", "version", VERSION, "tom", "dear", stamp(NOW))
    write_stop(settings, Stop("stop-1", "sample", *told))
    reports(
        settings, desk("desk-1", stops=("stop-1",), unacknowledged={VERSION: 1}, at=stamp(NOW + timedelta(61 / 86_400)))
    )
    assert causes(settings, 59) == []
    (found,) = seen(settings, 61)
    assert found.words == f"rollback of {VERSION} is not done: desk-1 1 cancels without acknowledgement"


def test_a_challenger_that_holds_more_over_all_desks_than_its_limit_is_rolled_back(settings: Settings) -> None:
    story = in_phase("canary_10")
    limited = replace(snapshot_of(story.state), limits={VERSION: {"position_notional": 1000.0}})
    publish(settings, replace(limited, epoch=limited.epoch + 1))
    reports(
        settings,
        desk("desk-1", exposure_notional={VERSION: 600.0}),
        desk("desk-2", exposure_notional={VERSION: -300.0}),
    )
    assert causes(settings) == []
    reports(settings, desk("desk-2", exposure_notional={VERSION: -500.0}))
    (found,) = seen(settings)
    assert found.words == f"{VERSION} holds 1,100 over 2 desks, its limit is 1,000"
    take_out(settings, "sample", found)
    (stop,) = stops(settings, "sample")
    assert (stop.kind, stop.subject, stop.person) == ("rollback", VERSION, "fillwise")


def test_an_exposure_that_is_no_number_is_above_every_limit(settings: Settings) -> None:
    story = in_phase("canary_10")
    limited = replace(snapshot_of(story.state), limits={VERSION: {"position_notional": 1000.0}})
    publish(settings, replace(limited, epoch=limited.epoch + 1))
    reports(settings, desk("desk-1", exposure_notional={VERSION: float("nan")}))
    assert causes(settings) == [f"exposure {VERSION}"]


def test_what_is_found_is_one_alert_a_cause_and_is_over_when_it_is_gone(settings: Settings) -> None:
    reports(settings, desk("desk-1", at=stamp(NOW - timedelta(seconds=30))))
    assert [tell(settings, "sample", seen(settings, n), NOW + timedelta(seconds=n)) for n in (0, 300)] == [1, 0]
    (alert,) = standing_alerts(settings, "sample")
    assert (alert.severity, alert.kind, alert.times) == ("page", "watch", 2)
    reports(settings, desk("desk-1", at=stamp(NOW + timedelta(seconds=600))))
    tell(settings, "sample", seen(settings, 600), NOW + timedelta(seconds=600))
    assert open_alerts(settings, "sample") == []


@pytest.mark.parametrize(
    ("market", "at", "is_so"),
    [
        ("sample", "2026-11-20T14:29", False),
        ("sample", "2026-11-20T14:30", True),
        ("sample", "2026-11-20T21:06", False),
        ("sample", "2026-11-27T18:04", True),
        ("sample", "2026-11-27T18:06", False),
        ("sample", "2026-11-26T16:00", False),
        ("ashare", "2026-11-20T02:00", True),
        ("ashare", "2026-11-21T02:00", False),
    ],
)
def test_it_looks_while_the_exchange_is_open_half_days_and_holidays_included(market: str, at: str, is_so: bool) -> None:
    assert is_open(MARKETS[market], datetime.fromisoformat(at).replace(tzinfo=UTC)) is is_so


def test_the_command_says_closed_by_99_and_found_by_1(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.watch.is_open", lambda *_: False)
    assert watch(settings, argparse.Namespace(market="sample", always=False)) == 99
    reports(settings, desk("desk-1", at=stamp(NOW - timedelta(days=1))))
    assert watch(settings, argparse.Namespace(market="sample", always=True)) == 1
    assert "desk-1 has not reported for" in capsys.readouterr().out
