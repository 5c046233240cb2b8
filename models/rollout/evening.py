"""The evening of a rollout: what the session showed, what it leads to, and on which session that takes effect.

One evening gives, in this order: the session as it was judged, once and for all; then a rollback, a hold, a question to
a person, or the next phase: one step and no more, for a phase that begins tomorrow has shown nothing. The next phase is
entered when its approvals are there, verified by the approval service against the facts of now; they are used here,
each once. Nobody is champion before every desk runs what is routed.

The champion is judged on every evening against the benchmark hold-out, with or without a rollout, and gives way to
the benchmark policy when it is dearer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from models.rollout.commands import Evening, Payload, RollBack
from models.rollout.events import Event
from models.rollout.evidence import SessionEvidence
from models.rollout.leave import refused, roll_back_events
from models.rollout.plan import Phase
from models.rollout.state import MarketState, RolloutState
from models.rollout.verdict import Verdict, judge
from models.sequential import log_e_betting

ROBOT = "fillwise"
CHAMPION_ALPHA = 0.01
"""The champion is looked at every evening for good, so its fall-back spends little: one wrong in a hundred, ever."""


def decide_evening(state: MarketState, command: Evening) -> tuple[Event, ...]:
    """Events of one evening. Raises RefusedError when a session comes again with other evidence."""
    events = [*_champion(state, command)]
    rollout = state.rollout
    if rollout is None or rollout.is_ended or rollout.state == "ROLLING_BACK":
        return tuple(events)
    if rollout.state == "DRAFT":
        return tuple(events)
    if rollout.phase is None:
        return (*events, *_enter(state, rollout, command))
    return (*events, *_after_session(state, rollout, command))


def stop_name(rollout: RolloutState) -> str:
    """The stop that takes a rollout's version out: the same name whoever writes it, so that it is one stop."""
    return f"{rollout.rollout_id}-rollback"


def _after_session(state: MarketState, rollout: RolloutState, command: Evening) -> tuple[Event, ...]:
    evidence = command.evidence
    if evidence is None and rollout.phase_since is not None and command.session < rollout.phase_since:
        return ()
    if evidence is None:
        return _held(rollout, command.session, (f"no evidence of session {command.session}",))
    known = next((one for one in rollout.sessions if one.evidence.session == evidence.session), None)
    if known is not None and known.evidence_sha256 != evidence.digest():
        raise refused(
            "session was judged on other evidence", f"{rollout.rollout_id} {evidence.session}",
            evidence.digest()[:12], known.evidence_sha256[:12], "look at what changed; a day is judged once",
        )  # fmt: skip
    if known is not None and command.session < str(rollout.phase_since):
        return ()
    verdict = judge(rollout, evidence)
    events = () if known is not None else (_judged(rollout, evidence, verdict),)
    return (*events, *_act(state, rollout, command, verdict, is_new=known is None))


def _judged(rollout: RolloutState, evidence: SessionEvidence, verdict: Verdict) -> Event:
    told = {
        "rollout_id": rollout.rollout_id, "phase": evidence.phase, "session": evidence.session,
        "evidence_sha256": evidence.digest(), "evidence": evidence.to_payload(), "verdict": verdict.word,
        "reasons": list(verdict.reasons),
    }  # fmt: skip
    return Event("session_judged", told)


def _act(
    state: MarketState, rollout: RolloutState, command: Evening, verdict: Verdict, is_new: bool
) -> tuple[Event, ...]:
    if verdict.word == "roll_back":
        stop = RollBack(rollout.arm.version, "automatic", ROBOT, verdict.reasons, stop_name(rollout))
        return roll_back_events(state, rollout, stop)
    if state.is_killed:
        return _held(rollout, command.session, ("everything is stopped",))
    if verdict.word == "hold" and verdict.is_problem:
        return _held(rollout, command.session, verdict.reasons)
    released = _released(rollout, command.session)
    if verdict.word == "hold":
        return released
    if verdict.word == "ask":
        return (*released, _asked(rollout, command.session, verdict.reasons)) if is_new else ()
    return (*released, *_enter(state, rollout, command))


def _held(rollout: RolloutState, session: str, reasons: Sequence[str]) -> tuple[Event, ...]:
    if rollout.held_on == session:
        return ()
    told = {"rollout_id": rollout.rollout_id, "phase": rollout.phase, "session": session, "reasons": list(reasons)}
    held = Event("held", told)
    if rollout.held + 1 < rollout.plan.hold_sessions:
        return (held,)
    said = f"held for {rollout.held + 1} sessions, allowed {rollout.plan.hold_sessions}"
    return held, _asked(rollout, session, (*reasons, said))


def _released(rollout: RolloutState, session: str) -> tuple[Event, ...]:
    if rollout.state != "HELD":
        return ()
    return (Event("released", {"rollout_id": rollout.rollout_id, "phase": rollout.phase, "session": session}),)


def _asked(rollout: RolloutState, session: str, reasons: Sequence[str]) -> Event:
    told = {"rollout_id": rollout.rollout_id, "phase": rollout.phase, "session": session, "reasons": list(reasons)}
    return Event("asked", told)


