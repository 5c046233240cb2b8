"""Answers that may be used now, held against the facts of now, and every reason why another may not.

`usable_approvals` reads the ledger anew each time: no state of a task, no XCom and no memory of it is believed. The
controller appends what it gives as events of the market's stream, at the place that it has seen, so that of two
controllers one uses an approval and the other reads that it was used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.ledger import Draft, Entry, Ledger
from infra.settings import Settings
from models.approval import Approval, Facts, Standing, check_approval, is_given
from models.rollout.state import MarketState, RolloutState
from pipelines.approval.authors import is_among
from pipelines.approval.cards import OVERRIDE, CardState, Given, cards, stamp
from pipelines.approval.people import ROBOT, people_from, trusted_entries

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Unusable:
    """An answer that may not be used, with every reason."""

    approval: Approval
    why: tuple[str, ...]


@dataclass(frozen=True)
class Usable:
    """Answers about the rollout as they stand now: approvals and rejections that count, and the others."""

    answers: tuple[Approval, ...] = ()
    others: tuple[Unusable, ...] = ()

    @property
    def used(self) -> tuple[Payload, ...]:
        """Payloads of `approval_used` for those that count."""
        return tuple(used_payload(one) for one in self.answers)

    @property
    def refused(self) -> tuple[Payload, ...]:
        """Payloads of `approval_refused` for the others."""
        return tuple(refused_payload(one) for one in self.others)


def used_payload(approval: Approval) -> Payload:
    """An approval or a rejection as the event that uses it."""
    return {
        "rollout_id": approval.rollout_id, "approval_id": approval.approval_id, "card_id": approval.card_id,
        "from_phase": approval.from_phase, "to_phase": approval.to_phase, "decision": approval.decision,
        "person": approval.person, "reason": approval.reason, "card_sha256": approval.card_sha256,
        "issued_at": approval.issued_at, "expires_at": approval.expires_at,
    }  # fmt: skip


def refused_payload(one: Unusable) -> Payload:
    """An answer that may not be used as the event that says why."""
    answer = one.approval
    return {
        "rollout_id": answer.rollout_id, "approval_id": answer.approval_id, "card_id": answer.card_id,
        "person": answer.person, "why": "; ".join(one.why),
    }  # fmt: skip


def _is_overridden(state: MarketState, rollout: RolloutState) -> bool:
    return any(one["what"] == "gate" and one["rollout_id"] == rollout.rollout_id for one in state.overrides)


def _gate(state: MarketState, rollout: RolloutState) -> str:
    if _is_overridden(state, rollout):
        return "pass"
    return "" if rollout.gate is None else rollout.gate.verdict


def hashes_of(ledger: Ledger, sequences: Sequence[int]) -> dict[int, str]:
    """Sequence -> hash of the ledger's entries of that place now, those that are there."""
    if not sequences:
        return {}
    wanted = set(sequences)
    tail = ledger.entries(after=min(sequences) - 1)
    return {entry.sequence: entry.hash for entry in tail if entry.sequence in wanted}


def facts_now(
    settings: Settings,
    ledger: Ledger,
    state: MarketState,
    rollout: RolloutState,
    evidence_sha256: str,
    at: datetime,
    answers: Iterable[Approval] = (),
) -> Facts:
    """What is so now, against which these answers are held. evidence_sha256: of what the next step rests on now."""
    phase, people = rollout.next_phase, people_from(trusted_entries(settings, ledger))
    return Facts(
        rollout_id=rollout.rollout_id,
        market=state.market,
        phase=rollout.phase or "",
        next_phase="" if phase is None else phase.name,
        recipe_id=rollout.recipe_id,
        version=rollout.arm.version,
        digest_of_version=rollout.arm.digest,
        plan_sha256=rollout.plan.digest(),
        evidence_sha256=evidence_sha256,
        limits_sha256="" if phase is None else phase.limits.digest(),
        hashes=hashes_of(ledger, [one.ledger_sequence for one in answers]),
        roles={name: person.roles for name, person in people.items()},
        authors=(*rollout.authors, *(one.name for one in people.values() if is_among(one, rollout.authors))),
        spent=state.approvals_seen,
        gate=_gate(state, rollout),
        at=stamp(at),
    )


