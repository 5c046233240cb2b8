"""Two persons let something through that the rules hold: the gate, or promotions after two rollbacks in a row.

Both answer one card, each with their own code; one of them is a risk officer, none is an author. The second answer
records the override with both names and reasons; their approvals are then used. What the card rests on is bound to it:
another verdict of the gate, or another rollback, is another card.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.errors import RefusedError
from infra.ledger import Ledger
from infra.settings import Settings
from infra.signing import digest_of
from models.approval import VALID_HOURS, Approval, Card, Facts, check_approval
from models.rollout.commands import Override
from models.rollout.state import Arm, MarketState
from pipelines.approval.answer import answer_card
from pipelines.approval.cards import OVERRIDE, CardState, card_named, open_card, stamp
from pipelines.approval.codes import code_for
from pipelines.approval.people import authenticate, people_from, trusted_entries, trusted_people
from pipelines.approval.secrets_file import secret_of
from pipelines.approval.use import History, hashes_of
from pipelines.rollout.record import record, state_of

PERSONS = 2
WHATS = {
    "gate": "the gate's last word on the recipe that is on trial",
    "automatic_promotions": "the stop of promotions after two automatic rollbacks in a row",
}


@dataclass(frozen=True)
class Overridden:
    """How an override stands: who has agreed so far, and whether it is in force."""

    card_id: str
    persons: tuple[str, ...]
    is_recorded: bool


def _evidence(state: MarketState, what: str) -> str:
    """Digest of what is overridden: the gate's word, or the rollbacks."""
    rollout = state.rollout
    if what == "gate" and rollout is not None and rollout.gate is not None:
        return digest_of([rollout.rollout_id, rollout.gate.evidence_sha256, rollout.gate.verdict])
    return digest_of([what, state.rollbacks_in_row, [one.rollout_id for one in state.ended]])


def _require(state: MarketState, what: str) -> None:
    rollout = state.rollout
    is_held = rollout is not None and rollout.gate is not None and rollout.gate.verdict != "pass"
    if what not in WHATS or (what == "gate" and not is_held) or (what != "gate" and state.rollbacks_in_row == 0):
        raise RefusedError(
            "nothing to override", which=ascii(what), found=f"{state.market} holds nothing by it",
            allowed="; ".join(f"{name}: {words}" for name, words in WHATS.items()), next_step="fillwise rollout status",
        )  # fmt: skip


def _shown(state: MarketState, what: str, reason: str) -> dict[str, object]:
    gate = None if state.rollout is None else state.rollout.gate
    reasons = list(gate.reasons) if gate is not None and what == "gate" else [f"{state.rollbacks_in_row} rollbacks"]
    return {"summary": f"override of {WHATS[what]}: {reason}", "gate": {"verdict": "held", "reasons": reasons}}


def override_card(ledger: Ledger, state: MarketState, what: str, reason: str, at: datetime) -> Card:
    """The card of an override, opened or found. Raises RefusedError when there is nothing to override."""
    _require(state, what)
    head, rollout = ledger.head(), state.rollout
    arm = Arm("", "", "") if rollout is None else rollout.arm
    card = Card(
        card_id="", rollout_id=state.market if rollout is None else rollout.rollout_id, market=state.market,
        from_phase="", to_phase=f"{OVERRIDE}{what}", approvals=PERSONS, recipe_id=arm.recipe_id, version=arm.version,
        digest_of_version=arm.digest, plan_sha256="", evidence_sha256=_evidence(state, what), limits_sha256="",
        ledger_sequence=head.sequence, ledger_hash=head.hash, authors=() if rollout is None else rollout.authors,
        opened_at=stamp(at), expires_at=stamp(at + timedelta(hours=VALID_HOURS)), shown=_shown(state, what, reason),
    )  # fmt: skip
    return open_card(ledger, card, at)


def _facts(settings: Settings, ledger: Ledger, state: MarketState, card: Card, what: str, at: datetime) -> Facts:
    people = people_from(trusted_entries(settings, ledger))
    return Facts(
        rollout_id=card.rollout_id, market=state.market, phase="", next_phase=card.to_phase, recipe_id=card.recipe_id,
        version=card.version, digest_of_version=card.digest_of_version, plan_sha256="",
        evidence_sha256=_evidence(state, what), limits_sha256="", hashes=hashes_of(ledger, [card.ledger_sequence]),
        roles={name: person.roles for name, person in people.items()}, authors=card.authors,
        spent=state.approvals_seen, gate="pass", at=stamp(at),
    )  # fmt: skip


def _agreed(
    settings: Settings, ledger: Ledger, state: MarketState, found: CardState, what: str, at: datetime
) -> list[Approval]:
    """Approvals of the card that may be used now, one a person."""
    facts = _facts(settings, ledger, state, found.card, what, at)
    history = History(trusted_entries(settings, ledger), (), is_overridden=True)
    agreed, answered = list[Approval](), set[tuple[str, str]]()
    for given in found.given:
        approval = given.approval
        standing = history.standing(settings, found, given, answered)
        if approval.decision == "approve" and not check_approval(approval, facts, standing):
            agreed.append(approval)
            answered.add((approval.person, approval.to_phase))
    return agreed


def settle(settings: Settings, ledger: Ledger, market: str, what: str, card_id: str, at: datetime) -> Overridden:
    """Record the override when two entitled persons have agreed, a risk officer among them."""
    state, found = state_of(ledger, market), card_named(ledger, card_id)
    agreed = _agreed(settings, ledger, state, found, what, at)
    persons = tuple(one.person for one in agreed)
    people = trusted_people(settings, ledger)
    if len(agreed) < PERSONS or not any("risk" in people[name].roles for name in persons):
        return Overridden(card_id, persons, False)
    reason = "; ".join(f"{one.person}: {one.reason}" for one in agreed)
    wish = Override(what, persons, reason, tuple(one.approval_id for one in agreed))
    record(ledger, market, wish, at=at, actor=persons[-1])
    return Overridden(card_id, persons, True)


def give_override(
    settings: Settings, ledger: Ledger, market: str, what: str, person: str, secret: str, reason: str, at: datetime
) -> Overridden:
    """One person's word for an override, who knows their secret. Raises RefusedError; the refusal is recorded."""
    authenticate(settings, trusted_people(settings, ledger), person, secret)
    card = override_card(ledger, state_of(ledger, market), what, reason, at)
    before = settle(settings, ledger, market, what, card.card_id, at)
    if before.is_recorded:
        return before
    code = code_for(secret_of(settings, person), card.digest(), "approve")
    answer_card(settings, ledger, card.card_id, person, code, "approve", reason, at, "cli")
    return settle(settings, ledger, market, what, card.card_id, at)
