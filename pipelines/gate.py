"""Judge tonight's candidate: evidence from tables, a verdict with reasons in words, fail closed.

The verdict goes to `gold.health`, to the MLflow run and to the page. It promotes nobody. A further kind of evidence is
one `check_…` in `evidence_checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from infra.registry import Registry
from infra.tables import HEALTH
from models.gates import Check, GateVerdict, Verdict, check_at_least, check_at_most, check_cost, judge
from pipelines.backtest import candidate_of
from pipelines.backtest_evidence import PESSIMISTIC
from pipelines.evidence import read_section
from pipelines.health import HealthRow, record_health
from pipelines.step import StepContext, StepReport

STEP, QUALITY_STEP, SKEW_STEP = "gate", "validate", "skew"
MIN_SESSIONS, BECAUSE_SESSIONS = 20, "a block bootstrap over fewer sessions covers far less than it says"
MIN_ORDERS, BECAUSE_ORDERS = 2_000, "with a spread of tens of bps an order, fewer orders cannot show one bp"
MAX_TAIL_BPS, BECAUSE_TAIL = 5.0, "a cheaper mean must not be paid for by the dearest twentieth of the orders"
MIN_COMPLETION_POINTS, BECAUSE_COMPLETION = -1.0, "an order left open is a cost that the client bears elsewhere"
MOST_PARTICIPATION_PERCENT, BECAUSE_PARTICIPATION = (
    50.0,
    "where one order in twenty is half of the volume, a replay says nothing",
)
MIN_SLOPE, BECAUSE_SLOPE = 0.2, "a signal whose moves hardly come true must not time orders"
MIN_RANK, BECAUSE_RANK = 0.0, "a signal that ranks no better than chance must not time orders"
BECAUSE_SKEW = "a desk that computes features differently trades another model than the one judged"
BECAUSE_QUALITY = "evidence from a day whose checks failed is no evidence"


def candidate_comparison(backtest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The candidate's comparison under the pessimistic bound; empty when the backtest left none."""
    found: list[dict[str, Any]] = [
        one
        for one in backtest.get("comparisons", ())
        if one["policy_version"] == backtest.get("candidate") and one["fill_bound"] == PESSIMISTIC
    ]
    return found[0] if found else {}


def decision_signal(train: Mapping[str, Any]) -> Mapping[str, Any]:
    """Held-out quality of the horizon that policies read; empty when there is none."""
    from models.signal import DECISION_HORIZON_SECONDS

    found: list[dict[str, Any]] = [
        one for one in train.get("signal", ()) if one["horizon_seconds"] == DECISION_HORIZON_SECONDS
    ]
    return found[0] if found else {}


def quality_check(health: pa.Table) -> Check:
    """Data quality of the night, rows that `validate` recorded: a failed check fails the gate, none at all holds it."""
    if health.num_rows == 0:
        return Check("data_quality", "hold", None, 0.0, BECAUSE_QUALITY, "data_quality: no checks recorded, so hold")
    failed = pc.sum(pc.equal(health.column("verdict"), "fail")).as_py()
    return check_at_most("data_quality", float(failed), 0.0, BECAUSE_QUALITY, "fail", " failed checks")


def skew_check(health: pa.Table) -> Check:
    """The night's check of skew, as it was recorded: what failed fails, nothing compared or recorded holds."""
    rows = health.to_pylist()
    if not rows:
        return Check("skew", "hold", None, 0.0, BECAUSE_SKEW, "skew: no check recorded, so hold")
    (row,) = rows
    verdict: Verdict = "hold" if row["verdict"] == "note" else row["verdict"]
    return Check("skew", verdict, row["figure"], 0.0, BECAUSE_SKEW, f"{row['reason']} ({BECAUSE_SKEW})")


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100.0 * fraction


def evidence_checks(train: Mapping[str, Any], backtest: Mapping[str, Any], health: pa.Table) -> tuple[Check, ...]:
    """All evidence of the night, judged one by one. `health`: the night's rows of `gold.health`."""
    quality, skew = (health.filter(pc.equal(health["step"], step)) for step in (QUALITY_STEP, SKEW_STEP))
    cost, signal = candidate_comparison(backtest), decision_signal(train)
    return (
        quality_check(quality),
        skew_check(skew),
        check_at_least("sessions", cost.get("sessions"), MIN_SESSIONS, BECAUSE_SESSIONS),
        check_at_least("orders", cost.get("orders"), MIN_ORDERS, BECAUSE_ORDERS),
        check_cost(cost.get("difference_bps"), cost.get("low_bps"), cost.get("high_bps")),
        check_at_most("cost_tail", cost.get("cvar_difference_bps"), MAX_TAIL_BPS, BECAUSE_TAIL, "fail", " bps"),
        check_at_least(
            "completion", _percent(cost.get("completion_difference")), MIN_COMPLETION_POINTS, BECAUSE_COMPLETION,
            "fail", " percentage points",
        ),
        check_at_most(
            "participation", _percent(cost.get("high_participation")), MOST_PARTICIPATION_PERCENT,
            BECAUSE_PARTICIPATION, unit=" %",
        ),
        check_at_least("signal_calibration", signal.get("slope"), MIN_SLOPE, BECAUSE_SLOPE),
        check_at_least("signal_rank_correlation", signal.get("rank_correlation"), MIN_RANK, BECAUSE_RANK),
    )  # fmt: skip


def health_rows(verdict: GateVerdict, subject: str) -> list[HealthRow]:
    """Rows of `gold.health`: the verdict itself, then one a check."""
    because = "the worst of all checks; missing evidence holds"
    summary = HealthRow("verdict", subject, verdict.verdict, None, None, because, "; ".join(verdict.reasons))
    return [summary, *(HealthRow(check.name, subject, *_words(check)) for check in verdict.checks)]


def _words(check: Check) -> tuple[Verdict, float | None, float | None, str, str]:
    return check.verdict, check.figure, check.threshold, check.because, check.reason


def run(context: StepContext) -> StepReport:
    """Record the verdict on tonight's candidate."""
    registry = Registry(context.settings)
    candidate = candidate_of(context, registry)
    health = context.lake.read_day(HEALTH, context.market.name, context.night)
    train, backtest = read_section(context, "train"), read_section(context, "backtest")
    if backtest.get("candidate") != candidate.name:
        backtest = {}
    verdict = judge(evidence_checks(train, backtest, health))
    rows = health_rows(verdict, candidate.name)
    commit = record_health(context, STEP, context.night, rows)
    if registry.tag_of(candidate.run_id, "fillwise.gate_reasons") != "; ".join(verdict.reasons):
        tags = {"fillwise.gate": verdict.verdict, "fillwise.gate_reasons": "; ".join(verdict.reasons)}
        registry.log(candidate.run_id, tags=tags)
        registry.tag_version(candidate, tags)
    notes = (f"{candidate.name}: {verdict.verdict}", *verdict.reasons)
    return StepReport(
        rows_in=health.num_rows, rows_out=len(rows), tables=(commit,), is_unchanged=commit.is_unchanged, notes=notes
    )
