"""A night that is not ready in the morning alerts, whatever it is that keeps it, and production stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import NightStoppedError
from infra.markets import MARKETS
from infra.settings import Settings
from pipelines.alerts import open_alerts
from pipelines.deadline import check_deadline
from pipelines.status import market_lines
from tests.builders import FRIDAY
from tests.pipelines.invented_night import invented_context, write_records

SATURDAY_MORNING = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
REFUSED = "too many rows were refused: trades; found 9 %; allowed: 5 %; next: look at quarantine"


def check(home: Path) -> object:
    return check_deadline(Settings(home=home), MARKETS["sample"], SATURDAY_MORNING)


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
    write_records(invented_context(tmp_path))
    assert any(line.startswith("alert: night is not ready") for line in market_lines(Settings(home=tmp_path), "sample"))
    check(tmp_path)
    assert open_alerts(Settings(home=tmp_path), "sample") == []
