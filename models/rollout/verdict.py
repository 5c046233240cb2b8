"""What an evening says of a rollout: advance, hold, roll back, or ask a person. Pure; worst word wins.

The binding tests are betting e-processes on session scores (`models/sequential.py`): valid however often one looks at
them, and without a variance model. Harm is looked for in all live sessions and, beside it, in those of the present
phase alone, because crowding, a regime and a fading edge show late, when early sessions have piled up good evidence;
the average of two e-values is an e-value, so looking twice costs a factor of two and no validity. "Not inferior" is the
same test on `margin - x`, and counts sessions of the phases with a quarter of the units or more.

What is missing, not finite or too little holds; it never passes. Figures that cannot be told apart go on waiting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.rollout.evidence import SessionEvidence
from models.rollout.plan import Phase, Plan
from models.rollout.state import RolloutState
from models.sequential import log_e_betting

Word = Literal["advance", "hold", "roll_back", "ask"]
CAUTION_E = 3.0
"""Evidence of harm of three to one keeps a small phase from growing: cheap, and far below the level that ends it."""
LEANING_E = 5.0
"""Five to one for "not inferior" before half of the units: a wrong step costs a few sessions at that share."""
STOP_SIGMAS, STOP_BPS = 4.5, 5.0
"""One session beyond 4.5 planned deviations and 5 bps ends it at once: by chance once in three hundred thousand."""
EVIDENCE_SHARE = 0.25
"""Phases below a quarter of the units find faults; their cost says nothing for "not inferior"."""


@dataclass(frozen=True)
class Verdict:
    """One of four words with its reasons. is_problem: a hold because something is wrong, not because it is early.

    harm_e, not_inferior_e: e-values; harm_limit, not_inferior_limit: where they decide.
    """

    word: Word
    reasons: tuple[str, ...]
    is_problem: bool
    harm_e: float
    harm_limit: float
    not_inferior_e: float
    not_inferior_limit: float


@dataclass(frozen=True)
class _Scores:
    x: np.ndarray[tuple[int], np.dtype[np.float64]]
    v: np.ndarray[tuple[int], np.dtype[np.float64]]


def _scores(sessions: Sequence[SessionEvidence], winsor_bps: float) -> _Scores:
    """Cut scores and planned variances of the sessions that have both."""
    found = [
        (one.difference_bps, one.variance)
        for one in sessions
        if one.difference_bps is not None and one.variance is not None and one.variance > 0.0
    ]
    pairs = np.array(found, np.float64).reshape(-1, 2)
    return _Scores(np.clip(pairs[:, 0], -winsor_bps, winsor_bps), pairs[:, 1])


def _e_value(scores: _Scores) -> float:
    """E-value of "the mean is above nought"; 1 without sessions."""
    if len(scores.x) == 0:
        return 1.0
    return math.exp(min(700.0, float(log_e_betting(scores.x, scores.v))))


def harm_e(plan: Plan, phase: str, sessions: Sequence[SessionEvidence]) -> float:
    """Average of the e-values of harm over all live sessions and over those of the present phase."""
    live = [one for one in sessions if _share(plan, one) > 0.0]
    present = [one for one in live if one.phase == phase]
    return 0.5 * (_e_value(_scores(live, plan.winsor_bps)) + _e_value(_scores(present, plan.winsor_bps)))


def not_inferior_e(plan: Plan, sessions: Sequence[SessionEvidence]) -> float:
    """E-value of "dearer by less than the margin", over phases that are evidence on cost."""
    scores = _scores([one for one in sessions if _share(plan, one) >= EVIDENCE_SHARE], plan.winsor_bps)
    return _e_value(_Scores(plan.margin_bps - scores.x, scores.v))


def _share(plan: Plan, evidence: SessionEvidence) -> float:
    return plan.phase(evidence.phase).share


def _breaches(evidence: SessionEvidence, phase: Phase) -> list[str]:
    found = [reading.reason for reading in evidence.readings if reading.verdict == "breach"]
    excess = evidence.excess_notional
    if excess is not None and excess > phase.limits.stop_notional:
        found.append(
            f"cost {excess:,.0f} more than the champion's in one session, stop {phase.limits.stop_notional:,.0f}"
        )
    x, v = evidence.difference_bps, evidence.variance
    if x is not None and v is not None and v > 0.0 and x > STOP_BPS and x / math.sqrt(v) > STOP_SIGMAS:
        found.append(f"{x:+.1f} bps in one session, {x / math.sqrt(v):.1f} planned deviations, stop {STOP_SIGMAS:g}")
    return found


def _problems(evidence: SessionEvidence, phase: Phase) -> list[str]:
    found = [f"missing: {one}" for one in evidence.missing]
    found += [reading.reason for reading in evidence.readings if reading.verdict == "hold"]
    if phase.share > 0.0:
        found += [f"no units in the {arm} arm" for arm in ("challenger", "champion") if not evidence.units.get(arm)]
        figures = (evidence.difference_bps, evidence.variance)
        if any(one is None or not math.isfinite(one) for one in figures):
            found.append("no score for the session: a figure is missing or not finite")
    if evidence.drift == "hold":
        found.append(f"drift: {evidence.drift_reason}")
    return found


def _shortfalls(phase: Phase, sessions: Sequence[SessionEvidence]) -> list[str]:
    """What the phase still waits for."""
    mine = [one for one in sessions if one.phase == phase.name]
    units = sum(one.units.get("challenger", 0) for one in mine)
    large = sum(one.large_units for one in mine)
    counts = (
        ("sessions", len(mine), phase.sessions),
        ("units", units, phase.units),
        ("large units", large, phase.large_units),
    )
    return [f"{found} of {wanted} {name}" for name, found, wanted in counts if found < wanted]


def _not_shown(phase: Phase, harm: float, shown: float, limit: float) -> list[str]:
    if phase.binding == "not_inferior" and shown < limit:
        return [f"not inferior: e-value {shown:.3g} of {limit:.3g}"]
    if phase.binding == "leaning" and shown < LEANING_E:
        return [f"leaning to not inferior: e-value {shown:.3g} of {LEANING_E:g}"]
    return [f"harm: e-value {harm:.3g}, below {CAUTION_E:g} to go on"] if harm >= CAUTION_E else []


def judge(rollout: RolloutState, evidence: SessionEvidence) -> Verdict:
    """The evening's word on a rollout that is in a phase, given the session's evidence."""
    plan, phase = rollout.plan, rollout.plan.phase(evidence.phase)
    earlier = [one.evidence for one in rollout.sessions if one.evidence.session != evidence.session]
    sessions = [*earlier, evidence]
    harm, shown = harm_e(plan, phase.name, sessions), not_inferior_e(plan, sessions)
    limits = (1.0 / (plan.alpha * plan.harm_share), 1.0 / plan.alpha)

    def said(word: Word, reasons: Sequence[str], is_problem: bool = False) -> Verdict:
        return Verdict(word, tuple(reasons), is_problem, harm, limits[0], shown, limits[1])

    breaches = _breaches(evidence, phase)
    if harm >= limits[0]:
        breaches.append(f"dearer than the champion: e-value {harm:.3g} of {limits[0]:.3g}")
    if breaches:
        return said("roll_back", breaches)
    if problems := _problems(evidence, phase):
        return said("hold", problems, is_problem=True)
    if evidence.drift == "ask":
        return said("ask", [f"drift: {evidence.drift_reason}"])
    waiting = [*_shortfalls(phase, sessions), *_not_shown(phase, harm, shown, limits[1])]
    if waiting and len(sessions) >= plan.sessions_most:
        return said("ask", [f"{len(sessions)} sessions and still waiting: {'; '.join(waiting)}"])
    if waiting:
        return said("hold", waiting)
    return said("advance", [_passed(phase, sessions, harm, shown)])


def _passed(phase: Phase, sessions: Sequence[SessionEvidence], harm: float, shown: float) -> str:
    mine = [one for one in sessions if one.phase == phase.name]
    units = sum(one.units.get("challenger", 0) for one in mine)
    return (
        f"{phase.name} passed: {len(mine)} sessions, {units} units; e-value of harm {harm:.3g}, "
        f"of not inferior {shown:.3g}"
    )
