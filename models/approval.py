"""Cards and approvals: what a person is shown, what they answered, and every reason why an answer may not be used.
Pure.

    card digest   = SHA-256 of the card's canonical JSON: rollout, phases, recipe, version, digests of evidence, limits
    and
                    plan, head of the ledger, authors, what was shown
    approval      = record signed by our own service (Ed25519) after it has authenticated the person

An approval is used once, within a day, by the phase and the facts that were on the card. Believed are neither the state
of a task nor what passed through Airflow; `approval_faults` is asked again when the approval is used.

    >>> card = Card("c1", "sample.r1", "sample", "shadow", "canary_10", 1, "r1", "sample.execution/5", "d5", "p", "e",
    ...             "l", 7, "h", ("ada",), "2026-11-20T21:00:00Z", "2026-11-21T21:00:00Z", {"summary": "a signal"})
    >>> card.digest() == card_from(asdict(card)).digest()
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from infra.signing import digest_of
from infra.times import aware_time

DECISIONS = ("approve", "reject")
APPROVERS = ("approver", "risk")
VALID_HOURS = 24
"""A day: by the next evening there is other evidence, and another card."""


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
        """SHA-256 of the canonical JSON. Raises ValueError for a figure that is not finite."""
        return digest_of(asdict(self))


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

    roles: person -> roles held now. spent: approval ids that were used. gate: its last word on the recipe, `pass` too
    where two persons have overridden it.
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


@dataclass(frozen=True)
class Standing:
    """What became of one answer since it was given.

    is_signed: our own key signed exactly this. card_sha256: of the card in the ledger, '' where there is none.
    closed: why the card does not ask any more, '' while it does. roles_then: what the person held when they answered.
    gates_since: the gate's words on the rollout since the card was opened. is_repeated: whether an earlier answer of
    the same person about the same step is used or usable.
    """

    is_signed: bool
    card_sha256: str
    closed: str
    roles_then: tuple[str, ...]
    gates_since: tuple[str, ...]
    is_repeated: bool


SAME = (
    ("rollout_id", "another rollout"),
    ("market", "another market"),
    ("recipe_id", "another recipe"),
)
SAME_TO_APPROVE = (
    ("version", "another version"),
    ("digest_of_version", "another model file"),
    ("plan_sha256", "another plan"),
    ("evidence_sha256", "other evidence than was shown"),
    ("limits_sha256", "other limits than were shown"),
)


def may_approve(roles: tuple[str, ...]) -> bool:
    """Whether these roles may answer a card."""
    return bool(set(roles) & set(APPROVERS))


def _person_faults(approval: Approval, facts: Facts) -> list[str]:
    roles = facts.roles.get(approval.person, ())
    found = []
    if not may_approve(roles):
        found.append(f"{approval.person} has no role that may approve now: {', '.join(roles) or 'none'}")
    if approval.person in facts.authors:
        found.append(f"{approval.person} is an author of the recipe")
    if not approval.reason.strip():
        found.append("no reason was given")
    return found


def is_between(first: str, at: str, end: str) -> bool:
    """Whether first <= at < end, as times; False when one of them is none."""
    begun, now, over = aware_time(first), aware_time(at), aware_time(end)
    return begun is not None and now is not None and over is not None and begun <= now < over


def is_given(approval: Approval, at: str) -> bool:
    """Whether it was given by then. One that comes while an evening is had is for the next evening."""
    given, now = aware_time(approval.issued_at), aware_time(at)
    return given is None or now is None or given <= now


def _approve_faults(approval: Approval, facts: Facts) -> list[str]:
    """What keeps an approval, but no rejection, from being used."""
    found = [words for name, words in SAME_TO_APPROVE if getattr(approval, name) != getattr(facts, name)]
    if not is_between(approval.issued_at, facts.at, approval.expires_at):
        found.append(f"valid from {approval.issued_at} until {approval.expires_at}, now is {facts.at}")
    if facts.hashes.get(approval.ledger_sequence) != approval.ledger_hash:
        found.append("the ledger that it was given on is not this one")
    if facts.gate != "pass":
        found.append(f"the gate says {facts.gate or 'nothing'} now")
    return found


def approval_faults(approval: Approval, facts: Facts) -> tuple[str, ...]:
    """Why an answer does not fit what is so now; empty when it does. `check_approval` asks for its standing as well."""
    found = [words for name, words in SAME if getattr(approval, name) != getattr(facts, name)]
    if (approval.from_phase, approval.to_phase) != (facts.phase, facts.next_phase):
        found.append(f"for the step {approval.from_phase or 'start'} to {approval.to_phase}, now another one is due")
    if approval.decision not in DECISIONS:
        found.append(f"decision {approval.decision!r}")
    if approval.approval_id in facts.spent:
        found.append("it was used before")
    if approval.decision != "reject":
        found += _approve_faults(approval, facts)
    return (*found, *_person_faults(approval, facts))


def standing_faults(approval: Approval, standing: Standing) -> tuple[str, ...]:
    """Why an answer does not stand, whatever is so now."""
    is_approval = approval.decision != "reject"
    flips = [word for word in standing.gates_since if word != "pass"]
    faults = (
        (not standing.is_signed, "its signature does not fit"),
        (standing.card_sha256 != approval.card_sha256, "the card it answers is not the one in the ledger"),
        (is_approval and bool(standing.closed), standing.closed),
        (not may_approve(standing.roles_then), f"{approval.person} had no role that may approve when it was given"),
        (is_approval and bool(flips), f"the gate said {', '.join(flips)} since the card was opened"),
        (standing.is_repeated, f"{approval.person} has answered this step before"),
    )
    return tuple(words for is_fault, words in faults if is_fault)


def check_approval(approval: Approval, facts: Facts, standing: Standing) -> tuple[str, ...]:
    """Every reason why an answer may not be used now; empty when it may."""
    return (*standing_faults(approval, standing), *approval_faults(approval, facts))