def entry_obstacles(state: MarketState, rollout: RolloutState, phase: Phase, session: str) -> tuple[str, ...]:
    """What keeps a rollout out of a live phase, approvals apart: the gate's last word, the validation report."""
    found = []
    is_overridden = any(one["what"] == "gate" and one["rollout_id"] == rollout.rollout_id for one in state.overrides)
    if not is_overridden and (rollout.gate is None or rollout.gate.verdict != "pass"):
        found.append(f"gate: {'no verdict' if rollout.gate is None else rollout.gate.verdict}")
    reports = [one for one in state.reports if one.recipe_id == rollout.recipe_id and one.person not in rollout.authors]
    if phase.share > 0.0 and not any(one.expires_on >= session for one in reports):
        found.append("no validation report by somebody who is not an author, or it has expired")
    if state.is_stopped(rollout.arm.version):
        found.append(f"{rollout.arm.version} is stopped")
    return tuple(found)


def usable(state: MarketState, rollout: RolloutState, phase: str, approvals: Sequence[Payload]) -> tuple[Payload, ...]:
    """Approvals of the entry into `phase`, one a person, none used before, none by an author."""
    found: dict[str, Payload] = {}
    for one in approvals:
        is_fit = one["rollout_id"] == rollout.rollout_id and one["to_phase"] == phase and one["decision"] == "approve"
        is_fresh = one["approval_id"] not in state.approvals_seen and one["person"] not in rollout.authors
        if is_fit and is_fresh:
            found.setdefault(str(one["person"]), one)
    return tuple(found.values())


def _enter(state: MarketState, rollout: RolloutState, command: Evening) -> tuple[Event, ...]:
    """Into the next phase, or to completion after the last one; otherwise what is asked for."""
    refusal = next((one for one in command.approvals if _is_refusal(rollout, one)), None)
    if refusal is not None and rollout.phase is None:
        told = {
            "rollout_id": rollout.rollout_id, "person": refusal["person"], "reason": refusal["reason"],
            "epoch": state.epoch + 1,
        }  # fmt: skip
        return Event("approval_used", dict(refusal)), Event("rejected", told)
    phase = rollout.next_phase
    if phase is None:
        return _complete(state, rollout, command)
    if obstacles := entry_obstacles(state, rollout, phase, command.next_session):
        return _wait(rollout, command.session, obstacles)
    used = usable(state, rollout, phase.name, command.approvals)[: phase.approvals]
    if len(used) < phase.approvals:
        said = f"{phase.name} needs {phase.approvals} approvals, {len(used)} given: fillwise card show"
        return _wait(rollout, command.session, (said,))
    told = {
        "rollout_id": rollout.rollout_id, "phase": phase.name, "share": phase.share, "session": command.next_session,
        "epoch": state.epoch + 1, "limits_sha256": phase.limits.digest(),
    }  # fmt: skip
    return (*(Event("approval_used", dict(one)) for one in used), Event("phase_entered", told))


def _is_refusal(rollout: RolloutState, approval: Payload) -> bool:
    return bool(approval["rollout_id"] == rollout.rollout_id and approval["decision"] == "reject")


def _wait(rollout: RolloutState, session: str, reasons: Sequence[str]) -> tuple[Event, ...]:
    """Asked once for the same thing, not every evening."""
    if rollout.reasons == tuple(reasons) or rollout.phase is None:
        return ()
    return (_asked(rollout, session, reasons),)


def _complete(state: MarketState, rollout: RolloutState, command: Evening) -> tuple[Event, ...]:
    if not command.read_back.is_done:
        return _held(rollout, command.session, [f"not read back: {one}" for one in command.read_back.missing])
    told = {
        "rollout_id": rollout.rollout_id, "version": rollout.arm.version, "digest": rollout.arm.digest,
        "recipe_id": rollout.recipe_id, "session": command.next_session, "epoch": state.epoch + 1,
        "margin_bps": rollout.plan.margin_bps, "read_back_at": command.read_back.at,
    }  # fmt: skip
    return (Event("completed", told),)


def champion_e(sessions: Sequence[SessionEvidence], winsor_bps: float = 50.0) -> float:
    """E-value of "the champion is dearer than the benchmark hold-out" over the sessions since it became champion."""
    found = [
        (one.holdout_difference_bps, one.holdout_variance)
        for one in sessions
        if one.holdout_difference_bps is not None and one.holdout_variance is not None
    ]
    if not found:
        return 1.0
    x, v = np.array(found, np.float64).T
    return math.exp(min(700.0, float(log_e_betting(np.clip(x, -winsor_bps, winsor_bps), v))))


def _champion(state: MarketState, command: Evening) -> tuple[Event, ...]:
    evidence = command.champion
    if evidence is None or state.champion == state.benchmark or state.benchmark is None:
        return ()
    if any(one.evidence.session == evidence.session for one in state.champion_sessions):
        return ()
    sessions = [*(one.evidence for one in state.champion_sessions), evidence]
    found, limit = champion_e(sessions), 1.0 / CHAMPION_ALPHA
    is_bad = found >= limit
    said = f"dearer than the benchmark hold-out: e-value {found:.3g} of {limit:.3g}, {len(sessions)} sessions"
    told = {
        "session": evidence.session, "evidence_sha256": evidence.digest(), "evidence": evidence.to_payload(),
        "verdict": "roll_back" if is_bad else "hold", "reasons": [said],
    }  # fmt: skip
    judged = Event("champion_judged", told)
    if not is_bad:
        return (judged,)
    bench = state.benchmark
    fallen = {
        "version": bench.version, "digest": bench.digest, "person": ROBOT, "reasons": [said], "epoch": state.epoch + 1,
        "from_version": state.champion.version, "stop_id": "",
    }  # fmt: skip
    return judged, Event("fell_back", fallen)
