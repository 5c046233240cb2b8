"""Tonight's features are held against the sessions before, in `gold.health` and on a page."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.catalog import FEATURES_TABLE
from infra import calendar
from infra.errors import EvidenceError
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import HEALTH
from pipelines import monitor
from pipelines.page_template import FEATURES_PAGE
from pipelines.sketches import commit_sketches
from pipelines.step import StepContext
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_books import OPEN_NS

ROWS = 400
DAYS = calendar.sessions_until(MARKETS["sample"], FRIDAY, 12)


def features(day: date, shift: float = 0.0) -> pa.Table:
    """`ROWS` rows within one local hour; every feature 0 or null, but imbalance_1 drawn, and moved by `shift`."""
    random = np.random.default_rng(day.toordinal())
    times = OPEN_NS + (day - FRIDAY).days * 86_400_000_000_000 + np.arange(ROWS) * 1_000_000_000
    plain = {column.name: 0.0 for column in FEATURES_TABLE.columns if column.kind == "float"}
    drawn = np.clip(random.normal(shift, 0.2, ROWS), -1, 1)
    return plain_rows(FEATURES_TABLE, ROWS, day=day, **{
        **plain, "symbol": "AAA", "sequence": 0, "event_at_ns": times.tolist(), "event_at": (times // 1000).tolist(),
        "imbalance_1": drawn.tolist(), "trade_flow_10s": None,
    })  # fmt: skip


def a_context(home: Path, *, sessions: int, shift: float = 0.0, tonight: date = FRIDAY) -> StepContext:
    settings = Settings(home=home, history_sessions=sessions)
    lake = Lake(settings.lake)
    rows = {day: features(day, shift if day == FRIDAY else 0.0) for day in DAYS[-1 - sessions :]}
    lake.replace_days(FEATURES_TABLE, "sample", rows)
    commit_sketches(StepContext(settings, MARKETS["sample"], tuple(rows), lake))
    return StepContext(settings, MARKETS["sample"], (tonight,), lake)


def health(context: StepContext) -> dict[tuple[str, str], dict[str, object]]:
    rows = context.lake.read_day(HEALTH, "sample", context.night).to_pylist()
    return {(row["check_name"], row["subject"]): row for row in rows}


def test_a_shift_tonight_is_named_noted_and_drawn(tmp_path: Path) -> None:
    context = a_context(tmp_path, sessions=11, shift=0.3)
    report = monitor.run(context)
    found = health(context)
    drift = found["feature_drift", "gold.features"]
    assert (drift["verdict"], drift["threshold"]) == ("note", None)
    assert str(drift["reason"]).startswith(
        "uncalibrated, advisory: 11 of 125 sessions of history; furthest is imbalance_1"
    )
    assert found["feature_distance", "imbalance_1"]["figure"] == drift["figure"]
    assert "drifted: imbalance_1" in str(found["drift_page", "gold.features"]["reason"])
    assert (report.rows_in, report.rows_out) == (12 * ROWS, len(found))
    assert (context.page_folder(FRIDAY) / "drift.html").stat().st_size > 100_000
    assert any("drift.html" in note for note in report.notes)


def test_the_first_night_has_nothing_to_compare_with(tmp_path: Path) -> None:
    context = a_context(tmp_path, sessions=0)
    report = monitor.run(context)
    assert report.notes == ("no session before today", "no page: nothing to compare")
    assert health(context)["feature_drift", "gold.features"]["figure"] is None
    assert monitor.run(context).is_unchanged


def test_a_night_without_features_says_what_to_run(tmp_path: Path) -> None:
    context = a_context(tmp_path, sessions=1, tonight=date(2026, 11, 23))
    with pytest.raises(EvidenceError, match="fillwise build_features --market sample --day 2026-11-23"):
        monitor.run(context)


def test_a_night_whose_features_were_not_sketched_says_what_to_run(tmp_path: Path) -> None:
    context = a_context(tmp_path, sessions=1)
    later = calendar.sessions(MARKETS["sample"], FRIDAY, date(2026, 11, 23))[-1]
    context.lake.replace_days(FEATURES_TABLE, "sample", {later: features(later)})
    with pytest.raises(EvidenceError, match=r"gold\.feature_sketches sample 2026-11-23"):
        monitor.run(StepContext(context.settings, context.market, (later,), context.lake))


def test_rows_of_features_are_not_touched(tmp_path: Path) -> None:
    context = a_context(tmp_path, sessions=3, shift=0.3)
    for paths in context.lake.day_files(FEATURES_TABLE, "sample").values():
        paths[0].unlink()
    assert monitor.run(context).rows_in == 4 * ROWS


def test_the_features_page_is_written_for_the_latest_session_only(tmp_path: Path) -> None:
    context = a_context(tmp_path, sessions=1)
    page = context.settings.pages / "sample" / FEATURES_PAGE
    monitor.run(StepContext(context.settings, context.market, (DAYS[-2],), context.lake))
    assert not page.exists()
    monitor.run(context)
    assert f"as of {FRIDAY:%a %d %b %Y}" in page.read_text()
