"""Stop files: a rollback or a kill as a signed file beside the snapshot. Standard library and cryptography.

    rollback of a version   no new child of it, what rests is cancelled, its parents pass to the champion
    kill of a version, a symbol, or all      no child at all, what rests is cancelled, the parents go to a person

A stop can only reduce exposure, so it needs no ledger, no epoch and no approval, and is obeyed at once. One that
cannot be verified stops everything: whoever can write there can stop the desk, never start it. So a kill of everything
needs no key either. Only what the ledger says lifts one.

A full disk is no excuse: a few files with their blocks already taken lie in reserve, and a stop is written into one of
them (`infra/stop_reserve.py`).
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from infra.errors import DiskFullError, RefusedError
from infra.settings import Settings
from infra.signing import Signed, read_signed, sign, signed_bytes, verified
from infra.stop_reserve import write_reserved
from infra.whole_files import replace_file, write_new

PURPOSE = "stop"
Kind = Literal["rollback", "kill"]
Scope = Literal["version", "symbol", "all"]
NOBODY = "unknown"
"""Who wrote a stop that cannot be verified."""


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

    @property
    def is_verified(self) -> bool:
        """Whether it is what somebody signed, and not a file that counts as a kill of everything."""
        return self.person != NOBODY

    def covers(self, kind: Kind, scope: Scope, subject: str) -> bool:
        """Whether it is that very stop, whoever wrote it and when."""
        return self.is_verified and (self.kind, self.scope, self.subject) == (kind, scope, subject)


def rollback_stop_id(rollout_id: str) -> str:
    """The stop that takes a rollout's version out: the same name whoever writes it, so that it is one stop."""
    return f"{rollout_id}-rollback"


def stops_folder(settings: Settings, market: str) -> Path:
    """Where a market's stops lie."""
    return settings.home / "routing" / market / "stops"


def stop_path(settings: Settings, market: str, stop_id: str) -> Path:
    """Where a stop lies. Raises RefusedError for a name that is none."""
    name = Path(stop_id).name
    if name != stop_id or not name or name.startswith("."):
        raise RefusedError(
            "no name of a stop",
            which=ascii(stop_id),
            found="a path",
            allowed="a plain name",
            next_step="fillwise stops",
        )
    return stops_folder(settings, market) / f"{name}.json"


def _payload(settings: Settings, stop: Stop) -> bytes:
    """The file's content. A kill of everything is as good without a signature, so no key can be in its way."""
    try:
        return signed_bytes(sign(settings, PURPOSE, asdict(stop)))
    except (RefusedError, OSError, DiskFullError):
        if stop.scope != "all":
            raise
        return signed_bytes(Signed("kill of everything, not signed", "", ""))


def write_stop(settings: Settings, stop: Stop) -> Path:
    """Write a stop, whole; one of the same name that lies there stays as it is. Raises DiskFullError, RefusedError."""
    path = stop_path(settings, stop.market, stop.stop_id)
    if path.exists():
        return path
    payload = _payload(settings, stop)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, payload)
    except (DiskFullError, OSError):
        if not write_reserved(path, payload):
            raise
    return path


def restore_stop(settings: Settings, stop: Stop) -> bool:
    """Put a stop of the ledger in the place of a file that cannot be verified; False when there was none."""
    path = stop_path(settings, stop.market, stop.stop_id)
    found = next((one for one in stops(settings, stop.market) if one.stop_id == stop.stop_id), None)
    if found is None or found.is_verified:
        return False
    replace_file(path, _payload(settings, stop))
    return True


def _unverified(market: str, name: str, why: object) -> Stop:
    return Stop(name, market, "kill", "all", "", NOBODY, f"stop file {name} cannot be verified: {why}", "")


def _read(settings: Settings, market: str, path: Path) -> Stop | None:
    """The stop in a file, None when it was lifted a moment ago."""
    try:
        found = Stop(**verified(settings, PURPOSE, read_signed(path)))
    except (RefusedError, TypeError) as error:
        return _unverified(market, path.stem, error) if os.path.lexists(path) else None
    if (found.market, found.stop_id) != (market, path.stem):
        return _unverified(market, path.stem, f"it is {found.stop_id} of {found.market}")
    if found.kind not in get_args(Kind) or found.scope not in get_args(Scope) or not found.is_verified:
        return _unverified(market, path.stem, f"{found.kind} of {found.scope} by {found.person}")
    return found


def stops(settings: Settings, market: str) -> tuple[Stop, ...]:
    """Every stop that stands, by name. One that cannot be verified counts as a kill of everything."""
    folder = stops_folder(settings, market)
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except FileNotFoundError:
        return ()
    except OSError as error:
        return (_unverified(market, folder.name, error.strerror),)
    found = (_read(settings, market, folder / name) for name in names)
    return tuple(stop for stop in found if stop is not None)


def lift_stop(settings: Settings, market: str, stop_id: str) -> bool:
    """Take a stop away, after the ledger said so; False when there was none."""
    path = stop_path(settings, market, stop_id)
    is_there = path.exists()
    path.unlink(missing_ok=True)
    return is_there
