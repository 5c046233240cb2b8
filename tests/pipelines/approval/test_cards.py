"""Cards and people on a real ledger: who may answer, what is refused and recorded, what never leaves the key file."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.errors import ConflictError, RefusedError
from infra.ledger import Ledger, open_ledger
from infra.settings import Settings
from models.approval import Card, code_for
from pipelines.approval.cards import answer_card, answers_of, card_named, cards, open_card
from pipelines.approval.people import (
    Person,
    add_person,
    authenticate,
    change_role,
    embedded_people,
    make_secret,
    people_of,
    secret_of,
)
from tests.models.test_approval import CARD

AT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path)
    embedded_people(settings, open_ledger(settings), AT - timedelta(days=1))
    return settings


@pytest.fixture
def ledger(home: Settings) -> Ledger:
    found = open_ledger(home)
    open_card(found, CARD, AT)
    return found


def code(home: Settings, name: str, card: Card = CARD, decision: str = "approve") -> str:
    return code_for(secret_of(home, name), card.digest(), decision)


def test_the_embedded_desk_begins_with_four_eyes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    first = embedded_people(settings, open_ledger(settings), AT)
    assert set(first) == {"ada", "paul", "rita"}
    assert embedded_people(settings, open_ledger(settings), AT) == {}


def test_an_entitled_persons_code_is_an_approval(home: Settings, ledger: Ledger) -> None:
    given = answer_card(home, ledger, CARD.card_id, "paul", code(home, "paul"), "approve", "looks good", AT, "cli")
    assert answers_of(home, ledger, CARD.rollout_id) == (given,)
    assert given.card_sha256 == CARD.digest()


@pytest.mark.parametrize(
    ("name", "decision", "reason", "after", "said"),
    [
        ("ada", "approve", "mine", timedelta(0), "no role that may approve"),
        ("nobody", "approve", "why", timedelta(0), "unknown person"),
        ("paul", "maybe", "why", timedelta(0), "decision 'maybe'"),
        ("paul", "approve", " ", timedelta(0), "no reason was given"),
        ("paul", "approve", "why", timedelta(days=2), "the card expired"),
    ],
)
def test_other_answers_are_refused_and_recorded(
    home: Settings, ledger: Ledger, name: str, decision: str, reason: str, after: timedelta, said: str
) -> None:
    known = "paul" if name == "nobody" else name
    with pytest.raises(RefusedError, match=said):
        answer_card(home, ledger, CARD.card_id, name, code(home, known), decision, reason, AT + after, "airflow")
    (refusal,) = [entry for entry in ledger.entries("cards") if entry.kind == "answer_refused"]
    assert said in refusal.payload["why"]
    assert answers_of(home, ledger, CARD.rollout_id) == ()


def test_an_author_who_is_also_approver_is_refused(home: Settings, ledger: Ledger) -> None:
    rita = people_of(ledger)["rita"]
    change_role(ledger, rita, "ada", "approver", AT, is_granted=True)
    with pytest.raises(RefusedError, match="an author cannot approve"):
        answer_card(home, ledger, CARD.card_id, "ada", code(home, "ada"), "approve", "mine", AT, "cli")


def test_a_code_for_another_card_or_decision_is_refused(home: Settings, ledger: Ledger) -> None:
    other = replace(CARD, card_id="other", to_phase="expand_25")
    for wrong in (code(home, "paul", other), code(home, "paul", CARD, "reject"), code(home, "rita")):
        with pytest.raises(RefusedError, match="code is not this person's"):
            answer_card(home, ledger, CARD.card_id, "paul", wrong, "approve", "why", AT, "cli")


def test_five_wrong_codes_lock_the_card_for_the_person(home: Settings, ledger: Ledger) -> None:
    for _ in range(5):
        with pytest.raises(RefusedError, match="code is not"):
            answer_card(home, ledger, CARD.card_id, "paul", "AAAA", "approve", "why", AT, "cli")
    with pytest.raises(RefusedError, match="locked"):
        answer_card(home, ledger, CARD.card_id, "paul", code(home, "paul"), "approve", "why", AT, "cli")
    assert answer_card(home, ledger, CARD.card_id, "rita", code(home, "rita"), "approve", "why", AT, "cli")


def test_a_person_answers_once_and_a_rejection_closes_the_card(home: Settings, ledger: Ledger) -> None:
    answer_card(home, ledger, CARD.card_id, "paul", code(home, "paul"), "approve", "why", AT, "cli")
    with pytest.raises(RefusedError, match="answered before"):
        answer_card(home, ledger, CARD.card_id, "paul", code(home, "paul"), "approve", "why", AT, "cli")
    answer_card(home, ledger, CARD.card_id, "rita", code(home, "rita", CARD, "reject"), "reject", "no", AT, "cli")
    assert card_named(ledger, CARD.card_id).is_closed


def test_the_same_question_on_the_same_evidence_is_one_card(home: Settings, ledger: Ledger) -> None:
    again = open_card(ledger, replace(CARD, card_id="second"), AT)
    assert again.card_id == CARD.card_id
    newer = open_card(ledger, replace(CARD, card_id="third", evidence_sha256="newer"), AT)
    assert newer.card_id == "third"
    assert [state.is_closed for state in cards(ledger)] == [True, False]
    assert home.keys.exists()


def test_a_record_that_was_changed_is_not_believed(home: Settings, ledger: Ledger) -> None:
    given = answer_card(home, ledger, CARD.card_id, "paul", code(home, "paul"), "approve", "why", AT, "cli")
    (entry,) = [entry for entry in ledger.entries("cards") if entry.kind == "card_answered"]
    forged = {**entry.payload, "approval": {**entry.payload["approval"], "to_phase": "baking"}}
    from infra.ledger import Draft

    ledger.append("cards", ledger.count("cards"), [Draft("card_answered", forged)], at=AT, actor="eve")
    with pytest.raises(RefusedError, match="not what was signed"):
        answers_of(home, ledger, given.rollout_id)


def test_nobody_grants_themselves_a_role(ledger: Ledger) -> None:
    people = people_of(ledger)
    with pytest.raises(RefusedError, match="grants themselves"):
        change_role(ledger, people["rita"], "rita", "approver", AT, is_granted=True)
    with pytest.raises(RefusedError, match="may not do that"):
        change_role(ledger, people["paul"], "ada", "approver", AT, is_granted=True)


def test_roles_are_known_as_of_a_time(ledger: Ledger) -> None:
    change_role(ledger, people_of(ledger)["rita"], "paul", "approver", AT, is_granted=False)
    assert people_of(ledger, AT - timedelta(hours=1))["paul"].roles == ("approver", "trader")
    assert people_of(ledger)["paul"].roles == ("trader",)


def test_a_new_person_gets_a_secret_once_and_an_old_secret_ends_with_rotation(home: Settings, ledger: Ledger) -> None:
    secret = add_person(home, ledger, Person("tom", ("trader",), "tom"), AT, "rita")
    people = people_of(ledger)
    assert authenticate(home, people, "tom", secret).roles == ("trader",)
    make_secret(home, "tom")
    with pytest.raises(RefusedError, match="secret does not fit"):
        authenticate(home, people, "tom", secret)


def test_secrets_lie_in_one_file_that_others_cannot_read(home: Settings, ledger: Ledger) -> None:
    secret = secret_of(home, "paul")
    answer_card(home, ledger, CARD.card_id, "paul", code(home, "paul"), "approve", "why", AT, "cli")
    holders = [path for path in home.home.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert holders == [home.keys / "people.json"]
    assert holders[0].stat().st_mode & 0o777 == 0o600


def _answer(home: Settings, name: str, decision: str, results: object) -> None:
    ledger = open_ledger(home)
    given = code(home, name, CARD, decision)
    while True:
        try:
            answer_card(home, ledger, CARD.card_id, name, given, decision, "race", AT, "cli")
            results.put("taken")  # type: ignore[attr-defined]
            return
        except ConflictError:
            continue
        except RefusedError as error:
            results.put(error.found)  # type: ignore[attr-defined]
            return


def test_of_two_who_race_both_answers_are_kept_or_the_second_is_told(home: Settings, ledger: Ledger) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    wishes = (("paul", "approve"), ("rita", "reject"))
    racers = [context.Process(target=_answer, args=(home, name, decision, results)) for name, decision in wishes]
    for racer in racers:
        racer.start()
    told = sorted(str(results.get(timeout=60)) for _ in racers)
    for racer in racers:
        racer.join()
    assert told in (["taken", "taken"], ["taken", "the card is closed"], ["the card is closed", "taken"])
    assert card_named(ledger, CARD.card_id).is_closed
