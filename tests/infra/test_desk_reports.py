"""What desks say of themselves: replaced whole, by name, and a report that cannot be read is named."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.desk_reports import (
    DeskReport,
    Residual,
    desk_reports,
    desks_folder,
    forget_desk,
    report_desk,
    unread_desks,
)
from infra.settings import Settings
from tests.infra.full_disk import fill, needs_root, small_disk

VERSION = "sample.execution/5"
REPORT = DeskReport(
    "desk-1", "sample", 4711, 3, {VERSION: "d5"}, ("sample.r1-rollback",), {VERSION: "2026-11-20T15:00:00Z"}, {},
    {VERSION: 2}, {VERSION: 1}, {VERSION: 1234.5}, {VERSION: 4}, "2026-11-20T15:00:01Z", False, None,
    (Residual("P1", "ACCOUNT-01", "AURA", "buy", 300.0, "kill k1 of all"),), {"AURA": 2},
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_a_report_comes_back_as_it_was_written_and_the_last_one_counts(home: Settings) -> None:
    report_desk(home, replace(REPORT, epoch=2))
    report_desk(home, REPORT)
    report_desk(home, replace(REPORT, desk="desk-2", symbol_children=None))
    assert desk_reports(home, "sample") == (REPORT, replace(REPORT, desk="desk-2", symbol_children=None))
    assert desk_reports(home, "ashare") == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"desk": "desk-1"}', "null"])
def test_a_report_that_cannot_be_read_is_named_and_not_counted(home: Settings, text: str) -> None:
    report_desk(home, REPORT)
    report_desk(home, replace(REPORT, desk="desk-2"))
    (desks_folder(home, "sample") / "desk-1.json").write_text(text)
    assert [report.desk for report in desk_reports(home, "sample")] == ["desk-2"]
    assert unread_desks(home, "sample") == ("desk-1",)


def test_a_desk_that_will_not_come_back_is_no_longer_waited_for(home: Settings) -> None:
    report_desk(home, REPORT)
    forget_desk(home, "sample", "desk-1")
    forget_desk(home, "sample", "desk-1")
    assert desk_reports(home, "sample") == ()
    assert unread_desks(home, "sample") == ()


def test_a_desk_is_silent_after_ten_seconds_and_where_its_last_word_is_no_time() -> None:
    heard = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    report = replace(REPORT, at=heard.isoformat())
    assert report.silence(heard + timedelta(seconds=4)) == 4.0
    assert not report.is_silent(heard + timedelta(seconds=10))
    assert report.is_silent(heard + timedelta(seconds=10.5))
    assert replace(report, at="2026-11-20T15:00:00").silence(heard) == math.inf
    assert replace(report, at="a while ago").is_silent(heard)


def test_the_name_of_a_desk_is_no_path(home: Settings) -> None:
    report_desk(home, replace(REPORT, desk="../../snapshot"))
    assert [path.name for path in desks_folder(home, "sample").iterdir()] == ["snapshot.json"]


@needs_root
def test_a_desk_on_a_full_disk_goes_on_and_its_last_report_grows_old(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with small_disk(tmp_path / "disk") as folder:
        home = Settings(home=folder)
        assert report_desk(home, REPORT)
        fill(folder)
        assert not report_desk(home, replace(REPORT, at="2026-11-20T15:00:09Z", why="x" * 10_000))
        assert desk_reports(home, "sample") == (REPORT,)
        assert "desk-1 cannot report: disk is full" in caplog.text
