"""Scores, e-values and guardrails of a rollout after each of its sessions: the same functions that decide. Pure.

>>> limits_of(0.05, 0.5)
(40.0, 20.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.guardrails import GUARDRAILS
from models.rollout.state import JudgedSession, RolloutState
from models.rollout.verdict import Verdict, harm_e, judge, not_inferior_e
from models.sequential import confidence_sequence, e_limit
from pipelines.rollout_page.view import ELine, GuardrailLine, ScorePoint, UnitPoint

HARM, SHOWN = "dearer than the champion", "not inferior"
ROLLS_BACK, HOLDS, LETS_ON = "rolls back at", "holds at", "lets on at"


def limits_of(alpha: float, harm_share: float) -> tuple[float, float]:
    """Where harm rolls back, and where "not inferior" lets on."""
    return e_limit(alpha, harm_share), e_limit(alpha)


def _interval(rollout: RolloutState) -> dict[str, tuple[float, float]]:
    """Session -> confidence sequence over the scored sessions of live phases up to it."""
    live = {phase.name for phase in rollout.plan.phases if phase.share > 0.0}
    scored = [one.evidence for one in rollout.sessions if one.evidence.is_scored and one.evidence.phase in live]
    if not scored:
        return {}
    pairs = np.array([(one.difference_bps, one.variance) for one in scored], np.float64)
    winsor = rollout.plan.winsor_bps
    low, high = confidence_sequence(np.clip(pairs[:, 0], -winsor, winsor), pairs[:, 1], rollout.plan.alpha)
    return {one.session: (float(a), float(b)) for one, a, b in zip(scored, low, high, strict=True)}


def score_points(rollout: RolloutState) -> tuple[ScorePoint, ...]:
    """A point a session; what is not finite has no score."""
    interval = _interval(rollout)
    found = []
    for one in rollout.sessions:
        low, high = interval.get(one.evidence.session, (None, None))
        session, phase = one.evidence.session, one.evidence.phase
        found.append(ScorePoint(session, phase, one.evidence.difference_bps, low, high, one.verdict))
    return tuple(found)


def unit_points(sessions: Sequence[JudgedSession]) -> tuple[UnitPoint, ...]:
    """Units by arm, session by session."""
    return tuple(
        UnitPoint(
            one.evidence.session, one.evidence.phase,
            *(int(one.evidence.units.get(arm, 0)) for arm in ("challenger", "champion", "benchmark")),
        )
        for one in sessions
    )  # fmt: skip


def _judged(rollout: RolloutState) -> list[tuple[str, Verdict]]:
    """Session -> the evening's word as it can be computed again from what was known then."""
    found = []
    for place, one in enumerate(rollout.sessions):
        then = replace(rollout, sessions=rollout.sessions[:place])
        found.append((one.evidence.session, judge(then, one.evidence)))
    return found


def e_lines(rollout: RolloutState) -> tuple[ELine, ...]:
    """The two tests on cost, then every guardrail that has an e-value."""
    plan, evidence = rollout.plan, [one.evidence for one in rollout.sessions]
    harm_limit, shown_limit = limits_of(plan.alpha, plan.harm_share)
    names = [one.session for one in evidence]
    harm = tuple((name, harm_e(plan, evidence[: n + 1])) for n, name in enumerate(names))
    shown = tuple((name, not_inferior_e(plan, evidence[: n + 1])) for n, name in enumerate(names))
    found = [ELine(HARM, ROLLS_BACK, harm_limit, harm), ELine(SHOWN, LETS_ON, shown_limit, shown)]
    return (*found, *_guardrail_tests(rollout))


def _guardrail_tests(rollout: RolloutState) -> list[ELine]:
    points: dict[str, list[tuple[str, float]]] = {}
    limits: dict[str, float] = {}
    for session, verdict in _judged(rollout):
        for reading in verdict.readings:
            if reading.e_value is not None and reading.limit is not None:
                points.setdefault(reading.name, []).append((session, reading.e_value))
                limits[reading.name] = reading.limit
    ends = {row.name for row in GUARDRAILS if row.weight > 0.0}
    return [
        ELine(name, ROLLS_BACK if name in ends else HOLDS, limits[name], tuple(found)) for name, found in points.items()
    ]


def guardrail_lines(rollout: RolloutState) -> tuple[GuardrailLine, ...]:
    """Every guardrail on the last session; those that break or hold first."""
    if not rollout.sessions:
        return ()
    then = replace(rollout, sessions=rollout.sessions[:-1])
    readings = judge(then, rollout.sessions[-1].evidence).readings
    order = {"breach": 0, "hold": 1, "pass": 2}
    lines = (
        GuardrailLine(
            one.name, one.verdict, one.figure, one.limit, one.e_value, one.reason.removeprefix(f"{one.name}: "),
            one.because,
        )
        for one in readings
    )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: order[line.verdict]))
