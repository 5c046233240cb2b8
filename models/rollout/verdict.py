"""What an evening says of a rollout: advance, hold, roll back, or ask a person. Pure; worst word wins.

The binding tests are betting e-processes on session scores (`models/sequential.py`): valid however often one looks at
them, and without a variance model. Harm is looked for in all live sessions and, beside it, in those of each
phase, because crowding, a regime and a fading edge show late, when early sessions have piled up good evidence; the
stakes are shared (`log_e_by_part`), so looking twice costs a factor and no validity. "Not inferior" is the same test on
`margin - x`, and counts sessions of the phases with a quarter of the units or more.

What is missing, not finite or too little holds; it never passes. Figures that cannot be told apart go on waiting.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.guardrail_counts import SessionCounts
from models.guardrails import GuardrailTerms, Reading, read_guardrails
from models.rollout.evidence import SessionEvidence
from models.rollout.plan import Phase, Plan
from models.rollout.state import RolloutState
from models.sequential import e_limit, log_e_betting, log_e_by_part

Word = Literal["advance", "hold", "roll_back", "ask"]
CAUTION_E = 3.0
"""Evidence of harm of three to one keeps a small phase from growing: cheap, and far below the level that ends it."""
LEANING_E = 5.0
"""Five to one for "not inferior" before half of the units: a wrong step costs a few sessions at that share."""
EVIDENCE_SHARE = 0.25
"""Phases below a quarter of the units find faults; their cost says nothing for "not inferior"."""


@dataclass(frozen=True)
class Verdict:
    """One of four words with its reasons. is_problem: a hold because something is wrong, not because it is early.

    harm_e, not_inferior_e: e-values; harm_limit, not_inferior_limit: where they decide. readings: the guardrails.
    """

    word: Word
    reasons: tuple[str, ...]
    is_problem: bool
    harm_e: float
    harm_limit: float
    not_inferior_e: float
    not_inferior_limit: float
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class _Scores:
    x: np.ndarray[tuple[int], np.dtype[np.float64]]
    v: np.ndarray[tuple[int], np.dtype[np.float64]]


def _scores(sessions: Sequence[SessionEvidence], winsor_bps: float) -> _Scores:
    """Cut scores and planned variances of the sessions that have both."""
    pairs = [(one.difference_bps, one.variance) for one in sessions if one.is_scored]
    found = np.array(pairs, np.float64).reshape(-1, 2)
    return _Scores(np.clip(found[:, 0], -winsor_bps, winsor_bps), found[:, 1])


def _e_value(scores: _Scores) -> float:
    """E-value of "the mean is above nought"; 1 without sessions."""
    return 1.0 if len(scores.x) == 0 else _bounded(float(log_e_betting(scores.x, scores.v)))


def _bounded(log_e: float) -> float:
    """The e-value of its logarithm, as far as a double reaches."""
    return math.exp(min(700.0, log_e))


def harm_e(plan: Plan, sessions: Sequence[SessionEvidence]) -> float:
    """E-value of "dearer than the champion" in all live sessions, or in those of any one phase."""
    phases = [phase.name for phase in plan.phases if phase.share > 0.0]
    live = [one for one in sessions if one.is_scored and one.phase in phases]
    if not live:
        return 1.0
    scores = _scores(live, plan.winsor_bps)
    parts = [phases.index(one.phase) for one in live]
    return _bounded(log_e_by_part(scores.x, scores.v, parts, len(phases)))


def not_inferior_e(plan: Plan, sessions: Sequence[SessionEvidence]) -> float:
    """E-value of "dearer by less than the margin", over phases that are evidence on cost."""
    scores = _scores([one for one in sessions if _share(plan, one) >= EVIDENCE_SHARE], plan.winsor_bps)
    return _e_value(_Scores(plan.margin_bps - scores.x, scores.v))


def _share(plan: Plan, evidence: SessionEvidence) -> float:
    return plan.phase(evidence.phase).share


def _counts(sessions: Sequence[SessionEvidence]) -> list[SessionCounts]:
    """Counts by session, oldest first; earlier ones of which something was missing are left out, the last never."""
    earlier = [
        one.counts for one in sessions[:-1] if one.counts is not None and not one.missing and not one.counts.missing
    ]
    last = sessions[-1].counts
    return [*earlier, *([] if last is None else [last])]


def _readings(plan: Plan, phase: Phase, sessions: Sequence[SessionEvidence]) -> tuple[Reading, ...]:
    counts = _counts(sessions)
    if sessions[-1].counts is None:
        return ()
    terms = GuardrailTerms(plan.alpha, plan.guardrail_share, phase.limits.stop_notional)
    return read_guardrails(counts, terms)


def _problems(evidence: SessionEvidence, phase: Phase, readings: Sequence[Reading]) -> list[str]:
    found = [f"missing: {one}" for one in evidence.missing]
    if evidence.counts is None:
        found.append("nothing was counted")
    found += [reading.reason for reading in readings if reading.verdict == "hold" and not reading.is_early]
    if phase.share > 0.0:
        found += [f"no units in the {arm} arm" for arm in ("challenger", "champion") if not evidence.units.get(arm)]
        found += [] if evidence.is_scored else ["no score for the session: a figure is missing or not finite"]
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
    harm, shown = harm_e(plan, sessions), not_inferior_e(plan, sessions)
    limits = (e_limit(plan.alpha, plan.harm_share), e_limit(plan.alpha))
    readings = _readings(plan, phase, sessions)

    def said(word: Word, reasons: Sequence[str], is_problem: bool = False) -> Verdict:
        return Verdict(word, tuple(reasons), is_problem, harm, limits[0], shown, limits[1], readings)

    breaches = [reading.reason for reading in readings if reading.verdict == "breach"]
    if harm >= limits[0]:
        breaches.append(f"dearer than the champion: e-value {harm:.3g} of {limits[0]:.3g}")
    if breaches:
        return said("roll_back", breaches)
    if problems := _problems(evidence, phase, readings):
        return said("hold", problems, is_problem=True)
    if evidence.drift == "ask":
        return said("ask", [f"drift: {evidence.drift_reason}"])
    early = [reading.reason for reading in readings if reading.verdict == "hold" and phase.share > 0.0]
    waiting = [*_shortfalls(phase, sessions), *_not_shown(phase, harm, shown, limits[1]), *early]
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
