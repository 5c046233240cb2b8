"""The gate's kinds of evidence: a good night passes all of them, and each can fail or hold the gate by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.tables import HEALTH
from models.error_budget import ALPHA, next_look
from models.fill_calibration import SessionFills
from models.gates import Check, judge
from pipelines.gate_evidence import EVIDENCE, GateFacts, evidence_checks
from tests.models.rollout.made import plan
from tests.pipelines.made_gate import (
    BENCHMARK,
    CHAMPION,
    GOOD,
    GOOD_HEALTH,
    a_backtest,
    comparison,
    facts,
    health,
)


def found(given: GateFacts, name: str) -> Check:
    return next(check for check in evidence_checks(given) if check.name == name)


def deciding(given: GateFacts) -> dict[str, str]:
    return {check.name: check.verdict for check in evidence_checks(given) if check.verdict in ("hold", "fail")}


def test_a_good_night_passes_and_every_check_has_its_because() -> None:
    verdict = judge(evidence_checks(GOOD))
    assert verdict.verdict == "pass", verdict.reasons
    assert all(
        check.because and check.reason.startswith(check.name)
        for check in verdict.checks
        if check.name not in ("skew", "leak")
    )
    assert len({check.name for check in verdict.checks}) == len(verdict.checks) >= len(EVIDENCE)


def test_nothing_known_is_a_hold_by_name_of_every_kind() -> None:
    empty = GateFacts("v", "r", {}, {}, HEALTH.arrow_schema.empty_table(), next_look(ALPHA))
    verdicts = deciding(empty)
    assert set(verdicts.values()) == {"hold"}
    assert len(verdicts) == len(evidence_checks(empty)) - 1, "all but the validation report"


SPOILED = {
    "data_quality": (facts(health=health(("validate", "spread", "fail"), *GOOD_HEALTH[1:])), "fail"),
    "skew": (facts(health=health(*GOOD_HEALTH[:1], ("skew", "skew", "fail"), GOOD_HEALTH[2])), "fail"),
    "leak": (facts(health=health(*GOOD_HEALTH[:2], ("skew", "leak", "fail"))), "fail"),
    "error_budget": (facts(look=next_look(ALPHA)), "hold"),
    "sessions": (facts(backtest=a_backtest(comparison(-0.8, 0.3, sessions=19))), "hold"),
    "orders": (facts(backtest=a_backtest(comparison(-0.8, 0.3, orders=1999))), "hold"),
    "cost_against_benchmark": (facts(backtest=a_backtest(comparison(0.8, 0.3))), "fail"),
    "cost_against_champion": (facts(backtest=a_backtest(paired=(comparison(3.0, 0.3, against=CHAMPION),))), "fail"),
    "cost_tail": (facts(backtest=a_backtest(comparison(-0.8, 0.3, cvar_difference_bps=5.1))), "fail"),
    "completion": (facts(backtest=a_backtest(comparison(-0.8, 0.3, completion_difference=-0.011))), "fail"),
    "participation": (facts(backtest=a_backtest(comparison(-0.8, 0.3, high_participation=0.51))), "hold"),
    "signal_calibration": (
        facts(train={"signal": [{"horizon_seconds": 120, "slope": 0.1, "rank_correlation": 0.1}]}),
        "hold",
    ),
    "signal_rank_correlation": (
        facts(train={"signal": [{"horizon_seconds": 120, "slope": 0.9, "rank_correlation": -0.1}]}),
        "hold",
    ),
    "fill_calibration": (facts(fills=(SessionFills("2026-11-20", 208, 1.04, 1.0, 1.5),) * 6), "fail"),
    "slippage_calibration": (facts(fills=(SessionFills("2026-11-20", 208, 0.8, 1.0, -0.1),) * 6), "fail"),
    "limits": (facts(plan=None), "hold"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_each_kind_of_evidence_decides_by_itself(name: str) -> None:
    spoiled, verdict = SPOILED[name]
    assert deciding(spoiled)[name] == verdict
    assert judge(evidence_checks(spoiled)).verdict == verdict


def test_every_check_that_can_decide_was_spoiled_once() -> None:
    told = {check.name for check in evidence_checks(GOOD) if check.verdict != "note"}
    assert told == set(SPOILED)


@pytest.mark.parametrize(
    ("recorded", "judged"), [("pass", "pass"), ("fail", "fail"), ("hold", "hold"), ("note", "hold")]
)
def test_the_gate_takes_the_skew_check_over_and_holds_where_nothing_was_compared(recorded: str, judged: str) -> None:
    check = found(facts(health=health(GOOD_HEALTH[0], ("skew", "skew", recorded))), "skew")
    assert check.verdict == judged
    assert f"skew says {recorded}" in check.reason


def test_a_night_that_was_looked_at_often_needs_more_to_pass() -> None:
    near = a_backtest(comparison(-0.50, 0.33))
    assert found(facts(backtest=near), "cost_against_benchmark").verdict == "pass"
    later = facts(backtest=near, look=next_look(0.045))
    assert found(later, "cost_against_benchmark").verdict == "hold"


def test_without_anything_left_to_spend_no_cost_passes() -> None:
    verdicts = deciding(facts(look=next_look(ALPHA)))
    assert {"error_budget", "cost_against_benchmark", "cost_against_champion"} <= set(verdicts)


def test_a_champion_that_is_the_benchmark_policy_is_judged_once() -> None:
    check = found(facts(backtest={**a_backtest(), "champion": BENCHMARK}), "cost_against_champion")
    assert check.verdict == "note"
    assert judge(evidence_checks(facts(backtest={**a_backtest(), "champion": BENCHMARK}))).verdict == "pass"


def test_a_champion_that_was_not_replayed_on_the_same_orders_holds() -> None:
    assert deciding(facts(backtest=a_backtest(paired=())))["cost_against_champion"] == "hold"
    assert "cost_against_champion" in deciding(facts(backtest={**a_backtest(), "champion": ""}))


def test_the_margin_against_the_champion_is_the_plan_s() -> None:
    paired = (comparison(1.0, 0.2, against=CHAMPION),)
    strict = facts(backtest=a_backtest(paired=paired), plan=plan(margin_bps=1.0))
    assert found(strict, "cost_against_champion").verdict == "hold"
    assert found(facts(backtest=a_backtest(paired=paired)), "cost_against_champion").verdict == "pass"


def test_a_phase_without_a_stop_or_a_venue_holds_by_name() -> None:
    first, second, *rest = plan().phases
    bare = replace(second, limits=replace(second.limits, venues=()))
    check = found(facts(plan=plan(phases=(first, bare, *rest))), "limits")
    assert check.verdict == "hold"
    assert "canary_10" in check.reason


def test_a_missing_validation_report_is_a_warning_only() -> None:
    check = found(facts(report=""), "validation_report")
    assert check.verdict == "note"
    assert "no valid report" in check.reason
    assert "by rita" in found(GOOD, "validation_report").reason


def test_evidence_on_another_version_counts_for_nothing() -> None:
    assert "sessions" in deciding(facts(version="sample.execution/6"))


def test_of_two_comparisons_of_a_version_the_longer_one_is_the_evidence() -> None:
    tonight = comparison(-9.0, 0.1, sessions=1, orders=208)
    both = {**a_backtest(), "comparisons": [tonight, *a_backtest()["comparisons"]]}
    assert found(facts(backtest=both), "sessions").verdict == "pass"
    assert deciding(facts(backtest=both)) == {}
