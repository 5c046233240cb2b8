"""Stop files: a rollback or a kill as a signed file beside the snapshot. Standard library and cryptography.

    rollback of a version   no new child of it, what rests is cancelled, its parents pass to the champion
    kill of a version, a symbol, or all      no child at all, what rests is cancelled, the parents go to a person

A stop can only reduce exposure, so it needs no ledger, no epoch and no approval, and is obeyed at once. One that
cannot be verified stops everything: whoever can write there can stop the desk, never start it. Only what the ledger
says lifts one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from infra.errors import RefusedError
from infra.settings import Settings
from infra.signing import read_signed, sign, verified, write_signed

PURPOSE = "stop"
Kind = Literal["rollback", "kill"]
Scope = Literal["version", "symbol", "all"]


@dataclass(frozen=True)
class Stop:
    """One stop. subject: the version or symbol, '' for all. at: when it was written, ISO 8601 in UTC."""

    stop_id: str
    market: str
    kind: Kind
    scope: Scope
    subject: str
    person: str
    reason: str
    at: str


def stops_folder(settings: Settings, market: str) -> Path:
    """Where a market's stops lie."""
    return settings.home / "routing" / market / "stops"


def _path(settings: Settings, market: str, stop_id: str) -> Path:
    name = Path(stop_id).name
    if name != stop_id or not name or name.startswith("."):
        raise RefusedError(
            "no name of a stop",
            which=ascii(stop_id),
            found="a path",
            allowed="a plain name",
            next_step="fillwise status",
        )
    return stops_folder(settings, market) / f"{name}.json"


def write_stop(settings: Settings, stop: Stop) -> Path:
    """Write a stop, whole; one of the same name that lies there stays as it is."""
    path = _path(settings, stop.market, stop.stop_id)
    if not path.exists():
        write_signed(path, sign(settings, PURPOSE, asdict(stop)))
    return path


def _read(settings: Settings, market: str, path: Path) -> Stop:
    try:
        found = Stop(**verified(settings, PURPOSE, read_signed(path)))
    except (RefusedError, TypeError) as error:
        reason = f"stop file {path.name} cannot be verified: {error}"
        return Stop(path.stem, market, "kill", "all", "", "unknown", reason, "")
    return found


def stops(settings: Settings, market: str) -> tuple[Stop, ...]:
    """Every stop that stands, by name. One that cannot be verified counts as a kill of everything."""
    folder = stops_folder(settings, market)
    return tuple(_read(settings, market, path) for path in sorted(folder.glob("*.json")))


def stops_stamp(settings: Settings, market: str) -> tuple[int, int]:
    """(time of the last change in ns, number of the folder): one look says whether a stop came or went."""
    try:
        told = stops_folder(settings, market).stat()
    except OSError:
        return 0, 0
    return told.st_mtime_ns, told.st_ino


def lift_stop(settings: Settings, market: str, stop_id: str) -> bool:
    """Take a stop away, after the ledger said so; False when there was none."""
    path = _path(settings, market, stop_id)
    is_there = path.exists()
    path.unlink(missing_ok=True)
    return is_there
