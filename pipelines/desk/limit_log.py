"""Where a limit held a child order back on the paper desk, as rows of `limit_events`: one a child, the tightest limit.

A child that was cut went out within the limit, one that was forbidden not at all, so the log holds no breach; what
went out beyond a limit all the same is for the audit to find in `child_orders` (`limit_audit.py`). An output of a
version that is no number stands here too, under the decision that somebody else took instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.markets import Market
from models.limits_check import EVENT_NAMES, OUTPUT
from models.production import Production
from pipelines.desk.noun_rows import noun_rows

NOUN = "limit_events"
MOST_SENSELESS_SHARE = 0.001
"""One output in a thousand that is no number is a broken model, not a rare book."""

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HeldBack:
    """Events of one symbol, (e) each. parents, decisions: ids; shares; figures found and allowed, NaN where none is."""

    symbol: str
    parents: Sequence[str]
    decisions: Sequence[str]
    arms: Sequence[str]
    policy: Long
    limit: Long
    at_ns: Long
    asked_shares: Float
    sent_shares: Float
    figure: Float
    allowed: Float


def _finite(values: Float) -> Float:
    return np.where(np.isfinite(values), values, np.nan)


def _ids(parents: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for parent in parents:
        seen[parent] = seen.get(parent, 0) + 1
        found.append(f"{parent}-l{seen[parent]:03d}")
    return found


def limit_event_rows(market: Market, day: date, production: Production, held: Sequence[HeldBack]) -> pa.Table:
    """Rows of `limit_events` of a session, symbols in the order given."""
    policies, parts = production.policies, list[dict[str, Any]]()
    for one in held:
        count, which = len(one.limit), one.policy.tolist()
        parts.append({
            "limit_event_id": _ids(one.parents),
            "parent_order_id": list(one.parents),
            "decision_id": list(one.decisions),
            "symbol": [one.symbol] * count,
            "event_at_ns": one.at_ns,
            "policy_version": [policies[place].version for place in which],
            "policy_digest": [policies[place].digest for place in which],
            "arm": list(one.arms),
            "rollout_id": [production.rollout_id] * count,
            "phase": [production.phase] * count,
            "epoch": [production.epoch] * count,
            "limit_name": [EVENT_NAMES[place] for place in one.limit.tolist()],
            "figure": _finite(one.figure),
            "allowed": _finite(one.allowed),
            "asked_shares": one.asked_shares,
            "sent_shares": one.sent_shares,
        })  # fmt: skip
    return pa.concat_tables([noun_rows(NOUN, market, day, part) for part in parts]).combine_chunks()


def senseless_shares(events: pa.Table, decisions: pa.Table) -> dict[str, float]:
    """Version -> part of its decisions for which it gave no number. Above `MOST_SENSELESS_SHARE` somebody is told."""
    bad: dict[str, int] = {}
    for version, limit in zip(events["policy_version"].to_pylist(), events["limit_name"].to_pylist(), strict=True):
        bad[version] = bad.get(version, 0) + (limit == EVENT_NAMES[OUTPUT])
    made: dict[str, int] = {}
    for version in decisions["policy_version"].to_pylist():
        made[version] = made.get(version, 0) + 1
    return {version: count / (count + made.get(version, 0)) for version, count in bad.items() if count}
