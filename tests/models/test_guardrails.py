"""Guardrails: hard ones, rates, bounds, and that nothing missing passes."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.guardrail_counts import ARM_FIELDS, ArmCounts, Children, SessionCounts, behaviour_of, counts_from
from models.guardrails import GUARDRAILS, GuardrailTerms, Reading, read_guardrails

TERMS = GuardrailTerms(alpha=0.05, guardrail_share=0.4, stop_notional=10_000.0)
ARM = ArmCounts(
    units=40, scored_units=40, tail_units=0, incomplete_units=1, reject_units=0, child_orders=4000,
    filled_children=3000, cancels=1000, brief_cancels=0, opposite_children=0, both_side_children=300,
    limit_breaches=0, decisions=4000, latency_p99_ms=40.0, closing_share=0.02,
)  # fmt: skip
QUIET = SessionCounts(
    "2026-11-20", 0.5, ARM, ARM, own_matches=0, skew_checked=500, skew_wrong=0, difference_bps=0.5, variance=20.0,
    excess_notional=100.0,
)  # fmt: skip


def read(*sessions: SessionCounts) -> dict[str, Reading]:
    return {one.name: one for one in read_guardrails(sessions, TERMS)}


def of_challenger(**others: float) -> SessionCounts:
    return replace(QUIET, challenger=replace(ARM, **others))


def test_a_quiet_session_passes_every_guardrail() -> None:
    found = read(QUIET)
    assert [one.name for one in GUARDRAILS] == list(found)
    assert {one.verdict for one in found.values()} == {"pass"}
    assert all(one.reason and one.because for one in found.values())


@pytest.mark.parametrize(
    ("session", "name"),
    [
        (of_challenger(limit_breaches=1), "limit_breaches"),
        (of_challenger(opposite_children=1), "opposite_side"),
        (replace(QUIET, own_matches=1), "own_matches"),
        (replace(QUIET, skew_wrong=1), "skew"),
        (of_challenger(cancels=70_000.0, child_orders=73_000.0), "cancel_to_fill"),
        (of_challenger(child_orders=200_000.0, filled_children=3000.0), "order_to_trade"),
        (of_challenger(brief_cancels=2500.0), "lifetimes"),
        (of_challenger(both_side_children=3000.0), "both_sides"),
        (of_challenger(closing_share=0.4), "closing_share"),
        (of_challenger(latency_p99_ms=1500.0), "latency_p99"),
        (of_challenger(tail_units=12.0), "cost_tail"),
        (of_challenger(incomplete_units=20.0), "completion"),
        (of_challenger(reject_units=12.0), "rejects"),
        (replace(QUIET, excess_notional=10_001.0), "stop_notional"),
        (replace(QUIET, difference_bps=30.0), "stop_sigmas"),
    ],
)
def test_each_guardrail_breaks_on_its_own_fault_and_no_other_does(session: SessionCounts, name: str) -> None:
    found = read(session)
    assert found[name].verdict == "breach", found[name].reason
    others = {"cancel_to_fill", "order_to_trade"}
    allowed = others if name in others else {name}
    assert {one.name for one in found.values() if one.verdict == "breach"} <= allowed
    assert name in found[name].reason


def test_a_better_session_stops_nothing_however_far() -> None:
    assert read(replace(QUIET, difference_bps=-60.0, excess_notional=-1e9))["stop_sigmas"].verdict == "pass"


@given(
    st.sampled_from(
        [*ARM_FIELDS, "own_matches", "skew_wrong", "skew_checked", "difference_bps", "variance", "excess_notional"]
    )
)
@settings(deadline=None)
def test_nothing_that_is_nan_passes(name: str) -> None:
    found = read(of_challenger(**{name: math.nan})) if name in ARM_FIELDS else read(replace(QUIET, **{name: math.nan}))
    held = [one for one in found.values() if one.verdict != "pass"]
    assert held
    assert all(one.verdict == "hold" for one in held)


def test_a_session_of_the_champion_that_nobody_counted_holds() -> None:
    assert read(replace(QUIET, champion=ArmCounts()))["cost_tail"].verdict == "hold"


def test_a_gap_in_an_earlier_session_holds_a_rate() -> None:
    assert read(replace(QUIET, challenger=ArmCounts()), QUIET)["cost_tail"].verdict == "hold"


def test_what_is_missing_holds_and_says_what() -> None:
    reading = read(replace(QUIET, missing=("fills of AURA",)))["data_quality"]
    assert (reading.verdict, "fills of AURA" in reading.reason) == ("hold", True)


def test_too_few_units_are_early_not_a_fault() -> None:
    few = of_challenger(units=3.0, scored_units=3.0)
    reading = read(few)["cost_tail"]
    assert (reading.verdict, reading.is_early) == ("hold", True)
    assert read(few, few, few, few)["cost_tail"].verdict == "pass"


def test_evidence_on_rates_adds_up_over_sessions() -> None:
    """Two dear units a session and none of the champion's: no session alone says it."""
    dear = of_challenger(tail_units=2.0)
    verdicts = [read(*[dear] * count)["cost_tail"].verdict for count in range(1, 9)]
    assert verdicts[0] == "pass"
    assert verdicts[-1] == "breach"
    assert verdicts == sorted(verdicts, key=["pass", "hold", "breach"].index)


def test_units_drawn_wrongly_hold_and_do_not_roll_back() -> None:
    """Ten sessions at 60 units to 40 where halves were planned."""
    reading = read(*[replace(QUIET, champion=replace(ARM, units=24.0, scored_units=24.0))] * 10)["sample_ratio"]
    assert reading.verdict == "hold"
    assert "400 challenger units of 640, planned 320" in reading.reason


