"""Small real things that the tests of the live desk share: versions in a registry, short days, a venue at hand."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

from features.catalog import FEATURE_NAMES, FEATURES
from infra import calendar
from infra.markets import MARKETS
from infra.registry import RegisteredVersion
from infra.routing_files import RoutedArm, Snapshot, publish
from infra.settings import Settings
from infra.stop_files import Stop, write_stop
from infra.version_files import write_version
from models.limits import Limits
from models.market_parameters import SAMPLE_SYMBOLS
from models.market_path import MarketSession, expected_shares
from models.policy import SIGNAL, TWAP, PolicyParameters
from models.signal import fit_signal
from pipelines.arrow_rows import of_symbol
from pipelines.desk.client_orders import ACCOUNTS, Expectation, client_orders
from pipelines.desk.live import Clock, Desk
from pipelines.desk.live_day import NS, LiveDay, Share, live_markets
from pipelines.desk.live_versions import Load, disk_loader
from pipelines.desk.served import NO_KNOWLEDGE
from pipelines.desk.venue import VenueTerms
from pipelines.desk.venue_books import Seen, VenueBooks
from pipelines.desk.venue_link import LinkTerms
from pipelines.desk.venue_messages import Mail, Request
from tests.models.test_signal import QUICK, rows_of

DAY, BEFORE = date(2026, 11, 20), date(2026, 11, 19)
WALL = datetime.now(UTC) + timedelta(hours=1)
"""Later than any file that a test writes: what lies there is settled, so that nothing is read twice."""
BENCHMARK = RoutedArm("champion", "sample.execution/0", TWAP.digest(), "benchmark", 1.0)
SHORT = 2400
WIDE = Limits(
    symbols=(), venues=("LIT",), price_collar_bps=500.0, order_notional=1e9, session_notional=1e12,
    session_orders=100_000, position_notional=1e12, participation=1e6, repeats=10_000, stop_notional=1e9,
)  # fmt: skip
QUIET = LinkTerms(0.0, VenueTerms((0.05, 0.2), 0.0, 7))
ROUGH = LinkTerms(0.0, VenueTerms((0.2, 6.0), 0.2, 7))


class Wall:
    """A wall clock that goes on by a millisecond each time it is read, so that trading does not wait for the real one.

    A sleep is a real one: it waits for threads, and they need their time.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        self.seconds += 0.001
        return self.seconds

    def utc(self) -> datetime:
        return WALL + timedelta(seconds=self.monotonic())

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
        self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(self.utc, self.monotonic, self.sleep)


class LocalLink:
    """A venue in this process, without a socket between: the same books, clock and messages."""

    def __init__(self, books: VenueBooks, wall: Wall) -> None:
        self.books, self.wall, self.exchanges = books, wall, 0
        self.opened = books.statement({}, wall.monotonic())

    def exchange(self, requests: Sequence[Request], until: float, seen: Mapping[str, Seen], looked_at: float) -> Mail:
        self.exchanges += 1
        return self.books.exchange(requests, until, seen, self.wall.monotonic(), looked_at)


def a_day(symbols: int = 1, seconds: int = SHORT, orders: int = 8, seed: int = 7) -> LiveDay:
    """A short session of the first symbols with a few client orders."""
    market, open_ns = MARKETS["sample"], int(calendar.open_at(MARKETS["sample"], DAY).timestamp()) * NS
    sessions = tuple(MarketSession(SAMPLE_SYMBOLS[place], seed, DAY, BEFORE, seconds) for place in range(symbols))
    known = [
        Expectation(one.parameters.symbol, expected_shares(one.parameters, seconds, 8), one.previous_close)
        for one in sessions
    ]
    interval = [(open_ns, open_ns + seconds * NS)]
    rows = client_orders(market, DAY, interval, known, seed, is_alpha_in_path=True, orders_per_symbol=orders)
    share = Share("sample", DAY, 1, 1, orders)
    return LiveDay(share, market, sessions, tuple(of_symbol(rows, one.symbol) for one in known), open_ns)


def a_desk(
    settings: Settings,
    day: LiveDay,
    terms: LinkTerms = QUIET,
    load: Load | None = None,
    books: VenueBooks | None = None,
) -> tuple[Desk, LocalLink]:
    """A desk with its venue at hand."""
    wall = Wall()
    held = books or VenueBooks(live_markets(settings, day), terms.venue, terms.pace, wall.monotonic())
    link = LocalLink(held, wall)
    loads = load or disk_loader(settings, "sample")
    return Desk(settings, day, link, terms, wall.clock(), loads, NO_KNOWLEDGE, 4711), link


def routed(
    settings: Settings,
    epoch: int,
    challenger: RegisteredVersion | None = None,
    share: float = 0.5,
    limits: Limits = WIDE,
    **changed: object,
) -> Snapshot:
    """Publish a snapshot: the benchmark is champion, the challenger has its share; `changed` replaces fields."""
    arms: tuple[RoutedArm, ...] = (BENCHMARK,)
    if challenger is not None:
        given = RoutedArm("challenger", challenger.name, challenger.digest, challenger.recipe_id, share)
        arms = (replace(BENCHMARK, share=1.0 - share), given)
    until = (WALL + timedelta(days=2)).isoformat().replace("+00:00", "Z")
    phase = "steady" if challenger is None else "baking" if share > 0.5 else "expand_50"
    snapshot = Snapshot(
        "sample", epoch, "sample.r1" if challenger else None, phase, "salt", arms,
        {challenger.name: asdict(limits)} if challenger else {}, ACCOUNTS, "2026-11-20T12:00:00Z", until, epoch, "h",
        "desk",
    )  # fmt: skip
    whole = replace(snapshot, **changed)
    publish(settings, whole)
    return whole


def stop(settings: Settings, kind: str, scope: str, subject: str, stop_id: str = "stop-1") -> Stop:
    """Write a stop file."""
    found = Stop(stop_id, "sample", kind, scope, subject, "olga", "a test", "2026-11-20T15:00:00Z")
    write_stop(settings, found)
    return found


TODAY = [(feature.name, feature.full_version) for feature in FEATURES.values()]


@cache
def signal_files() -> dict[str, bytes]:
    """A signal on the first four features of the catalog, fitted on rows with a planted move."""
    rows = replace(rows_of(), feature_names=tuple(FEATURE_NAMES[:4]))
    return fit_signal(rows, QUICK, seed=7, threads=2).to_files()


def registered(
    settings: Settings,
    number: int,
    parameters: PolicyParameters = SIGNAL,
    features: list[tuple[str, str]] | None = None,
    **changed: bytes,
) -> RegisteredVersion:
    """A version in the registry of `settings`; `changed` replaces files, with _ for the dot of their names."""
    files = {
        **signal_files(),
        "recipe.json": json.dumps({"features": features or TODAY}).encode(),
        "policy.json": json.dumps(asdict(parameters)).encode(),
        **{name.replace("_json", ".json"): payload for name, payload in changed.items()},
    }
    digest, _ = write_version(settings.registry, "sample", files, {"number": number})
    return RegisteredVersion("sample", number, digest, "2026-11-19", "recipe", "run", f"key-{number}")
