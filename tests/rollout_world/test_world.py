"""Rollouts in a world of crashes, lost messages, moved aliases and stray approvals: what must hold does."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from models.rollout import evening, fold
from models.rollout.commands import Payload
from models.rollout.state import MarketState, RolloutState
from tests.rollout_world.story import run

SEEDS = int(os.environ.get("WORLD_SEEDS", "40"))
FIRST = int(os.environ.get("WORLD_FIRST", "1"))
EFFECTS = (-4.0, -1.0, 0.0, 3.0, 8.0)


@pytest.mark.timeout(600 + 5 * SEEDS)
def test_invariants_hold_in_every_world(capsys: pytest.CaptureFixture[str]) -> None:
    told = [run(seed, random.Random(seed).choice(EFFECTS)) for seed in range(FIRST, FIRST + SEEDS)]
    ends: dict[str, int] = {}
    for one in told:
        for end in one.ends:
            ends[end] = ends.get(end, 0) + 1
    with capsys.disabled():
        writes, kills = sum(one.steps for one in told), sum(one.kills for one in told)
        orders = sum(one.orders for one in told)
        print(
            f"\n{len(told)} worlds of 60 sessions: {writes:,} writes, {kills:,} kills, {orders:,} orders; ends {ends}"
        )
    broken = {one.seed: one.broken for one in told if one.broken}
    assert not broken, f"seeds that break: {broken}"
    assert ends.get("COMPLETE", 0) > 0
    assert ends.get("ROLLED_BACK", 0) > 0


def found_broken(word: str, seeds: int = 12, **others: bool) -> bool:
    """Whether some world of a few shows the planted bug."""
    for seed in range(1, seeds + 1):
        told = run(seed, random.Random(seed).choice(EFFECTS), **others)
        if any(word in sentence for sentence in told.broken):
            return True
    return False


def test_a_desk_that_obeys_an_old_epoch_is_found() -> None:
    assert found_broken("went back from epoch", obeys_old_epochs=True)


def test_an_approval_that_is_accepted_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(_: Any, rollout: RolloutState, phase: str, approvals: Sequence[Payload]) -> tuple[Payload, ...]:
        return tuple({**one, "to_phase": phase} for one in approvals if one["rollout_id"] == rollout.rollout_id)

    monkeypatch.setattr(evening, "usable", careless)
    assert found_broken("I12 an approval was used twice")


def test_a_failure_that_does_not_latch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(state: MarketState, told: dict[str, Any]) -> MarketState:
        assert state.rollout is not None
        return replace(state, epoch=told["epoch"])

    monkeypatch.setitem(fold.CHANGES, "rollback_started", forgetful)
    assert found_broken("I4")


def test_a_routing_that_changes_within_its_epoch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fold.CHANGES["rollback_started"]

    def unnumbered(state: MarketState, told: dict[str, Any]) -> MarketState:
        return right(state, {**told, "epoch": state.epoch})

    monkeypatch.setitem(fold.CHANGES, "rollback_started", unnumbered)
    with pytest.raises(AssertionError, match="one epoch says two things"):
        found_broken("nothing else")
