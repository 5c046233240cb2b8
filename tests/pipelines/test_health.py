"""Several steps write `gold.health`; each replaces only its own rows."""

from __future__ import annotations

from pathlib import Path

from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import HEALTH
from pipelines.health import HealthRow, record_health, record_health_days
from pipelines.step import StepContext
from tests.builders import FRIDAY, THURSDAY


def a_row(subject: str, figure: float | None = 0.0) -> HealthRow:
    return HealthRow("refused_share", subject, "pass", figure, 0.05, "because", "reason")


def context(tmp_path: Path) -> StepContext:
    return StepContext(Settings(home=tmp_path), MARKETS["sample"], (FRIDAY,), Lake(tmp_path / "lake"))


def subjects(given: StepContext, day: object = FRIDAY) -> list[tuple[str, str]]:
    rows = given.lake.read(HEALTH, "sample", [FRIDAY, THURSDAY]).to_pylist()
    return [(row["step"], row["subject"]) for row in rows if row["trade_date"] == day]


def test_a_step_replaces_its_own_rows_and_no_others(tmp_path: Path) -> None:
    given = context(tmp_path)
    record_health(given, "validate", FRIDAY, [a_row("trades"), a_row("fills")])
    record_health(given, "monitor", FRIDAY, [a_row("spread_bps", None)])
    record_health(given, "validate", FRIDAY, [a_row("trades")])
    assert subjects(given) == [("monitor", "spread_bps"), ("validate", "trades")]


def test_the_same_rows_again_change_nothing(tmp_path: Path) -> None:
    given = context(tmp_path)
    first = record_health(given, "validate", FRIDAY, [a_row("trades")])
    again = record_health(given, "validate", FRIDAY, [a_row("trades")])
    assert (first.is_unchanged, again.is_unchanged, again.version) == (False, True, first.version)


def test_several_days_go_in_one_commit(tmp_path: Path) -> None:
    given = context(tmp_path)
    record_health(given, "monitor", THURSDAY, [a_row("spread_bps")])
    before = given.lake.version(HEALTH)
    commit = record_health_days(given, "validate", {THURSDAY: [a_row("trades")], FRIDAY: [a_row("fills")]})
    assert before is not None
    assert commit.version == before + 1
    assert subjects(given, THURSDAY) == [("monitor", "spread_bps"), ("validate", "trades")]
    assert subjects(given, FRIDAY) == [("validate", "fills")]
