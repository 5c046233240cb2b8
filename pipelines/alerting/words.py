"""`fillwise alerts`: list what stands, acknowledge it, try the addresses, tell whoever must be told now."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime

from infra.errors import FillwiseError, RefusedError, UsageError
from infra.ledger import Draft, open_ledger
from infra.notify import send
from infra.settings import Settings
from infra.times import stamp
from pipelines.alerting.addresses import addresses
from pipelines.alerting.deliver import ROBOT, SEND_SECONDS, Round, escalate
from pipelines.alerting.outbox import Kept, add_event, kept_alerts, markets_told
from pipelines.alerting.story import ACKNOWLEDGED, Alert, made_event
from pipelines.approval.people import trusted_people

Arguments = argparse.Namespace
CONTROLS = "controls"


def alert_lines(alert: Alert) -> list[str]:
    """What an alert is and what became of it, in two lines."""
    head = f"{alert.alert_id}  {alert.severity:4}  {alert.raised_at[:16].replace('T', ' ')}  {alert.market}: "
    return [head + alert.line(), f"{'':10}{alert.standing()}"]


def _kept(settings: Settings, market: str | None) -> list[Kept]:
    names = (market,) if market else markets_told(settings)
    return [one for name in names for one in kept_alerts(settings, name) if not one.alert.over_at]


def list_alerts(settings: Settings, market: str | None) -> int:
    """Print what stands; 1 while somebody must look at something."""
    found = [one.alert for one in _kept(settings, market)]
    for alert in found:
        print("\n".join(alert_lines(alert)))
    where = addresses(settings)
    told = f"{len(where.levels)} levels of addresses" if where.levels else f"alerts are NOT delivered: {where.why}"
    print(f"{sum(one.is_open for one in found)} open, {len(found)} standing; {told}")
    return 1 if any(one.is_open for one in found) else 0


def _require_person(settings: Settings, person: str) -> str:
    """'' for somebody whom the ledger knows, or why nobody could look. Raises RefusedError for a name it lacks."""
    try:
        people = trusted_people(settings, open_ledger(settings, settings.ledger_purpose))
    except FillwiseError as error:
        return f"; nobody could look up {person}: {error.what}"
    if people and person not in people:
        raise RefusedError(
            "unknown person", which=ascii(person), found="nobody of that name", allowed=", ".join(people),
            next_step="fillwise people list",
        )  # fmt: skip
    return ""


def _required(value: str | None, option: str) -> str:
    if not (value or "").strip():
        raise UsageError(
            f"{option} is missing", which="alerts ack", found="nothing", allowed="some words",
            next_step="fillwise alerts ack ID --by NAME --reason TEXT",
        )  # fmt: skip
    return str(value).strip()


def acknowledge(settings: Settings, alert_id: str, person: str, reason: str, at: datetime) -> Alert:
    """Somebody has it: nobody is told again. Raises RefusedError for an alert that does not stand."""
    found = next((one for one in _kept(settings, None) if one.path.stem == alert_id), None)
    if found is None:
        standing = ", ".join(one.path.stem for one in _kept(settings, None)) or "none"
        raise RefusedError(
            "no such alert", which=ascii(alert_id), found="nothing", allowed=standing,
            next_step="fillwise alerts list",
        )  # fmt: skip
    if found.alert.acknowledged_by:
        return found.alert
    event = made_event(ACKNOWLEDGED, stamp(at), person, reason=reason)
    fresh = add_event(settings, found.alert.market, alert_id, event)
    return found.alert if fresh is None else fresh.alert


def _ack(settings: Settings, arguments: Arguments, at: datetime) -> int:
    alert_id = _required(arguments.alert, "the alert's name")
    person, reason = _required(arguments.person, "--by"), _required(arguments.reason, "--reason")
    unsure = _require_person(settings, person)
    alert = acknowledge(settings, alert_id, person, reason, at)
    print(f"{alert.alert_id}: {alert.standing()}{unsure}")
    _say(escalate(settings, at))
    return 0


def try_addresses(settings: Settings, at: datetime) -> int:
    """Send a test message to every address, say which took it, and record that the control was tested."""
    where, is_good = addresses(settings), True
    if not where.levels:
        print(f"alerts are NOT delivered: {where.why}")
        return 1
    for number, level in enumerate(where.levels, start=1):
        title, body = "[test] fillwise", f"A test of level {number}, {stamp(at)}. Nothing has happened."
        for one in send(level, title, body, is_urgent=False, timeout_seconds=SEND_SECONDS):
            print(f"level {number}  {one.address}: {'taken' if one.is_delivered else f'NOT taken: {one.why}'}")
            is_good = is_good and one.is_delivered
    told = {"control": "alerts", "result": "pass" if is_good else "fail", "detail": f"{len(where.levels)} levels"}
    ledger = open_ledger(settings, settings.ledger_purpose)
    ledger.append(CONTROLS, ledger.count(CONTROLS), [Draft("control_tested", told)], at=at, actor=ROBOT)
    return 0 if is_good else 1


def _say(found: Round) -> None:
    print(found.words(), flush=True)


def _escalate(settings: Settings, arguments: Arguments, at: datetime) -> int:
    """One round, or one every so many seconds until stopped; 1 when somebody could not be told."""
    if not arguments.every:
        found = escalate(settings, at)
        _say(found)
        return 1 if found.failed else 0
    last = ""
    while True:
        told = _told(settings, datetime.now(UTC))
        if told != last:
            print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {told}", flush=True)
        last = told
        time.sleep(arguments.every)


def _told(settings: Settings, at: datetime) -> str:
    """One round in words; what keeps it is one of them, and the next round tries again."""
    try:
        return escalate(settings, at).words()
    except FillwiseError as error:
        return str(error)


def alerts(settings: Settings, arguments: Arguments) -> int:
    """The command `alerts`."""
    at = datetime.now(UTC)
    actions: dict[str, Callable[[], int]] = {
        "list": lambda: list_alerts(settings, arguments.market),
        "ack": lambda: _ack(settings, arguments, at),
        "test": lambda: try_addresses(settings, at),
        "escalate": lambda: _escalate(settings, arguments, at),
    }
    return actions[arguments.action]()
