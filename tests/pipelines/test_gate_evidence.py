"""The gate's kinds of evidence that come from `gold.health`: missing holds, failed fails."""

from __future__ import annotations

import pyarrow as pa
import pytest

from infra.tables import HEALTH
from pipelines.gate import evidence_checks, skew_check
from tests.builders import plain_rows


def skewed(verdict: str, figure: float | None) -> pa.Table:
    reason = "skew: 3 of 96 values differ in 2 vectors"
    return plain_rows(HEALTH, 1, step="skew", check_name="skew", verdict=verdict, figure=figure, reason=reason)


@pytest.mark.parametrize(
    ("recorded", "judged"), [("pass", "pass"), ("fail", "fail"), ("hold", "hold"), ("note", "hold")]
)
def test_the_gate_takes_the_skew_check_over_and_holds_where_nothing_was_compared(recorded: str, judged: str) -> None:
    check = skew_check(skewed(recorded, None if recorded == "note" else 3.0))
    assert (check.name, check.verdict) == ("skew", judged)
    assert "3 of 96 values differ" in check.reason


def test_a_night_without_a_skew_check_holds() -> None:
    assert skew_check(HEALTH.arrow_schema.empty_table()).verdict == "hold"


def test_a_failed_skew_check_is_among_the_evidence() -> None:
    checks = {one.name: one for one in evidence_checks({}, {}, skewed("fail", 3.0))}
    assert checks["skew"].verdict == "fail"
    assert checks["data_quality"].verdict == "hold"
