"""Cards and answers in the ledger's stream `cards`: opened, answered, refused. The one service that authenticates.

Airflow's Required Actions and the command line are two ways to the same `answer_card`: who answers shows a code that
only their secret makes, for this card and this decision. What is accepted is signed and recorded; what is refused is
recorded too. Five wrong codes lock a card for a person. A rejection by anybody entitled closes the card.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from infra.errors import RefusedError
from infra.ledger import Draft, Entry, Ledger
from infra.settings import Settings
from infra.signing import Signed, sign, verified
from models.approval import (
    APPROVERS,
    DECISIONS,
    VALID_HOURS,
    Approval,
    Card,
    approval_from,
    approval_of,
    card_from,
    is_code,
)
from pipelines.approval.people import Person, people_of, require_role, secret_of

STREAM = "cards"
WRONG_CODES = 5
"""Sixty bits and five tries a card: nobody guesses, and who mistypes twice is not locked out."""


def stamp(at: datetime) -> str:
    """An instant as the ledger writes it."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class CardState:
    """A card with what was answered. is_closed: rejected, expired or replaced by a newer card of the same step."""

    card: Card
    answers: tuple[Approval, ...]
    signed: tuple[Signed, ...]
    wrong_codes: dict[str, int]
    is_closed: bool

    @property
    def persons(self) -> tuple[str, ...]:
        return tuple(one.person for one in self.answers)


def _state(entries: Sequence[Entry], card: Card, newest: str) -> CardState:
    answers, signed, wrong = list[Approval](), list[Signed](), dict[str, int]()
    for entry in entries:
        if entry.payload.get("card_id") != card.card_id:
            continue
        if entry.kind == "card_answered":
            signed.append(Signed(**entry.payload["signed"]))
            answers.append(approval_from(entry.payload["approval"]))
        if entry.kind == "answer_refused" and entry.payload["is_code_wrong"]:
            wrong[str(entry.payload["person"])] = wrong.get(str(entry.payload["person"]), 0) + 1
    is_rejected = any(one.decision == "reject" for one in answers)
    return CardState(card, tuple(answers), tuple(signed), wrong, is_rejected or newest != card.card_id)


def cards(ledger: Ledger, market: str | None = None) -> tuple[CardState, ...]:
    """Every card, oldest first."""
    entries = ledger.entries(STREAM)
    opened = [card_from(entry.payload["card"]) for entry in entries if entry.kind == "card_opened"]
    newest = {(card.rollout_id, card.to_phase): card.card_id for card in opened}
    mine = [card for card in opened if market in (None, card.market)]
    return tuple(_state(entries, card, newest[card.rollout_id, card.to_phase]) for card in mine)


def card_named(ledger: Ledger, card_id: str) -> CardState:
    """The card. Raises RefusedError naming those that wait."""
    found = cards(ledger)
    state = next((one for one in found if one.card.card_id == card_id), None)
    if state is None:
        waiting = ", ".join(one.card.card_id for one in found if not one.is_closed) or "none"
        raise RefusedError(
            "no such card", which=card_id, found="nothing", allowed=waiting, next_step="fillwise card list"
        )
    return state


def open_card(ledger: Ledger, card: Card, at: datetime) -> Card:
    """Open a card, or find the one that asks the same on the same evidence and has not expired."""
    for state in cards(ledger, card.market):
        known = state.card
        is_same = (known.rollout_id, known.to_phase, known.version) == (card.rollout_id, card.to_phase, card.version)
        is_fresh = known.expires_at > stamp(at) and known.evidence_sha256 == card.evidence_sha256
        if is_same and is_fresh and not state.is_closed:
            return known
    draft = Draft("card_opened", {"card_id": card.card_id, "card": asdict(card), "card_sha256": card.digest()})
    ledger.append(STREAM, ledger.count(STREAM), [draft], at=at, actor="fillwise")
    return card


def _refuse(ledger: Ledger, card_id: str, person: str, why: str, at: datetime, *, is_code_wrong: bool) -> RefusedError:
    told = {"card_id": card_id, "person": person, "why": why, "is_code_wrong": is_code_wrong}
    ledger.append(STREAM, ledger.count(STREAM), [Draft("answer_refused", told)], at=at, actor=person)
    return RefusedError(
        "answer is refused", which=f"{card_id} by {person}", found=why, allowed="an entitled person's own code",
        next_step=f"fillwise approve code {card_id} --person {person}",
    )  # fmt: skip


def _objection(state: CardState, person: Person | None, decision: str, reason: str, at: datetime) -> str | None:
    """Why a person may not answer the card now, the code apart."""
    card = state.card
    objections = (
        (person is None, "unknown person"),
        (decision not in DECISIONS, f"decision {decision!r}, allowed: {', '.join(DECISIONS)}"),
        (not reason.strip(), "no reason was given"),
        (state.is_closed, "the card is closed"),
        (stamp(at) >= card.expires_at, f"the card expired at {card.expires_at}"),
        (person is not None and not set(person.roles) & set(APPROVERS), "no role that may approve"),
        (person is not None and person.name in card.authors, "an author cannot approve their own recipe"),
        (person is not None and person.name in state.persons, "answered before"),
        (person is not None and state.wrong_codes.get(person.name, 0) >= WRONG_CODES, "locked after five wrong codes"),
    )
    return next((words for is_against, words in objections if is_against), None)


def answer_card(
    settings: Settings, ledger: Ledger, card_id: str, name: str, code: str, decision: str, reason: str, at: datetime,
    via: str,
) -> Approval:  # fmt: skip
    """Take an answer: signed and recorded. Raises RefusedError, recorded as well, with the first reason against it."""
    state, person = card_named(ledger, card_id), people_of(ledger).get(name)
    objection = _objection(state, person, decision, reason, at)
    if objection is not None or person is None:
        raise _refuse(ledger, card_id, name, objection or "unknown person", at, is_code_wrong=False)
    if not is_code(code, secret_of(settings, name), state.card.digest(), decision):
        raise _refuse(ledger, card_id, name, "the code is not this person's for this answer", at, is_code_wrong=True)
    until = min(stamp(at + timedelta(hours=VALID_HOURS)), state.card.expires_at)
    approval = approval_of(
        state.card, name, person.roles, approval_id=f"{card_id}-{secrets.token_hex(8)}", decision=decision,
        reason=reason.strip(), via=via, issued_at=stamp(at), expires_at=until,
    )  # fmt: skip
    signed = sign(settings, "approval", asdict(approval))
    told = {"card_id": card_id, "approval": asdict(approval), "signed": asdict(signed)}
    ledger.append(STREAM, ledger.count(STREAM), [Draft("card_answered", told)], at=at, actor=name)
    return approval


def answers_of(settings: Settings, ledger: Ledger, rollout_id: str) -> tuple[Approval, ...]:
    """Answers about a rollout whose signature fits what was recorded. Raises RefusedError for one that was forged."""
    found = []
    for state in cards(ledger):
        for approval, signed in zip(state.answers, state.signed, strict=True):
            if approval.rollout_id != rollout_id:
                continue
            if approval_from(verified(settings, "approval", signed)) != approval:
                raise RefusedError(
                    "approval is not what was signed", which=approval.approval_id, found="other content",
                    allowed="the signed record", next_step="fillwise ledger verify",
                )  # fmt: skip
            found.append(approval)
    return tuple(found)


def require_approver(person: Person) -> Person:
    """The person, who may approve. Raises RefusedError."""
    return require_role(person, *APPROVERS)
