"""Raise an alert, say that its cause is over, list what stands: what everybody calls. Standard library only.

An alert is a file before it is anything else (`pipelines/alerting/outbox.py`), so that raising one takes milliseconds,
works with ledger and network away, and keeps no rollback waiting. Where addresses are configured, a process of its own
delivers it at once; `fillwise alerts escalate` does the rest. One cause is one alert, however often it is raised.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from infra.settings import PREFIX, Settings
from infra.times import stamp
from pipelines.alerting.addresses import addresses
from pipelines.alerting.outbox import (
    Kept,
    add_event,
    alert_name,
    is_readable,
    kept_alerts,
    outbox,
    outbox_held,
    write_kept,
)
from pipelines.alerting.story import OVER, RAISED, SEVERITIES, Alert, is_same_cause, made_event

ROBOT = "fillwise"
HANDED_ON = ("home", "alert_urls", "alert_minutes", "ledger_url", "ledger_purpose")


def raise_alert(
    settings: Settings, market: str, cause: str, severity: str, words: str, command: str, at: datetime,
    kind: str = "rollout",
) -> bool:  # fmt: skip
    """Let an alert of a cause stand; False when it stands already, and is counted. severity: page or tell.

    command: what a person types to answer it. Raises DiskFullError when there is no room for it, ValueError for another
    severity.
    """
    if severity not in SEVERITIES:
        raise ValueError(f"severity {severity!r}; allowed: {', '.join(SEVERITIES)}")
    now = stamp(at)
    with outbox_held(settings, market):
        known = _known(settings, market, cause, at)
        if known is not None:
            write_kept(replace(known, times=known.times + 1, last_at=max(now, known.last_at)))
            return False
        told = {"market": market, "kind": kind, "cause": cause, "severity": severity, "words": words}
        path = outbox(settings, market) / f"{alert_name(market, cause, now)}.json"
        write_kept(Kept(path, (made_event(RAISED, now, ROBOT, **told, command=command),), 1, now))
    start_delivery(settings)
    return True


def _known(settings: Settings, market: str, cause: str, at: datetime) -> Kept | None:
    found = (one for one in kept_alerts(settings, market) if is_readable(one))
    return next((one for one in found if is_same_cause(one.alert, market, cause, at)), None)


def clear_alert(settings: Settings, market: str, cause: str, at: datetime) -> None:
    """What it told of is over."""
    for kept in kept_alerts(settings, market):
        if is_readable(kept) and kept.alert.cause == cause and not kept.alert.over_at:
            add_event(settings, market, kept.path.stem, made_event(OVER, stamp(at), ROBOT, why="the cause is over"))


def standing_alerts(settings: Settings, market: str) -> tuple[Alert, ...]:
    """Alerts that are not over, acknowledged ones among them, oldest first."""
    return tuple(one.alert for one in kept_alerts(settings, market) if not one.alert.over_at)


def open_alerts(settings: Settings, market: str) -> list[str]:
    """Alerts that nobody has acknowledged, oldest first, as sentences."""
    return [one.words for one in standing_alerts(settings, market) if one.is_open]


def start_delivery(settings: Settings) -> bool:
    """Deliver what stands in a process of its own, which nobody waits for; False where there is no address.

    It outlives whoever raised the alert, and does not die with a task of Airflow.
    """
    if not addresses(settings).levels or settings.ledger_purpose != "desk":
        return False
    kept = {name: value for name, value in os.environ.items() if name != f"{PREFIX}DIE_WITH_PARENT"}
    handed = {f"{PREFIX}{name.upper()}": str(getattr(settings, name)) for name in HANDED_ON}
    log = _log_file(settings)
    opened = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), opened, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    words = [sys.executable, "-m", "pipelines.alerting"]
    os.posix_spawn(sys.executable, words, {**kept, **handed}, file_actions=actions, setsid=True)
    return True


def _log_file(settings: Settings) -> Path:
    settings.logs.mkdir(parents=True, exist_ok=True)
    return settings.logs / "alerts.log"
