"""What one session says about a rollout: scores in units, guardrails, what is missing. The evening's only input.

The score of a session is x = mean cost of the challenger's units less that of the champion's, within strata of size, in
bps of arrival price, cut at the plan's `winsor_bps`; v is its variance as planned before the session was seen (from
earlier sessions and the units assigned, never from the session's own costs). Units are counted by assigned arm,
overrides, rejects and rollbacks included; what an order cost includes the completion of its unfilled rest.

What it is not: proof by itself. Betting e-processes over the sessions of a rollout decide (`verdict.py`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from models.guardrail_counts import SessionCounts, counts_from


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


@dataclass(frozen=True)
class SessionEvidence:
    """One session of one phase, or of the champion alone (rollout_id and phase empty, counts None).

    units: arm -> units. large_units: challenger's units in the stratum of large orders. counts: what both arms did, the
    score among it. holdout_difference_bps, holdout_variance: champion less benchmark hold-out, None where there are no
    units of both. cost_bps: arm -> mean unit cost. drift: verdict on the two arms' drift, pass, hold, ask or note.
    missing: what should be there and is not, in words. tables: table -> version that was read.
    """

    session: str
    rollout_id: str
    phase: str
    version: str
    epoch: int
    units: Mapping[str, int]
    large_units: int
    counts: SessionCounts | None
    holdout_difference_bps: float | None
    holdout_variance: float | None
    cost_bps: Mapping[str, float]
    drift: str
    drift_reason: str
    missing: tuple[str, ...] = ()
    tables: Mapping[str, int] = field(default_factory=dict)

    @property
    def difference_bps(self) -> float | None:
        """The session's score, None where there is none or it is not finite."""
        return None if self.counts is None else _finite(self.counts.difference_bps)

    @property
    def variance(self) -> float | None:
        """Its planned variance, None where there is none, or none above nought."""
        found = None if self.counts is None else _finite(self.counts.variance)
        return found if found is not None and found > 0.0 else None

    @property
    def is_scored(self) -> bool:
        return self.difference_bps is not None and self.variance is not None

    def to_payload(self) -> dict[str, Any]:
        """JSON's own types; what is not finite becomes None."""
        found: dict[str, Any] = _plain(asdict(self))
        return found

    def digest(self) -> str:
        """SHA-256 of the canonical JSON: the same evidence has the same id however often it is made."""
        text = json.dumps(self.to_payload(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def evidence_from(told: Mapping[str, Any]) -> SessionEvidence:
    """Evidence from its payload. Raises TypeError for a missing or unknown field."""
    counts = None if told["counts"] is None else counts_from(told["counts"])
    return SessionEvidence(**{**told, "counts": counts, "missing": tuple(told["missing"])})
