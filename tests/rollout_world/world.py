"""A whole desk in one thread: controllers, ledger, disk, desks, venue, registry, approvers, and a fake clock. Seeded.

What decides is the project's own code (`pipelines.rollout.controller`, `models.rollout`, `models.assignment`); what is
made here is the outside: a ledger that refuses the second of two writers, files that are replaced whole, desks that
read late or read an old copy, a venue that acknowledges late or never, a registry whose aliases somebody moves,
approvers who answer twice, late or as somebody else. A controller may be killed before and after every single write,
and another one may run between any two of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.rollout import commands as wanted
from models.rollout.decide import decide
from models.rollout.events import Event
from models.rollout.fold import apply
from models.rollout.routing import Routed, routed
from models.rollout.state import MarketState, StopInForce
from tests.models.rollout.made import BENCHMARK


class KilledError(Exception):
    """The process is gone, in the middle of whatever it did."""


@dataclass(frozen=True)
class Published:
    """A routing snapshot as it lies on disk."""

    epoch: int
    rollout_id: str | None
    phase: str
    arms: tuple[Routed, ...]
    salt: str


@dataclass
class Child:
    """One order at the venue. live: it may still fill. told: the desk knows that it is gone."""

    version: str
    parent: int
    live: bool = True
    told: bool = False
    asked: bool = False


@dataclass
class World:
    """Everything outside the controller. `shocks`: chance of each kind of trouble at each chance it gets."""

    seed: int
    shocks: float = 0.05
    events: list[Event] = field(default_factory=list)
    actors: list[str] = field(default_factory=list)
    disk: Published | None = None
    old_copies: list[Published] = field(default_factory=list)
    stops: dict[str, StopInForce] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    kills: int = 0
    steps: int = 0
    between: Callable[[], None] | None = None
    is_ledger_up: bool = True

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._state = MarketState("sample")
        self._folded = 0
        self.put(decide(self._state, wanted.OpenMarket("USD", BENCHMARK, "simulation")))

    @property
    def state(self) -> MarketState:
        """The fold of what the ledger holds."""
        for event in self.events[self._folded :]:
            self._state = apply(self._state, event)
        self._folded = len(self.events)
        return self._state

    def put(self, events: tuple[Event, ...]) -> None:
        self.events += events

    def happens(self, chance: float | None = None) -> bool:
        return self.random.random() < (self.shocks if chance is None else chance)

    def write(self, change: Callable[[], None]) -> None:
        """One write of a controller: it may be killed before it or after it, and another may run in between."""
        self.steps += 1
        self._gap()
        self._maybe_killed()
        change()
        self._maybe_killed()

    def _gap(self) -> None:
        other, self.between = self.between, None
        if other is not None and self.happens(0.3):
            other()
        elif other is not None:
            self.between = other

    def _maybe_killed(self) -> None:
        if self.happens():
            self.kills += 1
            raise KilledError

    def append(self, expected: int, events: tuple[Event, ...]) -> bool:
        """Compare and swap: False when another writer was first."""
        done = False

        def change() -> None:
            nonlocal done
            if expected == len(self.events):
                self.put(events)
                done = True

        self.write(change)
        return done

    def routing_now(self) -> tuple[Routed, ...]:
        return routed(self.state)
