"""Two persons let something through, one of them a risk officer; one person, an author or an old word does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from infra.errors import RefusedError
from models.rollout import commands as wanted
from pipelines.approval.override import give_override
from pipelines.approval.people import Person
from pipelines.approval.people_changes import add_person, change_role
from pipelines.approval.use import usable_approvals
from tests.models.rollout.made import ARM, Story, opened, plan, proposal
from tests.pipelines.approval.made import AT, Desk, desk


@pytest.fixture
def story() -> Story:
    """A recipe that the gate holds."""
    found = opened()
    found.do(wanted.Draft(proposal(), ARM, plan(), "salt", "probe"))
    found.do(wanted.RecordGate("hold", ARM.version, "2026-11-20", "e1", ("12 sessions",), 0.01))
    return found


@pytest.fixture
def made(tmp_path: Path, story: Story) -> Desk:
    found = desk(tmp_path)
    found.tell(story)
    return found


def give(made: Desk, person: str, secret: str = "", after: timedelta = timedelta(0), what: str = "gate") -> bool:
    told = secret or made.secrets.get(person, "x")
    found = give_override(made.settings, made.ledger, "sample", what, person, told, f"{person} agrees", AT + after)
    return found.is_recorded


def test_two_persons_override_the_gate_and_both_are_recorded_with_their_reasons(made: Desk) -> None:
    assert not give(made, "paul")
    assert made.state.overrides == ()
    assert give(made, "rita")
    (override,) = made.state.overrides
    assert (override["persons"], override["reason"]) == (["paul", "rita"], "paul: paul agrees; rita: rita agrees")
    assert len(override["approval_ids"]) == 2
    assert made.state.rollout is not None
    assert made.state.rollout.state == "VALIDATED"


def test_one_person_twice_is_one_person(made: Desk) -> None:
    give(made, "rita")
    with pytest.raises(RefusedError, match="answered before"):
        give(made, "rita")
    assert made.state.overrides == ()


def test_without_a_risk_officer_it_is_not_in_force(made: Desk) -> None:
    secret = add_person(made.settings, made.ledger, "rita", Person("tom", ("approver",), "tom"), AT)
    assert not give(made, "paul")
    assert not give(made, "tom", secret)
    assert give(made, "rita")


def test_an_author_does_not_count(made: Desk) -> None:
    change_role(made.settings, made.ledger, "rita", "ada", "approver", AT, is_granted=True)
    give(made, "rita")
    with pytest.raises(RefusedError, match="an author cannot approve"):
        give(made, "ada")
    assert made.state.overrides == ()


def test_a_wrong_secret_is_refused(made: Desk) -> None:
    with pytest.raises(RefusedError, match="secret does not fit"):
        give(made, "paul", "guess")


def test_a_word_given_on_another_verdict_of_the_gate_does_not_count(made: Desk, story: Story) -> None:
    give(made, "paul")
    story.do(wanted.RecordGate("fail", ARM.version, "2026-11-21", "e2", ("a leak",), 0.01))
    made.tell(story)
    assert not give(made, "rita")
    assert made.state.overrides == ()


def test_a_word_of_yesterday_does_not_count(made: Desk) -> None:
    give(made, "paul")
    assert not give(made, "rita", after=timedelta(hours=24))


def test_who_lost_their_role_meanwhile_does_not_count(made: Desk) -> None:
    give(made, "paul")
    change_role(made.settings, made.ledger, "rita", "paul", "approver", AT, is_granted=False)
    assert not give(made, "rita")


@pytest.mark.parametrize("what", ["automatic_promotions", "limits"])
def test_what_is_not_held_cannot_be_overridden(made: Desk, what: str) -> None:
    with pytest.raises(RefusedError, match="nothing to override"):
        give(made, "rita", what=what)


def test_killed_between_the_second_word_and_the_record_it_is_recorded_by_the_next_call(
    made: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(made, "paul")
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.approval.override.record", _killed)
        with pytest.raises(InterruptedError):
            give(made, "rita")
    assert made.state.overrides == ()
    assert give(made, "rita")
    assert len(made.state.overrides) == 1


def _killed(*_: object, **__: object) -> None:
    raise InterruptedError


def test_words_for_an_override_are_no_approvals_of_a_step(made: Desk) -> None:
    give(made, "paul")
    assert usable_approvals(made.settings, made.ledger, made.state, "e1", AT).others == ()
