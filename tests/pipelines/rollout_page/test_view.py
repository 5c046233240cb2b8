"""The view of a rollout is what its ledger says, computed with the functions that decided."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.ledger import Entry, Head
from models.rollout import commands as wanted
from models.rollout.verdict import judge
from pipelines.rollout_page.evidence_lines import HARM, SHOWN
from pipelines.rollout_page.make import Beside, view_from
from pipelines.rollout_page.story import WORDS, words_of
from pipelines.rollout_page.view import CardLine, RolloutView
from tests.models.rollout.made import ARM, Story, approval, in_phase, on_trial, opened

AT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC).isoformat()


def entries_of(story: Story) -> list[Entry]:
    return [
        Entry(n, "sample", n, f"2026-03-{1 + n % 28:02d}T22:00:00Z", "fillwise", one.kind, one.payload, "", "")
        for n, one in enumerate(story.events, start=1)
    ]


def view_of(story: Story, **beside: Any) -> RolloutView:
    return view_from(story.state, entries_of(story), Beside(**beside), Head(len(story.events), "a1b2"), AT)


def states(view: RolloutView) -> dict[str, str]:
    return {line.name: line.state for line in view.phases}


def test_a_market_in_which_nothing_was_ever_on_trial_says_what_trades_and_how_to_begin() -> None:
    view = view_of(opened())
    assert (view.champion, view.rollout_id, view.phases, view.tests) == ("sample.execution/0", "", (), ())
    assert view.headline == "sample.execution/0 trades alone"
    assert view.next_step == "fillwise rollout propose RECIPE"
    assert view_of(Story()).headline == "nothing was ever on trial: the benchmark policy trades"


def test_phases_behind_are_done_the_present_one_counts_and_those_ahead_say_whom_they_ask() -> None:
    view = view_of(in_phase("expand_25"))
    assert states(view) == {
        "shadow": "done", "canary_10": "done", "expand_25": "now", "expand_50": "ahead", "baking": "ahead",
    }  # fmt: skip
    done, now, last = view.phases[1], view.phases[2], view.phases[-1]
    assert (done.sessions, done.units, done.approved_by) == (5, 100, ("paul",))
    assert (now.sessions, now.sessions_needed, now.entered_on) == (0, 5, "2026-03-10")
    assert (last.approvals_needed, last.approved_by) == (2, ())
    assert (view.phase, view.share, view.tone) == ("expand_25", 0.25, "pass")


def test_e_values_after_each_session_are_those_that_the_evenings_decided_on() -> None:
    story = in_phase("expand_50")
    for difference in (1.0, -3.0, 0.5):
        story.evening(difference_bps=difference)
    view, rollout = view_of(story), story.state.rollout
    assert rollout is not None
    harm, shown = (next(test for test in view.tests if test.name == name) for name in (HARM, SHOWN))
    for place, judged in enumerate(rollout.sessions):
        then = type(rollout)(**{**rollout.__dict__, "sessions": rollout.sessions[:place]})
        verdict = judge(then, judged.evidence)
        assert harm.points[place] == (judged.evidence.session, pytest.approx(verdict.harm_e))
        assert shown.points[place] == (judged.evidence.session, pytest.approx(verdict.not_inferior_e))
        assert (harm.limit, shown.limit) == (verdict.harm_limit, verdict.not_inferior_limit)


def test_a_score_is_a_point_and_only_live_phases_have_a_confidence_sequence() -> None:
    view = view_of(in_phase("expand_25"))
    shadow, live = view.scores[0], view.scores[-1]
    assert (shadow.difference_bps, shadow.low_bps, shadow.high_bps) == (-2.0, None, None)
    assert live.low_bps is not None
    assert live.low_bps < -2.0 < (live.high_bps or 0.0)


def test_a_session_without_a_score_is_a_gap_and_no_nought() -> None:
    story = in_phase("canary_10")
    story.evening(difference_bps=float("nan"))
    view = view_of(story)
    assert (view.scores[-1].difference_bps, view.scores[-1].low_bps) == (None, None)
    assert view.tone == "hold"
    assert "no score for the session" in view.headline


def test_guardrails_that_break_come_first_with_their_reason() -> None:
    story = in_phase("canary_10")
    story.evening(counted={"own_matches": 2.0})
    view = view_of(story)
    assert (view.guardrails[0].name, view.guardrails[0].verdict) == ("own_matches", "breach")
    assert view.guardrails[0].reason == "2, allowed: none (arms must not trade with each other)"
    assert {line.verdict for line in view.guardrails[1:]} <= {"hold", "pass"}


def test_a_rollout_that_is_rolled_back_shows_where_it_left_why_and_what_it_waits_for() -> None:
    story = in_phase("canary_10")
    story.evening(counted={"own_matches": 2.0})
    view = view_of(story)
    assert (view.state, view.tone, states(view)["canary_10"]) == ("ROLLING_BACK", "fail", "left")
    assert view.headline.startswith("sample.r1, sample.execution/5 is being rolled back: own_matches: 2")
    assert "done when nothing is left" in view.next_step
    assert [line.arm for line in view.arms] == ["champion"]
    assert [stop.stop_id for stop in view.stops] == ["sample.r1-rollback"]
    story.do(wanted.ConfirmRollback("t", "t1", "t2", ("desk-1",)))
    after = view_of(story)
    assert (after.state, after.stops, after.rollout_id) == ("ROLLED_BACK", (), "sample.r1")
    assert after.headline.startswith("sample.r1, sample.execution/5 was rolled back: own_matches")
    assert after.next_step.startswith("mend the recipe")


def test_a_promoted_version_is_the_champion_and_every_phase_is_done() -> None:
    story = in_phase("baking")
    while story.state.rollout is not None:
        story.evening()
    view = view_of(story)
    assert (view.champion, view.state, view.tone) == (ARM.version, "COMPLETE", "pass")
    assert set(states(view).values()) == {"done"}
    assert view.champion_since == story.session()
    assert view.margin_spent_bps == 1.5


def test_a_kill_of_everything_comes_before_anything_else() -> None:
    story = in_phase("canary_10")
    story.do(wanted.Kill("all", "", "tom", "a leak", "stop-9"))
    view = view_of(story)
    assert (view.headline, view.tone) == ("everything is stopped by tom: a leak", "fail")
    assert "fillwise resume stop-9" in view.next_step


CARD = CardLine("card-1", "canary_10", 0, 1, "2026-11-21T22:00:00.000000Z")


@pytest.mark.parametrize(
    ("story", "says"),
    [
        (on_trial, "shadow waits for the evidence: the first evening has not been"),
        (lambda: in_phase("shadow"), "shadow goes on: 0 of 3 sessions so far"),
        (lambda: in_phase("canary_10"), "canary_10 goes on: 0 of 5 sessions, 0 of 30 units so far"),
    ],
)
def test_the_next_step_says_what_is_waited_for(story: Any, says: str) -> None:
    assert view_of(story()).next_step == says


def test_a_step_that_only_a_person_keeps_out_names_the_card_and_how_to_answer_it() -> None:
    story = in_phase("shadow")
    for _ in range(4):
        story.evening()
    told = view_of(story, cards=(CARD,)).next_step
    assert told == "a person must answer card card-1 until 2026-11-21 22:00: fillwise card show card-1"
    told = view_of(story).next_step
    assert told == "a person must approve canary_10: the evening opens the card (fillwise rollout judge)"


def test_a_draft_says_what_the_gate_has_said() -> None:
    story = opened()
    from tests.models.rollout.made import plan, proposal

    story.do(wanted.Draft(proposal(), ARM, plan(), "salt", "probe"))
    assert "is a draft, the gate: no verdict yet" in view_of(story).headline
    story.do(wanted.RecordGate("hold", ARM.version, "2026-02-27", "e1", ("too few sessions",), 0.01))
    assert "is a draft, the gate: hold: too few sessions" in view_of(story).headline


def test_who_allowed_what_and_which_refits_came_in_between_is_told_from_the_ledger() -> None:
    story = in_phase("canary_10")
    refit = type(ARM)("sample.execution/6", "d6", ARM.recipe_id)
    outside = type(ARM)("sample.execution/7", "d7", ARM.recipe_id)
    story.do(wanted.JudgeRefit("challenger", refit, "2026-03-06", "2026-03-07", True, ("inside",), 0.02))
    story.do(wanted.JudgeRefit("challenger", outside, "2026-03-07", "2026-03-08", False, ("actions changed",), 0.3))
    view = view_of(story)
    newest, first = view.refits
    assert (newest.version, newest.is_inside, newest.live_since) == ("sample.execution/7", False, "")
    assert (first.version, first.is_inside, first.live_since, first.change) == (
        "sample.execution/6",
        True,
        "2026-03-07",
        0.02,
    )
    (allowed,) = view.approvals
    assert (allowed.person, allowed.decision, allowed.step) == ("paul", "approve", "start to canary_10")


def test_every_kind_of_event_is_told_in_words_and_an_unknown_one_by_its_name() -> None:
    from models.rollout.events import EVENT_KINDS

    assert set(EVENT_KINDS) == set(WORDS)
    assert words_of("something_new", {}) == "something new"
    story = in_phase("baking")
    story.do(wanted.Kill("version", ARM.version, "tom", "a leak", "s1"))
    lines = view_of(story).story
    assert [line.sequence for line in lines] == sorted((line.sequence for line in lines), reverse=True)
    assert lines[0].words == f"kill of {ARM.version} by tom: a leak"
    assert all(line.words and "None" not in line.words for line in lines)


def test_the_story_of_an_approval_says_who_and_why() -> None:
    told = approval("a1", "paul", "canary_10")
    assert words_of("approval_used", told) == "paul said approve to start to canary_10: evidence is there"


def test_tests_that_hold_are_told_from_those_that_roll_back() -> None:
    decides = {line.name: line.decides for line in view_of(in_phase("expand_25")).tests}
    assert decides["cost_tail"] == "rolls back at"
    assert decides["sample_ratio"] == "holds at"
    assert decides[SHOWN] == "lets on at"
