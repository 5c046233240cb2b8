"""The controller of a market's rollout: what the evening, and whoever repairs after a crash, does step by step.

    catch up      stop files that the ledger does not know are recorded (a rollback needs neither ledger nor network)
    judge         the session's evidence and verified approvals become events
    enforce       a rollback in the ledger has its stop file; a stop that is over is lifted
    publish       the routing snapshot is what the state says
    confirm       a rollback is over when the desks own nothing of the version any more
    project       MLflow's aliases are what the state says; one that was moved by hand is put back, with an alarm
    ask           a card is opened for the approval that is waited for; what a person must know becomes an alert

Each step reads the state anew, does what is missing and nothing else, so that the whole may be killed between any two
writes and run again, by two controllers at once too. `reconcile` is the same without the judging.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.rollout import commands as wanted
from models.rollout.evening import entry_obstacles, stop_name
from models.rollout.plan import Phase
from models.rollout.state import MarketState, RolloutState, StopInForce


@dataclass(frozen=True)
class Alarm:
    """What a person must know. cause: one alert a cause, however often it is raised."""

    cause: str
    severity: str
    words: str
    command: str


class Doors(Protocol):
    """Everything outside that the controller touches, each call one read or one write."""

    def state(self) -> MarketState: ...

    def record(self, command: wanted.Command) -> MarketState: ...

    def unrecorded_stops(self, state: MarketState) -> Sequence[StopInForce]: ...

    def evening(self, state: MarketState, session: str) -> wanted.Evening: ...

    def enforce(self, stop: StopInForce) -> None: ...

    def lift(self, state: MarketState) -> Sequence[str]: ...

    def publish(self, state: MarketState) -> None: ...

    def rollback_done(self, version: str, stop_id: str) -> wanted.ConfirmRollback | tuple[str, ...]: ...

    def project(self, state: MarketState) -> Sequence[tuple[str, str, str]]: ...

    def open_card(self, state: MarketState, rollout: RolloutState, phase: Phase) -> str: ...

    def alarm(self, alarm: Alarm) -> None: ...


@dataclass(frozen=True)
class EveningReport:
    """What an evening came to: the state after it, and what was said on the way."""

    state: MarketState
    notes: tuple[str, ...]


def catch_up(doors: Doors) -> MarketState:
    """Record what was stopped while the ledger was away."""
    state = doors.state()
    for stop in doors.unrecorded_stops(state):
        state = doors.record(stop_command(stop))
    return state


def stop_command(stop: StopInForce) -> wanted.Command:
    """The command that records a stop file."""
    if stop.kind == "kill":
        return wanted.Kill(stop.scope, stop.subject, stop.person, stop.reason, stop.stop_id)
    return wanted.RollBack(stop.subject, "person", stop.person, (stop.reason,), stop.stop_id)


def enforce(doors: Doors, state: MarketState) -> None:
    """Every stop of the ledger stands as a file, and none that is over does."""
    for stop in state.stops:
        doors.enforce(stop)
    doors.publish(state)
    doors.lift(state)


def confirm(doors: Doors, state: MarketState) -> tuple[MarketState, tuple[str, ...]]:
    """A rollback that is over is recorded; of one that is not, what is missing."""
    rollout = state.rollout
    if rollout is None or rollout.state != "ROLLING_BACK":
        return state, ()
    found = doors.rollback_done(rollout.arm.version, rollout.stop_id or stop_name(rollout))
    if isinstance(found, wanted.ConfirmRollback):
        state = doors.record(found)
        doors.lift(state)
        return state, (f"{rollout.rollout_id} is rolled back: nothing is left of {rollout.arm.version}",)
    words = f"rollback of {rollout.arm.version} is not done: {'; '.join(found)}"
    doors.alarm(Alarm(f"{rollout.rollout_id} rollback", "page", words, "fillwise rollout status"))
    return state, (words,)


def project(doors: Doors, state: MarketState) -> tuple[str, ...]:
    """Aliases as the ledger says; what was moved by hand is put back, recorded by the door and told."""
    notes = []
    for alias, found, expected in doors.project(state):
        words = (
            f"MLflow's alias {alias} stood on {found or 'nothing'}, the ledger says {expected or 'nothing'}: put back"
        )
        doors.alarm(Alarm(f"alias {alias} {found}", "page", words, "fillwise ledger show"))
        notes.append(words)
    return tuple(notes)


def ask(doors: Doors, state: MarketState, session: str) -> tuple[str, ...]:
    """A card for the approval that is waited for, and an alarm for what a person must look at."""
    rollout = state.rollout
    if rollout is None or rollout.state in ("DRAFT", "ROLLING_BACK"):
        return ()
    notes = []
    if rollout.reasons:
        severity = "page" if rollout.held >= rollout.plan.hold_sessions else "tell"
        said = f"{rollout.rollout_id} in {rollout.phase or 'no phase'}: {'; '.join(rollout.reasons)}"
        doors.alarm(
            Alarm(f"{rollout.rollout_id} {rollout.phase} {severity}", severity, said, "fillwise rollout status")
        )
        notes.append(said)
    phase = waits_for(state, rollout, session)
    if phase is not None:
        notes.append(f"card {doors.open_card(state, rollout, phase)}: {phase.name} needs {phase.approvals} approvals")
    return tuple(notes)


def waits_for(state: MarketState, rollout: RolloutState, session: str) -> Phase | None:
    """The phase that only approvals keep the rollout out of, None when nothing or something else does."""
    phase = rollout.next_phase
    if phase is None or phase.approvals == 0 or rollout.state == "HELD" or rollout.failures:
        return None
    last = rollout.sessions[-1] if rollout.sessions else None
    has_shown = last is not None and last.verdict == "advance" and last.evidence.phase == rollout.phase
    is_ready = rollout.phase is None or has_shown
    return phase if is_ready and not entry_obstacles(state, rollout, phase, session) else None


def reconcile(doors: Doors, session: str) -> EveningReport:
    """Everything but the judging: safe at any time, after a crash above all."""
    return _settle(doors, catch_up(doors), session)


def evening(doors: Doors, session: str) -> EveningReport:
    """One evening. Running it again does nothing new, unless approvals have come."""
    state = catch_up(doors)
    state = doors.record(doors.evening(state, session))
    return _settle(doors, state, session)


def _settle(doors: Doors, state: MarketState, session: str) -> EveningReport:
    enforce(doors, state)
    state, notes = confirm(doors, state)
    doors.publish(state)
    return EveningReport(state, (*notes, *project(doors, state), *ask(doors, state, session)))
