import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.gates import Check, Verdict, check_at_least, check_at_most, check_cost, judge

BECAUSE = "a reason"


def check(verdict: Verdict) -> Check:
    return Check("c", verdict, 1.0, 1.0, BECAUSE, f"c says {verdict}")


def test_no_evidence_at_all_is_a_hold() -> None:
    assert judge(()).verdict == "hold"
    assert judge(()).reasons == ("evidence: none at all, so hold",)


def test_fail_beats_hold_beats_pass() -> None:
    assert judge((check("pass"), check("hold"))).verdict == "hold"
    assert judge((check("fail"), check("hold"), check("pass"))).verdict == "fail"
    assert judge((check("fail"), check("hold"))).reasons == ("c says fail",)


@pytest.mark.parametrize("figure", [None, math.nan, math.inf, -math.inf])
def test_a_missing_figure_is_a_hold_never_a_pass(figure: float | None) -> None:
    assert check_at_least("sessions", figure, 20, BECAUSE).verdict == "hold"
    assert check_at_most("tail", figure, 20, BECAUSE).verdict == "hold"
    assert check_cost(figure, figure, figure).verdict == "hold"


def test_the_threshold_itself_passes_and_the_sentence_holds_figure_threshold_and_because() -> None:
    found = check_at_least("sessions", 20, 20, BECAUSE)
    assert found.verdict == "pass"
    assert found.reason == "sessions: 20 is at least 20 (a reason)"
    assert check_at_least("sessions", 19, 20, BECAUSE, otherwise="fail").verdict == "fail"


def test_cheaper_needs_the_whole_interval_below_zero() -> None:
    assert check_cost(-2.0, -3.0, -1.0).verdict == "pass"
    assert check_cost(-2.0, -5.0, 0.0).verdict == "hold"
    assert check_cost(2.0, 1.0, 3.0).verdict == "fail"
    assert check_cost(-2.0, None, None).verdict == "hold"


def test_not_inferior_needs_the_whole_interval_below_the_margin() -> None:
    found = check_cost(0.2, -0.5, 1.4, name="cost_against_champion", rival="the champion", margin_bps=1.5)
    assert (found.name, found.verdict, found.threshold) == ("cost_against_champion", "pass", 1.5)
    assert "not inferior by 1.5 bps" in found.reason
    assert check_cost(0.2, -0.5, 1.5, margin_bps=1.5).verdict == "hold"
    assert check_cost(2.0, 1.6, 2.4, margin_bps=1.5).verdict == "fail"
    assert check_cost(-2.0, -3.0, -1.0, margin_bps=1.5).reason.endswith("cheaper")


def test_a_note_is_told_and_never_decides() -> None:
    assert judge((check("note"), check("pass"))).verdict == "pass"
    assert judge((check("note"), check("fail"))).verdict == "fail"
    assert judge((check("note"), check("note"))).verdict == "hold"


@given(st.lists(st.sampled_from(["pass", "hold", "fail"]), min_size=1))
def test_more_evidence_never_makes_a_verdict_milder(verdicts: list[Verdict]) -> None:
    order = ["pass", "hold", "fail"]
    found = [order.index(judge([check(one) for one in verdicts[: n + 1]]).verdict) for n in range(len(verdicts))]
    assert found == sorted(found)
