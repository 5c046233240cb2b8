"""An answer to a card is taken, signed and recorded, or refused and recorded. The one service that authenticates.

Airflow's Required Actions and the command line are two ways to the same `answer_card`: who answers shows a code that
only their secret makes, for this card and this decision. One answer a person; a rejection by anybody entitled closes
the card. Five wrong codes lock the card for that person. What was read and what is written meet in the ledger: of two
who answer at once, the second is decided again on what the first left.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from infra.errors import RefusedError
from infra.ledger import Draft, Ledger
from infra.settings import Settings
from infra.signing import sign
from models.approval import DECISIONS, VALID_HOURS, Approval, approval_of, is_between, may_approve
from pipelines.approval.authors import is_among
from pipelines.approval.cards import STREAM, CardState, card_states, named, stamp
from pipelines.approval.codes import is_code
from pipelines.approval.people import Person, trusted_people
from pipelines.approval.people_changes import until_first
from pipelines.approval.secrets_file import secret_of

WRONG_CODES = 5
"""Sixty bits and five tries a card: nobody guesses, and who mistypes twice is not locked out."""
MOST_LETTERS = 2_000
NOBODY = "nobody"


@dataclass(frozen=True)
class Answer:
    """What somebody says: who they say they are, their code, approve or reject, and why. via: airflow or cli."""

    person: str
    code: str
    decision: str
    reason: str
    via: str


@dataclass(frozen=True)
class Refusal:
    """Why an answer was not taken."""

    why: str
    is_code_wrong: bool = False


def _objection(state: CardState, person: Person | None, answer: Answer, at: datetime) -> str:
    """Why a person may not answer the card now, the code apart; '' when they may."""
    card = state.card
    if person is None:
        return "unknown person"
    objections = (
        (answer.decision not in DECISIONS, f"decision {answer.decision[:32]!r}, allowed: {', '.join(DECISIONS)}"),
        (not answer.reason.strip(), "no reason was given"),
        (len(answer.reason) > MOST_LETTERS, f"the reason has more than {MOST_LETTERS} letters"),
        (bool(state.closed), f"the card is closed: {state.closed}"),
        (not is_between(card.opened_at, stamp(at), card.expires_at), f"the card expired at {card.expires_at}"),
        (not may_approve(person.roles), "no role that may approve"),
        (is_among(person, card.authors), "an author cannot approve their own recipe"),
        (person.name in state.persons, "answered before"),
        (person.name in state.locked, f"locked after {WRONG_CODES} wrong codes"),
    )
    return next((words for is_against, words in objections if is_against), "")


def _approval(state: CardState, person: Person, answer: Answer, at: datetime) -> Approval:
    until = min(stamp(at + timedelta(hours=VALID_HOURS)), state.card.expires_at)
    return approval_of(
        state.card, person.name, person.roles, approval_id=f"{state.card.card_id}-{secrets.token_hex(8)}",
        decision=answer.decision, reason=answer.reason.strip(), via=answer.via, issued_at=stamp(at), expires_at=until,
    )  # fmt: skip


def _refused(state: CardState, answer: Answer, refusal: Refusal) -> list[Draft]:
    told = {
        "card_id": state.card.card_id, "person": answer.person[:64], "why": refusal.why, "via": answer.via,
        "is_code_wrong": refusal.is_code_wrong, "refusal_id": secrets.token_hex(8),
    }  # fmt: skip
    drafts = [Draft("answer_refused", told)]
    if refusal.is_code_wrong and state.wrong_codes.get(answer.person, 0) + 1 >= WRONG_CODES:
        drafts.append(Draft("card_locked", {"card_id": state.card.card_id, "person": answer.person}))
    return drafts


def _judge(
    settings: Settings, state: CardState, person: Person | None, answer: Answer, at: datetime
) -> Refusal | Person:
    """The person whose answer it is, or why it is not taken."""
    objection = _objection(state, person, answer, at)
    if person is None or objection:
        return Refusal(objection)
    try:
        is_theirs = is_code(answer.code, secret_of(settings, person.name), state.card.digest(), answer.decision)
    except RefusedError as error:
        return Refusal(f"{error.what}: {error.found}")
    return person if is_theirs else Refusal("the code is not this person's for this answer", is_code_wrong=True)


@until_first
def _take(settings: Settings, ledger: Ledger, card_id: str, answer: Answer, at: datetime) -> Approval | Refusal:
    """One reading, one decision, one append at the place that was read."""
    entries = ledger.entries(STREAM)
    state, person = named(card_states(entries), card_id), trusted_people(settings, ledger).get(answer.person)
    judged = _judge(settings, state, person, answer, at)
    if isinstance(judged, Refusal):
        actor = NOBODY if person is None else person.name
        ledger.append(STREAM, len(entries), _refused(state, answer, judged), at=at, actor=actor)
        return judged
    approval = _approval(state, judged, answer, at)
    signed = sign(settings, "approval", asdict(approval))
    told = {"card_id": card_id, "approval": asdict(approval), "signed": asdict(signed)}
    ledger.append(STREAM, len(entries), [Draft("card_answered", told)], at=at, actor=judged.name)
    return approval


def answer_card(
    settings: Settings, ledger: Ledger, card_id: str, person: str, code: str, decision: str, reason: str, at: datetime,
    via: str,
) -> Approval:  # fmt: skip
    """Take an answer: signed and recorded. Raises RefusedError, recorded as well, with the first reason against it."""
    found = _take(settings, ledger, card_id, Answer(person, code, decision, reason, via), at)
    if isinstance(found, Refusal):
        raise RefusedError(
            "answer is refused", which=f"{card_id} by {person[:64]!a}", found=found.why,
            allowed="an entitled person's own code for this card and answer",
            next_step=f"fillwise approve code {card_id} --person NAME --decision {decision[:16]!a}",
        )  # fmt: skip
    return found


def answer_from_airflow(
    settings: Settings, ledger: Ledger, card_id: str, details: Mapping[str, Any], at: datetime
) -> Approval:
    """Take the answer that Airflow's `hitlDetails` tell. Who they are is whom Airflow logged in; that alone is nothing.

    A task that was marked successful, or that ran out of time, has no `responded_by_user`: refused and recorded.
    """
    typed, user = details.get("params_input") or {}, details.get("responded_by_user") or {}
    chosen = details.get("chosen_options") or []
    decision = str(chosen[0]).lower() if len(chosen) == 1 else f"of {len(chosen)} options"
    people, user_id = trusted_people(settings, ledger), str(user.get("id") or "")
    names = [one.name for one in people.values() if user_id and one.airflow_user == user_id]
    person = names[0] if len(names) == 1 else f"{NOBODY} ({user_id[:32] or 'not answered'})"
    code, reason = str(typed.get("code") or ""), str(typed.get("reason") or "")
    return answer_card(settings, ledger, card_id, person, code, decision, reason, at, "airflow")
