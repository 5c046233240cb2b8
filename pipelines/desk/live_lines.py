"""What a desk's journal says of a decision, of a limit and of a child's end, as plain values."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import datetime
from typing import Any

from models.policy import ACTIONS
from pipelines.desk.live_children import Child
from pipelines.desk.live_choice import Choice, Route
from pipelines.desk.live_decide import Action
from pipelines.desk.live_limits import Allowed
from pipelines.desk.live_parents import Parent


def decided_line(
    parent: Parent, choice: Choice, action: Action, route: Route, second: int, wall: datetime
) -> dict[str, Any]:
    """One decision: who took it, under which routing, and why it was not the arm's own version where it was not."""
    facts, assigned, usable, snapshot = parent.facts, parent.assigned, choice.usable, route.snapshot
    return {
        "decision_id": f"{facts.parent_order_id}-d{parent.decisions:03d}",
        "parent_order_id": facts.parent_order_id,
        "symbol": facts.symbol,
        "second": second,
        "version": parent.version,
        "digest": usable.digest if usable else "",
        "action": ACTIONS[action.action],
        "lots": action.lots,
        "signal_bps": None if math.isnan(action.signal_bps) else action.signal_bps,
        "arm": assigned.arm if assigned else "",
        "rollout_id": snapshot.rollout_id,
        "phase": snapshot.phase,
        "epoch": snapshot.epoch,
        "why": list(choice.why),
        "wall": wall.isoformat(),
    }


def limited_line(
    parent: Parent, route: Route, limited: tuple[str, str, str], allowed: Allowed, asked: int, why: str | None
) -> dict[str, Any]:
    """A limit that said less than was asked, or an output that is no number. limited: decision, version, digest.

    why: the version is stopped by it, None: only this child was held back.
    """
    facts, snapshot = parent.facts, route.snapshot
    decision_id, version, digest = limited
    return {
        "parent_order_id": facts.parent_order_id,
        "symbol": facts.symbol,
        "decision_id": decision_id,
        "version": version,
        "digest": digest,
        "arm": parent.assigned.arm if parent.assigned else "",
        "rollout_id": snapshot.rollout_id,
        "phase": snapshot.phase,
        "epoch": snapshot.epoch,
        "limit": allowed.limit,
        "figure": _finite(allowed.figure),
        "most": _finite(allowed.most),
        "asked": asked,
        "sent": allowed.lots,
        "stopped": why,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def ended_line(child: Child) -> dict[str, Any]:
    """What became of a child."""
    return {
        "child_id": child.sent.order.child_id,
        "version": child.sent.version,
        "place": child.place,
        "arrived_at": child.arrived_at,
        "ended_at": child.ended_at,
        "reason": child.reason,
        "fills": [asdict(fill) for fill in child.fills],
    }
