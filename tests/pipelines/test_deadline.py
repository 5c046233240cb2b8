"""A night that is not ready in the morning alerts, whatever it is that keeps it, and production stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import BusyError, NightStoppedError
from infra.markets import MARKETS
from infra.settings import Settings
from pipelines.alerts import open_alerts, raise_alert, standing_alerts
from pipelines.deadline import check_deadline, require_night
from pipelines.status import market_lines
from tests.builders import FRIDAY, THURSDAY
from tests.pipelines.invented_night import invented_context, write_records

SATURDAY_MORNING = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
REFUSED = "too many rows were refused: trades; found 9 %; allowed: 5 %; next: look at quarantine"


def check(home: Path) -> object:
    return check_deadline(Settings(home=home), MARKETS["sample"], SATURDAY_MORNING)


def check_answer(home: Path) -> str:
    (alert,) = standing_alerts(Settings(home=home), "sample")
    assert (alert.severity, alert.kind) == ("page", "night")
    return alert.command


def test_a_night_that_is_done_passes(tmp_path: Path) -> None:
    write_records(invented_context(tmp_path))
    assert check(tmp_path) == FRIDAY
    assert open_alerts(Settings(home=tmp_path), "sample") == []


@pytest.mark.parametrize(
    ("failed", "more", "says"),
    [
        (None, {}, "the night never started"),
        ("validate", {}, "stopped at validate: too many rows were refused"),
        ("train", {"state": "running"}, "still to do: train, backtest, gate, monitor"),
    ],
)
def test_what_keeps_the_night_is_said_and_stands_in_the_status_until_it_is_done(
    tmp_path: Path, failed: str | None, more: dict[str, object], says: str
) -> None:
    if failed is not None:
        write_records(invented_context(tmp_path), failed, REFUSED, **more)
    with pytest.raises(NightStoppedError, match=f"not ready by its deadline: sample 2026-11-20; found {says}"):
        check(tmp_path)
    (alert,) = open_alerts(Settings(home=tmp_path), "sample")
    assert "allowed: done by 07:00 America/New_York" in alert
    assert "until then sample.execution/0 trades on" in alert
    assert check_answer(tmp_path) == "fillwise night --market sample --day 2026-11-20"
    write_records(invented_context(tmp_path))
    lines = market_lines(Settings(home=tmp_path), "sample", SATURDAY_MORNING)
    assert any(line.startswith("alert: night is not ready") for line in lines)
    check(tmp_path)
    assert open_alerts(Settings(home=tmp_path), "sample") == []


def test_the_alert_of_an_earlier_night_goes_when_that_night_is_mended(tmp_path: Path) -> None:
    settings, thursday = Settings(home=tmp_path), "night 2026-11-19"
    raise_alert(settings, "sample", thursday, "page", "night is not ready", "fillwise night", SATURDAY_MORNING)
    write_records(invented_context(tmp_path))
    check(tmp_path)
    assert open_alerts(settings, "sample") == ["night is not ready"]
    write_records(invented_context(tmp_path, days=(THURSDAY,)))
    check(tmp_path)
    assert open_alerts(settings, "sample") == []


def test_an_evening_waits_for_its_night_and_gives_up_on_one_that_stopped(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(BusyError, match="night is not done: sample 2026-11-20; found the night never started"):
        require_night(settings, "sample", FRIDAY)
    write_records(invented_context(tmp_path), "validate", REFUSED)
    with pytest.raises(NightStoppedError, match="found stopped at validate"):
        require_night(settings, "sample", FRIDAY)
    write_records(invented_context(tmp_path))
    require_night(settings, "sample", FRIDAY)
