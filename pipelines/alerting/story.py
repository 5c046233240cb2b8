"""What became of an alert, folded from its events, and which addresses must be told now. Pure.

Ninety-seven mails that nobody read did not help Knight Capital (SEC release 34-70694, 2013). So one cause is one alert,
however often it is raised; a page is told again, and to the next address, until somebody says that they have it.

    level 0        at once; tried again when it was not taken, later and later
    level k        when nobody has acknowledged within `wait` minutes of level k - 1, at once when that took nothing
    reminders      to all levels, while nobody has acknowledged

A note (severity `tell`) goes to level 0 alone, once.

    >>> raised = made_event("alert_raised", "2026-11-20T22:00:00Z", "fillwise", kind="desk", cause="desk 1 silent",
    ...                     market="sample", severity="page", words="desk 1 is silent", command="fillwise desks")
    >>> due_levels(story("a1", [raised]), 2, aware("2026-11-20T22:00:01Z"), 15.0)
    ((0, 'first'),)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from infra.times import aware_time

PAGE, TELL = "page", "tell"
SEVERITIES = (PAGE, TELL)
RAISED, DELIVERED, FAILED = "alert_raised", "alert_delivered", "alert_failed"
ACKNOWLEDGED, OVER = "alert_acknowledged", "alert_over"
NAMES = ("market", "kind", "cause", "severity", "words", "command")
"""What `alert_raised` tells."""
FIRST, NEXT, REMINDER = "first", "escalated", "reminder"
REMIND = timedelta(hours=1)
"""Hourly: often enough that a night's page is not forgotten, and no flood that teaches people to look away."""
RETRY_FIRST, RETRY_MOST = timedelta(minutes=1), timedelta(hours=1)
"""A gateway restarts within a minute or is down for long: twice as late each time, an hour at most."""
QUIET = timedelta(hours=12)
"""Who has acknowledged works on it: the same cause makes no new alert before the next session's evening."""


def printable(text: str) -> str:
    """A text in which nothing but letters is left.

    >>> printable("a\\x1b[2Jb")
    'a [2Jb'
    """
    return "".join(char if char.isprintable() else " " for char in text)


@dataclass(frozen=True)
class AlertEvent:
    """One thing that happened to an alert; a row of the ledger's stream `alerts`."""

    kind: str
    at: str
    actor: str
    payload: Mapping[str, Any]


def made_event(kind: str, at: str, actor: str, /, **payload: Any) -> AlertEvent:
    """An event from its words."""
    return AlertEvent(kind, at, actor, payload)


@dataclass(frozen=True)
class Alert:
    """One alert and what became of it. deliveries: (level, at) taken; failures: (level, at, why) not taken."""

    alert_id: str
    market: str
    kind: str
    cause: str
    severity: str
    words: str
    command: str
    raised_at: str
    deliveries: tuple[tuple[int, str], ...] = ()
    failures: tuple[tuple[int, str, str], ...] = ()
    acknowledged_by: str = ""
    acknowledged_at: str = ""
    reason: str = ""
    over_at: str = ""
    times: int = field(default=1, compare=False)
    last_at: str = field(default="", compare=False)

    @property
    def is_open(self) -> bool:
        """Whether somebody must still look at it."""
        return not self.over_at and not self.acknowledged_by

    def line(self) -> str:
        """Its sentence, with the command that answers it; nothing in it moves a terminal's cursor."""
        often = f" ({self.times} times, last {self.last_at[:16]})" if self.times > 1 else ""
        return printable(f"{self.words}{often}" + (f"; answer: {self.command}" if self.command else ""))

    def standing(self) -> str:
        """What became of it, in words."""
        if self.over_at:
            return f"over since {self.over_at[:16]}"
        if self.acknowledged_by:
            return printable(f"{self.acknowledged_by} has it since {self.acknowledged_at[:16]}: {self.reason}")
        if self.deliveries:
            level, at = self.deliveries[-1]
            return f"told at {at[:16]} (level {level + 1}), nobody has acknowledged"
        if self.failures:
            return printable(f"NOT delivered: {self.failures[-1][2]}")
        return "not delivered yet"


def aware(text: str) -> datetime:
    """A time that we wrote. Raises ValueError for anything else."""
    found = aware_time(text)
    if found is None:
        raise ValueError(f"{text!r} is no time with a zone")
    return found


def story(alert_id: str, events: Sequence[AlertEvent], times: int = 1, last_at: str = "") -> Alert:
    """The alert that its events tell, `alert_raised` first. Raises KeyError, IndexError or ValueError for no alert."""
    told, at = events[0].payload, events[0].at
    market, kind, cause, severity, words, command = (str(told[name]) for name in NAMES)
    found = Alert(
        alert_id, market, kind, cause, severity, words, command, raised_at=at, times=times, last_at=last_at or at
    )
    for event in events[1:]:
        found = _after(found, event)
    return found


def _after(alert: Alert, event: AlertEvent) -> Alert:
    told = event.payload
    if event.kind == DELIVERED:
        return replace(alert, deliveries=(*alert.deliveries, (int(told["level"]), event.at)))
    if event.kind == FAILED:
        return replace(alert, failures=(*alert.failures, (int(told["level"]), event.at, str(told["why"]))))
    if event.kind == ACKNOWLEDGED and not alert.acknowledged_by:
        return replace(alert, acknowledged_by=event.actor, acknowledged_at=event.at, reason=str(told["reason"]))
    return replace(alert, over_at=event.at) if event.kind == OVER else alert


def _retry_at(failures: Sequence[datetime]) -> datetime:
    return failures[-1] + min(RETRY_MOST, RETRY_FIRST * 2.0 ** min(len(failures) - 1, 10))


def due_levels(alert: Alert, levels: int, at: datetime, wait_minutes: float) -> tuple[tuple[int, str], ...]:
    """(level, why) of everybody who must be told now, of `levels` levels of addresses."""
    if not alert.is_open:
        return ()
    found, is_passed = [], True
    for level in range(levels if alert.severity == PAGE else min(levels, 1)):
        if not is_passed:
            break
        taken = [aware(when) for which, when in alert.deliveries if which == level]
        missed = [aware(when) for which, when, _ in alert.failures if which == level]
        if not taken and (not missed or at >= _retry_at(missed)):
            found.append((level, FIRST if level == 0 else NEXT))
        is_passed = bool(missed and not taken) or (bool(taken) and at - taken[0] >= timedelta(minutes=wait_minutes))
    return tuple(found) or _reminders(alert, levels, at)


def _reminders(alert: Alert, levels: int, at: datetime) -> tuple[tuple[int, str], ...]:
    told = [when for level, when in alert.deliveries if level < levels]
    tried = [aware(when) for when in (*told, *(when for _, when, _ in alert.failures))]
    if alert.severity != PAGE or not told or at - max(tried) < REMIND:
        return ()
    return tuple((level, REMINDER) for level in sorted({level for level, _ in alert.deliveries if level < levels}))


def is_same_cause(alert: Alert, market: str, cause: str, at: datetime) -> bool:
    """Whether raising the cause again is this alert again, and no new one."""
    if alert.over_at or (alert.market, alert.cause) != (market, cause):
        return False
    return not alert.acknowledged_at or at - aware(alert.acknowledged_at) < QUIET


def is_done(alert: Alert, at: datetime) -> bool:
    """Whether nobody needs it any more: acknowledged long enough ago, and not yet over."""
    return bool(not alert.over_at and alert.acknowledged_at and at - aware(alert.acknowledged_at) >= QUIET)
