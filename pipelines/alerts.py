"""Alerts that stand until what they tell of is over: one file each, `<home>/alerts/<market>/<day>.json`."""

from __future__ import annotations

import json
import os
from datetime import date, datetime
from pathlib import Path

from infra.settings import Settings


def _path(settings: Settings, market: str, day: date) -> Path:
    return settings.home / "alerts" / market / f"{day}.json"


def write_alert(settings: Settings, market: str, day: date, at: datetime, words: str) -> None:
    """Let an alert stand, in place of an older one for the same day."""
    path = _path(settings, market, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps({"market": market, "day": str(day), "at": at.isoformat(), "alert": words}) + "\n")
    os.replace(fresh, path)


def raise_alert(
    settings: Settings, market: str, cause: str, severity: str, words: str, command: str, at: datetime
) -> bool:
    """Let an alert of a cause stand; False when it stands already, so that one cause is one alert."""
    name = "".join(char if char.isalnum() else "-" for char in cause)[:80]
    path = settings.home / "alerts" / market / f"{name}.json"
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "market": market,
        "cause": cause,
        "severity": severity,
        "at": at.isoformat(),
        "alert": words,
        "answer": command,
    }
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(told) + "\n")
    os.replace(fresh, path)
    return True


def clear_alert(settings: Settings, market: str, day: date) -> None:
    """What it told of is over."""
    _path(settings, market, day).unlink(missing_ok=True)


def open_alerts(settings: Settings, market: str) -> list[str]:
    """Alerts that stand, oldest first, as sentences."""
    found = sorted((settings.home / "alerts" / market).glob("*.json"))
    return [str(json.loads(path.read_text())["alert"]) for path in found]
