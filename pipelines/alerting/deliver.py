"""Delivers what is due, and brings the ledger's stream `alerts` and the files of the outbox together.

    tell       whoever is due is told; what came of it is an event in the file
    restore    a file that is gone or torn is written again from the ledger, and told
    record     events that the ledger does not have are appended there
    tidy       a file whose alert is over, and in the ledger, goes

Telling needs no ledger: with the database away the desk is told all the same, and the record follows. Killed between
telling and writing that down, somebody is told twice; nobody is never told. One deliverer at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.errors import ConflictError, UnreachableError
from infra.ledger import Draft, Entry, Ledger, open_ledger
from infra.locks import held
from infra.notify import Sending, send
from infra.settings import Settings
from infra.times import stamp
from pipelines.alerting.addresses import Addresses, Levels, addresses
from pipelines.alerting.outbox import Kept, add_event, is_readable, kept_alerts, markets_told, outbox, write_kept
from pipelines.alerting.story import (
    DELIVERED,
    FAILED,
    FIRST,
    OVER,
    PAGE,
    REMINDER,
    Alert,
    AlertEvent,
    aware,
    due_levels,
    is_done,
    made_event,
)

STREAM, ROBOT = "alerts", "fillwise"
SEND_SECONDS = 30.0
"""Three addresses at ten seconds each: a level that takes longer is recorded as not told, and the next one is."""
WAIT_SECONDS = 90.0
"""A deliverer that waits for another one's slow gateway comes after it, so that no alert waits for the next round."""


@dataclass(frozen=True)
class Round:
    """What one round did. why: what keeps it, in words ('' for nothing)."""

    delivered: int
    failed: int
    recorded: int
    why: str

    def words(self) -> str:
        """The round in a line."""
        told = f"{self.delivered} told, {self.failed} not taken, {self.recorded} recorded"
        return told + (f"; {self.why}" if self.why else "")


def message(alert: Alert, why: str) -> tuple[str, str]:
    """Title and text of one message."""
    again = {FIRST: "", REMINDER: "still open: "}.get(why, "nobody has acknowledged: ")
    title = f"[{alert.severity}] {alert.market}: {again}{alert.words[:120]}"
    lines = [
        alert.words, "", f"answer: {alert.command}" if alert.command else "",
        f"acknowledge: fillwise alerts ack {alert.alert_id} --by NAME --reason TEXT",
        f"raised {alert.raised_at}" + (f", {alert.times} times, last {alert.last_at}" if alert.times > 1 else ""),
    ]  # fmt: skip
    return title, "\n".join(lines)


def told_event(level: int, why: str, found: Sequence[Sending], alert: Alert, at: str) -> AlertEvent:
    """The event of one level: delivered when at least one address has taken it."""
    taken = [one.address for one in found if one.is_delivered]
    missed = "; ".join(f"{one.address}: {one.why}" for one in found if not one.is_delivered)
    told = {"level": level, "cause": why, "addresses": taken, "times": alert.times}
    if taken:
        return made_event(DELIVERED, at, ROBOT, **told, missed=missed)
    return made_event(FAILED, at, ROBOT, **told, why=missed)


def _tell(settings: Settings, kept: Kept, levels: Levels, at: datetime) -> tuple[AlertEvent, ...]:
    """Tell everybody who is due, the next level at once where one took nothing."""
    made = list[AlertEvent]()
    alert, wait = kept.alert, settings.alert_minutes
    while due := due_levels(alert, len(levels), at, wait):
        for level, why in due:
            title, body = message(alert, why)
            urgent = alert.severity == PAGE
            found = send(levels[level], title, body, is_urgent=urgent, timeout_seconds=SEND_SECONDS)
            event = told_event(level, why, found, alert, stamp(at))
            fresh = add_event(settings, alert.market, alert.alert_id, event)
            if fresh is None:
                return tuple(made)
            made.append(event)
            alert = fresh.alert
    return tuple(made)


def _tell_market(settings: Settings, market: str, where: Addresses, at: datetime) -> list[AlertEvent]:
    made = list[AlertEvent]()
    for kept in kept_alerts(settings, market):
        if is_done(kept.alert, at) and is_readable(kept):
            add_event(settings, market, kept.path.stem, made_event(OVER, stamp(at), ROBOT, why="acknowledged"))
        elif is_readable(kept):
            made += _tell(settings, kept, where.levels, at)
    return made


def _recorded(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(str(entry.payload["alert_id"]), []).append(entry)
    return found


def _event_of(entry: Entry) -> AlertEvent:
    told = {name: value for name, value in entry.payload.items() if name != "alert_id"}
    return AlertEvent(entry.kind, entry.at, entry.actor, told)


def restore(settings: Settings, ledger: Ledger) -> int:
    """Write files of alerts that the ledger has, not over, and that are gone or torn; how many."""
    restored = 0
    for alert_id, entries in _recorded(ledger.entries(STREAM)).items():
        path = outbox(settings, str(entries[0].payload["market"])) / f"{alert_id}.json"
        if any(entry.kind == OVER for entry in entries):
            continue
        known = next((one for one in kept_alerts(settings, path.parent.name) if one.path == path), None)
        if known is None or not is_readable(known):
            write_kept(Kept(path, tuple(map(_event_of, entries)), 1, entries[0].at))
            restored += 1
    return restored


def record(settings: Settings, ledger: Ledger) -> int:
    """Append events that the ledger does not have; how many. Files of alerts that are over go."""
    entries, appended = ledger.entries(STREAM), 0
    known, count = _recorded(entries), len(entries)
    for market in markets_told(settings):
        for kept in kept_alerts(settings, market):
            if not is_readable(kept):
                continue
            for event in kept.events[len(known.get(kept.path.stem, ())) :]:
                told = {"alert_id": kept.path.stem, **event.payload}
                ledger.append(STREAM, count, [Draft(event.kind, told)], at=aware(event.at), actor=event.actor)
                count, appended = count + 1, appended + 1
            if kept.alert.over_at:
                kept.path.unlink(missing_ok=True)
    return appended


def _follow_up(settings: Settings, where: Addresses, at: datetime) -> tuple[list[AlertEvent], int, str]:
    """The ledger's part of a round: what was told of restored alerts, how much was recorded, and what keeps it."""
    told = list[AlertEvent]()
    try:
        ledger = open_ledger(settings, settings.ledger_purpose)
        if restore(settings, ledger):
            told = _tell_all(settings, where, at)
        return told, record(settings, ledger), ""
    except (ConflictError, UnreachableError) as error:
        return told, 0, f"told, and not in the ledger yet: {error}"


def _tell_all(settings: Settings, where: Addresses, at: datetime) -> list[AlertEvent]:
    return [event for market in markets_told(settings) for event in _tell_market(settings, market, where, at)]


def escalate(settings: Settings, at: datetime) -> Round:
    """One round: whoever is due is told, what happened is recorded. Raises BusyError when another one hangs."""
    with held(settings.home / "alerts" / "deliver.lock", "delivery of alerts", WAIT_SECONDS):
        where = addresses(settings)
        told = _tell_all(settings, where, at)
        more, recorded, why = _follow_up(settings, where, at)
    delivered = sum(event.kind == DELIVERED for event in (*told, *more))
    kept_from = "; ".join(filter(None, (where.why, why)))
    return Round(delivered, len(told) + len(more) - delivered, recorded, kept_from)
