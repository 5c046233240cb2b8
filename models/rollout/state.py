"""The state of a market's production: who trades, what is on trial and how far, what was stopped. Folded, never stored.

    DRAFT → VALIDATED → SHADOW → CANARY → EXPAND → BAKING → COMPLETE
    beside them: HELD, ROLLING_BACK → ROLLED_BACK, REJECTED, EXPIRED, SUPERSEDED, KILLED

`fold.py` makes a state from the ledger's entries, `decide.py` makes events from a state and a command. A failure
latches: nothing that comes later takes it back, a retry is another rollout with another name and another approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.rollout.evidence import SessionEvidence
from models.rollout.plan import Phase, Plan

RolloutStateName = Literal[
    "DRAFT", "VALIDATED", "SHADOW", "CANARY", "EXPAND", "BAKING", "COMPLETE", "HELD", "ROLLING_BACK", "ROLLED_BACK",
    "REJECTED", "EXPIRED", "SUPERSEDED", "KILLED",
]  # fmt: skip


@dataclass(frozen=True)
class Arm:
    """What trades: a version by name and digest, and the recipe that it is a refit of."""

    version: str
    digest: str
    recipe_id: str


@dataclass(frozen=True)
class GateRecord:
    """The gate's last word on the recipe."""

    verdict: str
    version: str
    night: str
    evidence_sha256: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class UsedApproval:
    """An approval that was verified and used, or a refusal: decision is approve or reject."""

    approval_id: str
    card_id: str
    from_phase: str
    to_phase: str
    decision: str
    person: str
    reason: str


@dataclass(frozen=True)
class Report:
    """An independent validation report of a recipe. expires_on: last session on which it counts."""

    recipe_id: str
    person: str
    report_sha256: str
    expires_on: str


@dataclass(frozen=True)
class JudgedSession:
    """One session's evidence and what was said of it."""

    evidence: SessionEvidence
    evidence_sha256: str
    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RolloutState:
    """One rollout. `arm` is the refit that trades, `approved` the version that persons agreed to.

    phase: name of the phase it is in, None before the shadow; it stays while the rollout is held or rolled back.
    held: sessions in a row that it has been held, the last one `held_on`. failures: why it was rolled back; not empty
    is for ever.
    """

    rollout_id: str
    recipe_id: str
    arm: Arm
    approved: Arm
    plan: Plan
    salt: str
    attempt: int
    authors: tuple[str, ...]
    change_class: str
    state: RolloutStateName = "DRAFT"
    phase: str | None = None
    phase_since: str | None = None
    sessions: tuple[JudgedSession, ...] = ()
    held: int = 0
    held_on: str = ""
    reasons: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    gate: GateRecord | None = None
    approvals: tuple[UsedApproval, ...] = ()
    card_id: str | None = None
    stop_id: str | None = None

    @property
    def is_ended(self) -> bool:
        return self.state in ("COMPLETE", "ROLLED_BACK", "REJECTED", "EXPIRED", "SUPERSEDED", "KILLED")

    @property
    def is_trading(self) -> bool:
        """Whether its version may get units now: in a live phase, held ones included, and not failed."""
        return self.state in ("CANARY", "EXPAND", "BAKING", "HELD") and self.share > 0.0 and not self.failures

    @property
    def current(self) -> Phase | None:
        return None if self.phase is None else self.plan.phase(self.phase)

    @property
    def share(self) -> float:
        """Part of eligible units of the present phase."""
        return 0.0 if self.current is None else self.current.share

    @property
    def next_phase(self) -> Phase | None:
        """The phase that would follow, None after the last."""
        return self.plan.phases[0] if self.phase is None else self.plan.after(self.phase)

    def sessions_of(self, phase: str | None) -> tuple[JudgedSession, ...]:
        return tuple(one for one in self.sessions if one.evidence.phase == phase)


@dataclass(frozen=True)
class StopInForce:
    """A rollback or kill that nothing has lifted yet."""

    stop_id: str
    kind: Literal["rollback", "kill"]
    scope: Literal["version", "symbol", "all"]
    subject: str
    person: str
    reason: str


@dataclass(frozen=True)
class MarketState:
    """Everything about one market's production. `seen` entries of its stream were folded: the place to append at.

    champions: who was champion, oldest first, the present one last. epoch: of the last routing that was decided.
    error_spent: (recipe, quarter) -> part of alpha. rollbacks_in_row: automatic ones. accounts: clients who opted in.
    left_recipes: of champions that were fallen back from. residuals: stop -> whether somebody acknowledged them.
    """

    market: str
    seen: int = 0
    currency: str = ""
    purpose: str = ""
    benchmark: Arm | None = None
    champions: tuple[Arm, ...] = ()
    rollout: RolloutState | None = None
    ended: tuple[RolloutState, ...] = ()
    epoch: int = 0
    stops: tuple[StopInForce, ...] = ()
    reports: tuple[Report, ...] = ()
    recipes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    error_spent: Mapping[tuple[str, str], float] = field(default_factory=dict)
    approvals_seen: frozenset[str] = frozenset()
    overrides: tuple[Mapping[str, Any], ...] = ()
    margin_spent_bps: float = 0.0
    rollbacks_in_row: int = 0
    champion_sessions: tuple[JudgedSession, ...] = ()
    refits: tuple[Mapping[str, Any], ...] = ()
    residuals: Mapping[str, bool] = field(default_factory=dict)
    left_recipes: frozenset[str] = frozenset()
    accounts: tuple[str, ...] = ()

    @property
    def champion(self) -> Arm:
        """Who works what nothing else works. Raises ValueError for a market that was not opened."""
        if not self.champions:
            raise ValueError(f"market {self.market} was not opened in the ledger")
        return self.champions[-1]

    @property
    def is_killed(self) -> bool:
        """Whether everything was stopped."""
        return any(stop.kind == "kill" and stop.scope == "all" for stop in self.stops)

    def is_stopped(self, version: str) -> bool:
        """Whether a stop of this version, or of everything, is in force."""
        return self.is_killed or any(stop.scope == "version" and stop.subject == version for stop in self.stops)

    @property
    def rollouts(self) -> tuple[RolloutState, ...]:
        """Every rollout, oldest first, the present one last."""
        return (*self.ended, *(() if self.rollout is None else (self.rollout,)))