def test_shares_of_each_phase_are_held_against_their_own_plan() -> None:
    small = replace(
        QUIET,
        share=0.1,
        challenger=replace(ARM, units=10.0, scored_units=10.0),
        champion=replace(ARM, units=90.0, scored_units=90.0),
    )
    assert read(*[small] * 20, *[QUIET] * 20)["sample_ratio"].verdict == "pass"


def test_units_that_drop_out_of_one_arm_hold() -> None:
    assert read(*[of_challenger(scored_units=34.0)] * 4)["attrition"].verdict == "hold"
    both = replace(QUIET, challenger=replace(ARM, scored_units=34.0), champion=replace(ARM, scored_units=34.0))
    assert read(*[both] * 4)["attrition"].verdict == "pass"


def test_in_the_shadow_only_what_is_simulated_is_read() -> None:
    shadow = replace(
        QUIET, share=0.0, challenger=replace(ARM, units=math.nan, scored_units=math.nan, tail_units=math.nan)
    )
    found = read(shadow)
    assert "cost_tail" not in found
    assert {one.verdict for one in found.values()} == {"pass"}
    assert (
        read(replace(shadow, challenger=replace(shadow.challenger, cancels=1e6)))["cancel_to_fill"].verdict == "breach"
    )


def test_five_times_the_champion_holds_before_the_limit_breaks() -> None:
    reading = read(of_challenger(cancels=9000.0, child_orders=12_000.0))["cancel_to_fill"]
    assert (reading.verdict, "times the champion's" in reading.reason) == ("hold", True)


def test_all_guardrails_together_rarely_roll_back_an_arm_that_is_alike() -> None:
    """150 rollouts of 40 sessions, seed 5: budget 2 %, Monte-Carlo error 1.1 %."""
    rng, ended = np.random.default_rng(5), 0
    for _ in range(150):
        rates, sessions = (0.02, 0.03, 0.01), []
        for _ in range(40):
            ours, others = (rng.binomial(50, rates) for _ in range(2))
            pair = [
                replace(ARM, units=50.0, scored_units=50.0, tail_units=t, incomplete_units=i, reject_units=r)
                for t, i, r in (ours, others)
            ]
            sessions.append(replace(QUIET, challenger=pair[0], champion=pair[1]))
        every = (read(*sessions[:count]) for count in (5, 10, 20, 40))
        ended += any(one.verdict == "breach" for found in every for one in found.values())
    assert ended / 150 <= 0.02 + 2 * 0.011


def test_counts_come_back_from_json_with_what_was_missing() -> None:
    told = {
        "session": "2026-11-20", "share": 0.5, "challenger": {"units": 3.0, "tail_units": None}, "champion": {},
        "missing": ["x"], "own_matches": None, "skew_checked": 1.0, "skew_wrong": 0.0, "difference_bps": None,
        "variance": 2.0, "excess_notional": 1.0,
    }  # fmt: skip
    found = counts_from(told)
    assert (found.challenger.units, found.missing, found.variance) == (3.0, ("x",), 2.0)
    assert math.isnan(found.challenger.tail_units)
    assert math.isnan(found.own_matches)


def test_no_session_is_refused() -> None:
    with pytest.raises(ValueError, match="no session"):
        read_guardrails([], TERMS)


def children(rows: list[tuple[int, float, float, float, float, float, bool]]) -> Children:
    """Rows of (account and symbol, side, parent's side, sent s, ended s, filled, is cancelled)."""
    group, side, parent, sent, ended, filled, cancelled = zip(*rows, strict=True)
    ns = 1_000_000_000
    times = (np.array([int(second * ns) for second in column]) for column in (sent, ended))
    return Children(np.array(group), np.array(side), np.array(parent), *times, np.array(filled), np.array(cancelled))


def test_a_spoofing_policy_is_caught_by_what_it_sends() -> None:
    """A hundred bids shown for 0.4 s while one offer rests, bought against the parent's side, nothing filled but it."""
    spoof = [(0, 1.0, -1.0, 1.0 + 0.5 * n, 1.4 + 0.5 * n, 0.0, True) for n in range(100)]
    found = behaviour_of(children([(0, -1.0, -1.0, 0.0, 60.0, 100.0, False), *spoof]))
    assert found == {
        "child_orders": 101.0, "filled_children": 1.0, "cancels": 100.0, "brief_cancels": 100.0,
        "opposite_children": 100.0, "both_side_children": 100.0,
    }  # fmt: skip
    verdicts = {name: one.verdict for name, one in read(of_challenger(**found)).items()}
    caught = ("cancel_to_fill", "order_to_trade", "lifetimes", "opposite_side", "both_sides")
    assert [verdicts[name] for name in caught] == ["breach"] * 5


def test_the_other_side_of_another_account_or_time_is_not_both_sides() -> None:
    rows = [
        (0, 1.0, 1.0, 0.0, 10.0, 1.0, False),
        (1, -1.0, -1.0, 5.0, 9.0, 1.0, False),
        (0, -1.0, -1.0, 10.0, 20.0, 1.0, False),
    ]
    assert behaviour_of(children(rows))["both_side_children"] == 0.0
    late = [*rows[:2], (0, -1.0, -1.0, 9.5, 20.0, 1.0, False)]
    assert behaviour_of(children(late))["both_side_children"] == 1.0
