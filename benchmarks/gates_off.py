"""Gates of the evening taken off for a while, to see what each of them keeps out."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from unittest.mock import patch

from models import guardrails
from models.rollout import evening, verdict
from models.rollout.evidence import SessionEvidence
from models.rollout.state import RolloutState

HARM, DRIFT = "harm", "drift"
GATES = (HARM, DRIFT, *(row.name for row in guardrails.GUARDRAILS))
"""Every gate of an evening: the test of the cost, drift, and each guardrail."""


def _without_drift(rollout: RolloutState, evidence: SessionEvidence) -> verdict.Verdict:
    return verdict.judge(rollout, replace(evidence, drift="pass"))


def gate_off(name: str) -> AbstractContextManager[object]:
    """The evening without this gate, inside the block; an empty name takes nothing off.

    Raises ValueError for a gate that there is none of.
    """
    if name not in ("", *GATES):
        raise ValueError(f"no gate {name!r}, known: {', '.join(GATES)}")
    if name == HARM:
        return patch.object(verdict, "harm_e", lambda *_: 1.0)
    if name == DRIFT:
        return patch.object(evening, "judge", _without_drift)
    rows = tuple(row for row in guardrails.GUARDRAILS if row.name != name)
    return patch.object(guardrails, "GUARDRAILS", rows)
