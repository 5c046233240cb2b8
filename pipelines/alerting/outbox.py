"""One file an alert, `<home>/alerts/<market>/<id>.json`: its events in order, written before anything else is done.

The file is what is delivered from and what `fillwise status` reads; the ledger's stream `alerts` follows it
(`deliver.py`). So raising needs neither ledger nor network, takes milliseconds, and is not lost when its process is
killed a moment later. Standard library only. A file that cannot be read is itself an alert.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.errors import BusyError
from infra.locks import held
from infra.settings import Settings
from infra.whole_files import replace_file
from pipelines.alerting.story import RAISED, TELL, Alert, AlertEvent, made_event, story

WAIT_SECONDS = 2.0
"""Whoever holds an outbox writes one small file; when two seconds are not enough the alert is written all the same."""
ID_DIGITS = 8


@dataclass(frozen=True)
class Kept:
    """One file: where it is, its events, how often the cause was raised and when last."""

    path: Path
    events: tuple[AlertEvent, ...]
    times: int
    last_at: str

    @property
    def alert(self) -> Alert:
        return story(self.path.stem, self.events, self.times, self.last_at)


def outbox(settings: Settings, market: str) -> Path:
    """Where a market's alerts lie."""
    return settings.home / "alerts" / market


def markets_told(settings: Settings) -> tuple[str, ...]:
    """Markets that have an outbox."""
    folder = settings.home / "alerts"
    return tuple(sorted(one.name for one in folder.iterdir() if one.is_dir())) if folder.is_dir() else ()


def alert_name(market: str, cause: str, at: str) -> str:
    """A short name that a person can type."""
    return hashlib.sha256(f"{market}\n{cause}\n{at}".encode()).hexdigest()[:ID_DIGITS]


@contextmanager
def outbox_held(settings: Settings, market: str) -> Iterator[None]:
    """Nobody else writes the market's alerts meanwhile; a holder that hangs is not waited for."""
    folder = outbox(settings, market)
    folder.mkdir(parents=True, exist_ok=True)
    lock = held(folder / ".lock", "writer of alerts", WAIT_SECONDS)
    try:
        lock.__enter__()
    except BusyError:
        yield
        return
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _older(path: Path, told: Mapping[str, Any]) -> Kept:
    """A file as earlier versions wrote it: one alert a day, or one a cause."""
    cause, at = str(told.get("cause") or f"night {told['day']}"), str(told["at"])
    words = {
        "market": str(told["market"]), "kind": "night", "cause": cause, "severity": str(told.get("severity", TELL)),
        "words": str(told["alert"]), "command": str(told.get("answer", "")),
    }  # fmt: skip
    return Kept(path, (made_event(RAISED, at, "fillwise", **words),), 1, at)


def _unreadable(path: Path, error: Exception) -> Kept:
    words = {
        "market": path.parent.name, "kind": "alerts", "cause": f"file {path.name}", "severity": TELL,
        "words": f"an alert cannot be read: {path} ({type(error).__name__})",
        "command": "fillwise alerts escalate; the ledger's copy is put back where it has one",
    }  # fmt: skip
    return Kept(path, (made_event(RAISED, "1970-01-01T00:00:00Z", "fillwise", **words),), 1, "")


def read_kept(path: Path) -> Kept | None:
    """A file of the outbox; None when it has just gone."""
    try:
        told = json.loads(path.read_bytes())
        if "events" not in told:
            return _older(path, told)
        found = Kept(path, tuple(AlertEvent(**one) for one in told["events"]), int(told["times"]), str(told["last_at"]))
        return found if found.alert else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return _unreadable(path, error)


def is_readable(kept: Kept) -> bool:
    """Whether its events are the file's own."""
    return kept.last_at != ""


def write_kept(kept: Kept) -> None:
    """Put a file in its place. Raises DiskFullError or OSError."""
    told = {"events": [asdict(one) for one in kept.events], "times": kept.times, "last_at": kept.last_at}
    replace_file(kept.path, (json.dumps(told, indent=1) + "\n").encode(), 0o644)


def kept_alerts(settings: Settings, market: str) -> tuple[Kept, ...]:
    """Every file of a market, oldest alert first."""
    found = (read_kept(path) for path in outbox(settings, market).glob("*.json"))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: (one.alert.raised_at, one.path)))


def add_event(settings: Settings, market: str, alert_id: str, event: AlertEvent) -> Kept | None:
    """Put an event behind the others of an alert; None when there is no such file any more."""
    with outbox_held(settings, market):
        found = read_kept(outbox(settings, market) / f"{alert_id}.json")
        if found is None or not is_readable(found):
            return None
        fresh = Kept(found.path, (*found.events, event), found.times, found.last_at)
        write_kept(fresh)
        return fresh
