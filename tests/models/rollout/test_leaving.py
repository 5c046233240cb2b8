"""Out of production: rollback and kill work in every state, and what they leave behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.errors import RefusedError
from models.rollout import commands as wanted
from models.rollout.plan import plan_from
from models.rollout.routing import routed, shadow_of
from tests.models.rollout.made import ARM, BENCHMARK, Story, in_phase, on_trial, opened, plan, proposal

PHASES = ("shadow", "canary_10", "expand_25", "expand_50", "baking")


def rolled_back(story: Story, version: str = ARM.version) -> list[str]:
    found = story.do(wanted.RollBack(version, "person", "tom", ("looks wrong",), "stop-1"))
    return [event.kind for event in found]


@pytest.mark.parametrize("phase", PHASES)
def test_a_rollback_takes_the_version_out_of_every_phase(phase: str) -> None:
    story = in_phase(phase)
    assert rolled_back(story) == ["rollback_started"]
    assert [one.arm for one in routed(story.state)] == ["champion"]
    assert shadow_of(story.state) is None


@pytest.mark.parametrize("phase", PHASES)
def test_a_second_rollback_changes_nothing(phase: str) -> None:
    story = in_phase(phase)
    rolled_back(story)
    assert rolled_back(story) == []


def test_a_rollback_while_an_approval_waits() -> None:
    story = in_phase("shadow")
    for _ in range(4):
        story.evening()
    assert rolled_back(story) == ["rollback_started"]


def test_a_rollback_before_the_shadow_rejects() -> None:
    story = on_trial()
    assert rolled_back(story) == ["rejected"]
    assert story.state.ended[0].state == "REJECTED"


def test_a_champion_that_is_rolled_back_gives_way_to_the_one_before() -> None:
    story = in_phase("nowhere")
    assert rolled_back(story) == ["fell_back"]
    assert story.state.champion == BENCHMARK
    assert [one.share for one in routed(story.state)] == [1.0]


def test_the_benchmark_policy_cannot_be_rolled_back() -> None:
    assert rolled_back(opened(), BENCHMARK.version) == []


def test_a_rolled_back_recipe_comes_again_as_another_attempt() -> None:
    story = in_phase("canary_10")
    rolled_back(story)
    story.do(wanted.ConfirmRollback("t", "t", "t", ()))
    story.do(wanted.Draft(proposal(), ARM, plan(), "salt", "probe"))
    assert story.state.rollout is not None
    assert (story.state.rollout.rollout_id, story.state.rollout.attempt) == ("sample.r2", 2)
    assert story.state.rollout.approvals == ()


def test_two_automatic_rollbacks_in_a_row_stop_promotions_until_two_persons_say_otherwise() -> None:
    story = opened()
    for number in range(2):
        story.do(wanted.Draft(proposal(), ARM, plan(), "salt", "probe"))
        report = {"recipe_id": ARM.recipe_id, "person": "rita", "report_sha256": "r", "expires_on": "2026-12-31"}
        story.put("report_recorded", summary="", **report)
        story.do(wanted.RecordGate("pass", ARM.version, f"2026-02-{number + 10}", "e", (), 0.0))
        story.evening()
        story.do(wanted.RollBack(ARM.version, "automatic", "fillwise", ("dearer",), f"stop-{number}"))
        story.do(wanted.ConfirmRollback("t", "t", "t", ()))
    again = wanted.Draft(proposal(), ARM, plan(), "salt", "probe")
    with pytest.raises(RefusedError, match="2 automatic rollbacks in a row"):
        story.do(again)
    with pytest.raises(RefusedError, match="two persons"):
        story.do(wanted.Override("automatic_promotions", ("rita",), "found why", ("o1",)))
    story.do(wanted.Override("automatic_promotions", ("rita", "paul"), "found why", ("o1", "o2")))
    assert [event.kind for event in story.do(again)] == ["rollout_drafted"]


def test_a_kill_of_everything_holds_the_rollout_and_a_named_person_lifts_it() -> None:
    story = in_phase("canary_10")
    story.do(wanted.Kill("all", "", "tom", "venue is mad", "k1"))
    assert story.evening()[-1] == "held"
    story.do(wanted.Resume("k1", "rita", "venue is back"))
    assert story.evening()[-1] == "released"


def test_a_killed_version_is_gone_for_good() -> None:
    story = in_phase("canary_10")
    story.do(wanted.Kill("version", ARM.version, "tom", "runs wild", "k1"))
    assert story.state.rollout is None
    assert story.state.ended[0].state == "KILLED"


def test_a_kill_takes_the_place_of_a_rollback_that_is_under_way() -> None:
    story = in_phase("canary_10")
    rolled_back(story)
    before = story.state.epoch
    story.do(wanted.Kill("version", ARM.version, "tom", "it does not stop", "k1"))
    assert [one.stop_id for one in story.state.stops] == ["k1"]
    assert story.state.ended[0].failures == ("looks wrong", "it does not stop")
    assert story.state.epoch > before


def test_a_stop_that_the_ledger_never_had_is_forgotten_by_name_and_one_in_force_is_not() -> None:
    story = in_phase("canary_10")
    stray = wanted.Forget("s9", "version", "sample.execution/99", "rita", "mistyped")
    assert [event.kind for event in story.do(stray)] == ["resumed"]
    rolled_back(story)
    with pytest.raises(RefusedError, match="in force"):
        story.do(wanted.Forget("stop-1", "version", ARM.version, "rita", "please"))


def test_a_fall_back_that_a_person_asked_for_names_their_stop() -> None:
    story = in_phase("nowhere")
    rolled_back(story)
    assert story.events[-1].payload["stop_id"] == "stop-1"


def test_a_rollback_is_not_resumed() -> None:
    story = in_phase("canary_10")
    rolled_back(story)
    with pytest.raises(RefusedError, match="cannot be resumed"):
        story.do(wanted.Resume("stop-1", "rita", "please"))


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"detectable_harm_bps": 6.0}, "cannot see the harm that it tolerates"),
        ({"detectable_harm_bps": None}, "nobody knows what harm it can detect"),
        ({"margin_bps": 6.0}, "margin is spent"),
        ({"alpha": 0.5}, "error budget"),
        ({"holdout_share": 0.0}, "hold-out"),
    ],
)
def test_a_bad_plan_is_refused(others: dict[str, float], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        opened().do(wanted.Draft(proposal(), ARM, plan(**others), "salt", "probe"))


def test_a_phase_gives_no_more_than_its_name_says() -> None:
    phases = tuple(replace(one, share=0.2) if one.name == "canary_10" else one for one in plan().phases)
    with pytest.raises(RefusedError, match=r"canary_10 gives 0\.2 of units, most 0\.1"):
        opened().do(wanted.Draft(proposal(), ARM, plan(phases=phases), "salt", "probe"))


@pytest.mark.parametrize(
    ("names", "said"),
    [(("canary_10", "baking"), "must be the shadow"), (("shadow", "canary_10"), "rise to the end: the last is 0.1")],
)
def test_a_plan_that_does_not_rise_to_the_end_is_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        opened().do(wanted.Draft(proposal(), ARM, plan(*names), "salt", "probe"))


def test_a_second_rollout_waits_for_the_first() -> None:
    story = on_trial()
    with pytest.raises(RefusedError, match="another rollout is active"):
        story.do(wanted.Draft(proposal(recipe_id="other"), ARM, plan(), "salt", "probe"))


def test_a_plan_survives_its_json() -> None:
    import json

    told = plan()
    assert plan_from(json.loads(told.to_json())) == told
