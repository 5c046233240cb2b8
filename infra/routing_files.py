"""The routing snapshot: one signed file a market that says which version works what. Standard library and cryptography.

    <home>/routing/<market>/snapshot.json      signed, replaced whole by rename; its epoch only grows
    <home>/routing/<market>/last_good/<desk>   the last snapshot that a desk obeyed
    <home>/routing/<market>/stops/, desks/     `infra/stop_files.py`, `infra/desk_reports.py`

A desk that finds no snapshot, or one that is torn, forged, expired, of an older epoch, of another market or of a
simulation, goes on with the champion of the last good one alone, and says so. `RoutingView` is what it looks through
before each decision: it asks the file system whether anything changed, and reads only then.
"""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from infra.errors import DiskFullError, RefusedError
from infra.locks import held
from infra.routing_snapshot import RoutedArm, Snapshot, champion_only, snapshot_faults, snapshot_from
from infra.settings import Settings
from infra.signing import Signed, canonical, make_key, read_signed, sign, verified, write_signed
from infra.stop_files import Stop, stops, stops_folder
from infra.stop_reserve import keep_reserve
from infra.times import aware_time

__all__ = [
    "RoutedArm", "RoutingView", "Snapshot", "View", "champion_only", "last_good_folder", "publish", "published",
    "read_file", "read_snapshot", "routing_folder", "snapshot_faults", "snapshot_from",
]  # fmt: skip
SNAPSHOT = "snapshot.json"
PURPOSE = "routing"
PUBLISH_WAIT_SECONDS = 5.0
"""A publisher takes some milliseconds; one that holds the lock for seconds hangs, and the evening says so."""
SETTLED = timedelta(milliseconds=50)
"""Two writes within a tick of the kernel's clock carry one time; fifty milliseconds are many ticks."""
Stamp = tuple[int, int, int]
NOTHING = (0, 0, 0)
log = logging.getLogger("fillwise")


def routing_folder(settings: Settings, market: str) -> Path:
    """Where a market's routing lies."""
    return settings.home / "routing" / market


def last_good_folder(settings: Settings, market: str) -> Path:
    """Where each desk keeps the last snapshot that it obeyed."""
    return routing_folder(settings, market) / "last_good"


def _refused(market: str, found: str, allowed: str) -> RefusedError:
    return RefusedError(
        "routing snapshot is refused", which=market, found=found, allowed=allowed,
        next_step="fillwise rollout reconcile; desks go on with the champion alone",
    )  # fmt: skip


def read_file(settings: Settings, market: str, path: Path) -> Snapshot:
    """The snapshot in a file, signature and shape checked. Raises RefusedError."""
    return _opened(settings, market, read_signed(path))


def _opened(settings: Settings, market: str, signed: Signed) -> Snapshot:
    try:
        found = snapshot_from(verified(settings, PURPOSE, signed))
    except (TypeError, KeyError):
        raise _refused(market, "another shape of payload", "a snapshot of this program") from None
    if found.market != market:
        raise _refused(market, f"a snapshot of {found.market}", market)
    if faults := snapshot_faults(found):
        raise _refused(market, "; ".join(faults), "arms and shares that fit")
    return found


def published(settings: Settings, market: str) -> Snapshot | None:
    """What lies there, expired or not; None when there is nothing. Raises RefusedError when it cannot be trusted."""
    path = routing_folder(settings, market) / SNAPSHOT
    return read_file(settings, market, path) if path.exists() else None


def publish(settings: Settings, snapshot: Snapshot) -> bool:
    """Put a snapshot in the place of the last one; False when the same routing lies there and is not about to expire.

    One publisher at a time. Raises RefusedError for an epoch that goes back, or that says something else than it said
    before, BusyError when another publisher hangs, DiskFullError. Room and key for stop files are made along with it.
    """
    if faults := snapshot_faults(snapshot):
        raise _refused(snapshot.market, "; ".join(faults), "arms and shares that fit")
    folder = routing_folder(settings, snapshot.market)
    with held(folder / "publish.lock", "publisher of the routing snapshot", PUBLISH_WAIT_SECONDS):
        try:
            last = published(settings, snapshot.market)
        except RefusedError:
            last = None
        is_new = last is None or _follows(last, snapshot)
        if is_new:
            write_signed(folder / SNAPSHOT, sign(settings, PURPOSE, asdict(snapshot)))
        make_key(settings, "stop")
        keep_reserve(settings, snapshot.market)
    return is_new


def _follows(last: Snapshot, snapshot: Snapshot) -> bool:
    """Whether a snapshot says more than the last one. Raises RefusedError when it may not follow it."""
    if snapshot.epoch < last.epoch:
        raise _refused(snapshot.market, f"epoch {snapshot.epoch} after {last.epoch}", "epochs that grow")
    if snapshot.epoch > last.epoch:
        return True
    if _routing(last) != _routing(snapshot):
        raise _refused(snapshot.market, f"epoch {last.epoch} with another routing", "one routing an epoch")
    until, longer = aware_time(last.expires_at), aware_time(snapshot.expires_at)
    return until is None or (longer is not None and longer > until)


