"""An approval is used when everything is as it was shown, once, by somebody who may; each other case says why not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.approval import Approval, Card, Facts, approval_faults, approval_of, card_from, code_for, is_code

CARD = Card(
    "sample.r1-canary_10-1", "sample.r1", "sample", "shadow", "canary_10", 1, "r1", "sample.execution/5", "d5", "plan",
    "evidence", "limits", 7, "hash7", ("ada",), "2026-11-20T21:00:00Z", "2026-11-21T21:00:00Z", {"summary": "s"},
)  # fmt: skip
APPROVAL = approval_of(
    CARD, "paul", ("approver",), approval_id="a1", decision="approve", reason="evidence is there", via="cli",
    issued_at="2026-11-20T22:00:00Z", expires_at="2026-11-21T21:00:00Z",
)  # fmt: skip
FACTS = Facts(
    "sample.r1", "sample", "shadow", "canary_10", "r1", "sample.execution/5", "d5", "plan", "evidence", "limits",
    {7: "hash7"}, {"paul": ("approver",), "rita": ("risk",), "ada": ("author",)}, ("ada",), frozenset(), "pass",
    "2026-11-20T23:00:00Z",
)  # fmt: skip


def test_an_approval_of_what_was_shown_may_be_used() -> None:
    assert approval_faults(APPROVAL, FACTS) == ()


@pytest.mark.parametrize(
    ("approval", "facts", "said"),
    [
        ({}, {"rollout_id": "sample.r2"}, "another rollout"),
        ({}, {"digest_of_version": "swapped"}, "another model file"),
        ({}, {"version": "sample.execution/6"}, "another version"),
        ({}, {"evidence_sha256": "newer"}, "other evidence than was shown"),
        ({}, {"limits_sha256": "wider"}, "other limits than were shown"),
        ({}, {"plan_sha256": "other"}, "another plan"),
        ({}, {"phase": "canary_10", "next_phase": "expand_25"}, "now another one is due"),
        ({}, {"spent": frozenset({"a1"})}, "it was used before"),
        ({}, {"at": "2026-11-21T21:00:00Z"}, "now is 2026-11-21T21:00:00Z"),
        ({}, {"at": "2026-11-20T21:59:59Z"}, "valid from"),
        ({}, {"hashes": {7: "rewritten"}}, "the ledger that it was given on is not this one"),
        ({}, {"hashes": {}}, "the ledger that it was given on is not this one"),
        ({}, {"gate": "hold"}, "the gate says hold now"),
        ({}, {"roles": {"paul": ("trader",)}}, "has no role that may approve now"),
        ({}, {"roles": {}}, "has no role that may approve now: none"),
        ({}, {"authors": ("ada", "paul")}, "paul is an author of the recipe"),
        ({"reason": "  "}, {}, "no reason was given"),
        ({"decision": "maybe"}, {}, "decision 'maybe'"),
    ],
)
def test_an_approval_is_refused_with_its_reason(approval: dict[str, str], facts: dict[str, object], said: str) -> None:
    found = approval_faults(replace(APPROVAL, **approval), replace(FACTS, **facts))  # type: ignore[arg-type]
    assert any(said in reason for reason in found), found


def test_a_rejection_needs_no_passed_gate() -> None:
    assert approval_faults(replace(APPROVAL, decision="reject"), replace(FACTS, gate="fail")) == ()


NAMES = (
    "rollout_id",
    "market",
    "recipe_id",
    "version",
    "digest_of_version",
    "plan_sha256",
    "evidence_sha256",
    "limits_sha256",
)


@given(st.sampled_from(NAMES), st.text(min_size=1, max_size=5))
def test_any_other_fact_refuses(name: str, value: str) -> None:
    changed: Approval = replace(APPROVAL, **{name: value})  # type: ignore[arg-type]
    assert bool(approval_faults(changed, FACTS)) == (changed != APPROVAL)


def test_a_code_is_good_for_one_person_one_card_and_one_decision() -> None:
    code = code_for("secret", CARD.digest(), "approve")
    assert is_code(f" {code.lower()} ", "secret", CARD.digest(), "approve")
    assert not is_code(code, "secret", CARD.digest(), "reject")
    assert not is_code(code, "other", CARD.digest(), "approve")
    assert not is_code(code, "secret", replace(CARD, version="sample.execution/6").digest(), "approve")


def test_a_card_survives_its_payload() -> None:
    import json
    from dataclasses import asdict

    assert card_from(json.loads(json.dumps(asdict(CARD)))).digest() == CARD.digest()
