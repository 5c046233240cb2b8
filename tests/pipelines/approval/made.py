"""A desk with its people and a real ledger, a rollout that waits for a step, and its card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.ledger import Draft, Ledger, open_ledger
from infra.settings import Settings
from models.approval import Approval, Card
from models.limits import Limits
from models.rollout import commands as wanted
from models.rollout.state import MarketState, RolloutState
from pipelines.approval.answer import answer_card
from pipelines.approval.cards import open_card, stamp
from pipelines.approval.codes import code_for
from pipelines.approval.people import embedded_people
from pipelines.approval.secrets_file import secret_of
from pipelines.rollout.record import state_of
from tests.models.rollout.made import READ_BACK, Story, evidence, in_phase

AT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
LIMITS = Limits((), ("LIT",), 50.0, 1e5, 1e6, 500, 1e6, 0.1, 20, 5e3)
GOOD: dict[str, Any] = {
    "summary": "reads the signal",
    "change_class": "new_policy",
    "changes": ["policy tolerance: 0.1 to 0.2"],
    "revision": "abc1234",
    "is_dirty": False,
    "authors": ["ada"],
    "unknown_authors": [],
    "from_phase": "shadow",
    "to_phase": "canary_10",
    "share": "10 %",
    "session": "2026-11-20",
    "evidence_session": "2026-11-20",
    "evidence_sha256": "e",
    "backtest": {"sessions": 20, "orders": 4160, "difference_bps": -0.5, "low_bps": -0.6, "high_bps": -0.4},
    "backtest_touch": {
        "sessions": 20, "orders": 4160, "difference_bps": -0.2, "low_bps": -0.3, "high_bps": -0.1,
    },
    "live": {"sessions": 3, "units": 60, "words": "e-value of harm 0.4"},
    "gate": {"verdict": "pass", "reasons": ["all passed"]},
    "checks": {"skew": "pass", "data_quality": "pass", "fill_calibration": "pass", "leak": "pass"},
    "drift": "within its alarm budget",
    "drift_verdict": "pass",
    "report": {"person": "rita", "expires_on": "2027-06-30"},
    "since_approval": 0.2,
    "needs_new_report": False,
    "overridden": [],
    "limits": json.loads(LIMITS.to_json()),
    "cost": {"expected_notional": 1200.0, "worst_notional": 9000.0},
    "currency": "USD",
    "plan_faults": [],
    "approvers": ["paul", "rita"],
    "approvals": 1,
    "links": {"MLflow": "http://127.0.0.1:5000/#/models", "night": "pages/sample/2026-11-20/index.html"},
}  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """A state folder with its people, whose secrets are known to the test."""

    settings: Settings
    secrets: dict[str, str]

    @property
    def ledger(self) -> Ledger:
        return open_ledger(self.settings)

    @property
    def state(self) -> MarketState:
        return state_of(self.ledger, "sample")

    def tell(self, story: Story) -> MarketState:
        """Append what the story has beyond the ledger's market."""
        seen = self.ledger.count("sample")
        drafts = [Draft(event.kind, event.payload) for event in story.events[seen:]]
        self.ledger.append("sample", seen, drafts, at=AT - timedelta(hours=1), actor="fillwise")
        return self.state

    def code(self, person: str, card: Card, decision: str = "approve") -> str:
        return code_for(secret_of(self.settings, person), card.digest(), decision)

    def answer(self, person: str, card: Card, decision: str = "approve", at: datetime = AT) -> Approval:
        code = self.code(person, card, decision)
        return answer_card(self.settings, self.ledger, card.card_id, person, code, decision, "looks good", at, "cli")


def waiting(phase: str = "shadow") -> Story:
    """A rollout whose last evening said that only approvals keep it in the phase."""
    story = in_phase(phase)
    while (rollout := story.state.rollout) is not None and not (rollout.reasons and "approvals" in rollout.reasons[0]):
        story.evening()
    return story


def same_evening(story: Story, *approvals: Any) -> list[str]:
    """The last evening again, now with approvals; the kinds of events that it gave."""
    rollout = story.state.rollout
    assert rollout is not None
    today = rollout.sessions[-1].evidence.session
    found = evidence(today, str(rollout.phase))
    given = story.do(wanted.Evening(today, story.session(), found, approvals, READ_BACK))
    return [event.kind for event in given]


def desk(home: Path, at: datetime = AT - timedelta(days=1)) -> Desk:
    """A state folder whose people began at that time."""
    settings = Settings(home=home)
    return Desk(settings, embedded_people(settings, open_ledger(settings), at))


def evidence_sha256(rollout: RolloutState) -> str:
    """What the next step rests on."""
    if rollout.sessions:
        return rollout.sessions[-1].evidence_sha256
    return "" if rollout.gate is None else rollout.gate.evidence_sha256


def card_of(made: Desk, at: datetime = AT, **others: Any) -> Card:
    """The card of the step that the market's rollout waits for, opened."""
    head, rollout = made.ledger.head(), made.state.rollout
    assert rollout is not None
    phase = rollout.next_phase
    assert phase is not None
    told: dict[str, Any] = {
        "card_id": "", "rollout_id": rollout.rollout_id, "market": "sample", "from_phase": rollout.phase or "",
        "to_phase": phase.name, "approvals": phase.approvals, "recipe_id": rollout.recipe_id,
        "version": rollout.arm.version, "digest_of_version": rollout.arm.digest,
        "plan_sha256": rollout.plan.digest(), "evidence_sha256": evidence_sha256(rollout),
        "limits_sha256": phase.limits.digest(), "ledger_sequence": head.sequence, "ledger_hash": head.hash,
        "authors": rollout.authors, "opened_at": stamp(at), "expires_at": stamp(at + timedelta(hours=24)),
        "shown": {**GOOD, "from_phase": rollout.phase or "", "to_phase": phase.name},
    }  # fmt: skip
    return open_card(made.ledger, Card(**{**told, **others}), at)
