"""What can happen to a market's production, as events of the ledger: kind and payload. Data only.

Every event of a market stands in one stream of the ledger, named like the market, so that appending at the expected
place is the compare-and-swap for everything that may change who trades: one rollout at a time, one champion, one kill.
People stand in the stream `people`, what the desk's operator is told in `alerts`.

An event says what was decided, never what should be done about it: snapshot, stop files, aliases and pages follow from
the folded state. Payloads hold JSON's own types; instants are ISO 8601 in UTC, sessions `YYYY-MM-DD`, digests hex.

    >>> EVENT_KINDS["killed"]
    ('scope', 'subject', 'person', 'reason', 'stop_id', 'epoch')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVENT_KINDS: dict[str, tuple[str, ...]] = {
    "market_opened": ("market", "currency", "version", "digest", "purpose"),
    "accounts_changed": ("accounts", "person", "reason", "epoch"),
    "recipe_proposed": ("recipe_id", "name", "authors", "revision", "change_class", "approvals", "reason"),
    "report_recorded": ("recipe_id", "person", "report_sha256", "expires_on", "summary"),
    "rollout_drafted": (
        "rollout_id", "recipe_id", "version", "digest", "authors", "change_class", "plan", "plan_sha256", "salt",
        "attempt", "probe_sha256",
    ),
    "gate_judged": ("rollout_id", "version", "verdict", "evidence_sha256", "reasons", "night", "error_spent"),
    "overridden": ("rollout_id", "what", "persons", "reason", "approval_ids"),
    "approval_used": (
        "rollout_id", "approval_id", "card_id", "from_phase", "to_phase", "decision", "person", "reason",
        "card_sha256", "issued_at", "expires_at",
    ),
    "approval_refused": ("rollout_id", "approval_id", "card_id", "person", "why"),
    "card_opened": ("rollout_id", "card_id", "card_sha256", "from_phase", "to_phase", "approvals", "expires_at"),
    "phase_entered": ("rollout_id", "phase", "share", "session", "epoch", "limits_sha256"),
    "session_judged": ("rollout_id", "phase", "session", "evidence_sha256", "evidence", "verdict", "reasons"),
    "held": ("rollout_id", "phase", "session", "reasons"),
    "released": ("rollout_id", "phase", "session"),
    "asked": ("rollout_id", "phase", "session", "reasons"),
    "rollback_started": ("rollout_id", "version", "trigger", "person", "reasons", "epoch", "stop_id"),
    "rolled_back": ("rollout_id", "version", "read_back_at", "last_child_at", "last_cancel_at", "desks"),
    "rejected": ("rollout_id", "person", "reason", "epoch"),
    "expired": ("rollout_id", "reason", "epoch"),
    "superseded": ("rollout_id", "by", "epoch"),
    "completed": ("rollout_id", "version", "digest", "recipe_id", "session", "epoch", "margin_bps", "read_back_at"),
    "refit_judged": ("recipe_id", "version", "digest", "arm", "night", "is_inside", "reasons", "change_from_approved"),
    "refit_live": ("recipe_id", "version", "digest", "arm", "session", "epoch"),
    "champion_judged": ("session", "evidence_sha256", "evidence", "verdict", "reasons"),
    "fell_back": ("version", "digest", "person", "reasons", "epoch", "from_version", "stop_id"),
    "killed": ("scope", "subject", "person", "reason", "stop_id", "epoch"),
    "residual_listed": ("stop_id", "person", "parents"),
    "residual_acknowledged": ("stop_id", "person"),
    "resumed": ("scope", "subject", "person", "reason", "stop_id", "epoch"),
    "throttle_released": ("version", "person", "reason"),
    "alias_restored": ("alias", "found", "expected"),
    "control_tested": ("control", "result", "detail"),
}  # fmt: skip
"""Kind -> names of its payload, all of them required."""

PHASE_STATES = {
    "shadow": "SHADOW",
    "canary_1": "CANARY",
    "canary_5": "CANARY",
    "canary_10": "CANARY",
    "expand_25": "EXPAND",
    "expand_50": "EXPAND",
    "baking": "BAKING",
}
ENDED = ("ROLLED_BACK", "REJECTED", "EXPIRED", "SUPERSEDED", "KILLED", "COMPLETE")


@dataclass(frozen=True)
class Event:
    """One event, before or after it is in the ledger. Raises ValueError for an unknown kind or another payload."""

    kind: str
    payload: Mapping[str, Any]

    def __post_init__(self) -> None:
        wanted = EVENT_KINDS.get(self.kind)
        if wanted is None:
            raise ValueError(f"unknown event {self.kind}; allowed: {', '.join(EVENT_KINDS)}")
        if set(self.payload) != set(wanted):
            missing, extra = sorted(set(wanted) - set(self.payload)), sorted(set(self.payload) - set(wanted))
            raise ValueError(f"event {self.kind}: missing {missing}, unknown {extra}")
