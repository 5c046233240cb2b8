"""Eight desks and a venue in the simulated world. A desk reads late, may be shown an old copy, and must obey stops."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.assignment import assign
from tests.rollout_world.world import Child, Published, World

CHAMPION_ONLY = "champion"


@dataclass(frozen=True)
class Order:
    """One parent order that was scored: who worked it and why. The row that everything must be answerable from."""

    parent: int
    unit: str
    arm: str
    version: str
    digest: str
    rollout_id: str | None
    phase: str
    epoch: int
    share: float
    desk: str
    newest: int


@dataclass
class Desk:
    """One desk process. obeys_old_epochs: a planted bug."""

    name: str
    view: Published | None = None
    children: list[Child] = field(default_factory=list)
    in_flight: dict[int, str] = field(default_factory=dict)
    obeys_old_epochs: bool = False
    newest: int = 0


@dataclass
class Floor:
    """The desks, their venue, and the orders they scored."""

    world: World
    desks: list[Desk]
    orders: list[Order] = field(default_factory=list)
    parents: int = 0

    def look(self, desk: Desk) -> None:
        """Read the snapshot, sometimes an old copy of it; an older epoch is refused."""
        world = self.world
        shown = world.disk
        if world.old_copies and world.happens():
            shown = world.random.choice(world.old_copies)
        if shown is None or (desk.view is not None and shown.epoch < desk.view.epoch and not desk.obeys_old_epochs):
            return
        desk.view = shown
        desk.newest = max(desk.newest, shown.epoch)

    def stopped(self, version: str) -> bool:
        """Whether a stop of the version, or of everything, lies on the disk."""
        return any(
            stop.scope == "all" or (stop.scope == "version" and stop.subject == version)
            for stop in self.world.stops.values()
        )

    def _champion(self, view: Published) -> str:
        return next(one.what.version for one in view.arms if one.arm == CHAMPION_ONLY)

    def trade(self, desk: Desk, session: str, orders: int) -> None:
        """A few parent orders of a session: looked, stopped, assigned, sent."""
        for _ in range(orders):
            if self.world.happens(0.5):
                self.look(desk)
            self.settle(desk)
            if desk.view is None or any(stop.scope == "all" for stop in self.world.stops.values()):
                continue
            self._send(desk, desk.view, session)

    def _send(self, desk: Desk, view: Published, session: str) -> None:
        self.parents += 1
        unit = f"A{self.parents % 7}|SYM|buy|{session}|{self.parents % 40}"
        arm = assign(unit, view.salt, [(one.arm, one.share) for one in view.arms]).arm
        chosen = next(one for one in view.arms if one.arm == arm)
        if self.stopped(chosen.what.version):
            chosen = next(one for one in view.arms if one.arm == CHAMPION_ONLY)
        what, routing = chosen.what, (view.rollout_id, view.phase, view.epoch, chosen.share, desk.name, desk.newest)
        self.orders.append(Order(self.parents, unit, arm, what.version, what.digest, *routing))
        desk.in_flight[self.parents] = what.version
        desk.children.append(Child(what.version, self.parents))

    def settle(self, desk: Desk) -> None:
        """Stops are obeyed at once; the venue answers, late or not at all, and is asked again."""
        for child in desk.children:
            if child.live and not child.asked and self.stopped(child.version):
                child.asked = True
            if child.asked and child.live and self.world.happens(0.7):
                child.live = False
            if child.asked and not child.live and not child.told and self.world.happens(0.6):
                child.told = True
            if not child.asked and self.world.happens(0.3):
                child.live, child.told = False, True
        for parent, version in list(desk.in_flight.items()):
            if self.stopped(version) and desk.view is not None:
                desk.in_flight[parent] = self._champion(desk.view)
        desk.children = [child for child in desk.children if not child.told]

    def missing(self, version: str) -> tuple[str, ...]:
        """What still stands of a version, desk by desk: open children, unacknowledged cancels, exposure."""
        found = []
        for desk in self.desks:
            own = [child for child in desk.children if child.version == version and not child.told]
            owned = [parent for parent, held in desk.in_flight.items() if held == version]
            if own or owned:
                found.append(f"{desk.name}: {len(own)} children, {len(owned)} parents")
        return tuple(found)

    def close(self) -> None:
        """The session ends: what rests expires, parents are over."""
        for desk in self.desks:
            desk.in_flight = {}
            for child in desk.children:
                if not child.asked:
                    child.live, child.told = False, True
