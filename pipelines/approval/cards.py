"""Cards in the ledger's stream `cards`: opened, answered, refused, locked. State is folded, never kept.

    card_opened      the question, with everything on its first screen
    card_answered    an answer that our service took: the signed record
    answer_refused   an answer that it did not take, and why
    card_locked      a person gave five wrong codes: this card is closed to them

One step of a rollout has one card that asks: a newer one supersedes the older. What was rejected is not asked again on
the same evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

from infra.errors import RefusedError
from infra.ledger import Draft, Entry, Ledger
from infra.settings import Settings
from infra.signing import Signed, verified
from models.approval import VALID_HOURS, Approval, Card, approval_from, card_from, is_between
from pipelines.approval.people import ROBOT
from pipelines.approval.people_changes import until_first

STREAM = "cards"
OVERRIDE = "override:"
"""A card whose step begins so asks for two persons who let through what the rules hold."""


def stamp(at: datetime) -> str:
    """An instant as the ledger writes it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Given:
    """An answer as it stands in the ledger. sequence: of its entry."""

    approval: Approval
    signed: Signed
    sequence: int

    def is_signed(self, settings: Settings) -> bool:
        """Whether our own key signed exactly this."""
        try:
            return approval_from(verified(settings, "approval", self.signed)) == self.approval
        except (RefusedError, TypeError, KeyError):
            return False


@dataclass(frozen=True)
class CardState:
    """A card with what became of it. closed: why it does not ask any more, '' while it does, its expiry apart."""

    card: Card
    given: tuple[Given, ...] = ()
    wrong_codes: dict[str, int] = field(default_factory=dict)
    locked: frozenset[str] = frozenset()
    closed: str = ""

    @property
    def is_closed(self) -> bool:
        return bool(self.closed)

    @property
    def answers(self) -> tuple[Approval, ...]:
        return tuple(one.approval for one in self.given)

    @property
    def persons(self) -> tuple[str, ...]:
        return tuple(one.person for one in self.answers)

    @property
    def is_rejected(self) -> bool:
        return any(one.decision == "reject" for one in self.answers)

    def words(self, at: datetime) -> str:
        """What the card waits for, or why it does not."""
        agreed = sum(one.decision == "approve" for one in self.answers)
        if self.closed:
            return self.closed
        if not is_between(self.card.opened_at, stamp(at), self.card.expires_at):
            return f"expired at {self.card.expires_at}"
        return f"{agreed} of {self.card.approvals} approvals"


def _after(state: CardState, entry: Entry) -> CardState:
    told = entry.payload
    if entry.kind == "card_answered":
        given = Given(approval_from(told["approval"]), Signed(**told["signed"]), entry.sequence)
        return replace(state, given=(*state.given, given))
    person = str(told.get("person", ""))
    if entry.kind == "answer_refused" and told["is_code_wrong"]:
        return replace(state, wrong_codes={**state.wrong_codes, person: state.wrong_codes.get(person, 0) + 1})
    if entry.kind == "card_locked":
        return replace(state, locked=state.locked | {person})
    return state


def step_of(card: Card) -> tuple[str, str]:
    """What only one card may ask at a time: the next step of a rollout, or one override."""
    return card.rollout_id, card.to_phase if card.to_phase.startswith(OVERRIDE) else ""


def _with_ends(states: Iterable[CardState]) -> list[CardState]:
    found = list(states)
    newest = {step_of(one.card): one.card.card_id for one in found}
    ended = []
    for one in found:
        rejected = next((answer for answer in one.answers if answer.decision == "reject"), None)
        is_old = newest[step_of(one.card)] != one.card.card_id
        closed = f"a newer card asks: {newest[step_of(one.card)]}" if is_old else ""
        if rejected is not None:
            closed = f"rejected by {rejected.person}: {rejected.reason}"
        ended.append(replace(one, closed=closed))
    return ended


