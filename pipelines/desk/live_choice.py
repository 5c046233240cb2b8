"""Which version may work a parent order now: the arm that it was drawn into, as routing and stops allow. Pure.

    rolled back     nothing new of the version; its parents pass to the champion, their arm stays what it was
    killed          nothing at all in the scope; parents in flight are handed over to a person, and stay with the person
    barred          a limit stopped the version for the session; its parents pass to the champion
    set aside       the version cannot be used (altered file, late or senseless score): champion, then benchmark policy
    not routed      the rollout that drew the parent is over: champion

The benchmark policy is the last resort: it needs no file and no score. Where that is stopped too, nothing trades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.routing_files import RoutedArm, Snapshot
from infra.stop_files import Stop
from models.policy import TWAP
from models.version import benchmark_policy
from pipelines.desk.live_parents import Parent
from pipelines.desk.live_versions import Usable, Versions


@dataclass(frozen=True)
class Route:
    """What is in force: one snapshot and the stops beside it. why: in words, where it is the champion only."""

    snapshot: Snapshot
    stops: tuple[Stop, ...]
    why: str | None = None

    def arm(self, name: str) -> RoutedArm | None:
        """The arm of that name."""
        return next((one for one in self.snapshot.arms if one.arm == name), None)

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """(version, digest) of everything that is routed."""
        return tuple((one.version, one.digest) for one in self.snapshot.arms)


@dataclass(frozen=True)
class Choice:
    """The version that decides, None for nobody. why: for each that was passed over, the reason."""

    usable: Usable | None
    why: tuple[str, ...]


def killed(stops: Sequence[Stop], symbol: str, version: str | None) -> str | None:
    """The kill that covers a symbol or a version, in words."""
    for stop in stops:
        subject = {"all": True, "symbol": stop.subject == symbol, "version": stop.subject == version}
        if stop.kind == "kill" and subject[stop.scope]:
            return f"kill {stop.stop_id} of {stop.scope} {stop.subject}".rstrip()
    return None


def stopped(stops: Sequence[Stop], symbol: str, version: str) -> str | None:
    """Any stop that covers a version in a symbol, in words."""
    found = killed(stops, symbol, version)
    rolled_back = (one for one in stops if one.kind == "rollback" and one.subject == version)
    return found or next((f"rollback {one.stop_id} of {version}" for one in rolled_back), None)


def hands_over(parent: Parent, route: Route) -> str | None:
    """Why a person gets this parent now: a kill covers its symbol, or the version that works it."""
    return killed(route.stops, parent.facts.symbol, parent.version)


def _in_order(parent: Parent, route: Route) -> tuple[list[RoutedArm], list[str]]:
    """The arms to try, the parent's own first, and why its own is not among them."""
    assigned, snapshot = parent.assigned, route.snapshot
    champion = route.arm("champion")
    bench = benchmark_policy(snapshot.market)
    last = RoutedArm("benchmark", bench.version, bench.digest, "benchmark", 0.0)
    own, why = champion, list[str]()
    if assigned is not None and assigned.arm != "champion":
        is_same = assigned.arm == "benchmark" or assigned.rollout_id == snapshot.rollout_id
        own = route.arm(assigned.arm) if is_same else None
        if own is None:
            why.append(f"{assigned.arm} of {assigned.rollout_id} is not routed any more")
    found: dict[tuple[str, str], RoutedArm] = {}
    for one in (own, champion, last):
        if one is not None:
            found.setdefault((one.version, one.digest), one)
    return list(found.values()), why


def choose(parent: Parent, route: Route, versions: Versions, barred: Mapping[str, str]) -> Choice:
    """The first version that is neither stopped nor set aside. barred: by a limit, with the reason."""
    arms, why = _in_order(parent, route)
    for one in arms:
        key = (one.version, one.digest)
        reason = (
            stopped(route.stops, parent.facts.symbol, one.version)
            or barred.get(one.version)
            or versions.refusals.get(key)
        )
        found = versions.benchmark if one.digest == TWAP.digest() else versions.get(key)
        if reason is None and found is not None:
            return Choice(found, tuple(why))
        why.append(f"{one.version}: {reason or 'not in hand'}")
    return Choice(None, tuple(why))
