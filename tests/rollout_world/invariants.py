"""I1 to I7, I10 and I12: watched event by event, held against disk, desks and aliases after every session.

I8, I9 and I11 are about rows: ingest, re-runs and leaks have their own tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.rollout.events import Event
from models.rollout.fold import apply, fold
from models.rollout.routing import routed
from models.rollout.state import MarketState, RolloutState

if TYPE_CHECKING:
    from tests.rollout_world.story import Tale

ROUTING = (
    "phase_entered", "rollback_started", "completed", "refit_live", "fell_back", "killed", "resumed",
    "accounts_changed", "rejected", "expired", "superseded",
)  # fmt: skip


def hurried(rollout: RolloutState) -> str:
    """I8: a phase is left only after the sessions that its plan asks for; '' where it is."""
    if rollout.current is None:
        return ""
    shown, asked = len(rollout.sessions_of(rollout.phase)), rollout.current.sessions
    return "" if shown >= asked else f"I8 {rollout.phase} was left after {shown} of {asked} sessions"


@dataclass
class Watch:
    """What was seen of the ledger so far. allowed: epoch -> (version, share at most) of every state that had it."""

    state: MarketState = field(default_factory=lambda: MarketState("sample"))
    seen: int = 0
    epoch: int = 0
    used: set[str] = field(default_factory=set)
    persons: list[str] = field(default_factory=list)
    allowed: dict[int, dict[str, float]] = field(default_factory=dict)
    orders: int = 0
    failed: set[str] = field(default_factory=set)

    def check_day(self, tale: Tale) -> list[str]:
        """Sentences of what is broken; empty when everything holds."""
        found: list[str] = []
        for event in tale.world.events[self.seen :]:
            found += self._event(event)
        self.seen = len(tale.world.events)
        return [*found, *self._disk(tale), *self._orders(tale)]

    def _event(self, event: Event) -> list[str]:
        found = []
        if event.kind in ROUTING:
            found += [] if int(event.payload["epoch"]) > self.epoch else ["I5 epochs do not grow"]
            self.epoch = int(event.payload["epoch"])
        if event.kind == "approval_used":
            name = str(event.payload["approval_id"])
            found += ["I12 an approval was used twice"] if name in self.used else []
            self.used.add(name)
            self.persons.append(str(event.payload["person"]))
        if event.kind == "phase_entered":
            found += self._entered(event)
            self.persons = []
        if event.kind == "completed" and self.state.rollout is not None:
            found += [words] if (words := hurried(self.state.rollout)) else []
        if event.kind == "rollback_started":
            self.failed.add(str(event.payload["rollout_id"]))
        self.state = apply(self.state, event)
        allowed = self.allowed.setdefault(self.state.epoch, {})
        for one in routed(self.state):
            allowed[one.what.version] = max(one.share, allowed.get(one.what.version, 0.0))
        return found

    def _entered(self, event: Event) -> list[str]:
        """I3: a passed gate and as many approvals as are asked for, by others than the authors, came earlier."""
        rollout = self.state.rollout
        assert rollout is not None
        if words := hurried(rollout):
            return [words]
        needed = rollout.plan.phase(str(event.payload["phase"])).approvals
        persons = set(self.persons) - set(rollout.authors)
        if len(persons) >= needed and rollout.gate is not None and rollout.gate.verdict == "pass":
            return []
        return [f"I3 {event.payload['phase']} was entered with {len(persons)} of {needed} approvals"]

    def _disk(self, tale: Tale) -> list[str]:
        """I1, I4: shares sum to one, and a rollout that failed is not routed once the ledger says so and answers."""
        disk = tale.world.disk
        if disk is None:
            return []
        found = [] if abs(sum(one.share for one in disk.arms) - 1.0) < 1e-9 else ["I1 shares do not sum to one"]
        if disk.rollout_id in self.failed and any(one.arm == "challenger" for one in disk.arms):
            found.append(f"I4 {disk.rollout_id} failed and is routed")
        return found

    def _orders(self, tale: Tale) -> list[str]:
        """I2, I7: an order has one version, which the epoch it names routed, with no more than that epoch's share."""
        found = []
        for order in tale.floor.orders[self.orders :]:
            allowed = self.allowed.get(order.epoch, {})
            if order.version not in allowed:
                found.append(f"I7 order {order.parent}: {order.version} was not routed in epoch {order.epoch}")
            elif order.share > allowed[order.version] + 1e-9:
                found.append(f"I2 order {order.parent}: share {order.share} of epoch {order.epoch}")
            if order.epoch < order.newest:
                found.append(f"I5 {order.desk} went back from epoch {order.newest} to {order.epoch}")
        self.orders = len(tale.floor.orders)
        return found


def check_quiet(tale: Tale) -> list[str]:
    """I6, I10: when nothing more happens, ledger, disk and aliases say the same, and nothing is left of what is out."""
    world, state = tale.world, fold("sample", tale.world.events)
    found = [] if state == world.state else ["I10 the fold is not what the controllers saw"]
    if world.disk is None or world.disk.arms != routed(state) or world.disk.epoch != state.epoch:
        found.append("I6 the snapshot is not what the ledger says")
    if world.aliases.get("champion") != state.champion.version:
        found.append("I6 MLflow's champion is not the ledger's")
    if set(world.stops) != {stop.stop_id for stop in state.stops}:
        found.append(f"I6 stop files {sorted(world.stops)} are not the ledger's")
    if state.rollout is not None and state.rollout.state == "ROLLING_BACK":
        found.append("a rollback that nothing hinders is not done")
    return found
