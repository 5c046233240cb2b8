"""A market's ledger in memory, and the commands that a test sends to it: every row of a story is in the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from models.guardrail_counts import ArmCounts, SessionCounts
from models.limits import Limits
from models.rollout import commands as wanted
from models.rollout.decide import decide
from models.rollout.events import Event
from models.rollout.evidence import SessionEvidence
from models.rollout.fold import fold
from models.rollout.plan import PHASES, Phase, Plan
from models.rollout.state import Arm, MarketState

BENCHMARK = Arm("sample.execution/0", "d0", "benchmark")
ARM = Arm("sample.execution/5", "d5", "recipe00001")
READ_BACK = wanted.ReadBack(True, "2026-03-02T22:00:00Z")


def limits(scale: float = 1.0) -> Limits:
    return Limits((), ("LIT",), 100.0, 1e6 * scale, 1e7 * scale, int(1000 * scale), 1e6 * scale, 0.2, 50, 1e4 * scale)


def plan(*names: str, **others: Any) -> Plan:
    """The plan of these phases (default: shadow, 10, 25, 50, 95 %), with small minimums where they may be small."""
    chosen = names or ("shadow", "canary_10", "expand_25", "expand_50", "baking")
    shapes = [shape for shape in PHASES if shape.name in chosen]
    phases = tuple(
        Phase(
            shape.name, shape.share, shape.sessions, 30 if shape.share else 0, 0,
            max(shape.approvals, 1 if shape.name == "canary_10" else 0), shape.binding, limits(1.0 + place),
        )
        for place, shape in enumerate(shapes)
    )  # fmt: skip
    told: dict[str, Any] = {
        "plan_id": "p1", "market": "sample", "currency": "USD", "phases": phases, "alpha": 0.05, "margin_bps": 1.5,
        "tolerated_harm_bps": 5.0, "detectable_harm_bps": 4.0, "power": 0.8, "winsor_bps": 50.0, "harm_share": 0.5,
        "guardrail_share": 0.5, "hold_sessions": 3, "sessions_most": 60, "holdout_share": 0.02,
    }  # fmt: skip
    return Plan(**{**told, **others})


def counts(session: str, share: float, difference_bps: float, **others: Any) -> SessionCounts:
    """A quiet session of both arms: nothing refused, everything completed, every vector as recomputed."""
    own, other = (
        ArmCounts(units, units, 0, 0, 0, 200, 150, 20, 0, 0, 0, 0, 2000, 5.0, 0.01)
        for units in (others.pop("units", 20), others.pop("champion_units", 20))
    )
    told: dict[str, Any] = {
        "session": session, "share": share, "challenger": own, "champion": other, "own_matches": 0.0,
        "skew_checked": 100.0, "skew_wrong": 0.0, "difference_bps": difference_bps, "variance": 4.0,
        "excess_notional": -100.0,
    }  # fmt: skip
    return SessionCounts(**{**told, **others})


def evidence(session: str, phase: str, difference_bps: float = -2.0, **others: Any) -> SessionEvidence:
    """A quiet session: twenty units an arm, the challenger two bps cheaper. `counted`: changes of its counts."""
    counted = others.pop("counted", {})
    share = 0.5 if phase and phase != "shadow" else 0.0
    told: dict[str, Any] = {
        "session": session, "rollout_id": "sample.r1", "phase": phase, "version": ARM.version, "epoch": 1,
        "units": {"challenger": 20, "champion": 20}, "large_units": 5,
        "counts": counts(session, share, difference_bps, **counted), "holdout_difference_bps": None,
        "holdout_variance": None, "cost_bps": {"challenger": 3.0, "champion": 5.0}, "drift": "pass", "drift_reason": "",
    }  # fmt: skip
    return SessionEvidence(**{**told, **others})


def proposal(**others: Any) -> dict[str, Any]:
    told = {
        "recipe_id": ARM.recipe_id, "name": "signal", "authors": ["ada"], "revision": "abc",
        "change_class": "new_policy", "approvals": 1, "reason": "reads the signal",
    }  # fmt: skip
    return {**told, **others}


def approval(approval_id: str, person: str, to_phase: str, **others: Any) -> dict[str, Any]:
    told = {
        "rollout_id": "sample.r1", "approval_id": approval_id, "card_id": f"card-{to_phase}", "from_phase": "",
        "to_phase": to_phase, "decision": "approve", "person": person, "reason": "evidence is there",
        "card_sha256": "c", "issued_at": "t", "expires_at": "t",
    }  # fmt: skip
    return {**told, **others}


@dataclass
class Story:
    """A stream of events that only `decide` writes."""

    events: list[Event] = field(default_factory=list)
    days: int = 0

    @property
    def state(self) -> MarketState:
        return fold("sample", self.events)

    def do(self, command: wanted.Command) -> tuple[Event, ...]:
        found = decide(self.state, command)
        self.events += found
        return found

    def put(self, kind: str, **payload: Any) -> None:
        self.events.append(Event(kind, payload))

    def session(self) -> str:
        return f"2026-{3 + self.days // 28:02d}-{1 + self.days % 28:02d}"

    def evening(self, *approvals: dict[str, Any], read_back: wanted.ReadBack = READ_BACK, **others: Any) -> list[str]:
        """One evening of the phase the rollout is in; the kinds of events that it gave."""
        rollout = self.state.rollout
        phase = rollout.phase if rollout is not None else None
        today, self.days = self.session(), self.days + 1
        found = None if phase is None else evidence(today, phase, **others)
        given = self.do(wanted.Evening(today, self.session(), found, approvals, read_back))
        return [event.kind for event in given]


def opened() -> Story:
    story = Story()
    story.do(wanted.OpenMarket("USD", BENCHMARK, "desk"))
    return story


def on_trial(**others: Any) -> Story:
    """A recipe whose gate passed, with an independent validation report; its shadow has not begun."""
    story = opened()
    story.do(wanted.Draft(proposal(), ARM, plan(**others), "salt", "probe"))
    report = {"recipe_id": ARM.recipe_id, "person": "rita", "report_sha256": "r", "expires_on": "2026-12-31"}
    story.put("report_recorded", summary="", **report)
    story.do(wanted.RecordGate("pass", ARM.version, "2026-02-27", "e1", ("all passed",), 0.01))
    return story


def in_phase(name: str, **others: Any) -> Story:
    """A rollout that was led into the phase by quiet evenings and the approvals that each step asks for."""
    story = on_trial(**others)
    for step in range(200):
        rollout = story.state.rollout
        if rollout is None or rollout.phase == name:
            return story
        after = rollout.next_phase
        wishes = [approval(f"a{step}{person}", person, after.name) for person in ("paul", "rita")] if after else []
        story.evening(*wishes)
    raise AssertionError(f"{name} was not reached")
