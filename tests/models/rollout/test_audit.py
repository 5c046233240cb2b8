"""What can be told years later: who was champion when, what happened to a version, who allowed it and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.guardrails import GUARDRAILS
from models.limits import Limits
from models.rollout import commands as wanted
from models.rollout.audit import champion_at, change_log, history_of, inventory
from models.rollout.controls import controls_tested
from tests.models.rollout.made import ARM, BENCHMARK, Story, in_phase


@dataclass(frozen=True)
class Told:
    kind: str
    at: str
    actor: str
    payload: Mapping[str, Any]


def told(story: Story) -> list[Told]:
    """The story's events as entries of one day, but for the last, which comes after the desks were read back."""
    days = ["2026-03-01"] * (len(story.events) - 1) + ["2026-03-04"]
    return [Told(one.kind, f"{days[n]}T{n:04d}", "ada", one.payload) for n, one in enumerate(story.events)]


def whole_story() -> Story:
    story = in_phase("nowhere")
    story.do(wanted.RollBack(ARM.version, "person", "tom", ("clients complain",), "s1"))
    return story


def test_the_champion_at_a_time_is_the_last_one_that_every_desk_ran() -> None:
    entries = told(whole_story())
    promoted = next(one for one in entries if one.kind == "completed")
    fallen = next(one for one in entries if one.kind == "fell_back")
    assert champion_at(entries, entries[0].at).version == BENCHMARK.version  # type: ignore[union-attr]
    assert champion_at(entries, promoted.at).version == BENCHMARK.version  # type: ignore[union-attr]
    assert champion_at(entries, promoted.payload["read_back_at"]).version == ARM.version  # type: ignore[union-attr]
    assert champion_at(entries, fallen.at).version == BENCHMARK.version  # type: ignore[union-attr]
    assert champion_at(entries, "2020") is None


def test_the_history_of_a_version_holds_its_whole_rollout() -> None:
    kinds = {one.kind for one in history_of(told(whole_story()), ARM.version)}
    assert {"rollout_drafted", "gate_judged", "approval_used", "phase_entered", "completed", "fell_back"} <= kinds
    assert history_of(told(whole_story()), "sample.execution/99") == ()


def test_the_change_log_says_who_made_who_approved_and_why() -> None:
    changes = change_log(told(whole_story()), "", "9999")
    live = next(one for one in changes if "canary_10" in one.subject)
    assert (live.nature, live.made_by, live.approved_by) == ("phase entered", "ada", "paul")
    baking = next(one for one in changes if "baking" in one.subject)
    assert set(baking.approved_by.split(", ")) == {"paul", "rita"}
    fallen = changes[-1]
    assert (fallen.nature, fallen.made_by, fallen.reason) == ("champion fell back", "tom", "clients complain")
    assert change_log(told(whole_story()), "2030", "9999") == ()


def test_a_rollback_by_hand_is_made_by_that_person_and_not_by_the_recipes_author() -> None:
    story = in_phase("canary_10")
    story.do(wanted.RollBack(ARM.version, "person", "tom", ("looks wrong",), "s1"))
    back = change_log(told(story), "", "9999")[-1]
    assert (back.nature, back.made_by, back.approved_by, back.reason) == ("rolled back", "tom", "", "looks wrong")


def test_the_inventory_has_a_row_for_every_recipe_with_its_validation() -> None:
    row_told = {"summary": "reads the signal", "purpose": "save", "limits_of_use": "liquid names", "tier": "2"}
    (row,) = inventory(told(whole_story()), {"signal": row_told}, "exchange XNYS")
    assert (row.status, row.owner, row.validated_by) == ("fell back", "ada", "rita")
    assert "" not in (row.approved_on, row.retired_on, row.validated_on, row.validation_expires_on)
    assert row.overview == "reads the signal"
    assert row.scope == "exchange XNYS; every instrument of the market"
    assert row.restrictions.startswith("at most venues LIT; participation 0.2; child order 5,000,000;")


def test_a_champion_is_in_force_until_another_recipe_takes_its_place() -> None:
    story = in_phase("nowhere")
    entries = told(story)
    (row,) = inventory(entries, {}, "")
    assert (row.status, row.retired_on) == ("champion", "")
    done = next(one for one in entries if one.kind == "completed")
    other = Told("completed", "2026-06-01", "ada", {**done.payload, "rollout_id": "sample.r2"})
    (row,) = inventory([*entries, other], {}, "")
    assert (row.status, row.retired_on) == ("replaced", "2026-06-01")


def test_a_recipe_without_a_report_says_so() -> None:
    entries = [one for one in told(in_phase("shadow")) if one.kind != "report_recorded"]
    (row,) = inventory(entries, {}, "")
    assert (row.validated_by, row.validated_on) == ("", "")
    assert "validation report missing" in row.documentation


def test_every_control_is_listed_with_its_kind_and_its_last_test() -> None:
    payload = {"control": "kill", "result": "fail", "detail": ""}
    entries = [
        Told("control_tested", "2026-03-01", "tom", {**payload, "result": "pass"}),
        Told("control_tested", "2026-04-01", "tom", payload),
    ]
    found = {one.name: one for one in controls_tested(entries)}
    assert (found["kill"].last_tested_at, found["kill"].result) == ("2026-04-01", "fail")
    assert found["rollback"].last_tested_at == ""
    assert {f"limit_{name}" for name in Limits.__dataclass_fields__} <= set(found)
    assert {f"guardrail_{row.name}" for row in GUARDRAILS} <= set(found)
    assert {(one.kind, one.effect) for one in found.values()} <= {
        (kind, effect) for kind in ("limit", "trigger", "person") for effect in ("action", "alert")
    }
