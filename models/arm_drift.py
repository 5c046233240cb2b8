"""Which of two arms stands further from today? Each is held against what it learned from, never against the other's.

    features      Kolmogorov distance by local hour, today against the arm's own training window (`models/drift.py`)
    calibration   sum over deciles |realised - predicted| / sum |predicted|: today's moves against what the arm said
    actions       half the sum of |share today - share before| over wait, join, improve, cross (total variation)

Each has a threshold from its own history: the quantile that alarms about once a quarter over the three kinds together;
below 125 sessions there is none, and what is said is "uncalibrated, advisory". After a change of regime the champion is
usually the further one, and a gate that then held the rollout would protect the stale model. So the rollout is held
only where the challenger is beyond its threshold and further than the champion; where the champion is, or both are
alike, a person is asked. A figure that is missing where there is a threshold holds: the challenger's is not known.

What it is not: a reason to retrain, to promote or to roll back. Costs decide about those (`models/rollout/verdict.py`).

    >>> far, near = (ArmReadings("x", "v", "", (Reading("features", figure, 0.2, 200, ""),)) for figure in (0.3, 0.1))
    >>> judge_arm_drift(near, far).verdict, judge_arm_drift(far, near).verdict, judge_arm_drift(near, near).verdict
    ('hold', 'ask', 'pass')
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.drift import MINIMUM_SESSIONS, alarm_threshold
from models.policy import ACTIONS
from models.signal import decile_table

Float = npt.NDArray[np.float64]
Word = Literal["pass", "hold", "ask", "note"]
KINDS = ("features", "calibration", "actions")
LEAST_ROWS = 500
"""Fifty moves in each tenth: their mean is known to a seventh of the spread of one."""
LEAST_DECISIONS = 200
"""A share of one in four is known to three points."""


@dataclass(frozen=True)
class Reading:
    """One kind of distance of one arm. figure: None where nothing can be said. threshold: None uncalibrated.

    sessions: of history. words: what was found, or why nothing was.
    """

    kind: str
    figure: float | None
    threshold: float | None
    sessions: int
    words: str

    @property
    def is_calibrated(self) -> bool:
        return self.threshold is not None

    @property
    def is_beyond(self) -> bool:
        return self.figure is not None and self.threshold is not None and self.figure > self.threshold


@dataclass(frozen=True)
class ArmReadings:
    """An arm: its version, what it was trained on, and its distances from today."""

    arm: str
    version: str
    window: str
    readings: tuple[Reading, ...]

    def of(self, kind: str) -> Reading | None:
        """The reading of a kind, None where it was not taken."""
        return next((one for one in self.readings if one.kind == kind), None)


@dataclass(frozen=True)
class ArmDrift:
    """What the rollout is told. figure, threshold: of the reading that decided, the challenger's where both speak."""

    verdict: Word
    reason: str
    figure: float | None
    threshold: float | None


def calibration_error(predicted: Float, realised: Float) -> float:
    """Relative gap between predicted and realised moves (n) by tenth of the predictions; NaN for too few or nothing."""
    known = np.isfinite(predicted) & np.isfinite(realised)
    if known.sum() < LEAST_ROWS:
        return math.nan
    table = np.array(decile_table(predicted[known], realised[known]), np.float64)
    said = np.abs(table[:, 0]).sum()
    return float(np.abs(table[:, 1] - table[:, 0]).sum() / said) if said > 0.0 else math.nan


def action_shares(counts: Float) -> Float:
    """Counts (..., 4) of wait, join, improve, cross as shares; NaN where there are too few decisions."""
    total = counts.sum(axis=-1, keepdims=True)
    shares: Float = np.where(total >= LEAST_DECISIONS, counts / np.maximum(total, 1.0), np.nan)
    return shares


def action_distance(before: Float, today: Float) -> float:
    """Total variation between two mixes of actions, counts (4) each: 0 alike, 1 nothing in common; NaN for too few."""
    return float(0.5 * np.abs(action_shares(before) - action_shares(today)).sum())


