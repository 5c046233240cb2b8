"""When a stop is done: what the desks say of it. A desk that is silent is named, and that is not done.

    done    every desk has seen the stop, and owns nothing that it covers: no open child order, no cancel without
            acknowledgement, no exposure, and of a version no parent order in flight
    not     anything else: a missing acknowledgement, a report older than `STALE_SECONDS`, a report that cannot be read

A desk that ended in order counts by its last report: it owns nothing, or it is not done. In-flight parents pass to the
champion at their next decision, so a rollback may take half a minute of market time to be done; the last new child
order is a matter of milliseconds, and is told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.desk_reports import DeskReport, desk_reports, unread_desks
from infra.settings import Settings
from infra.stop_files import Stop
from infra.times import stamp

POLL_SECONDS = 0.05
"""Desks report on every change, at most twenty times a second."""


@dataclass(frozen=True)
class Clock:
    """The wall clock, and how to wait."""

    utc: Callable[[], datetime]
    sleep: Callable[[float], None]


@dataclass(frozen=True)
class Owned:
    """What a desk still has of what a stop covers."""

    open_children: int
    unacknowledged: int
    exposure_notional: float
    in_flight: int

    @property
    def is_nothing(self) -> bool:
        return not (self.open_children or self.unacknowledged or self.in_flight) and self.exposure_notional == 0.0


@dataclass(frozen=True)
class DeskAnswer:
    """What one desk says of a stop. words: what is missing, or that nothing is."""

    desk: str
    is_done: bool
    words: str


@dataclass(frozen=True)
class RollbackProgress:
    """How far a stop has come, over all desks. missing: what is not done yet, in words, desk by desk.

    last_child_at, last_cancel_at: last child order sent and last cancel acknowledged of what it covers, '' for none.
    """

    last_child_at: str
    last_cancel_at: str
    unacknowledged: int
    exposure_notional: float
    in_flight: int
    is_done: bool
    missing: tuple[str, ...]
    answers: tuple[DeskAnswer, ...]
    read_back_at: str

    @property
    def desks(self) -> tuple[str, ...]:
        return tuple(answer.desk for answer in self.answers)


def _is_covered(version: str, stop: Stop) -> bool:
    return stop.scope != "version" or version == stop.subject


def _sum(counts: Mapping[str, float], stop: Stop) -> float:
    """Of what the stop covers: of its version, or of every one."""
    return sum(count for version, count in counts.items() if _is_covered(version, stop))


def _latest(times: Mapping[str, str], stop: Stop) -> str:
    return max((at for version, at in times.items() if _is_covered(version, stop)), default="")


def owned(report: DeskReport, stop: Stop) -> Owned | None:
    """What the desk still has of what the stop covers, None when it does not say."""
    if stop.scope == "symbol":
        if report.symbol_children is None:
            return None
        return Owned(report.symbol_children.get(stop.subject, 0), 0, 0.0, 0)
    counts = (report.open_children, report.unacknowledged, report.in_flight)
    children, cancels, parents = (int(_sum(one, stop)) for one in counts)
    return Owned(children, cancels, _sum(report.exposure_notional, stop), parents)


def _left(found: Owned) -> list[str]:
    counts = (
        (found.open_children, "open child orders"),
        (found.unacknowledged, "cancels without acknowledgement"),
        (found.in_flight, "parent orders in flight"),
    )
    words = [f"{count} {what}" for count, what in counts if count]
    return words + ([f"exposure {found.exposure_notional:,.2f}"] if found.exposure_notional else [])


def answer_of(report: DeskReport, stop: Stop, now: datetime) -> DeskAnswer:
    """What one desk's last report says of a stop."""
    found, missing = owned(report, stop), list[str]()
    if not report.is_ended and report.is_silent(now):
        missing.append(f"has not reported for {report.silence(now):,.0f} s")
    if not report.is_ended and stop.stop_id not in report.stops:
        missing.append("has not seen it")
    missing += ["does not say what is open by symbol"] if found is None else _left(found)
    done = "had ended, and owns nothing of it" if report.is_ended else "obeys it, and owns nothing of it any more"
    return DeskAnswer(report.desk, not missing, "; ".join(missing) or done)


def progress_of(reports: Sequence[DeskReport], unread: Sequence[str], stop: Stop, now: datetime) -> RollbackProgress:
    """How far a stop has come by these reports. Pure."""
    answers = [answer_of(report, stop, now) for report in reports]
    answers += [DeskAnswer(desk, False, "its report cannot be read") for desk in unread]
    held = [found for report in reports if (found := owned(report, stop)) is not None]
    missing = tuple(f"{answer.desk} {answer.words}" for answer in answers if not answer.is_done)
    return RollbackProgress(
        max((_latest(report.last_child_at, stop) for report in reports), default=""),
        max((_latest(report.last_cancel_at, stop) for report in reports), default=""),
        sum(one.unacknowledged for one in held), sum(one.exposure_notional for one in held),
        sum(one.in_flight for one in held), not missing, missing, tuple(answers), stamp(now),
    )  # fmt: skip


def stop_progress(settings: Settings, stop: Stop, now: datetime) -> RollbackProgress:
    """How far a stop has come by what the desks of its market report now. Without any desk there is nothing to do."""
    return progress_of(desk_reports(settings, stop.market), unread_desks(settings, stop.market), stop, now)


def rollback_progress(settings: Settings, market: str, version: str, stop_id: str, now: datetime) -> RollbackProgress:
    """How far a rollback has come: what the controller asks before it says that a version is rolled back."""
    return stop_progress(settings, Stop(stop_id, market, "rollback", "version", version, "", "", ""), now)


def wait_for(
    settings: Settings, stop: Stop, clock: Clock, wait_seconds: float, say: Callable[[str], None]
) -> RollbackProgress:
    """Ask until the stop is done everywhere or the time is over; each desk is told of when it is done."""
    began, told = clock.utc(), set[str]()
    while True:
        now = clock.utc()
        found, waited = stop_progress(settings, stop, now), (now - began).total_seconds()
        for answer in found.answers:
            if answer.is_done and answer.desk not in told:
                told.add(answer.desk)
                say(f"{answer.desk} {answer.words}, known after {waited:.2f} s")
        if found.is_done or not 0.0 <= waited < wait_seconds:
            return found
        clock.sleep(POLL_SECONDS)
