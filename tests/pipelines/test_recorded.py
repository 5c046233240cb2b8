"""A range works the days that are there and names the others; one day without a file is no range."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from infra.errors import SourceError
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import BRONZE
from pipelines.__main__ import main
from pipelines.recorded import recorded
from pipelines.runner import Run
from tests.pipelines.sources.test_b3 import HEADER, SOLD
from tests.pipelines.test_reconcile import april

B3 = MARKETS["b3"]
SEVENTH, EIGHTH, NINTH = (date(2025, 4, day) for day in (7, 8, 9))
RANGE = ("--market", "b3", "--from", "2025-04-07", "--to", "2025-04-09")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILLWISE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_other_days_are_done_and_the_missing_one_is_named(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = april(tmp_path / "b3", 7, 9)
    assert main(["ingest", *RANGE, "--data", str(data)]) == 0
    assert Lake(home / "lake").days(BRONZE["trades"], "b3") == (SEVENTH, NINTH)
    words = f"1 of 3 sessions were not recorded, no file in {data}: 2025-04-08"
    assert caplog.records[-1].getMessage() == f"ingest: {words}"
    assert caplog.records[-1].levelname == "WARNING"
    record = json.loads((home / "logs" / "b3" / "2025-04-09" / "ingest.json").read_text())
    assert words in record["notes"]


@pytest.mark.usefixtures("home")
def test_a_single_day_without_a_file_stops(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = april(tmp_path / "b3", 7, 9)
    assert main(["ingest", "--market", "b3", "--day", "2025-04-08", "--data", str(data)]) == 1
    assert "day was not recorded: b3 2025-04-08" in caplog.text


def test_a_range_without_any_file_stops_and_names_range_and_folder(tmp_path: Path) -> None:
    data = april(tmp_path / "b3", 1)
    with pytest.raises(SourceError, match=f"range was not recorded: b3 2025-04-07 to 2025-04-09; .* in {data};"):
        recorded(Run(Settings(home=tmp_path), B3, (SEVENTH, EIGHTH, NINTH), data))


def test_a_day_that_has_a_file_which_cannot_be_taken_stops_the_range(
    home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = april(tmp_path / "b3", 7, 8, 9)
    (data / "PETR4_08042025.csv").write_text(f"{HEADER.replace('aggressor', 'side')}\n{SOLD}\n")
    assert main(["ingest", *RANGE, "--data", str(data)]) == 1
    assert "PETR4_08042025.csv" in caplog.text
    assert Lake(home / "lake").days(BRONZE["trades"], "b3") == ()


def test_a_market_without_a_folder_keeps_every_day_of_a_range(tmp_path: Path) -> None:
    run = Run(Settings(home=tmp_path), MARKETS["sample"], (date(2026, 11, 19), date(2026, 11, 20)))
    assert recorded(run) is run
