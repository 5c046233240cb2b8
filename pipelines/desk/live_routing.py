"""What a running desk obeys: stops at once, a new snapshot as soon as its versions are in hand.

A snapshot that has come is first made ready: each of its versions is loaded, on a thread beside the trading, while the
last one stays in force; then it takes the place of the last one between two decisions, whole. Stops wait for nothing.
A version that cannot be loaded within `LOAD_SECONDS` is set aside, and the snapshot takes effect without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from infra.routing_files import RoutedArm, RoutingView, Snapshot
from infra.settings import Settings
from models.version import benchmark_policy
from pipelines.desk.live_choice import Route
from pipelines.desk.live_versions import LOAD_SECONDS, Versions

NOTHING_EVER = "no snapshot was ever obeyed"


def benchmark_snapshot(market: str) -> Snapshot:
    """What a desk obeys that never saw a snapshot: the benchmark policy works everything, nobody is in a trial."""
    bench = benchmark_policy(market)
    arms = (RoutedArm("champion", bench.version, bench.digest, "benchmark", 1.0),)
    return Snapshot(market, 0, None, "steady", "", arms, {}, (), "", "", 0, "", "desk")


@dataclass
class LookCost:
    """How many looks there were and what they took together, in seconds."""

    looks: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def add(self, seconds: float) -> None:
        self.looks, self.seconds = self.looks + 1, self.seconds + seconds
        self.longest = max(self.longest, seconds)


@dataclass
class Routing:
    """One desk's routing. `route` is in force; `look` brings it up to date."""

    settings: Settings
    view: RoutingView
    versions: Versions
    monotonic: Callable[[], float]
    route: Route
    cost: LookCost = field(default_factory=LookCost)
    looked_at: float = 0.0
    _seen: Route | None = None
    _coming: Route | None = None
    _coming_since: float = 0.0

    @classmethod
    def of(
        cls, settings: Settings, market: str, desk: str, versions: Versions, monotonic: Callable[[], float]
    ) -> Routing:
        first = Route(benchmark_snapshot(market), (), NOTHING_EVER)
        versions.prepare(first.keys)
        return cls(settings, RoutingView(settings, market, desk), versions, monotonic, first)

    @property
    def is_waiting(self) -> bool:
        """Whether a snapshot has come whose versions are not in hand yet."""
        return self._coming is not None

    def look(self, utc: datetime) -> bool:
        """See what is in force now; whether anything changed."""
        started, before = self.monotonic(), self.route
        told = self.view.look(utc)
        snapshot = told.snapshot or benchmark_snapshot(self.view.market)
        why = told.why if told.snapshot is not None else f"{NOTHING_EVER}: {told.why}"
        if self._seen is None or (self._seen.snapshot, self._seen.why) != (snapshot, why):
            self._seen = self._coming = Route(snapshot, told.stops, why)
            self._coming_since = started
            self.versions.prepare(self._seen.keys)
        self._adopt(started)
        if self.route.stops != told.stops:
            self.route = replace(self.route, stops=told.stops)
        self.looked_at = started
        self.cost.add(self.monotonic() - started)
        return self.route != before

    def _adopt(self, now: float) -> None:
        coming = self._coming
        if coming is None:
            return
        if now - self._coming_since > LOAD_SECONDS:
            self.versions.give_up(coming.keys)
        if self.versions.is_ready(coming.keys):
            self.route, self._coming = coming, None
            self.versions.keep_only(coming.keys)
