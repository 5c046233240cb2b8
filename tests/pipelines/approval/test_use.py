"""Which answers may be used now, read from a real ledger: each way around the approval is refused with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from infra.errors import ConflictError
from infra.ledger import Draft
from infra.settings import Settings
from infra.signing import sign
from models.approval import Approval, Card
from models.rollout import commands as wanted
from models.rollout.events import EVENT_KINDS, Event
from pipelines.approval.people import Person
from pipelines.approval.people_changes import add_person, change_role
from pipelines.approval.use import Usable, usable_approvals, use_approvals
from tests.models.rollout.made import ARM, Story
from tests.pipelines.approval.made import AT, Desk, card_of, desk, evidence_sha256, same_evening, waiting

LATER = AT + timedelta(hours=1)


@pytest.fixture
def story() -> Story:
    return waiting()


@pytest.fixture
def made(tmp_path: Path, story: Story) -> Desk:
    found = desk(tmp_path)
    found.tell(story)
    return found


def usable(made: Desk, at: datetime = LATER, evidence: str | None = None) -> Usable:
    state = made.state
    assert state.rollout is not None
    now = evidence_sha256(state.rollout) if evidence is None else evidence
    return usable_approvals(made.settings, made.ledger, state, now, at)


def why(made: Desk, at: datetime = LATER, evidence: str | None = None) -> str:
    found = usable(made, at, evidence)
    assert found.answers == ()
    return " | ".join(reason for one in found.others for reason in one.why)


def write(made: Desk, card: Card, approval: Approval, home: Settings | None = None) -> None:
    """Put an answer into the ledger that our service did not take."""
    signed = sign(home or made.settings, "approval", asdict(approval))
    told = {"card_id": card.card_id, "approval": asdict(approval), "signed": asdict(signed)}
    made.ledger.append("cards", made.ledger.count("cards"), [Draft("card_answered", told)], at=AT, actor="eve")


def test_an_approval_of_what_is_still_so_may_be_used(made: Desk) -> None:
    given = made.answer("paul", card_of(made))
    found = usable(made)
    assert (found.answers, found.others) == ((given,), ())
    Event("approval_used", found.used[0])


def test_the_controller_uses_it_and_enters_the_phase(made: Desk, story: Story) -> None:
    made.answer("paul", card_of(made))
    assert same_evening(story, *usable(made).used) == ["approval_used", "phase_entered"]
    made.tell(story)
    assert usable(made) == Usable()


Change = Callable[[Desk, Story], None]


def newer_gate(verdict: str, *after: str) -> Change:
    def change(made: Desk, story: Story) -> None:
        for number, word in enumerate((verdict, *after)):
            story.do(wanted.RecordGate(word, ARM.version, f"2026-11-2{number}", f"e{number}", (word,), 0.01))
        made.tell(story)

    return change


def revoke(made: Desk, _: Story) -> None:
    change_role(made.settings, made.ledger, "rita", "paul", "approver", AT, is_granted=False)


def supersede(made: Desk, _: Story) -> None:
    card_of(made, evidence_sha256="newer")


def roll_on(made: Desk, story: Story) -> None:
    story.evening()
    made.tell(story)


@pytest.mark.parametrize(
    ("change", "after", "said"),
    [
        (newer_gate("hold"), timedelta(hours=1), "the gate says hold now"),
        (newer_gate("fail", "pass"), timedelta(hours=1), "the gate said fail since the card was opened"),
        (revoke, timedelta(hours=1), "paul has no role that may approve now"),
        (supersede, timedelta(hours=1), "a newer card asks"),
        (roll_on, timedelta(hours=1), "other evidence than was shown"),
        (None, timedelta(hours=24), "valid from"),
    ],
)
def test_an_approval_that_has_been_overtaken_is_refused(
    made: Desk, story: Story, change: Change | None, after: timedelta, said: str
) -> None:
    made.answer("paul", card_of(made))
    if change is not None:
        change(made, story)
    assert said in why(made, AT + after)
    Event("approval_refused", usable(made, AT + after).refused[0])


def test_an_approval_that_comes_while_an_evening_is_had_is_left_to_the_next_one(made: Desk, story: Story) -> None:
    card, begun = card_of(made), AT - timedelta(seconds=11)
    given = made.answer("paul", card)
    for _ in range(2):
        state = made.state
        assert state.rollout is not None
        assert use_approvals(made.settings, made.ledger, state, evidence_sha256(state.rollout), begun) == ()
    assert [entry.kind for entry in made.ledger.entries("sample") if entry.kind == "approval_refused"] == []
    assert usable(made, AT).answers == (given,)
    assert same_evening(story, *usable(made, AT).used) == ["approval_used", "phase_entered"]


def test_a_rejection_that_comes_while_an_evening_is_had_counts_at_once(made: Desk) -> None:
    rejection = made.answer("rita", card_of(made), "reject")
    assert usable(made, AT - timedelta(seconds=11)).answers == (rejection,)


def test_an_approval_from_the_future_that_our_service_never_took_is_refused(made: Desk, tmp_path: Path) -> None:
    card = card_of(made)
    given = made.answer("paul", card_of(made, card_id="another"))
    forged = replace(given, approval_id="forged", card_id=card.card_id, issued_at=(AT + timedelta(days=1)).isoformat())
    write(made, card, forged, Settings(home=tmp_path / "eve"))
    assert "its signature does not fit" in " | ".join(why for one in usable(made).others for why in one.why)


def test_what_the_gate_said_before_the_card_was_opened_does_not_count(made: Desk, story: Story) -> None:
    newer_gate("fail", "pass")(made, story)
    given = made.answer("paul", card_of(made))
    assert usable(made).answers == (given,)


def test_an_approval_of_a_card_that_somebody_rejected_is_refused_and_the_rejection_counts(made: Desk) -> None:
    card = card_of(made)
    made.answer("paul", card)
    rejection = made.answer("rita", card, "reject")
    found = usable(made, AT + timedelta(days=3))
    assert found.answers == (rejection,)
    assert any("rejected by rita" in reason for reason in found.others[0].why)


def test_a_refusal_is_recorded_once(made: Desk) -> None:
    made.answer("paul", card_of(made))
    late = AT + timedelta(days=2)
    for _ in range(2):
        state = made.state
        assert state.rollout is not None
        assert use_approvals(made.settings, made.ledger, state, evidence_sha256(state.rollout), late) == ()
    (told,) = [entry.payload for entry in made.ledger.entries("sample") if entry.kind == "approval_refused"]
    assert set(told) == set(EVENT_KINDS["approval_refused"])
    assert "valid from" in told["why"]
    assert usable(made, late) == Usable()


def test_refusals_are_not_written_over_what_another_controller_did(made: Desk, story: Story) -> None:
    made.answer("paul", card_of(made))
    state = made.state
    roll_on(made, story)
    with pytest.raises(ConflictError):
        use_approvals(made.settings, made.ledger, state, "newer", LATER)


def test_an_approval_that_is_played_again_is_refused(made: Desk, story: Story) -> None:
    card = card_of(made)
    made.answer("paul", card)
    same_evening(story, *usable(made).used)
    made.tell(story)
    entry = made.ledger.entries("cards")[-1]
    made.ledger.append("cards", made.ledger.count("cards"), [Draft(entry.kind, entry.payload)], at=AT, actor="eve")
    (replayed,) = usable(made).others
    assert {"it is in the ledger twice", "it was used before", "paul has answered this step before"} <= set(
        replayed.why
    )


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        ({"person": "rita"}, "its signature does not fit"),
        ({"to_phase": "baking"}, "its signature does not fit"),
        ({"expires_at": "2027-01-01T00:00:00.000000Z"}, "its signature does not fit"),
    ],
)
def test_a_record_that_was_changed_after_it_was_signed_is_refused(
    made: Desk, forged: dict[str, str], said: str
) -> None:
    card = card_of(made)
    made.answer("paul", card)
    told = made.ledger.entries("cards")[-1].payload
    changed = {**told, "approval": {**told["approval"], **forged, "approval_id": "other"}}
    made.ledger.append("cards", made.ledger.count("cards"), [Draft("card_answered", changed)], at=AT, actor="eve")
    found = usable(made)
    assert [one.person for one in found.answers] == ["paul"]
    assert said in found.others[0].why


def test_a_record_signed_by_another_key_is_refused(made: Desk, tmp_path: Path) -> None:
    card = card_of(made)
    given = made.answer("paul", card)
    write(made, card, replace(given, approval_id="forged", person="rita"), Settings(home=tmp_path / "eve"))
    assert usable(made).others[0].why[0] == "its signature does not fit"


def test_who_had_no_role_when_they_answered_is_refused_even_if_they_have_it_now(made: Desk) -> None:
    add_person(made.settings, made.ledger, "rita", Person("tom", ("trader",), "tom"), AT)
    card = card_of(made)
    given = made.answer("paul", card)
    write(made, card, replace(given, approval_id="toms", person="tom"))
    change_role(made.settings, made.ledger, "rita", "tom", "approver", AT, is_granted=True)
    assert usable(made).others[0].why == ("tom had no role that may approve when it was given",)


def test_a_role_that_the_database_was_told_of_is_none(made: Desk) -> None:
    card = card_of(made)
    given = made.answer("paul", card)
    told = {"name": "ada", "role": "approver"}
    made.ledger.append("people", made.ledger.count("people"), [Draft("role_granted", told)], at=AT, actor="rita")
    write(made, card, replace(given, approval_id="adas", person="ada"))
    assert "ada has no role that may approve now: author, operator" in usable(made).others[0].why


def test_one_person_is_not_two(made: Desk) -> None:
    card = card_of(made)
    given = made.answer("paul", card)
    write(made, card, replace(given, approval_id="second"))
    found = usable(made)
    assert found.answers == (given,)
    assert found.others[0].why == ("paul has answered this step before",)


def test_an_approval_given_on_another_ledger_is_refused(made: Desk) -> None:
    card = card_of(made)
    given = made.answer("paul", card)
    write(made, card, replace(given, approval_id="other", person="rita", ledger_hash="0" * 64))
    assert "the ledger that it was given on is not this one" in usable(made).others[0].why


def test_two_persons_are_two(tmp_path: Path) -> None:
    made = desk(tmp_path)
    made.tell(waiting("expand_50"))
    card = card_of(made)
    for person in ("paul", "rita"):
        made.answer(person, card)
    assert [one.person for one in usable(made).answers] == ["paul", "rita"]


def test_a_market_without_a_rollout_has_nothing_to_use(tmp_path: Path) -> None:
    made = desk(tmp_path)
    assert usable_approvals(made.settings, made.ledger, made.state, "", AT) == Usable()
