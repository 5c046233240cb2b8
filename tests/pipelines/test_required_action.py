"""What Airflow is told of a card: its text, who may answer, and for how long."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from infra.errors import RefusedError
from pipelines.approval.cards import cards
from pipelines.approval.people import Person
from pipelines.approval.people_changes import add_person, change_role
from pipelines.required_action import asking, required_action
from tests.pipelines.approval.made import AT, Desk, card_of, desk, waiting


@pytest.fixture
def made(tmp_path: Path) -> Desk:
    found = desk(tmp_path)
    found.tell(waiting("shadow"))
    return found


def names(made: Desk, card_id: str, hours: float = 0.0) -> list[str]:
    found = required_action(made.settings, made.ledger, card_id, AT + timedelta(hours=hours))
    return [one["name"] for one in found.assigned]


def test_entitled_people_are_named_by_their_users_of_airflow_and_no_author_is(made: Desk) -> None:
    add_person(made.settings, made.ledger, "rita", Person("uma", ("approver",), "uma-at-airflow"), AT)
    change_role(made.settings, made.ledger, "rita", "ada", "approver", AT, is_granted=True)
    card = card_of(made)
    found = required_action(made.settings, made.ledger, card.card_id, AT + timedelta(hours=1))
    assert found.assigned == (
        {"id": "paul", "name": "paul"}, {"id": "rita", "name": "rita"}, {"id": "uma-at-airflow", "name": "uma"},
    )  # fmt: skip
    assert (found.waits_seconds, found.closed, found.approvals) == (23 * 3600.0, "", 1)
    assert "fillwise approve code" in found.body


def test_whoever_has_answered_is_not_asked_again(made: Desk) -> None:
    card = card_of(made, approvals=2)
    made.answer("paul", card)
    assert names(made, card.card_id) == ["rita"]


def test_a_card_that_nobody_may_answer_is_refused_rather_than_open_to_everybody(made: Desk) -> None:
    change_role(made.settings, made.ledger, "rita", "paul", "approver", AT, is_granted=False)
    card = card_of(made, authors=("ada", "rita"))
    with pytest.raises(RefusedError, match="nobody may answer the card"):
        required_action(made.settings, made.ledger, card.card_id, AT)


def test_a_card_that_is_over_says_why_and_asks_nobody(made: Desk) -> None:
    card = card_of(made)
    found = required_action(made.settings, made.ledger, card.card_id, AT + timedelta(hours=24))
    assert (found.waits_seconds, found.closed) == (0.0, f"expired at {card.expires_at}")
    made.answer("paul", card, "reject")
    assert required_action(made.settings, made.ledger, card.card_id, AT).closed.startswith("rejected by paul")


def test_only_cards_that_wait_for_an_answer_ask(made: Desk) -> None:
    first = card_of(made)
    override = card_of(made, to_phase="override:gate", rollout_id="sample.r9")
    asks = [one.card.card_id for one in asking(cards(made.ledger, "sample"), AT)]
    assert (first.card_id in asks, override.card_id in asks) == (True, False)
    made.answer("paul", first)
    assert asking(cards(made.ledger, "sample"), AT) == ()
    assert asking(cards(made.ledger, "sample"), AT + timedelta(days=2)) == ()


def test_no_such_card_names_those_that_ask(made: Desk) -> None:
    card = card_of(made)
    with pytest.raises(RefusedError, match=f"no such card.*{card.card_id}"):
        required_action(made.settings, made.ledger, "nothing", AT)
