"""A market with a rollout in its ledger, its routing on the disk, and desks that report what a test says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.desk_reports import DeskReport, Residual, report_desk
from infra.ledger import Draft, Entry, Ledger, open_ledger
from infra.routing_files import RoutedArm, Snapshot, publish
from infra.settings import Settings
from infra.stop_files import Stop
from infra.times import stamp
from models.rollout.fold import fold
from models.rollout.routing import phase_name, routed, running, salt_of, shadow_of
from models.rollout.state import MarketState, RolloutState
from pipelines.rollout.record import state_of
from pipelines.stops.kill import kill
from pipelines.stops.read_back import Clock
from pipelines.stops.rollback import rollback
from pipelines.stops.stopping import StopReport
from tests.models.rollout.made import ARM, Story, in_phase, opened

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
VERSION = ARM.version
ROLLBACK_ID = "sample.r1-rollback"


def written(settings: Settings, story: Story) -> Ledger:
    """The story's events in a real ledger."""
    ledger = open_ledger(settings)
    drafts = [Draft(event.kind, event.payload) for event in story.events]
    ledger.append("sample", 0, drafts, at=NOW - timedelta(days=1), actor="fillwise")
    return ledger


def snapshot_of(state: MarketState) -> Snapshot:
    """What the controller would publish."""
    shadow = shadow_of(state)
    arms = tuple(
        RoutedArm(one.arm, one.what.version, one.what.digest, one.what.recipe_id, one.share) for one in routed(state)
    )
    return Snapshot(
        "sample", state.epoch, None if (rollout := running(state)) is None else rollout.rollout_id, phase_name(state),
        salt_of(state), arms, {one.version: {} for one in arms}, (), stamp(NOW), stamp(NOW + timedelta(days=2)), 1, "h",
        "desk", None if shadow is None else RoutedArm("shadow", shadow.version, shadow.digest, shadow.recipe_id, 0.0),
    )  # fmt: skip


def in_force(settings: Settings, phase: str = "canary_10") -> Ledger:
    """A rollout in this phase, in the ledger and on the disk."""
    story = in_phase(phase)
    ledger = written(settings, story)
    publish(settings, snapshot_of(story.state))
    return ledger


def steady(settings: Settings) -> Ledger:
    """A market without a rollout, in the ledger and on the disk."""
    story = opened()
    ledger = written(settings, story)
    publish(settings, replace(snapshot_of(story.state), epoch=1))
    return ledger


def republished(settings: Settings, ledger: Ledger) -> None:
    """What the controller does after an event."""
    publish(settings, snapshot_of(state_of(ledger, "sample")))


def desk(name: str = "desk-1", **others: Any) -> DeskReport:
    """A desk that has nothing and has seen nothing."""
    told: dict[str, Any] = {
        "desk": name, "market": "sample", "pid": 4711, "epoch": 99, "versions": {}, "stops": (), "last_child_at": {},
        "last_cancel_at": {}, "open_children": {}, "unacknowledged": {}, "exposure_notional": {}, "in_flight": {},
        "at": stamp(NOW), "symbol_children": {},
    }  # fmt: skip
    return DeskReport(**{**told, **others})


def reports(settings: Settings, *found: DeskReport) -> None:
    for one in found:
        report_desk(settings, one)


def residual(number: int = 1, **others: Any) -> Residual:
    return replace(Residual(f"P{number}", "ACCOUNT-01", "AURA", "buy", 300.0), **others)


@dataclass
class Wall:
    """A clock that a test moves, and what happens while somebody sleeps."""

    at: datetime = NOW
    slept: list[float] = field(default_factory=list)
    happens: Any = None

    def utc(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        if self.happens is not None:
            self.happens(self.at)

    @property
    def clock(self) -> Clock:
        return Clock(self.utc, self.sleep)


@dataclass
class Typed:
    """What a command says, line by line."""

    settings: Settings
    wall: Wall = field(default_factory=Wall)
    said: list[str] = field(default_factory=list)

    def rollback(self, version: str | None = None, reason: str = "it is dear", person: str = "tom") -> StopReport:
        self.said.clear()
        return rollback(self.settings, "sample", version, person, reason, self.wall.clock, 1.0, self.said.append)

    def kill(self, scope: str = "all", subject: str = "", owner: str = "tom") -> StopReport:
        self.said.clear()
        return kill(
            self.settings, "sample", scope, subject, "tom", "a leak", owner, self.wall.clock, 1.0, self.said.append
        )

    def line(self, word: str) -> str:
        """The first line that begins so."""
        return next(line for line in self.said if line.startswith(word))


def kinds(ledger: Ledger) -> list[str]:
    return [entry.kind for entry in ledger.entries("sample")]


def last(ledger: Ledger) -> Entry:
    return ledger.entries("sample")[-1]


def state(ledger: Ledger) -> MarketState:
    return fold("sample", ledger.entries("sample"))


def on_trial_now(ledger: Ledger) -> RolloutState:
    found = state(ledger).rollout
    assert found is not None
    return found


def a_stop(kind: str = "rollback", scope: str = "version", subject: str = VERSION, **others: Any) -> Stop:
    made = Stop("stop-1", "sample", kind, scope, subject, "tom", "why", stamp(NOW))
    return replace(made, **others)
