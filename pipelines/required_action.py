"""What Airflow shows of a card, and which cards still ask: JSON for the DAGs `approval_card` and `model_rollout`.

Airflow is where people click; it decides nothing. Whoever is entitled now, the authors apart, is named as the only ones
who may answer there; the approval service asks all of that again when the answer comes (`pipelines/approval/`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from infra.errors import RefusedError
from infra.ledger import Ledger, open_ledger
from infra.settings import Settings
from infra.times import aware_time
from models.approval import may_approve
from pipelines.approval.authors import is_among
from pipelines.approval.card_text import card_markdown, subject_of
from pipelines.approval.cards import OVERRIDE, CardState, card_named, cards
from pipelines.approval.people import trusted_people


@dataclass(frozen=True)
class RequiredAction:
    """One card as Airflow shows it. closed: why nobody is asked any more, '' while somebody is.

    assigned: users of Airflow who may answer, {id, name}. waits_seconds: until the card expires.
    """

    card_id: str
    subject: str
    body: str
    approvals: int
    expires_at: str
    waits_seconds: float
    closed: str
    assigned: tuple[dict[str, str], ...]


def entitled(settings: Settings, ledger: Ledger, state: CardState) -> tuple[dict[str, str], ...]:
    """Who may answer a card now, as users of Airflow: a role that approves, no author, not answered yet."""
    people = trusted_people(settings, ledger).values()
    found = [
        one
        for one in people
        if may_approve(one.roles) and not is_among(one, state.card.authors) and one.name not in state.persons
    ]
    return tuple({"id": one.airflow_user, "name": one.name} for one in found)


def _waits_seconds(state: CardState, at: datetime) -> float:
    until = aware_time(state.card.expires_at)
    return 0.0 if until is None else max(0.0, (until - at).total_seconds())


def required_action(settings: Settings, ledger: Ledger, card_id: str, at: datetime) -> RequiredAction:
    """One card. Raises RefusedError when there is none of that name, or when nobody may answer it."""
    state = card_named(ledger, card_id)
    waits, assigned = _waits_seconds(state, at), entitled(settings, ledger, state)
    is_asking = not state.closed and waits > 0.0
    if is_asking and not assigned:
        raise RefusedError(
            "nobody may answer the card", which=card_id, found="no approver or risk officer who is not an author",
            allowed="at least one", next_step="fillwise people add NAME --roles approver",
        )  # fmt: skip
    card = state.card
    closed = "" if is_asking else state.words(at)
    return RequiredAction(
        card_id, subject_of(card), card_markdown(card), card.approvals, card.expires_at, waits, closed, assigned
    )


def asking(states: Sequence[CardState], at: datetime) -> tuple[CardState, ...]:
    """Cards of a rollout's steps that still wait for an answer; overrides are given at the command line alone."""
    found = [one for one in states if not one.closed and _waits_seconds(one, at) > 0.0]
    return tuple(
        one for one in found if not one.card.to_phase.startswith(OVERRIDE) and len(one.answers) < one.card.approvals
    )


def print_required_action(settings: Settings, arguments: argparse.Namespace) -> int:
    """The command `required_action`: one card in full, or the names of those that ask, on one line of JSON."""
    ledger, at = open_ledger(settings, settings.ledger_purpose), datetime.now(UTC)
    if arguments.card:
        print(json.dumps(asdict(required_action(settings, ledger, arguments.card, at))))
    else:
        print(json.dumps([one.card.card_id for one in asking(cards(ledger, arguments.market), at)]))
    return 0
