"""What can be told years later: who was champion when, what happened to a version, who allowed it and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.rollout import commands as wanted
from models.rollout.audit import champion_at, change_log, history_of, inventory
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


def test_the_inventory_has_a_row_for_every_recipe_with_its_validation() -> None:
    row_told = {"summary": "reads the signal", "purpose": "save", "limits_of_use": "liquid names", "tier": "2"}
    (row,) = inventory(told(whole_story()), {"signal": row_told}, "sample")
    assert (row.status, row.owner, row.validated_by) == ("champion", "ada", "rita")
    assert row.approved_on != ""
    assert row.overview == "reads the signal"