def card_states(entries: Iterable[Entry]) -> tuple[CardState, ...]:
    """Every card of these entries of the stream, oldest first. The first card of a name is the one that counts."""
    states: dict[str, CardState] = {}
    for entry in entries:
        name = str(entry.payload.get("card_id"))
        if entry.kind == "card_opened":
            states.setdefault(name, CardState(card_from(entry.payload["card"])))
        elif name in states:
            states[name] = _after(states[name], entry)
    return tuple(_with_ends(states.values()))


def cards(ledger: Ledger, market: str | None = None) -> tuple[CardState, ...]:
    """Every card, of a market or all, oldest first."""
    return tuple(one for one in card_states(ledger.entries(STREAM)) if market in (None, one.card.market))


def named(states: Sequence[CardState], card_id: str) -> CardState:
    """The card. Raises RefusedError naming those that ask."""
    found = next((one for one in states if one.card.card_id == card_id), None)
    if found is None:
        waiting = ", ".join(one.card.card_id for one in states if not one.is_closed) or "none"
        raise RefusedError(
            "no such card", which=ascii(card_id), found="nothing", allowed=waiting, next_step="fillwise card list"
        )
    return found


def card_named(ledger: Ledger, card_id: str) -> CardState:
    """The card. Raises RefusedError naming those that ask."""
    return named(cards(ledger), card_id)


def _known(states: Sequence[CardState], card: Card, at: datetime) -> Card | None:
    """The card that asks the same on the same evidence, or asked it and was rejected."""
    for state in states:
        known = state.card
        is_same = (step_of(known), known.to_phase, known.version, known.evidence_sha256) == (
            step_of(card), card.to_phase, card.version, card.evidence_sha256,
        )  # fmt: skip
        is_fresh = stamp(at) < known.expires_at and not state.closed
        if is_same and (is_fresh or state.is_rejected):
            return known
    return None


def free_name(states: Sequence[CardState], card: Card) -> str:
    """The card's own name, or the next that is free: market, rollout, step and a number, for people to type."""
    taken = {state.card.card_id for state in states}
    if card.card_id and card.card_id not in taken:
        return card.card_id
    stem = f"{card.rollout_id}-{card.to_phase}".replace(".", "-").replace(":", "-")
    return next(name for number in range(1, len(taken) + 2) if (name := f"{stem}-{number}") not in taken)


def _require_span(card: Card, at: datetime) -> None:
    latest = stamp(at + timedelta(hours=VALID_HOURS))
    if not is_between(card.opened_at, stamp(at), card.expires_at) or card.expires_at > latest:
        raise RefusedError(
            "card is open too long", which=card.card_id, found=f"{card.opened_at} to {card.expires_at}",
            allowed=f"from now, {stamp(at)}, for {VALID_HOURS} hours at most", next_step="open it with other times",
        )  # fmt: skip


@until_first
def open_card(ledger: Ledger, card: Card, at: datetime) -> Card:
    """Open a card, or find the one that asks the same on the same evidence. Raises RefusedError for a longer day."""
    entries = ledger.entries(STREAM)
    states = card_states(entries)
    known = _known(states, card, at)
    if known is not None:
        return known
    _require_span(card, at)
    opened = replace(card, card_id=free_name(states, card))
    told = {"card_id": opened.card_id, "card": asdict(opened), "card_sha256": opened.digest()}
    ledger.append(STREAM, len(entries), [Draft("card_opened", told)], at=at, actor=ROBOT)
    return opened


def answers_of(settings: Settings, ledger: Ledger, rollout_id: str) -> tuple[Approval, ...]:
    """Answers about a rollout that our own key signed; of approvals, those whose card still asks."""
    return tuple(
        one.approval
        for state in cards(ledger)
        for one in state.given
        if one.approval.rollout_id == rollout_id
        and one.is_signed(settings)
        and (one.approval.decision == "reject" or not state.closed)
    )
