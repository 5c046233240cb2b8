"""An approval is used when everything is as it was shown, once, by somebody who may; each other case says why not."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.approval import (
    Approval,
    Card,
    Facts,
    Standing,
    approval_faults,
    approval_from,
    approval_of,
    card_from,
    check_approval,
    is_between,
)

CARD = Card(
    "sample-r1-canary_10-1", "sample.r1", "sample", "shadow", "canary_10", 1, "r1", "sample.execution/5", "d5", "plan",
    "evidence", "limits", 7, "hash7", ("ada",), "2026-11-20T21:00:00.000000Z", "2026-11-21T21:00:00.000000Z",
    {"summary": "s"},
)  # fmt: skip
APPROVAL = approval_of(
    CARD, "paul", ("approver",), approval_id="a1", decision="approve", reason="evidence is there", via="cli",
    issued_at="2026-11-20T22:00:00.000000Z", expires_at="2026-11-21T21:00:00.000000Z",
)  # fmt: skip
FACTS = Facts(
    "sample.r1", "sample", "shadow", "canary_10", "r1", "sample.execution/5", "d5", "plan", "evidence", "limits",
    {7: "hash7"}, {"paul": ("approver",), "rita": ("risk",), "ada": ("author",)}, ("ada",), frozenset(), "pass",
    "2026-11-20T23:00:00.000000Z",
)  # fmt: skip
STANDING = Standing(True, CARD.digest(), "", ("approver",), ("pass", "pass"), False)


def test_an_approval_of_what_was_shown_may_be_used() -> None:
    assert check_approval(APPROVAL, FACTS, STANDING) == ()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"rollout_id": "sample.r2"}, "another rollout"),
        ({"market": "ashare"}, "another market"),
        ({"recipe_id": "r2"}, "another recipe"),
        ({"digest_of_version": "swapped"}, "another model file"),
        ({"version": "sample.execution/6"}, "another version"),
        ({"evidence_sha256": "newer"}, "other evidence than was shown"),
        ({"limits_sha256": "wider"}, "other limits than were shown"),
        ({"plan_sha256": "other"}, "another plan"),
        ({"phase": "canary_10", "next_phase": "expand_25"}, "now another one is due"),
        ({"spent": frozenset({"a1"})}, "it was used before"),
        ({"at": "2026-11-21T21:00:00.000000Z"}, "now is 2026-11-21T21:00:00.000000Z"),
        ({"at": "2026-11-20T21:59:59.999999Z"}, "valid from"),
        ({"at": "soon"}, "now is soon"),
        ({"hashes": {7: "rewritten"}}, "the ledger that it was given on is not this one"),
        ({"hashes": {}}, "the ledger that it was given on is not this one"),
        ({"gate": "hold"}, "the gate says hold now"),
        ({"gate": ""}, "the gate says nothing now"),
        ({"roles": {"paul": ("trader",)}}, "has no role that may approve now"),
        ({"roles": {}}, "has no role that may approve now: none"),
        ({"authors": ("ada", "paul")}, "paul is an author of the recipe"),
    ],
)
def test_an_approval_that_no_longer_fits_is_refused_with_its_reason(facts: dict[str, Any], said: str) -> None:
    found = check_approval(APPROVAL, replace(FACTS, **facts), STANDING)
    assert len(found) == 1, found
    assert said in found[0]


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ({"is_signed": False}, "its signature does not fit"),
        ({"card_sha256": "other"}, "the card it answers is not the one in the ledger"),
        ({"card_sha256": ""}, "the card it answers is not the one in the ledger"),
        ({"closed": "a newer card asks: c2"}, "a newer card asks: c2"),
        ({"closed": "rejected by rita: no"}, "rejected by rita"),
        ({"roles_then": ("trader",)}, "paul had no role that may approve when it was given"),
        ({"gates_since": ("pass", "fail", "pass")}, "the gate said fail since the card was opened"),
        ({"is_repeated": True}, "paul has answered this step before"),
    ],
)
def test_an_approval_that_does_not_stand_is_refused_with_its_reason(standing: dict[str, Any], said: str) -> None:
    found = check_approval(APPROVAL, FACTS, replace(STANDING, **standing))
    assert len(found) == 1, found
    assert said in found[0]


@pytest.mark.parametrize(("approval", "said"), [({"reason": "  "}, "no reason"), ({"decision": "maybe"}, "'maybe'")])
def test_an_answer_without_reason_or_of_another_kind_is_refused(approval: dict[str, str], said: str) -> None:
    assert any(said in reason for reason in approval_faults(replace(APPROVAL, **approval), FACTS))


def test_every_reason_is_told_not_the_first_alone() -> None:
    facts = replace(FACTS, evidence_sha256="newer", gate="fail", spent=frozenset({"a1"}))
    assert len(check_approval(APPROVAL, facts, replace(STANDING, is_signed=False))) == 4


def test_a_rejection_counts_a_day_later_and_on_other_evidence() -> None:
    late = replace(FACTS, gate="fail", at="2026-11-25T08:00:00.000000Z", evidence_sha256="newer", hashes={})
    rejection = replace(APPROVAL, decision="reject")
    assert (
        check_approval(rejection, late, replace(STANDING, closed="rejected by paul: no", gates_since=("fail",))) == ()
    )
    assert check_approval(APPROVAL, late, STANDING) != ()


@pytest.mark.parametrize(
    ("facts", "standing"),
    [
        ({"rollout_id": "sample.r2"}, {}),
        ({"roles": {"paul": ("trader",)}}, {}),
        ({"authors": ("paul",)}, {}),
        ({"spent": frozenset({"a1"})}, {}),
        ({}, {"is_signed": False}),
        ({}, {"card_sha256": "other"}),
    ],
)
def test_a_rejection_by_nobody_entitled_or_of_another_rollout_is_refused(
    facts: dict[str, Any], standing: dict[str, Any]
) -> None:
    rejection = replace(APPROVAL, decision="reject")
    assert check_approval(rejection, replace(FACTS, **facts), replace(STANDING, **standing)) != ()


BOUND = (
    "rollout_id", "market", "from_phase", "to_phase", "recipe_id", "version", "digest_of_version", "plan_sha256",
    "evidence_sha256", "limits_sha256", "card_sha256", "ledger_hash", "person", "decision",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(BOUND), st.text(min_size=1, max_size=5), max_size=4))
def test_an_approval_passes_exactly_when_every_fact_is_as_it_was(told: dict[str, str]) -> None:
    changed: Approval = replace(APPROVAL, **told)
    assert (check_approval(changed, FACTS, STANDING) == ()) == (changed == APPROVAL)


FACT_NAMES = tuple(one.name for one in fields(Facts) if one.name not in ("hashes", "roles", "authors", "spent", "at"))


@given(st.sampled_from(FACT_NAMES), st.sampled_from(("", "x", "canary_10", "pass", "plan", "evidence", "sample")))
def test_an_approval_passes_exactly_when_every_fact_is_as_it_is(name: str, value: str) -> None:
    facts = replace(FACTS, **{name: value})
    assert (check_approval(APPROVAL, facts, STANDING) == ()) == (facts == FACTS)


@given(st.integers(min_value=-3, max_value=3))
def test_an_approval_ends_with_the_microsecond_that_it_names(microseconds: int) -> None:
    times = {number: f"2026-11-21T{'20:59:59' if number < 0 else '21:00:00'}" for number in range(-3, 4)}
    at = f"{times[microseconds]}.{microseconds % 1_000_000:06d}Z"
    assert (check_approval(APPROVAL, replace(FACTS, at=at), STANDING) == ()) == (microseconds < 0)


def test_times_are_compared_as_times_whatever_their_digits() -> None:
    assert is_between("2026-11-20T22:00:00Z", "2026-11-20T22:00:00.5Z", "2026-11-20T22:00:01Z")
    assert is_between("2026-11-20T23:00:00+01:00", "2026-11-20T22:00:00Z", "2026-11-20T22:00:01Z")
    assert not is_between("2026-11-20T22:00:00", "2026-11-20T22:00:00Z", "2026-11-20T22:00:01Z")


def test_cards_and_approvals_survive_their_payload() -> None:
    assert card_from(json.loads(json.dumps(asdict(CARD)))).digest() == CARD.digest()
    assert approval_from(json.loads(json.dumps(asdict(APPROVAL)))) == APPROVAL


def test_a_card_with_a_figure_that_is_not_finite_has_no_digest() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        replace(CARD, shown={"cost": float("nan")}).digest()
