"""Out of production: rollback, fall back, kill and what lifts it. Works in every state, without gate or approval.

A rollback of a rollout that trades latches: it is ROLLING_BACK until the desks own nothing of the version, then
ROLLED_BACK. A champion that is rolled back gives way to the one before it, at last to the benchmark policy.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from infra.errors import RefusedError
from models.rollout import commands as wanted
from models.rollout.events import Event
from models.rollout.state import MarketState, RolloutState


def refused(what: str, which: object, found: object, allowed: object, next_step: str) -> RefusedError:
    """The error of a command that may not be done."""
    return RefusedError(what, which=which, found=found, allowed=allowed, next_step=next_step)


def present(state: MarketState) -> RolloutState:
    """The rollout that is active. Raises RefusedError when there is none."""
    if state.rollout is None:
        raise refused("no rollout is active", state.market, "none", "one", "fillwise rollout propose")
    return state.rollout


def _versions(rollout: RolloutState) -> set[str]:
    return {rollout.arm.version, rollout.approved.version}


def roll_back(state: MarketState, command: wanted.RollBack) -> tuple[Event, ...]:
    """The version on trial is rolled back; the champion gives way; any other version has nothing to lose."""
    rollout = state.rollout
    if rollout is not None and command.version in _versions(rollout):
        return roll_back_events(state, rollout, command)
    if command.version == state.champion.version and state.champion != state.benchmark:
        return (fall_back_event(state, command),)
    return ()


def roll_back_events(state: MarketState, rollout: RolloutState, command: wanted.RollBack) -> tuple[Event, ...]:
    """A rollout that trades or decides is rolled back; one that never entered a phase is rejected."""
    if rollout.state == "ROLLING_BACK":
        return ()
    if rollout.phase is None:
        told = {
            "rollout_id": rollout.rollout_id, "person": command.person, "reason": "; ".join(command.reasons),
            "epoch": state.epoch + 1,
        }  # fmt: skip
        return (Event("rejected", told),)
    started: dict[str, Any] = {
        "rollout_id": rollout.rollout_id, "version": rollout.arm.version, "trigger": command.trigger,
        "person": command.person, "reasons": list(command.reasons), "epoch": state.epoch + 1,
        "stop_id": command.stop_id,
    }  # fmt: skip
    return (Event("rollback_started", started),)


def fall_back_event(state: MarketState, command: wanted.RollBack) -> Event:
    """To the last champion of a recipe that was not itself left; at last to the benchmark policy."""
    left = {state.champion.recipe_id, *state.left_recipes}
    usable = [arm for arm in state.champions if arm.recipe_id not in left and not state.is_stopped(arm.version)]
    arm = usable[-1] if usable else state.benchmark
    if arm is None:
        raise refused("nothing to fall back to", state.market, "no benchmark policy", "one", "open the market")
    told: dict[str, Any] = {
        "version": arm.version, "digest": arm.digest, "person": command.person, "reasons": list(command.reasons),
        "epoch": state.epoch + 1, "from_version": state.champion.version, "stop_id": command.stop_id,
    }  # fmt: skip
    return Event("fell_back", told)


def confirm(state: MarketState, command: wanted.ConfirmRollback) -> tuple[Event, ...]:
    """Rolled back: the desks own nothing of it any more."""
    rollout = state.rollout
    if rollout is None or rollout.state != "ROLLING_BACK":
        return ()
    told = {"rollout_id": rollout.rollout_id, "version": rollout.arm.version, **asdict(command)}
    return (Event("rolled_back", {**told, "desks": list(command.desks)}),)


def kill(state: MarketState, command: wanted.Kill) -> tuple[Event, ...]:
    """Stopped, whatever the state."""
    if any(stop.stop_id == command.stop_id for stop in state.stops):
        return ()
    return (Event("killed", {**asdict(command), "epoch": state.epoch + 1}),)


def resume(state: MarketState, command: wanted.Resume) -> tuple[Event, ...]:
    """A kill is lifted. Raises RefusedError for a rollback, which nothing lifts but its end or a kill."""
    found = next((stop for stop in state.stops if stop.stop_id == command.stop_id), None)
    if found is None:
        return ()
    if found.kind != "kill":
        raise refused("a rollback cannot be resumed", command.stop_id, found.kind, "a kill", "propose the recipe again")
    told = {**asdict(command), "scope": found.scope, "subject": found.subject, "epoch": state.epoch + 1}
    return (Event("resumed", told),)


def forget(state: MarketState, command: wanted.Forget) -> tuple[Event, ...]:
    """A stop of what the ledger has nothing of is lifted. Raises RefusedError for one that it has in force."""
    if any(stop.stop_id == command.stop_id for stop in state.stops):
        raise refused("stop is in force", command.stop_id, "in the ledger", "one that it does not know", "resume it")
    return (Event("resumed", {**asdict(command), "epoch": state.epoch + 1}),)
