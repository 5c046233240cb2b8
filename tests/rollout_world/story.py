"""One rollout of sixty sessions in the simulated world, and what must hold of it: the invariants after every step."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from infra.errors import RefusedError, UnreachableError
from models.rollout import commands as wanted
from models.rollout.decide import decide
from models.rollout.events import Event
from models.rollout.evidence import SessionEvidence
from models.rollout.routing import production_on, routed
from models.rollout.state import Arm, MarketState, StopInForce
from pipelines.rollout import controller
from tests.models.rollout.made import ARM, approval, counts, evidence, plan, proposal
from tests.rollout_world.desks import Desk, Floor
from tests.rollout_world.doors import WorldDoors
from tests.rollout_world.invariants import Watch, check_quiet
from tests.rollout_world.world import KilledError, World

PERSONS = ("paul", "rita", "ada", "viewer")
ENTITLED = ("paul", "rita")


def day_number(number: int) -> str:
    """A made session: months of 28 days."""
    return f"{2026 + number // 336}-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"


@dataclass
class Told:
    """What a run of the world came to."""

    seed: int
    steps: int = 0
    kills: int = 0
    orders: int = 0
    ends: tuple[str, ...] = ()
    broken: list[str] = field(default_factory=list)


@dataclass
class Tale:
    """A world with its desks, a controller's doors, and the recipe's true effect in bps."""

    world: World
    effect_bps: float
    session_number: int = 0

    def __post_init__(self) -> None:
        self.floor = Floor(self.world, [Desk(f"desk-{number}") for number in range(8)])
        self.doors = WorldDoors(self.world, self.floor, self.evening_of)
        self.made: dict[tuple[str, str], SessionEvidence | None] = {}

    @property
    def session(self) -> str:
        return day_number(self.session_number)

    @property
    def next_session(self) -> str:
        return day_number(self.session_number + 1)

    def evening_of(self, state: MarketState, session: str) -> wanted.Evening:
        """Evidence as the tables would tell it: made once a session, the same however often it is read."""
        rollout, found = state.rollout, None
        if rollout is not None and rollout.phase is not None:
            key = (session, rollout.rollout_id)
            if key not in self.made:
                day = production_on("sample", self.world.events, session)
                is_routed = day.rollout is not None and day.rollout.phase is not None
                self.made[key] = self._evidence(day, session) if is_routed else None
            found = self.made[key]
        return wanted.Evening(session, self.next_session, found, self._approvals(state), self._read_back(state))

    def _evidence(self, day: MarketState, session: str) -> SessionEvidence:
        random, rollout = self.world.random, day.rollout
        assert rollout is not None
        share = next((one.share for one in routed(day) if one.arm == "challenger"), 0.0)
        units = {"challenger": round(100 * share), "champion": 100 - round(100 * share)}
        score = random.gauss(self.effect_bps, 2.0)
        told = counts(session, share, score, units=units["challenger"], champion_units=units["champion"])
        missing = ("gold.costs",) if self.world.happens(0.03) else ()
        found = evidence(session, rollout.phase or "", rollout_id=rollout.rollout_id, units=units, missing=missing)
        changed: SessionEvidence = type(found)(**{**found.__dict__, "counts": told, "epoch": day.epoch})
        return changed

    def _approvals(self, state: MarketState) -> tuple[dict[str, Any], ...]:
        """What the approval service verified: of entitled persons only, but doubled, late and for other phases too."""
        found = [one for one in self.world.answers if one["person"] in ENTITLED]
        rollout = state.rollout
        return tuple(one for one in found if rollout is not None and one["rollout_id"] == rollout.rollout_id)

    def _read_back(self, state: MarketState) -> wanted.ReadBack:
        old = [desk.name for desk in self.floor.desks if desk.view is not None and desk.view.epoch < state.epoch]
        return wanted.ReadBack(not old, "t", tuple(f"{name} runs an older epoch" for name in old))

    def approve(self) -> None:
        """Cards are answered by whoever feels like it, sometimes twice, sometimes by the author."""
        for card, facts in self.world.cards.items():
            if self.world.happens(0.6):
                person = self.world.random.choice(PERSONS)
                given = approval(f"{card}-{person}", person, facts["to_phase"], rollout_id=facts["rollout_id"])
                self.world.answers += [given] * self.world.random.choice((1, 1, 2))

    def controller(self, judge: bool = True) -> None:
        """A controller that may be killed anywhere and is started again; another may run in any gap."""
        for _ in range(200):
            self.world.between = self._other if self.world.happens(0.3) else None
            try:
                if judge:
                    controller.evening(self.doors, self.session)
                else:
                    controller.reconcile(self.doors, self.session)
                return
            except KilledError:
                continue
            except UnreachableError:
                return
        raise AssertionError("the controller never came through")

    def _other(self) -> None:
        """A second controller, which may be killed too, and is then left as it lies."""
        try:
            controller.evening(self.doors, self.session)
        except (KilledError, UnreachableError):
            return

    def person_rolls_back(self) -> None:
        """The command line: the stop file first, the ledger only if it answers."""
        disk = self.world.disk
        versions = [] if disk is None else [one.what.version for one in disk.arms if one.arm == "challenger"]
        rollout = self.world.state.rollout
        if versions and rollout is not None:
            stop = StopInForce(
                f"{rollout.rollout_id}-rollback", "rollback", "version", versions[0], "tom", "looks wrong"
            )
            self.world.stops.setdefault(stop.stop_id, stop)

    def start(self) -> None:
        """A recipe on trial, its gate passed and its report there."""
        world = self.world
        refit = Arm(f"sample.execution/{5 + self.session_number}", f"d{self.session_number}", ARM.recipe_id)
        world.put(decide(world.state, wanted.Draft(proposal(), refit, plan(), f"salt{world.seed}", "probe")))
        report = {"recipe_id": ARM.recipe_id, "person": "rita", "report_sha256": "r", "expires_on": "2030-12-31"}
        world.put((Event("report_recorded", {**report, "summary": ""}),))
        world.put(decide(world.state, wanted.RecordGate("pass", refit.version, self.session, "e", (), 0.0)))

    def day(self) -> None:
        """One session and its evening, with whatever happens on it."""
        world = self.world
        for desk in self.floor.desks:
            self.floor.trade(desk, self.session, 3)
        world.is_ledger_up = not world.happens(0.1)
        if world.happens(0.01):
            self.person_rolls_back()
        if world.happens(0.05):
            world.aliases["champion"] = f"sample.execution/{world.random.randint(0, 9)}"
        for desk in self.floor.desks:
            self.floor.trade(desk, self.session, 2)
        self.floor.close()
        self.controller()
        world.is_ledger_up = True
        self.approve()
        self.controller()
        self.session_number += 1


def settle(tale: Tale) -> None:
    """Nothing more happens: desks read, the venue answers, a controller repairs."""
    tale.world.shocks = 0.0
    for _ in range(12):
        for desk in tale.floor.desks:
            tale.floor.look(desk)
            tale.floor.settle(desk)
        tale.controller(judge=False)


def run(seed: int, effect_bps: float, sessions: int = 60, shocks: float = 0.05, obeys_old_epochs: bool = False) -> Told:
    """A whole tale; `broken` says which invariants did not hold. obeys_old_epochs: a planted bug of the desks."""
    tale, told, watch = Tale(World(seed, shocks), effect_bps), Told(seed), Watch()
    for desk in tale.floor.desks:
        desk.obeys_old_epochs = obeys_old_epochs
    for _ in range(sessions):
        if tale.world.state.rollout is None and tale.world.happens(0.5):
            with contextlib.suppress(RefusedError):
                tale.start()
        tale.day()
        told.broken += watch.check_day(tale)
        if told.broken:
            return told
    settle(tale)
    told.broken += check_quiet(tale)
    told.steps, told.kills, told.orders = tale.world.steps, tale.world.kills, len(tale.floor.orders)
    told.ends = tuple(one.state for one in tale.world.state.ended)
    return told
