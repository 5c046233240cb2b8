"""Answers to cards that may be used now, as payloads of `approval_used`; the others are recorded once as refused."""

from __future__ import annotations

from datetime import datetime

from infra.ledger import Draft, Ledger
from infra.settings import Settings
from models.approval import Approval, Facts, approval_faults
from models.rollout.commands import Payload
from models.rollout.state import MarketState, RolloutState
from pipelines.approval.cards import STREAM, answers_of, stamp
from pipelines.approval.people import people_of
from pipelines.rollout.card_facts import evidence_digest

REFUSED = "approval_not_used"


def facts_now(ledger: Ledger, state: MarketState, rollout: RolloutState, at: datetime) -> Facts:
    """What is so now, against which every answer is held again."""
    phase = rollout.next_phase
    people = people_of(ledger)
    overridden = any(one["what"] == "gate" and one["rollout_id"] == rollout.rollout_id for one in state.overrides)
    gate = "pass" if overridden else "" if rollout.gate is None else rollout.gate.verdict
    return Facts(
        rollout_id=rollout.rollout_id,
        market=state.market,
        phase=rollout.phase or "",
        next_phase="" if phase is None else phase.name,
        recipe_id=rollout.recipe_id,
        version=rollout.arm.version,
        digest_of_version=rollout.arm.digest,
        plan_sha256=rollout.plan.digest(),
        evidence_sha256=evidence_digest(rollout),
        limits_sha256="" if phase is None else phase.limits.digest(),
        hashes={entry.sequence: entry.hash for entry in ledger.entries()},
        roles={name: person.roles for name, person in people.items()},
        authors=rollout.authors,
        spent=state.approvals_seen,
        gate=gate,
        at=stamp(at),
    )


def used_payload(approval: Approval) -> Payload:
    """An approval as the event that uses it."""
    return {
        "rollout_id": approval.rollout_id, "approval_id": approval.approval_id, "card_id": approval.card_id,
        "from_phase": approval.from_phase, "to_phase": approval.to_phase, "decision": approval.decision,
        "person": approval.person, "reason": approval.reason, "card_sha256": approval.card_sha256,
        "issued_at": approval.issued_at, "expires_at": approval.expires_at,
    }  # fmt: skip


def usable_answers(settings: Settings, ledger: Ledger, state: MarketState, at: datetime) -> tuple[Payload, ...]:
    """Answers about the rollout that may be used now. Why another may not is recorded, once."""
    rollout = state.rollout
    if rollout is None:
        return ()
    facts, found = facts_now(ledger, state, rollout, at), []
    told = {str(entry.payload["approval_id"]) for entry in ledger.entries(STREAM) if entry.kind == REFUSED}
    for approval in answers_of(settings, ledger, rollout.rollout_id):
        faults = approval_faults(approval, facts)
        if not faults:
            found.append(used_payload(approval))
        elif approval.approval_id not in told and approval.approval_id not in state.approvals_seen:
            why = {"approval_id": approval.approval_id, "card_id": approval.card_id, "why": list(faults)}
            ledger.append(STREAM, ledger.count(STREAM), [Draft(REFUSED, why)], at=at, actor="fillwise")
    return tuple(found)
