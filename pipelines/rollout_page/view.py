"""What page and terminal show of a market's rollout: plain data, made once, drawn twice. Nothing here reads or decides.

Costs are in bps of arrival price, dearer is positive; money is in `currency`; instants are ISO 8601 in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass


def minute(at: str) -> str:
    """An instant to the minute, as it is shown.

    >>> minute("2026-11-20T22:05:00.000000Z")
    '2026-11-20 22:05'
    """
    return at[:16].replace("T", " ")


@dataclass(frozen=True)
class PhaseLine:
    """One phase of the plan. state: done, now, ahead or left (ended there). needed: what it asks for at least."""

    name: str
    share: float
    state: str
    entered_on: str
    sessions: int
    sessions_needed: int
    units: int
    units_needed: int
    approvals_needed: int
    approved_by: tuple[str, ...]
    binding: str
    because: str


@dataclass(frozen=True)
class ScorePoint:
    """One session's score, and the confidence sequence up to it, None where there is none."""

    session: str
    phase: str
    difference_bps: float | None
    low_bps: float | None
    high_bps: float | None
    verdict: str


@dataclass(frozen=True)
class ELine:
    """One test that adds up over sessions: its e-value after each, and the limit where it decides what."""

    name: str
    decides: str
    limit: float
    points: tuple[tuple[str, float], ...]

    @property
    def now(self) -> float:
        return self.points[-1][1] if self.points else 1.0


@dataclass(frozen=True)
class GuardrailLine:
    """One guardrail on the last session."""

    name: str
    verdict: str
    figure: float | None
    limit: float | None
    e_value: float | None
    reason: str
    because: str


@dataclass(frozen=True)
class ArmLine:
    """One arm as it is routed, and what it did over the rollout."""

    arm: str
    version: str
    share: float
    units: int
    cost_bps: float | None


@dataclass(frozen=True)
class UnitPoint:
    """Units by arm in one session."""

    session: str
    phase: str
    challenger: int
    champion: int
    benchmark: int


@dataclass(frozen=True)
class CostLine:
    """What one account paid in one arm. difference_bps: from the champion's arm of the same account."""

    account: str
    arm: str
    units: int
    orders: int
    notional: float
    cost_bps: float
    cost_notional: float
    difference_bps: float | None


@dataclass(frozen=True)
class ApprovalLine:
    """Who said what about which step."""

    at: str
    step: str
    person: str
    decision: str
    reason: str
    card_id: str


@dataclass(frozen=True)
class CardLine:
    """A card that asks. given: approvals so far, of `approvals`."""

    card_id: str
    to_phase: str
    given: int
    approvals: int
    expires_at: str


@dataclass(frozen=True)
class RefitLine:
    """One night's refit of an arm: inside its approved envelope and since when it trades, or why not."""

    night: str
    arm: str
    version: str
    is_inside: bool
    live_since: str
    change: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class StopLine:
    """A stop in force."""

    stop_id: str
    kind: str
    subject: str
    person: str
    reason: str


@dataclass(frozen=True)
class AlertLine:
    """An alert that stands."""

    alert_id: str
    severity: str
    at: str
    words: str
    command: str
    standing: str
    is_open: bool


@dataclass(frozen=True)
class StoryLine:
    """One entry of the ledger in words."""

    sequence: int
    at: str
    actor: str
    kind: str
    words: str


@dataclass(frozen=True)
class RolloutView:
    """Everything at one instant. rollout_id '' and state '': nothing was ever on trial.

    tone: pass, hold or fail, how the headline is coloured. next_step: what happens next, and who must do what.
    costs_of: the month that `costs` is of, '' where no table was read.
    """

    market: str
    currency: str
    orders: str
    at: str
    champion: str
    champion_recipe: str
    champion_since: str
    rollout_id: str
    recipe: str
    version: str
    state: str
    phase: str
    share: float
    attempt: int
    authors: tuple[str, ...]
    change_class: str
    tone: str
    headline: str
    next_step: str
    epoch: int
    margin_bps: float
    margin_spent_bps: float
    client_cost_expected_notional: float | None
    client_cost_worst_notional: float | None
    phases: tuple[PhaseLine, ...] = ()
    scores: tuple[ScorePoint, ...] = ()
    tests: tuple[ELine, ...] = ()
    guardrails: tuple[GuardrailLine, ...] = ()
    arms: tuple[ArmLine, ...] = ()
    units: tuple[UnitPoint, ...] = ()
    costs: tuple[CostLine, ...] = ()
    costs_of: str = ""
    approvals: tuple[ApprovalLine, ...] = ()
    cards: tuple[CardLine, ...] = ()
    refits: tuple[RefitLine, ...] = ()
    stops: tuple[StopLine, ...] = ()
    alerts: tuple[AlertLine, ...] = ()
    story: tuple[StoryLine, ...] = ()
    before: tuple[str, ...] = ()
    head_sequence: int = 0
    head_hash: str = ""
