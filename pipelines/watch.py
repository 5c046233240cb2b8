"""`fillwise watch`: what cannot wait for the evening, looked at every five minutes while the exchange is open.

    routing     the snapshot is there, ours, and in force          else desks trade with the champion alone: page
    desks       each reports, obeys the published epoch, and holds the files that were approved      else: page
    stops       each is done within a minute                       else: page
    exposure    what the challenger holds over all desks is inside its limit    else it is rolled back, and a page

It reads the files that desks obey and write, no table and no ledger, so it looks with the database away. A finding is
an alert of its own cause; one that is gone is over, and its alert with it. What it is not: the limits themselves, which
each desk checks before every child order, nor the evening's evidence.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from infra import calendar
from infra.desk_reports import DeskReport, desk_reports, unread_desks
from infra.errors import RefusedError
from infra.markets import Market
from infra.routing_files import published
from infra.routing_snapshot import Snapshot
from infra.settings import Settings
from infra.stop_files import Stop, stops
from infra.times import aware_time, seconds_since
from pipelines.alerts import clear_alert, raise_alert, standing_alerts
from pipelines.stops.read_back import Clock, RollbackProgress, stop_progress

KIND, ROBOT = "watch", "fillwise"
EXIT_CLOSED = 99
STOP_SECONDS = 60.0
"""In-flight parents pass on at their next decision, half a minute at most; what is not done after twice that hangs."""
EPOCH_SECONDS = 10.0
"""Desks look at the snapshot before each decision, and decide every few seconds."""


@dataclass(frozen=True)
class Look:
    """What the files say at one instant. snapshot None: missing, or refused because of `refused`."""

    market: str
    at: datetime
    snapshot: Snapshot | None
    refused: str
    reports: tuple[DeskReport, ...]
    unread: tuple[str, ...]
    stops: tuple[tuple[Stop, RollbackProgress], ...]

    @property
    def running(self) -> tuple[DeskReport, ...]:
        return tuple(one for one in self.reports if not one.is_ended)


@dataclass(frozen=True)
class Finding:
    """Something that a person must look at. takes_out: the version that is rolled back because of it, '' for none."""

    cause: str
    words: str
    command: str
    takes_out: str = ""


def routing_findings(look: Look) -> Iterator[Finding]:
    """The snapshot that desks obey."""
    repair = f"fillwise rollout reconcile --market {look.market}"
    if look.refused:
        yield Finding("routing refused", f"the routing snapshot is refused: {look.refused}", repair)
    if look.snapshot is None:
        return
    until = aware_time(look.snapshot.expires_at)
    if until is None or look.at >= until:
        said = f"the routing snapshot expired at {look.snapshot.expires_at}: desks go on with the champion alone"
        yield Finding("routing expired", said, repair)


def desk_findings(look: Look) -> Iterator[Finding]:
    """Each desk that runs: heard of, on the published epoch, with the approved files."""
    for desk in look.unread:
        yield Finding(f"desk {desk} unread", f"the report of {desk} cannot be read", "fillwise desks")
    for one in look.running:
        if one.is_silent(look.at):
            said = f"{one.desk} has not reported for {one.silence(look.at):,.0f} s"
            yield Finding(f"desk {one.desk} silent", said, "fillwise desks")
        elif look.snapshot is not None:
            yield from _obeying(look, look.snapshot, one)


def _obeying(look: Look, snapshot: Snapshot, one: DeskReport) -> Iterator[Finding]:
    if one.epoch < snapshot.epoch and seconds_since(snapshot.issued_at, look.at) > EPOCH_SECONDS:
        said = f"{one.desk} obeys epoch {one.epoch}, published is {snapshot.epoch}"
        yield Finding(f"desk {one.desk} epoch", said, "fillwise desks; stop the desk where it does not follow")
    for arm in snapshot.arms:
        held = one.versions.get(arm.version)
        if held is not None and held != arm.digest:
            said = f"{one.desk} holds {arm.version} as {held[:12]}, approved is {arm.digest[:12]}"
            command = f"fillwise kill --market {look.market} --version {arm.version}"
            yield Finding(f"desk {one.desk} digest {arm.version}", said, command)


def stop_findings(look: Look) -> Iterator[Finding]:
    """Each stop that should be done by now."""
    for stop, progress in look.stops:
        if not progress.is_done and seconds_since(stop.at, look.at) > STOP_SECONDS:
            said = f"{stop.kind} of {stop.subject or 'everything'} is not done: {'; '.join(progress.missing)}"
            yield Finding(f"stop {stop.stop_id}", said, f"fillwise stops --market {look.market}")


def exposure_findings(look: Look) -> Iterator[Finding]:
    """What the challenger holds over all desks, against its own limit: no desk alone sees the sum."""
    challengers = [] if look.snapshot is None else [one for one in look.snapshot.arms if one.arm == "challenger"]
    for arm in challengers:
        limit = look.snapshot.limits[arm.version].get("position_notional") if look.snapshot else None
        held = sum(abs(one.exposure_notional.get(arm.version, 0.0)) for one in look.running)
        if limit is not None and not held <= float(limit):
            said = f"{arm.version} holds {held:,.0f} over {len(look.running)} desks, its limit is {float(limit):,.0f}"
            yield Finding(f"exposure {arm.version}", said, f"fillwise stops --market {look.market}", arm.version)


WATCHES: tuple[Callable[[Look], Iterator[Finding]], ...] = (
    routing_findings, desk_findings, stop_findings, exposure_findings,
)  # fmt: skip
"""A further thing to watch is one function and one row."""


def look_at(settings: Settings, market: str, at: datetime) -> Look:
    """What the files say now."""
    refused, snapshot = "", None
    try:
        snapshot = published(settings, market)
    except RefusedError as error:
        refused = error.found
    standing = tuple((one, stop_progress(settings, one, at)) for one in stops(settings, market))
    return Look(market, at, snapshot, refused, desk_reports(settings, market), unread_desks(settings, market), standing)


def findings(look: Look) -> tuple[Finding, ...]:
    """Everything that a person must look at."""
    return tuple(finding for watch in WATCHES for finding in watch(look))


def tell(settings: Settings, market: str, found: Sequence[Finding], at: datetime) -> int:
    """Raise what is found, and let the alerts of what is gone be over; how many are new."""
    causes = {one.cause for one in found}
    for alert in standing_alerts(settings, market):
        if alert.kind == KIND and alert.cause not in causes:
            clear_alert(settings, market, alert.cause, at)
    return sum(raise_alert(settings, market, one.cause, "page", one.words, one.command, at, KIND) for one in found)


def take_out(settings: Settings, market: str, finding: Finding) -> None:
    """Roll a version back, at once; the same rollback that a person would type."""
    from pipelines.stops.rollback import rollback

    clock = Clock(lambda: datetime.now(UTC), time.sleep)
    rollback(settings, market, finding.takes_out, ROBOT, finding.words, clock, 0.0, print)


def is_open(market: Market, at: datetime) -> bool:
    """Whether the exchange is open, from its opening to a few minutes after its close."""
    from zoneinfo import ZoneInfo

    day = at.astimezone(ZoneInfo(market.zone)).date()
    if not calendar.is_session(market, day):
        return False
    return calendar.open_at(market, day) <= at <= calendar.close_at(market, day) + timedelta(minutes=5)


def watch(settings: Settings, arguments: argparse.Namespace) -> int:
    """The command: 1 when something was found, 99 when the exchange is closed and nobody need look."""
    from pipelines.arguments import market_named

    market, at = market_named(arguments.market), datetime.now(UTC)
    if not arguments.always and not is_open(market, at):
        print(f"{market.name} is closed")
        return EXIT_CLOSED
    found = findings(look_at(settings, market.name, at))
    new = tell(settings, market.name, found, at)
    for one in found:
        print(f"{one.words}; answer: {one.command}")
        if one.takes_out:
            take_out(settings, market.name, one)
    print(f"{len(found)} found, {new} of them new")
    return 1 if found else 0
