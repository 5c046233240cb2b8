"""What an evening does to a rollout: advances, holds, asks, rolls back; each with the reason that a person reads."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from infra.errors import RefusedError
from models.rollout import commands as wanted
from models.rollout.evening import champion_e
from tests.models.rollout.made import ARM, BENCHMARK, READ_BACK, approval, evidence, in_phase, on_trial, opened


def test_a_validated_recipe_enters_the_shadow_by_itself() -> None:
    story = on_trial()
    assert story.evening() == ["phase_entered"]
    assert story.state.rollout is not None
    assert story.state.rollout.state == "SHADOW"


def test_a_phase_that_begins_tomorrow_needs_no_evidence_of_today() -> None:
    story = on_trial()
    story.evening()
    tonight = wanted.Evening("2026-03-01", "2026-03-02", None, (), wanted.ReadBack(True, "t"))
    assert story.do(tonight) == ()
    later = wanted.Evening("2026-03-02", "2026-03-03", None, (), wanted.ReadBack(True, "t"))
    assert [event.kind for event in story.do(later)] == ["held"]


def test_without_a_passed_gate_nothing_begins() -> None:
    story = on_trial()
    story.do(wanted.RecordGate("hold", ARM.version, "2026-03-02", "e2", ("too few sessions",), 0.01))
    assert story.evening() == []


def test_a_live_phase_waits_for_its_approval_and_asks_once() -> None:
    story = in_phase("shadow")
    kinds = [story.evening() for _ in range(5)]
    assert kinds[2] == ["session_judged", "asked"]
    assert kinds[3] == ["session_judged"]
    assert story.state.rollout is not None
    assert "canary_10 needs 1 approvals, 0 given" in story.state.rollout.reasons[0]


def test_an_approval_is_used_once() -> None:
    story = in_phase("canary_10")
    used = {one.approval_id for one in story.state.rollout.approvals} if story.state.rollout else set()
    assert used <= story.state.approvals_seen
    for _ in range(6):
        story.evening(*(approval(name, "paul", "expand_25") for name in used))
    assert story.state.rollout is not None
    assert story.state.rollout.phase == "canary_10"


def test_an_author_cannot_approve() -> None:
    story = in_phase("canary_10")
    for _ in range(8):
        story.evening(approval("mine", "ada", "expand_25"))
    assert story.state.rollout is not None
    assert story.state.rollout.phase == "canary_10"


def test_one_person_is_not_two() -> None:
    story = in_phase("expand_50")
    for _ in range(40):
        story.evening(approval("b1", "paul", "baking"), approval("b2", "paul", "baking"))
    assert story.state.rollout is not None
    assert story.state.rollout.phase == "expand_50"


def test_an_expired_validation_report_holds_the_door() -> None:
    story = in_phase("shadow")
    story.events = [event for event in story.events if event.kind != "report_recorded"]
    for _ in range(4):
        story.evening(approval("a", "paul", "canary_10"))
    assert story.state.rollout is not None
    assert story.state.rollout.reasons == ("no validation report by somebody who is not an author, or it has expired",)


def test_the_whole_way_makes_a_champion() -> None:
    story = in_phase("nowhere")
    assert story.state.champion == ARM
    assert story.state.margin_spent_bps == 1.5
    assert [one.state for one in story.state.ended] == ["COMPLETE"]


def test_a_desk_that_was_not_read_back_holds_completion() -> None:
    story, old = in_phase("baking"), wanted.ReadBack(False, "", ("desk-3 runs sample.execution/4",))
    for _ in range(5):
        kinds = story.evening(read_back=old)
    assert kinds == ["session_judged", "held"]
    assert story.state.champion == BENCHMARK
    assert story.state.rollout is not None
    assert story.state.rollout.reasons == ("not read back: desk-3 runs sample.execution/4",)


def test_a_harmful_recipe_is_rolled_back() -> None:
    story = in_phase("canary_10")
    for _ in range(12):
        kinds = story.evening(difference_bps=8.0)
        if "rollback_started" in kinds:
            break
    assert story.state.rollout is not None
    assert story.state.rollout.state == "ROLLING_BACK"
    assert "dearer than the champion" in story.state.rollout.failures[0]


def test_a_breached_guardrail_rolls_back_at_once() -> None:
    story = in_phase("canary_10")
    assert story.evening(counted={"own_matches": 1.0}) == ["session_judged", "rollback_started"]
    assert story.state.rollout is not None
    assert "own_matches: 1, allowed: none" in story.state.rollout.failures[0]


def test_a_failure_latches() -> None:
    story = in_phase("canary_10")
    story.do(wanted.RollBack(ARM.version, "person", "tom", ("looks wrong",), "s1"))
    for _ in range(10):
        assert story.evening(approval("x", "paul", "expand_25")) == []
    story.do(wanted.ConfirmRollback("t", "t", "t", ("desk-1",)))
    assert story.state.rollout is None
    assert story.state.ended[0].state == "ROLLED_BACK"


def test_one_bad_session_beyond_the_money_stop_ends_it() -> None:
    story = in_phase("canary_10")
    assert "rollback_started" in story.evening(counted={"excess_notional": 1e9})


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"counts": None}, "nothing was counted"),
        ({"difference_bps": math.nan}, "no score"),
        ({"units": {"challenger": 20, "champion": 0}}, "no units in the champion arm"),
        ({"units": {}}, "no units in the challenger arm"),
        ({"missing": ("gold.costs of the session",)}, "missing: gold.costs"),
        ({"drift": "hold", "drift_reason": "the challenger is further"}, "drift: the challenger is further"),
        ({"counted": {"skew_checked": 0.0}}, "skew: none was looked at"),
        ({"counted": {"missing": ("fills",)}}, "data_quality: missing: fills"),
    ],
)
def test_what_is_missing_holds(others: dict[str, object], said: str) -> None:
    story = in_phase("canary_10")
    assert story.evening(**others) == ["session_judged", "held"]
    assert story.state.rollout is not None
    assert story.state.rollout.state == "HELD"
    assert any(said in reason for reason in story.state.rollout.reasons)


def test_a_hold_ends_when_what_was_missing_is_there_again() -> None:
    story = in_phase("canary_10")
    story.evening(missing=("costs",))
    assert story.evening() == ["session_judged", "released"]
    assert story.state.rollout is not None
    assert story.state.rollout.held == 0


def test_a_hold_beyond_its_limit_asks_a_person() -> None:
    story = in_phase("canary_10")
    kinds = [story.evening(missing=("costs",)) for _ in range(3)]
    assert kinds[-1] == ["session_judged", "held", "asked"]


def test_drift_of_the_champion_asks_and_does_not_hold() -> None:
    story = in_phase("canary_10")
    assert story.evening(drift="ask", drift_reason="the champion is further") == ["session_judged", "asked"]


def test_a_retried_evening_counts_the_session_once() -> None:
    story = in_phase("canary_10")
    found = evidence("2026-08-03", "canary_10")
    evening = wanted.Evening("2026-08-03", "2026-08-04", found, (), wanted.ReadBack(True, "t"))
    assert [event.kind for event in story.do(evening)] == ["session_judged"]
    assert story.do(evening) == ()
    with pytest.raises(RefusedError, match="judged on other evidence"):
        story.do(replace(evening, evidence=evidence("2026-08-03", "canary_10", 1.0)))


def test_the_champion_falls_back_when_the_holdout_is_cheaper() -> None:
    story = in_phase("nowhere")
    for day in range(60):
        found = evidence(f"2027-01-{day:03d}", "", holdout_difference_bps=6.0, holdout_variance=4.0)
        story.do(wanted.Evening(found.session, "later", None, (), wanted.ReadBack(True, "t"), champion=found))
        if story.state.champion == BENCHMARK:
            break
    assert story.state.champion == BENCHMARK
    assert day < 30


def test_a_champion_as_good_as_the_holdout_stays() -> None:
    sessions = [evidence(str(day), "", holdout_difference_bps=0.0, holdout_variance=4.0) for day in range(100)]
    assert champion_e(sessions) <= 1.0


def test_a_market_without_a_rollout_has_quiet_evenings() -> None:
    assert opened().evening() == []


def test_one_evening_takes_one_step_however_often_it_is_had() -> None:
    story = in_phase("expand_25")
    while (rollout := story.state.rollout) is not None and rollout.phase == "expand_25":
        story.evening()
    assert rollout is not None
    assert rollout.phase == "expand_50"
    seen = evidence(rollout.sessions[-1].evidence.session, "expand_25")
    given = (approval("a3", "paul", "baking"), approval("a4", "rita", "baking"))
    assert story.do(wanted.Evening(seen.session, story.session(), seen, given, READ_BACK)) == ()
    assert story.state.rollout == rollout
