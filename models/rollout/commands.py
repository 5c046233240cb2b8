"""What somebody, or the evening, wants done: the input of `decide`. Data only; nothing is true until it is an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.rollout.evidence import SessionEvidence
from models.rollout.plan import Plan
from models.rollout.state import Arm

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class OpenMarket:
    """First entry of a market: the benchmark policy is its champion."""

    currency: str
    benchmark: Arm
    purpose: str


@dataclass(frozen=True)
class OptIn:
    """Clients whose orders may be drawn into arms: the whole list, as it stands from now on."""

    accounts: tuple[str, ...]
    person: str
    reason: str


@dataclass(frozen=True)
class RecordReport:
    """An independent validation report. Its writer is not an author; `decide` refuses another."""

    recipe_id: str
    person: str
    report_sha256: str
    expires_on: str
    summary: str


@dataclass(frozen=True)
class Draft:
    """Put a recipe on trial. proposal: payload of `recipe_proposed`, without which nobody knows what it is."""

    proposal: Payload
    arm: Arm
    plan: Plan
    salt: str
    probe_sha256: str


@dataclass(frozen=True)
class RecordGate:
    """The gate's word on tonight's refit of the recipe on trial. error_spent: part of the recipe's quarterly alpha."""

    verdict: str
    version: str
    night: str
    evidence_sha256: str
    reasons: tuple[str, ...]
    error_spent: float


@dataclass(frozen=True)
class ReadBack:
    """Whether every desk runs what is routed. missing: desks that do not, in words. at: when it was known."""

    is_done: bool
    at: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evening:
    """After a session: its evidence (None where no phase ran), approvals that were verified, what desks report.

    approvals: payloads of `approval_used`, verified by the approval service against the facts of now. next_session: the
    session on which what is decided takes effect. champion: evidence on the champion against its hold-out.
    """

    session: str
    next_session: str
    evidence: SessionEvidence | None
    approvals: tuple[Payload, ...]
    read_back: ReadBack
    champion: SessionEvidence | None = None


@dataclass(frozen=True)
class RollBack:
    """Take a version out at once. trigger: automatic or person. Needs no approval and no gate."""

    version: str
    trigger: str
    person: str
    reasons: tuple[str, ...]
    stop_id: str


@dataclass(frozen=True)
class ConfirmRollback:
    """The desks own nothing of the version any more: last child order and last acknowledged cancel, by read-back."""

    read_back_at: str
    last_child_at: str
    last_cancel_at: str
    desks: tuple[str, ...]


@dataclass(frozen=True)
class Kill:
    """Stop all child orders of a version, a symbol, or everything."""

    scope: str
    subject: str
    person: str
    reason: str
    stop_id: str


@dataclass(frozen=True)
class Resume:
    """A designated person lifts a kill."""

    stop_id: str
    person: str
    reason: str


@dataclass(frozen=True)
class Forget:
    """A designated person takes away a stop that the ledger never had in force: of a mistyped version, say."""

    stop_id: str
    scope: str
    subject: str
    person: str
    reason: str


@dataclass(frozen=True)
class JudgeRefit:
    """Tonight's refit of an arm against its approved envelope; inside, it trades from `session` on."""

    arm: str
    refit: Arm
    night: str
    session: str
    is_inside: bool
    reasons: tuple[str, ...]
    change_from_approved: float


@dataclass(frozen=True)
class End:
    """End a rollout that does not trade: rejected, expired or superseded."""

    how: str
    person: str
    reason: str


@dataclass(frozen=True)
class Override:
    """Two persons let something through that the rules hold: the gate, or promotions after two rollbacks in a row."""

    what: str
    persons: tuple[str, ...]
    reason: str
    approval_ids: tuple[str, ...]


Command = (
    OpenMarket
    | OptIn
    | RecordReport
    | Draft
    | RecordGate
    | Evening
    | RollBack
    | ConfirmRollback
    | Kill
    | Resume
    | Forget
    | JudgeRefit
    | End
    | Override
)
