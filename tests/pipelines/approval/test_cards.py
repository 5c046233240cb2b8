"""Cards on a real ledger: one step has one card that asks, and it asks for a day at most."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from infra.errors import RefusedError
from infra.ledger import Draft
from pipelines.approval.cards import answers_of, card_named, cards, open_card, stamp
from tests.models.rollout.made import in_phase
from tests.pipelines.approval.made import AT, Desk, card_of, desk


@pytest.fixture
def made(tmp_path: Path) -> Desk:
    found = desk(tmp_path)
    found.tell(in_phase("shadow"))
    return found


def test_a_card_has_a_name_that_people_can_type(made: Desk) -> None:
    card = card_of(made)
    assert card.card_id == "sample-r1-canary_10-1"
    assert card_named(made.ledger, card.card_id).words(AT) == "0 of 1 approvals"


def test_the_same_question_on_the_same_evidence_is_one_card(made: Desk) -> None:
    first = card_of(made)
    assert card_of(made, at=AT + timedelta(minutes=5)).card_id == first.card_id
    newer = card_of(made, evidence_sha256="newer")
    assert newer.card_id == "sample-r1-canary_10-2"
    assert [state.closed for state in cards(made.ledger)] == ["a newer card asks: sample-r1-canary_10-2", ""]


def test_what_was_rejected_is_not_asked_again_on_the_same_evidence(made: Desk) -> None:
    first = card_of(made)
    made.answer("rita", first, "reject")
    assert card_of(made).card_id == first.card_id
    assert card_of(made, evidence_sha256="newer").card_id != first.card_id


def test_a_card_that_has_expired_is_asked_anew(made: Desk) -> None:
    first = card_of(made)
    tomorrow = AT + timedelta(hours=25)
    assert card_named(made.ledger, first.card_id).words(tomorrow) == f"expired at {first.expires_at}"
    assert card_of(made, at=tomorrow).card_id != first.card_id


@pytest.mark.parametrize(("opened", "until"), [(0, 25), (1, 24), (-48, -24)])
def test_a_card_asks_for_a_day_at_most_and_from_now(made: Desk, opened: int, until: int) -> None:
    times = {
        "opened_at": stamp(AT + timedelta(hours=opened)),
        "expires_at": stamp(AT + timedelta(hours=until)),
    }
    with pytest.raises(RefusedError, match="open too long"):
        card_of(made, **times)


def test_a_card_of_a_taken_name_gets_the_next_one(made: Desk) -> None:
    first = card_of(made)
    other = open_card(made.ledger, replace(first, evidence_sha256="other"), AT)
    assert other.card_id == "sample-r1-canary_10-2"
    assert card_named(made.ledger, first.card_id).card == first


def test_a_second_card_of_the_same_name_is_not_the_card(made: Desk) -> None:
    first = card_of(made)
    told = dict(made.ledger.entries("cards")[0].payload)
    forged = {**told, "card": {**told["card"], "authors": []}}
    made.ledger.append("cards", 1, [Draft("card_opened", forged)], at=AT, actor="eve")
    assert card_named(made.ledger, first.card_id).card == first


def test_a_record_that_was_changed_is_not_believed(made: Desk) -> None:
    card = card_of(made)
    given = made.answer("paul", card)
    (entry,) = [entry for entry in made.ledger.entries("cards") if entry.kind == "card_answered"]
    forged = {**entry.payload, "approval": {**entry.payload["approval"], "to_phase": "baking"}}
    made.ledger.append("cards", 2, [Draft("card_answered", forged)], at=AT, actor="eve")
    assert answers_of(made.settings, made.ledger, card.rollout_id) == (given,)


def test_approvals_of_a_card_that_was_rejected_are_no_answers(made: Desk) -> None:
    card = card_of(made)
    made.answer("paul", card)
    rejection = made.answer("rita", card, "reject")
    assert answers_of(made.settings, made.ledger, card.rollout_id) == (rejection,)


def test_an_unknown_card_names_those_that_ask(made: Desk) -> None:
    card_of(made)
    with pytest.raises(RefusedError, match="allowed: sample-r1-canary_10-1"):
        card_named(made.ledger, "other")
