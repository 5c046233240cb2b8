"""What each arm did in a session, counted: the input of the guardrails. Counts only, no verdicts.

A unit (account or basket, symbol, side, session) counts once in the arm it was assigned to, whatever became of it:
overridden, rejected, rolled back. What nobody counted is NaN, never 0: the guardrail that reads it then holds.

Order-behaviour counts follow what a venue's surveillance looks at (ESMA/2015/1464 annex on layering and spoofing, RTS 9
on order-to-trade ratios): children cancelled without a fill, children that lived briefly, children against their
parent's own side, and children posted while the same account rested on the other side of the same symbol.

    >>> ArmCounts(units=40.0, scored_units=39.0).tail_units
    nan
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
NS = 1e9
BRIEF_SECONDS = 1.0
"""Withdrawn within a second: there to be seen, not to be traded. No policy here decides more often than each 30 s."""


@dataclass(frozen=True)
class ArmCounts:
    """One arm in one session; NaN where not known.

    units: assigned. scored_units: with a cost. tail_units: with an order dearer than the champion's historic 99 %
    quantile, uncut. incomplete_units: not done at the instructed end. reject_units: with a child that a venue refused.
    child_orders, filled_children, cancels: sent, filled at least in part, cancelled without any fill. brief_cancels:
    of these within `BRIEF_SECONDS`. opposite_children: against the side of their parent. both_side_children: posted
    while the same account rested on the other side of the symbol. limit_breaches: children beyond a limit of the
    version. decisions, latency_p99_ms: how many and how long. closing_share: own share of the volume of the closing
    minutes, in the symbol where it is largest.
    """

    units: float = math.nan
    scored_units: float = math.nan
    tail_units: float = math.nan
    incomplete_units: float = math.nan
    reject_units: float = math.nan
    child_orders: float = math.nan
    filled_children: float = math.nan
    cancels: float = math.nan
    brief_cancels: float = math.nan
    opposite_children: float = math.nan
    both_side_children: float = math.nan
    limit_breaches: float = math.nan
    decisions: float = math.nan
    latency_p99_ms: float = math.nan
    closing_share: float = math.nan


@dataclass(frozen=True)
class SessionCounts:
    """Both arms in one session. share: planned share of the challenger among the units of the two arms, 0 in shadow.

    skew_checked, skew_wrong: served feature vectors that were recomputed, and those that differed in any bit.
    own_matches: fills of one arm against another. missing: what should have come and did not, in words.
    difference_bps, variance, excess_notional: score, its planned variance, and extra cost in currency.
    """

    session: str
    share: float
    challenger: ArmCounts
    champion: ArmCounts
    own_matches: float = math.nan
    skew_checked: float = math.nan
    skew_wrong: float = math.nan
    missing: tuple[str, ...] = ()
    difference_bps: float = math.nan
    variance: float = math.nan
    excess_notional: float = math.nan


def _arm_from(told: Mapping[str, Any]) -> ArmCounts:
    return ArmCounts(**{name: math.nan if value is None else float(value) for name, value in told.items()})


def counts_from(told: Mapping[str, Any]) -> SessionCounts:
    """Counts from what `asdict` or JSON told, None for NaN. Raises TypeError for a missing or unknown field."""
    kept = {"session", "share", "challenger", "champion", "missing"}
    numbers = {name: math.nan if value is None else float(value) for name, value in told.items() if name not in kept}
    return SessionCounts(
        session=told["session"],
        share=float(told["share"]),
        challenger=_arm_from(told["challenger"]),
        champion=_arm_from(told["champion"]),
        missing=tuple(told.get("missing", ())),
        **numbers,
    )


@dataclass(frozen=True)
class Children:
    """Child orders of one arm in one session, (n) each. group: number of (account, symbol). sides are +1 and -1."""

    group: Long
    side: Float
    parent_side: Float
    sent_ns: Long
    ended_ns: Long
    filled_shares: Float
    is_cancelled: npt.NDArray[np.bool_]


def both_side_children(children: Children) -> int:
    """Children sent while the same account rested on the other side of the same symbol (from sent to ended)."""
    found = 0
    for group in np.unique(children.group):
        member = children.group == group
        side, sent, ended = children.side[member], children.sent_ns[member], children.ended_ns[member]
        for own in (1.0, -1.0):
            mine, other = side == own, side == -own
            starts, ends = np.sort(sent[other]), np.sort(ended[other])
            at = sent[mine]
            resting = np.searchsorted(starts, at, side="right") - np.searchsorted(ends, at, side="right")
            found += int((resting > 0).sum())
    return found


def behaviour_of(children: Children) -> Mapping[str, float]:
    """The fields of `ArmCounts` that follow from child orders; all 0 for an arm that sent nothing."""
    is_bare = children.is_cancelled & (children.filled_shares <= 0.0)
    lived_seconds = (children.ended_ns - children.sent_ns) / NS
    return {
        "child_orders": float(len(children.side)),
        "filled_children": float((children.filled_shares > 0.0).sum()),
        "cancels": float(is_bare.sum()),
        "brief_cancels": float((is_bare & (lived_seconds < BRIEF_SECONDS)).sum()),
        "opposite_children": float((children.side != children.parent_side).sum()),
        "both_side_children": float(both_side_children(children)),
    }


ARM_FIELDS = tuple(one.name for one in fields(ArmCounts))
