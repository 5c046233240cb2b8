"""The card's first screen: each planted defect is a warning in words, and nothing that comes from outside acts."""

from __future__ import annotations

from typing import Any

import pytest

from models.limits import Limits
from pipelines.approval.card_text import as_markdown, as_text, warnings

LIMITS = Limits((), ("LIT",), 50.0, 1e5, 1e6, 500, 1e6, 0.1, 20, 5e3)
GOOD: dict[str, Any] = {
    "summary": "reads the signal",
    "change_class": "new_policy",
    "changes": "policy signal_schedule instead of twap",
    "from_phase": "shadow",
    "to_phase": "canary_10",
    "share": "10 %",
    "session": "2026-11-20",
    "backtest": {"sessions": 20, "orders": 4160, "difference_bps": -0.5, "low_bps": -0.6, "high_bps": -0.4},
    "backtest_touch": {"difference_bps": -0.2, "low_bps": -0.3, "high_bps": -0.1},
    "gate": {"verdict": "pass", "reasons": ["all passed"]},
    "checks": {"skew": "pass", "data_quality": "pass", "fill_calibration": "pass", "leak": "pass"},
    "report": {"person": "rita", "expires_on": "2027-06-30"},
    "limits": LIMITS.__dict__,
    "cost": {"expected_notional": 1200.0, "worst_notional": 9000.0},
    "currency": "USD",
    "plan_faults": [],
    "is_dirty": False,
    "authors": ["ada"],
    "unknown_authors": [],
    "approvers": ["paul", "rita"],
    "approvals": 1,
    "drift": "within",
    "links": {"MLflow": "http://127.0.0.1:5000"},
}


def test_a_good_card_has_no_warning_and_says_what_it_may_cost() -> None:
    assert warnings(GOOD) == ()
    text = as_text("sample.r1: shadow to canary_10", GOOD)
    assert "1,200 USD expected, 9,000 USD in the worst of a hundred cases" in text
    assert "trade through -0.50 bps [-0.60, -0.40], touch -0.20 bps [-0.30, -0.10]" in text


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        ({"checks": {**GOOD["checks"], "leak": "fail"}}, "features may know the future: fail"),
        ({"checks": {**GOOD["checks"], "fill_calibration": "fail"}}, "fills are predicted better than they come: fail"),
        ({"checks": {**GOOD["checks"], "skew": "fail"}}, "computes other features than the model learned from: fail"),
        ({"checks": {**GOOD["checks"], "data_quality": "fail"}}, "data quality: fail"),
        ({"checks": {}}, "data quality: nobody looked"),
        ({"backtest": {**GOOD["backtest"], "sessions": 8}}, "evidence of 8 sessions, fewer than 20"),
        ({"backtest": {**GOOD["backtest"], "high_bps": 0.1}}, "not shown to be cheaper"),
        ({"limits": {**LIMITS.__dict__, "stop_notional": None}}, "limits are missing: stop_notional"),
        ({"limits": None}, "limits are missing: symbols"),
        ({"report": None}, "no independent validation report"),
        ({"report": {"person": "rita", "expires_on": "2026-11-01"}}, "the validation report expired on 2026-11-01"),
        ({"report": {"person": "ada", "expires_on": "2027-01-01"}}, "the validation report is by an author, ada"),
        ({"approvers": []}, "0 persons may approve who are not authors, 1 are needed"),
        ({"unknown_authors": ["eve@nowhere"]}, "unknown authors: eve@nowhere"),
        ({"is_dirty": True}, "made from code that is not committed"),
        ({"plan_faults": ["it cannot see the harm that it tolerates"]}, "plan: it cannot see the harm"),
        ({"cost": None}, "nobody knows what it may cost clients"),
        ({"gate": {"verdict": "hold", "reasons": ["too few"]}}, "the gate says hold"),
    ],
)
def test_each_planted_defect_is_a_warning_on_the_first_screen(defect: dict[str, Any], said: str) -> None:
    shown = {**GOOD, **defect}
    assert any(said in words for words in warnings(shown)), warnings(shown)
    first_screen = as_text("card", shown).splitlines()[:8]
    assert any(said[:40] in line for line in first_screen)


HOSTILE = "<script>alert(1)</script> [x](javascript:1) {{ var.value.secret }} **bold** \x1b[31m\n# heading"


def test_nothing_from_outside_acts_in_the_card() -> None:
    markdown = as_markdown(HOSTILE, {**GOOD, "summary": HOSTILE, "authors": [HOSTILE]})
    assert "<script>" not in markdown
    assert "{{" not in markdown
    assert "](javascript" not in markdown
    assert "\n# heading" not in markdown
    assert "\x1b" not in as_text(HOSTILE, {**GOOD, "summary": HOSTILE})
