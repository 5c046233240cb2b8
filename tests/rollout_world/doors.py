"""The controller's doors into the simulated world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from infra.errors import UnreachableError
from models.rollout import commands as wanted
from models.rollout.decide import decide
from models.rollout.plan import Phase
from models.rollout.routing import phase_name, routed, running, salt_of
from models.rollout.state import MarketState, RolloutState, StopInForce
from pipelines.rollout.controller import Alarm
from tests.rollout_world.desks import Floor
from tests.rollout_world.world import Published, World


@dataclass
class WorldDoors:
    """`evening_of` gives the evidence and the approvals of a session as the tables and the approval service would."""

    world: World
    floor: Floor
    evening_of: Callable[[MarketState, str], wanted.Evening]

    def _require_ledger(self) -> None:
        if not self.world.is_ledger_up:
            raise UnreachableError("no ledger", which="ledger", found="down", allowed="up", next_step="later")

    def state(self) -> MarketState:
        self._require_ledger()
        return self.world.state

    def record(self, command: wanted.Command) -> MarketState:
        while True:
            self._require_ledger()
            state = self.world.state
            events = decide(state, command)
            if not events or self.world.append(state.seen, events):
                return self.world.state

    def unrecorded_stops(self, state: MarketState) -> Sequence[StopInForce]:  # noqa: ARG002
        known = {event.payload.get("stop_id") for event in self.world.events}
        return [stop for name, stop in self.world.stops.items() if name not in known]

    def evening(self, state: MarketState, session: str) -> wanted.Evening:
        return self.evening_of(state, session)

    def enforce(self, stop: StopInForce) -> None:
        if stop.stop_id not in self.world.stops:
            self.world.write(lambda: self.world.stops.setdefault(stop.stop_id, stop) and None)

    def lift(self, state: MarketState) -> Sequence[str]:
        recorded = {event.payload.get("stop_id") for event in self.world.events}
        in_force = {stop.stop_id for stop in state.stops}
        over = [name for name in self.world.stops if name in recorded and name not in in_force]
        for name in over:
            self.world.write(partial(self._forget, name))
        return over

    def _forget(self, name: str) -> None:
        self.world.stops.pop(name, None)

    def publish(self, state: MarketState) -> None:
        wished = Published(
            state.epoch,
            None if (rollout := running(state)) is None else rollout.rollout_id,
            phase_name(state),
            routed(state),
            salt_of(state),
        )
        self.world.write(lambda: self._replace(wished))

    def _replace(self, wished: Published) -> None:
        """The file's own rule: an epoch never goes back, and says one thing."""
        on_disk = self.world.disk
        if on_disk is not None and wished.epoch == on_disk.epoch and wished != on_disk:
            raise AssertionError(f"I5 one epoch says two things: {on_disk} and {wished}")
        if on_disk is None or wished.epoch > on_disk.epoch:
            if on_disk is not None:
                self.world.old_copies.append(on_disk)
            self.world.disk = wished

    def rollback_done(self, version: str, stop_id: str) -> wanted.ConfirmRollback | tuple[str, ...]:  # noqa: ARG002
        missing = self.floor.missing(version)
        return missing or wanted.ConfirmRollback("t", "t", "t", tuple(desk.name for desk in self.floor.desks))

    def project(self, state: MarketState) -> Sequence[tuple[str, str, str]]:
        expected = {"champion": state.champion.version}
        if state.rollout is not None and state.rollout.is_trading:
            expected["challenger"] = state.rollout.arm.version
        moved = []
        for alias in {*expected, *self.world.aliases}:
            found, right = self.world.aliases.get(alias, ""), expected.get(alias, "")
            if found != right:
                self.world.write(partial(self.world.aliases.update, {alias: right}))
                moved.append((alias, found, right))
        return moved

    def open_card(self, state: MarketState, rollout: RolloutState, phase: Phase) -> str:  # noqa: ARG002
        card = f"{rollout.rollout_id}-{phase.name}"
        facts = {"rollout_id": rollout.rollout_id, "to_phase": phase.name, "from_phase": rollout.phase or ""}
        if card not in self.world.cards:
            self.world.write(lambda: self.world.cards.setdefault(card, facts) and None)
        return card

    def alarm(self, alarm: Alarm) -> None:
        if alarm.cause not in self.world.alarms:
            self.world.write(lambda: self.world.alarms.append(alarm.cause))
