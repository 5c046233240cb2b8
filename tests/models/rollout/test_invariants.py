"""Whatever is commanded, in whatever order: what must hold of a market's production always does."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import RefusedError
from models.rollout import commands as wanted
from models.rollout.events import Event
from models.rollout.fold import fold
from models.rollout.routing import phase_limits, phase_name, routed, running, salt_of, shadow_of
from models.rollout.state import Arm, MarketState
from tests.models.rollout.made import ARM, Story, approval, opened, plan, proposal

PERSONS = ("ada", "paul", "rita")
ROUTING = (
    "phase_entered", "rollback_started", "completed", "refit_live", "fell_back", "killed", "resumed",
    "accounts_changed", "rejected", "expired", "superseded",
)  # fmt: skip


def evenings() -> st.SearchStrategy[Any]:
    """An evening with a good, bad, missing or absent session, and approvals by anybody of anything."""
    scores = st.sampled_from((-6.0, -2.0, 0.0, 3.0, 9.0, 40.0, float("nan")))
    phases = st.sampled_from(("canary_10", "expand_25", "expand_50", "baking"))
    wishes = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(PERSONS), phases), max_size=3)
    return st.tuples(st.just("evening"), scores, wishes, st.booleans())


def commands() -> st.SearchStrategy[list[Any]]:
    others = st.sampled_from(
        (
            "draft",
            "reject",
            "opt_in",
            "gate_pass",
            "gate_hold",
            "report",
            "rollback",
            "confirm",
            "kill",
            "kill_version",
            "resume",
            "refit",
        )
    )
    return st.lists(st.one_of(evenings(), evenings(), evenings(), st.tuples(others)), max_size=70)


def _evening(story: Story, word: tuple[Any, ...]) -> None:
    _, score, wishes, is_read_back = word
    given = [approval(f"a{number}", person, phase) for number, person, phase in wishes]
    given = [{**one, "rollout_id": story.state.rollout.rollout_id} for one in given] if story.state.rollout else []
    story.evening(*given, difference_bps=score, read_back=wanted.ReadBack(is_read_back, "t", ("desk-1",)))


def obey(story: Story, word: tuple[Any, ...], step: int) -> None:
    rollout = story.state.rollout
    version = ARM.version if rollout is None else rollout.arm.version
    report = {"recipe_id": ARM.recipe_id, "person": "rita", "report_sha256": "r", "expires_on": "2030-01-01"}
    if word[0] == "evening":
        _evening(story, word)
    elif word[0] == "report":
        story.put("report_recorded", summary="", **report)
    else:
        refit = Arm(f"sample.execution/{step + 10}", f"d{step}", ARM.recipe_id)
        made: dict[str, wanted.Command] = {
            "draft": wanted.Draft(proposal(), ARM, plan(), "salt", "probe"),
            "gate_pass": wanted.RecordGate("pass", version, f"2026-01-{step:03d}", "e", (), 0.0),
            "gate_hold": wanted.RecordGate("hold", version, f"2026-01-{step:03d}", "e", (), 0.0),
            "rollback": wanted.RollBack(version, "person", "tom", ("why",), f"s{step}"),
            "confirm": wanted.ConfirmRollback("t", "t", "t", ()),
            "reject": wanted.End("rejected", "rita", "why"),
            "opt_in": wanted.OptIn((f"ACCOUNT-{step % 3}",), "rita", "asked"),
            "kill": wanted.Kill("all", "", "tom", "why", f"k{step}"),
            "kill_version": wanted.Kill("version", version, "tom", "why", f"v{step}"),
            "resume": wanted.Resume(story.state.stops[0].stop_id if story.state.stops else "none", "rita", "why"),
            "refit": wanted.JudgeRefit("challenger", refit, f"n{step}", story.session(), True, (), 0.0),
        }
        story.do(made[word[0]])


def routing_of(state: MarketState) -> tuple[Any, ...]:
    """All that a snapshot says: one epoch says one thing."""
    rollout = running(state)
    limits, name = phase_limits(state), None if rollout is None else rollout.rollout_id
    return routed(state), shadow_of(state), phase_name(state), salt_of(state), limits, name, state.accounts


def check(before: MarketState, story: Story, new: list[Event]) -> None:
    state = story.state
    shares = routed(state)
    assert abs(sum(one.share for one in shares) - 1.0) < 1e-12
    rollout = state.rollout
    for one in shares:
        if one.arm == "challenger":
            assert rollout is not None
            assert not rollout.failures
            assert one.share <= rollout.plan.phase(rollout.phase or "").share
    assert state.epoch > before.epoch or not before.champions or routing_of(state) == routing_of(before), new
    epochs = [event.payload["epoch"] for event in story.events if event.kind in ROUTING]
    assert epochs == sorted(set(epochs))
    used = [event.payload["approval_id"] for event in story.events if event.kind == "approval_used"]
    assert len(used) == len(set(used))
    if before.rollout is not None and before.rollout.failures and rollout is not None:
        assert rollout.failures or rollout.rollout_id != before.rollout.rollout_id
    for event in new:
        if event.kind in ("phase_entered", "completed") and before.rollout is not None and before.rollout.current:
            ran = [one for one in new if one.kind == "session_judged"]
            shown = len(before.rollout.sessions_of(before.rollout.phase)) + len(ran)
            assert shown >= before.rollout.current.sessions
        if event.kind == "phase_entered" and event.payload["share"] > 0.0:
            assert before.rollout is not None
            assert before.rollout.gate is not None
            assert before.rollout.gate.verdict == "pass"
            wanted_here = before.rollout.plan.phase(event.payload["phase"]).approvals
            persons = {one.payload["person"] for one in new if one.kind == "approval_used"}
            assert len(persons - set(before.rollout.authors)) >= wanted_here


@settings(max_examples=120, deadline=None)
@given(commands())
def test_invariants_hold_after_every_command(words: list[Any]) -> None:
    story = opened()
    for step, word in enumerate([("draft",), ("report",), ("gate_pass",), *words]):
        before, length = story.state, len(story.events)
        try:
            obey(story, word, step)
        except RefusedError:
            assert len(story.events) == length
        check(before, story, story.events[length:])
    assert fold("sample", story.events) == story.state