def _routing(snapshot: Snapshot) -> str:
    passing = ("issued_at", "expires_at", "ledger_sequence", "ledger_hash")
    return canonical({name: value for name, value in asdict(snapshot).items() if name not in passing})


def read_snapshot(
    settings: Settings, market: str, now: datetime, *, least_epoch: int, purpose: str = "desk"
) -> Snapshot:
    """The snapshot to obey now. Raises RefusedError: missing, torn, forged, expired, older, or of a simulation."""
    return _in_force(settings, market, now, least_epoch, purpose)[0]


def _in_force(
    settings: Settings, market: str, now: datetime, least_epoch: int, purpose: str
) -> tuple[Snapshot, Signed]:
    signed = read_signed(routing_folder(settings, market) / SNAPSHOT)
    found = _opened(settings, market, signed)
    if found.epoch < least_epoch:
        raise _refused(market, f"epoch {found.epoch}, {least_epoch} was seen before", "an epoch that does not go back")
    if found.purpose != purpose:
        raise _refused(market, f"a snapshot for {found.purpose}", purpose)
    until = aware_time(found.expires_at)
    if until is None or now >= until:
        raise _refused(market, f"expired at {found.expires_at}", "one that is in force")
    return found, signed


@dataclass(frozen=True)
class View:
    """What is in force at one look. why: in words, where it is the champion alone; snapshot None: nothing ever was."""

    snapshot: Snapshot | None
    stops: tuple[Stop, ...]
    why: str | None


def _stamp(path: str) -> Stamp:
    """What changes with a file: its time in ns, its number, its size; nothing where there is none."""
    try:
        told = os.stat(path)
    except OSError:
        return NOTHING
    return told.st_mtime_ns, told.st_ino, told.st_size


@dataclass
class RoutingView:
    """One desk's look at routing and stops. An epoch that was seen is never gone back behind, over restarts too."""

    settings: Settings
    market: str
    desk: str
    purpose: str = "desk"
    _seen: tuple[Stamp, Stamp] | None = None
    _since: datetime | None = None
    _is_settled: bool = False
    _until: datetime | None = None
    _view: View = field(default_factory=lambda: View(None, (), "nothing was looked at"))
    _good: Snapshot | None = None
    _is_kept: bool = True

    def __post_init__(self) -> None:
        self._paths = (
            str(routing_folder(self.settings, self.market) / SNAPSHOT), str(stops_folder(self.settings, self.market)),
        )  # fmt: skip
        self._last_good = last_good_folder(self.settings, self.market) / f"{Path(self.desk).name}.json"
        if self._last_good.exists():
            self._good = self._remembered()

    def _remembered(self) -> Snapshot | None:
        try:
            found = read_file(self.settings, self.market, self._last_good)
        except RefusedError as error:
            log.warning("%s forgot which routing it obeyed last: %s", self.desk, error)
            return None
        return found if found.purpose == self.purpose else None

    def look(self, now: datetime) -> View:
        """What is in force now; reads again only when a file changed or the snapshot expired.

        A change is told by its time, which file systems keep to some milliseconds: for so long it is read again.
        """
        seen = (_stamp(self._paths[0]), _stamp(self._paths[1]))
        if self._is_settled and seen == self._seen and (self._until is None or now < self._until):
            return self._view
        if seen != self._seen or self._since is None or now < self._since:
            self._seen, self._since = seen, now
        self._is_settled = now - self._since > SETTLED
        self._view = self._fresh(now)
        return self._view

    def _fresh(self, now: datetime) -> View:
        """Stops first: one that was lifted while this was read was so after the snapshot that made it needless."""
        good, standing = self._good, stops(self.settings, self.market)
        least = 0 if good is None else good.epoch
        try:
            found, signed = _in_force(self.settings, self.market, now, least, self.purpose)
        except RefusedError as error:
            self._until = None
            return View(None if good is None else champion_only(good), standing, str(error))
        if good != found or not self._is_kept:
            self._keep(signed)
        self._good, self._until = found, aware_time(found.expires_at)
        return View(found, standing, None)

    def _keep(self, signed: Signed) -> None:
        """Remember over a restart. A disk without room must not keep a desk from obeying; it is tried again."""
        try:
            write_signed(self._last_good, signed)
        except (DiskFullError, OSError) as error:
            if self._is_kept:
                log.warning("%s cannot keep its last good routing: %s", self.desk, error)
            self._is_kept, self._is_settled = False, False
            return
        self._is_kept = True