def reading(kind: str, figure: float, history: Sequence[float], words: str) -> Reading:
    """A figure with the threshold of its own history: figures of earlier sessions of the same recipe."""
    past = np.array([one for one in history if math.isfinite(one)], np.float64)
    threshold = alarm_threshold(past, kinds=len(KINDS))
    return Reading(kind, figure if math.isfinite(figure) else None, threshold, len(past), words)


def mix_words(counts: Float) -> str:
    """Shares of the actions, in words."""
    total = max(1.0, float(counts.sum()))
    return ", ".join(
        f"{name} {count / total:.0%}".replace("%", " %") for name, count in zip(ACTIONS, counts, strict=True)
    )


def _said(arm: ArmReadings, one: Reading) -> str:
    figure = "no figure" if one.figure is None else f"{one.figure:.3f}"
    limit = f"uncalibrated, {one.sessions} of {MINIMUM_SESSIONS} sessions"
    if one.threshold is not None:
        limit = f"{'beyond' if one.is_beyond else 'within'} {one.threshold:.3f}"
    return f"{arm.arm} {arm.version} {one.kind} {figure} ({limit}){'; ' + one.words if one.words else ''}"


def _is_further(challenger: Reading, champion: Reading | None) -> bool:
    """Whether the challenger's distance is the larger one; an arm that learned from nothing is never further."""
    if champion is None or champion.figure is None:
        return True
    return challenger.figure is not None and challenger.figure > champion.figure


def _answer(word: Word, arm: ArmReadings, one: Reading, why: str) -> ArmDrift:
    return ArmDrift(word, f"{why}: {_said(arm, one)}", one.figure, one.threshold)


def _worst(arm: ArmReadings | None) -> list[Reading]:
    """Readings beyond their threshold, the furthest beyond it first."""
    beyond = [] if arm is None else [one for one in arm.readings if one.is_beyond]
    return sorted(beyond, key=lambda one: -((one.figure or 0.0) / (one.threshold or 1.0)))


def _held(champion: ArmReadings | None, challenger: ArmReadings) -> ArmDrift | None:
    """The challenger beyond its threshold and the further one; None where it is not."""
    for one in _worst(challenger):
        if _is_further(one, None if champion is None else champion.of(one.kind)):
            return _answer("hold", challenger, one, "the challenger is the further one")
    return None


def _asked(arms: Sequence[ArmReadings]) -> ArmDrift | None:
    """Any arm beyond its threshold, the challenger not being the further one."""
    for arm in arms:
        for one in _worst(arm):
            why = f"the {arm.arm} is beyond its threshold"
            return _answer("ask", arm, one, f"{why}, the challenger is not the further one" if len(arms) > 1 else why)
    return None


def _unknown(challenger: ArmReadings) -> ArmDrift | None:
    """A figure that should be there and is not."""
    for one in challenger.readings:
        if one.is_calibrated and one.figure is None:
            return _answer("hold", challenger, one, "the challenger's distance is not known")
    return None


def judge_arm_drift(champion: ArmReadings | None, challenger: ArmReadings | None) -> ArmDrift:
    """The verdict on both arms. champion None: the benchmark policy, which learned from nothing."""
    arms = [arm for arm in (challenger, champion) if arm is not None]
    readings = [(arm, one) for arm in arms for one in arm.readings]
    if not readings:
        return ArmDrift("note", "no arm runs a version that learned from anything", None, None)
    held = None if challenger is None else _held(champion, challenger)
    unknown = None if challenger is None else _unknown(challenger)
    if (found := held or _asked(arms) or unknown) is not None:
        return found
    told, first = "; ".join(_said(arm, one) for arm, one in readings), readings[0][1]
    if not any(one.is_calibrated for _, one in readings):
        return ArmDrift("note", f"uncalibrated, advisory: {told}", first.figure, None)
    return ArmDrift("pass", told, first.figure, first.threshold)