def _gates_since(entries: Sequence[Entry], rollout_id: str, sequence: int) -> tuple[str, ...]:
    """The gate's words on a rollout behind a place of the ledger."""
    return tuple(
        str(entry.payload["verdict"])
        for entry in entries
        if entry.kind == "gate_judged" and entry.payload["rollout_id"] == rollout_id and entry.sequence > sequence
    )


@dataclass(frozen=True)
class History:
    """Entries of the ledger that standing is told from: of people, as our own service made them, and of the market."""

    people: tuple[Entry, ...]
    market: tuple[Entry, ...]
    is_overridden: bool

    def standing(self, settings: Settings, card: CardState, given: Given, answered: set[tuple[str, str]]) -> Standing:
        """What became of one answer. answered: (person, step) of answers that were used or are usable."""
        approval = given.approval
        then = people_from(entry for entry in self.people if entry.sequence < given.sequence)
        person = then.get(approval.person)
        gates = _gates_since(self.market, approval.rollout_id, approval.ledger_sequence)
        return Standing(
            is_signed=given.is_signed(settings),
            card_sha256=card.card.digest(),
            closed=card.closed,
            roles_then=() if person is None else person.roles,
            gates_since=() if self.is_overridden else gates,
            is_repeated=(approval.person, approval.to_phase) in answered,
        )

    @property
    def refused(self) -> set[str]:
        """Answers that the market's stream says were refused: it is said once."""
        return {str(one.payload["approval_id"]) for one in self.market if one.kind == "approval_refused"}


def _judged(
    settings: Settings, states: Sequence[CardState], facts: Facts, history: History, steps_taken: set[tuple[str, str]]
) -> Usable:
    answered, seen, told = set(steps_taken), set[str](), history.refused
    found, others = list[Approval](), list[Unusable]()
    pairs = [(state, given) for state in states for given in state.given]
    for card, given in sorted(pairs, key=lambda pair: pair[1].sequence):
        approval, name = given.approval, given.approval.approval_id
        is_first = name not in seen
        seen.add(name)
        if name in told or (is_first and name in facts.spent):
            continue
        if approval.decision == "approve" and given.is_signed(settings) and not is_given(approval, facts.at):
            continue
        why = check_approval(approval, facts, history.standing(settings, card, given, answered))
        why = why if is_first else ("it is in the ledger twice", *why)
        if why:
            others.append(Unusable(approval, why))
        else:
            answered.add((approval.person, approval.to_phase))
            found.append(approval)
    return Usable(tuple(found), tuple(others))


def usable_approvals(
    settings: Settings, ledger: Ledger, state: MarketState, evidence_sha256: str, at: datetime
) -> Usable:
    """Answers about the market's rollout that may be used now; of each other one, every reason why not, told once.

    An answer that was used, or whose refusal the market's stream holds, is not told again; one that comes twice is.
    An approval that our service took after `at`, while this evening was had, is left to the next; a rejection counts.
    """
    rollout = state.rollout
    if rollout is None:
        return Usable()
    mine = [one for one in cards(ledger, state.market) if one.card.rollout_id == rollout.rollout_id]
    states = [one for one in mine if not one.card.to_phase.startswith(OVERRIDE)]
    answers = [answer for one in states for answer in one.answers]
    facts = facts_now(settings, ledger, state, rollout, evidence_sha256, at, answers)
    history = History(trusted_entries(settings, ledger), ledger.entries(state.market), _is_overridden(state, rollout))
    steps_taken = {(one.person, one.to_phase) for one in rollout.approvals if one.decision == "approve"}
    return _judged(settings, states, facts, history, steps_taken)


def use_approvals(
    settings: Settings, ledger: Ledger, state: MarketState, evidence_sha256: str, at: datetime
) -> tuple[Payload, ...]:
    """Payloads of `approval_used` for the controller. Why another answer may not be used is recorded, once.

    Raises ConflictError when the market's stream has more than the state that was passed.
    """
    found = usable_approvals(settings, ledger, state, evidence_sha256, at)
    if found.refused:
        drafts = [Draft("approval_refused", one) for one in found.refused]
        ledger.append(state.market, state.seen, drafts, at=at, actor=ROBOT)
    return found.used
