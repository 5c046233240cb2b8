"""Cards and approvals: what a person is shown, what they answered, and every reason why an answer may not be used.
Pure.

    card digest   = SHA-256 of the card's canonical JSON: rollout, phases, recipe, version, digests of evidence, limits
    and
                    plan, head of the ledger, authors, what was shown
    code          = first digits of HMAC-SHA256(person's secret, card digest ‖ decision): worthless for anything else
    approval      = record signed by our own service (Ed25519) after it has authenticated the person

An approval is used once, within a day, by the phase and the facts that were on the card. Believed are neither the state
of a task nor what passed through Airflow; `approval_faults` is asked again when the approval is used.

    >>> card = Card("c1", "sample.r1", "sample", "shadow", "canary_10", 1, "r1", "sample.execution/5", "d5", "p", "e",
    ...             "l", 7, "h", ("ada",), "2026-11-20T21:00:00Z", "2026-11-21T21:00:00Z", {})
    >>> code_for("secret", card.digest(), "approve") == code_for("secret", card.digest(), "reject")
    False
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

DECISIONS = ("approve", "reject")
APPROVERS = ("approver", "risk")
CODE_DIGITS = 12
"""Sixty bits: five wrong tries lock a card for a person, so guessing is one in 2e17."""
VALID_HOURS = 24


@dataclass(frozen=True)
class Card:
    """One question to persons. ledger_sequence, ledger_hash: head of the ledger when it was opened. shown: its text."""

    card_id: str
    rollout_id: str
    market: str
    from_phase: str
    to_phase: str
    approvals: int
    recipe_id: str
    version: str
    digest_of_version: str
    plan_sha256: str
    evidence_sha256: str
    limits_sha256: str
    ledger_sequence: int
    ledger_hash: str
    authors: tuple[str, ...]
    opened_at: str
    expires_at: str
    shown: Mapping[str, Any]

    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def card_from(told: Mapping[str, Any]) -> Card:
    """A card from its payload. Raises TypeError for a missing or unknown field."""
    return Card(**{**told, "authors": tuple(told["authors"])})


@dataclass(frozen=True)
class Approval:
    """One signed answer. nonce makes it single; evidence, limits, plan and version are the card's."""

    approval_id: str
    card_id: str
    card_sha256: str
    rollout_id: str
    market: str
    from_phase: str
    to_phase: str
    recipe_id: str
    version: str
    digest_of_version: str
    plan_sha256: str
    evidence_sha256: str
    limits_sha256: str
    ledger_sequence: int
    ledger_hash: str
    decision: str
    person: str
    roles: tuple[str, ...]
    reason: str
    via: str
    issued_at: str
    expires_at: str


def approval_of(card: Card, person: str, roles: tuple[str, ...], **answer: str) -> Approval:
    """The record of an answer: approval_id, decision, reason, via, issued_at, expires_at are the answer's own."""
    return Approval(
        card_id=card.card_id, card_sha256=card.digest(), rollout_id=card.rollout_id, market=card.market,
        from_phase=card.from_phase, to_phase=card.to_phase, recipe_id=card.recipe_id, version=card.version,
        digest_of_version=card.digest_of_version, plan_sha256=card.plan_sha256, evidence_sha256=card.evidence_sha256,
        limits_sha256=card.limits_sha256, ledger_sequence=card.ledger_sequence, ledger_hash=card.ledger_hash,
        person=person, roles=roles, **answer,
    )  # fmt: skip


def approval_from(told: Mapping[str, Any]) -> Approval:
    """An approval from its payload. Raises TypeError for a missing or unknown field."""
    return Approval(**{**told, "roles": tuple(told["roles"])})


@dataclass(frozen=True)
class Facts:
    """What is so now, when an approval is to be used. hashes: sequence -> hash of the ledger's entries that are named.

    roles: person -> roles held now. spent: approval ids that were used. gate: its last word on the recipe.
    """

    rollout_id: str
    market: str
    phase: str
    next_phase: str
    recipe_id: str
    version: str
    digest_of_version: str
    plan_sha256: str
    evidence_sha256: str
    limits_sha256: str
    hashes: Mapping[int, str]
    roles: Mapping[str, tuple[str, ...]]
    authors: tuple[str, ...]
    spent: frozenset[str]
    gate: str
    at: str
    locked: frozenset[tuple[str, str]] = field(default_factory=frozenset)


SAME = (
    ("rollout_id", "another rollout"),
    ("market", "another market"),
    ("recipe_id", "another recipe"),
    ("version", "another version"),
    ("digest_of_version", "another model file"),
    ("plan_sha256", "another plan"),
    ("evidence_sha256", "other evidence than was shown"),
    ("limits_sha256", "other limits than were shown"),
)


def _person_faults(approval: Approval, facts: Facts) -> list[str]:
    roles = facts.roles.get(approval.person, ())
    found = []
    if not set(roles) & set(APPROVERS):
        found.append(f"{approval.person} has no role that may approve now: {', '.join(roles) or 'none'}")
    if approval.person in facts.authors:
        found.append(f"{approval.person} is an author of the recipe")
    if not approval.reason.strip():
        found.append("no reason was given")
    return found


def approval_faults(approval: Approval, facts: Facts) -> tuple[str, ...]:
    """Every reason why an answer, whose signature was verified, may not be used now; empty when it may."""
    found = [words for name, words in SAME if getattr(approval, name) != getattr(facts, name)]
    if (approval.from_phase, approval.to_phase) != (facts.phase, facts.next_phase):
        found.append(f"for the step {approval.from_phase or 'start'} to {approval.to_phase}, now another one is due")
    if approval.decision not in DECISIONS:
        found.append(f"decision {approval.decision!r}")
    if approval.approval_id in facts.spent:
        found.append("it was used before")
    if not approval.issued_at <= facts.at < approval.expires_at:
        found.append(f"valid from {approval.issued_at} until {approval.expires_at}, now is {facts.at}")
    if facts.hashes.get(approval.ledger_sequence) != approval.ledger_hash:
        found.append("the ledger that it was given on is not this one")
    if approval.decision == "approve" and facts.gate != "pass":
        found.append(f"the gate says {facts.gate} now")
    return (*found, *_person_faults(approval, facts))


def code_for(secret: str, card_sha256: str, decision: str) -> str:
    """The code that lets a person give one answer to one card, and nothing else."""
    mac = hmac.new(secret.encode(), f"{card_sha256}|{decision}".encode(), hashlib.sha256).digest()
    return base64.b32encode(mac).decode()[:CODE_DIGITS]


def is_code(code: str, secret: str, card_sha256: str, decision: str) -> bool:
    """Whether the code is that person's for that answer; in constant time."""
    return hmac.compare_digest(code.strip().upper().encode(), code_for(secret, card_sha256, decision).encode())
