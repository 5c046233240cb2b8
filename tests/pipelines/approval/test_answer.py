"""Answers to a card: taken from an entitled person with their own code, refused and recorded from everybody else."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.errors import RefusedError
from infra.ledger import open_ledger
from infra.settings import Settings
from models.approval import Card
from pipelines.approval.answer import WRONG_CODES, answer_card, answer_from_airflow
from pipelines.approval.cards import answers_of, card_named
from pipelines.approval.people import Person
from pipelines.approval.people_changes import add_person, change_role, map_identity
from tests.models.rollout.made import in_phase
from tests.pipelines.approval.made import AT, Desk, card_of, desk


@pytest.fixture
def made(tmp_path: Path) -> Desk:
    found = desk(tmp_path)
    found.tell(in_phase("shadow"))
    return found


@pytest.fixture
def card(made: Desk) -> Card:
    return card_of(made)


def refusals(made: Desk) -> list[str]:
    return [str(one.payload["why"]) for one in made.ledger.entries("cards") if one.kind == "answer_refused"]


def say(made: Desk, card: Card, person: str, code: str, decision: str = "approve", reason: str = "why") -> None:
    answer_card(made.settings, made.ledger, card.card_id, person, code, decision, reason, AT, "cli")


def test_an_entitled_persons_code_is_an_approval(made: Desk, card: Card) -> None:
    given = made.answer("paul", card)
    assert answers_of(made.settings, made.ledger, card.rollout_id) == (given,)
    assert (given.card_sha256, given.roles, given.expires_at) == (
        card.digest(),
        ("approver", "trader"),
        card.expires_at,
    )


@pytest.mark.parametrize(
    ("person", "decision", "reason", "after", "said"),
    [
        ("ada", "approve", "mine", timedelta(0), "no role that may approve"),
        ("nobody", "approve", "why", timedelta(0), "unknown person"),
        ("paul", "maybe", "why", timedelta(0), "decision 'maybe'"),
        ("paul", "approve", " ", timedelta(0), "no reason was given"),
        ("paul", "approve", "x" * 2001, timedelta(0), "more than 2000 letters"),
        ("paul", "approve", "why", timedelta(hours=24), "the card expired"),
        ("paul", "approve", "why", timedelta(hours=-1), "the card expired"),
    ],
)
def test_other_answers_are_refused_and_recorded(
    made: Desk, card: Card, person: str, decision: str, reason: str, after: timedelta, said: str
) -> None:
    code = made.code("paul" if person == "nobody" else person, card, decision)
    with pytest.raises(RefusedError, match=said):
        answer_card(made.settings, made.ledger, card.card_id, person, code, decision, reason, AT + after, "airflow")
    assert [said in why for why in refusals(made)] == [True]
    assert answers_of(made.settings, made.ledger, card.rollout_id) == ()


def test_an_answer_in_the_last_microsecond_is_taken(made: Desk, card: Card) -> None:
    last = AT + timedelta(hours=24) - timedelta(microseconds=1)
    assert made.answer("paul", card, at=last).expires_at == card.expires_at


def test_an_author_who_is_also_approver_is_refused(made: Desk, card: Card) -> None:
    change_role(made.settings, made.ledger, "rita", "ada", "approver", AT, is_granted=True)
    with pytest.raises(RefusedError, match="an author cannot approve"):
        made.answer("ada", card)


def test_an_author_who_was_mapped_to_the_commit_only_later_is_refused(made: Desk) -> None:
    card = card_of(made, authors=("Paul P <paul@example.org>",))
    map_identity(made.settings, made.ledger, "rita", "paul", "paul@example.org", AT)
    with pytest.raises(RefusedError, match="an author cannot approve"):
        made.answer("paul", card)


def test_a_code_for_another_card_decision_or_person_is_refused(made: Desk, card: Card) -> None:
    other = replace(card, to_phase="expand_25")
    for wrong in (made.code("paul", other), made.code("paul", card, "reject"), made.code("rita", card), ""):
        with pytest.raises(RefusedError, match="code is not this person's"):
            say(made, card, "paul", wrong)


def test_five_wrong_codes_lock_the_card_for_the_person_and_nobody_else(made: Desk, card: Card) -> None:
    for _ in range(WRONG_CODES):
        with pytest.raises(RefusedError, match="code is not"):
            say(made, card, "paul", "AAAA-AAAA-AAAA")
    with pytest.raises(RefusedError, match="locked after 5 wrong codes"):
        made.answer("paul", card)
    assert [one.payload for one in made.ledger.entries("cards") if one.kind == "card_locked"] == [
        {"card_id": card.card_id, "person": "paul"}
    ]
    assert made.answer("rita", card)


def test_a_person_answers_once(made: Desk, card: Card) -> None:
    made.answer("paul", card)
    for decision in ("approve", "reject"):
        with pytest.raises(RefusedError, match="answered before"):
            made.answer("paul", card, decision)


def test_a_rejection_closes_the_card(made: Desk, card: Card) -> None:
    made.answer("rita", card, "reject")
    assert card_named(made.ledger, card.card_id).closed == "rejected by rita: looks good"
    with pytest.raises(RefusedError, match="the card is closed: rejected by rita"):
        made.answer("paul", card)


def test_a_card_that_a_newer_one_has_superseded_takes_no_answer(made: Desk, card: Card) -> None:
    card_of(made, evidence_sha256="newer")
    with pytest.raises(RefusedError, match="a newer card asks"):
        made.answer("paul", card)


def test_a_person_without_a_secret_is_refused_and_recorded(made: Desk, card: Card) -> None:
    (made.settings.keys / "people.json").write_text("{}")
    with pytest.raises(RefusedError, match="person has no secret"):
        say(made, card, "paul", "AAAA")
    assert len(refusals(made)) == 1


DETAILS: dict[str, Any] = {
    "chosen_options": ["Approve"],
    "params_input": {"code": "", "reason": "the evidence is there"},
    "responded_by_user": {"id": "7", "name": "Paul"},
}


@pytest.fixture
def tom(made: Desk) -> Desk:
    """The desk with somebody whose id in Airflow is a number."""
    add_person(made.settings, made.ledger, "rita", Person("tom", ("approver",), "7"), AT)
    return made


def typed(made: Desk, card: Card, **others: Any) -> dict[str, Any]:
    code = made.code("tom", card)
    return {**DETAILS, "params_input": {"code": code, "reason": "the evidence is there"}, **others}


def test_what_airflow_tells_is_taken_when_person_and_code_agree(tom: Desk, card: Card) -> None:
    given = answer_from_airflow(tom.settings, tom.ledger, card.card_id, typed(tom, card), AT)
    assert (given.person, given.via, given.reason) == ("tom", "airflow", "the evidence is there")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"responded_by_user": None}, "unknown person"),
        ({"responded_by_user": {"id": "", "name": "tom"}}, "unknown person"),
        ({"responded_by_user": {"id": "8", "name": "tom"}}, "unknown person"),
        ({"responded_by_user": {"id": "paul", "name": "tom"}}, "code is not this person's"),
        ({"chosen_options": None}, "decision 'of 0 options'"),
        ({"chosen_options": ["Approve", "Reject"]}, "decision 'of 2 options'"),
        ({"chosen_options": ["Reject"]}, "code is not this person's"),
        ({"params_input": None}, "no reason was given"),
        ({"params_input": {"code": ["x"], "reason": "r"}}, "code is not this person's"),
    ],
)
def test_what_airflow_tells_otherwise_is_refused_and_recorded(
    tom: Desk, card: Card, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        answer_from_airflow(tom.settings, tom.ledger, card.card_id, typed(tom, card, **changed), AT)
    assert [said in why for why in refusals(tom)] == [True]
    assert card_named(tom.ledger, card.card_id).answers == ()


def test_nobody_is_not_the_person_without_an_airflow_user(made: Desk, card: Card) -> None:
    add_person(made.settings, made.ledger, "rita", Person("sam", ("approver",), ""), AT)
    told = {**DETAILS, "params_input": {"code": made.code("sam", card), "reason": "r"}, "responded_by_user": None}
    with pytest.raises(RefusedError, match="unknown person"):
        answer_from_airflow(made.settings, made.ledger, card.card_id, told, AT)


def _answer(home: Path, person: str, code: str, card_id: str, decision: str, ready: Any, results: Any) -> None:
    settings = Settings(home=home)
    ledger = open_ledger(settings)
    ready.wait(timeout=60)
    try:
        answer_card(settings, ledger, card_id, person, code, decision, "race", AT, "cli")
        results.put("taken")
    except RefusedError as error:
        results.put(error.found)


def raced(made: Desk, card: Card, *wishes: tuple[str, str]) -> list[str]:
    """Processes that answer at once; what each was told."""
    context = multiprocessing.get_context("spawn")
    results, ready, home = context.Queue(), context.Barrier(len(wishes)), made.settings.home
    racers = [
        context.Process(
            target=_answer,
            args=(home, person, made.code(person, card, decision), card.card_id, decision, ready, results),
        )
        for person, decision in wishes
    ]
    for racer in racers:
        racer.start()
    told = [str(results.get(timeout=60)) for _ in racers]
    for racer in racers:
        racer.join()
    return told


def test_of_two_who_approve_and_reject_at_once_the_card_ends_rejected(made: Desk, card: Card) -> None:
    told = raced(made, card, ("paul", "approve"), ("rita", "reject"))
    assert "taken" in told
    assert card_named(made.ledger, card.card_id).closed == "rejected by rita: race"
    assert made.ledger.verify().is_sound


def test_of_three_answers_of_one_person_at_once_one_is_taken(made: Desk, card: Card) -> None:
    told = raced(made, card, *(("paul", decision) for decision in ("approve", "reject", "approve")))
    assert told.count("taken") == 1
    assert len(card_named(made.ledger, card.card_id).answers) == 1


def test_no_secret_leaves_its_file(made: Desk, card: Card) -> None:
    made.answer("paul", card)
    with pytest.raises(RefusedError):
        say(made, card, "rita", made.secrets["rita"])
    for secret in made.secrets.values():
        paths = [path for path in made.settings.home.rglob("*") if path.is_file()]
        assert [path.name for path in paths if secret.encode() in path.read_bytes()] == ["people.json"]
