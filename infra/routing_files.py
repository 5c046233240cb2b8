"""The routing snapshot: one signed file a market that says which version works what. Standard library and cryptography.

    <home>/routing/<market>/snapshot.json      signed, replaced whole by rename; its epoch only grows
    <home>/routing/<market>/last_good/<desk>   the last snapshot that a desk obeyed
    <home>/routing/<market>/stops/, desks/     `infra/stop_files.py`, `infra/desk_reports.py`

A desk that finds no snapshot, or one that is torn, forged, expired, of an older epoch, of another market or of a
simulation, goes on with the champion of the last good one alone, and says so. `RoutingView` is what it looks through
before each decision: it asks the file system whether anything changed, and reads only then.

    >>> arms = (RoutedArm("champion", "sample.execution/0", "d0", "benchmark", 1.0),)
    >>> snapshot_faults(Snapshot("sample", 1, None, "steady", "s", arms, {}, (), "t", "t", 1, "h", "desk"))
    ()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.errors import RefusedError
from infra.settings import Settings
from infra.signing import read_signed, sign, verified, write_signed
from infra.stop_files import Stop, stops, stops_stamp
from infra.times import aware_time

ARMS = ("champion", "challenger", "benchmark")
SNAPSHOT = "snapshot.json"
PURPOSE = "routing"
SETTLED_NS = 50_000_000
"""Two writes within a tick of the kernel's clock carry one time; fifty milliseconds are many ticks."""


@dataclass(frozen=True)
class RoutedArm:
    """One arm: what works it, by name and digest, and its part of eligible units."""

    arm: str
    version: str
    digest: str
    recipe_id: str
    share: float


@dataclass(frozen=True)
class Snapshot:
    """What desks obey. limits: version -> its limits as data. accounts: clients who opted in. purpose: desk or
    simulation.

    ledger_sequence, ledger_hash: head of the ledger that it follows from. shadow: the version that decides without
    sending, None for none.
    """

    market: str
    epoch: int
    rollout_id: str | None
    phase: str
    salt: str
    arms: tuple[RoutedArm, ...]
    limits: Mapping[str, Mapping[str, Any]]
    accounts: tuple[str, ...]
    issued_at: str
    expires_at: str
    ledger_sequence: int
    ledger_hash: str
    purpose: str
    shadow: RoutedArm | None = None

    @property
    def champion(self) -> RoutedArm:
        return next(one for one in self.arms if one.arm == "champion")


def routing_folder(settings: Settings, market: str) -> Path:
    """Where a market's routing lies."""
    return settings.home / "routing" / market


def snapshot_faults(snapshot: Snapshot) -> tuple[str, ...]:
    """Why a snapshot can be obeyed by nobody; empty when it can."""
    names = [one.arm for one in snapshot.arms]
    found = []
    if names.count("champion") != 1 or len(set(names)) != len(names) or set(names) - set(ARMS):
        found.append(f"arms {', '.join(names)}; allowed: one champion, {', '.join(ARMS)} each once")
    if abs(sum(one.share for one in snapshot.arms) - 1.0) > 1e-9 or any(one.share < 0.0 for one in snapshot.arms):
        found.append(f"shares {', '.join(f'{one.share:g}' for one in snapshot.arms)} do not sum to one")
    challenger = next((one for one in snapshot.arms if one.arm == "challenger"), None)
    if challenger is not None and challenger.version not in snapshot.limits:
        found.append(f"{challenger.version} has no limits")
    return tuple(found)


def snapshot_from(told: Mapping[str, Any]) -> Snapshot:
    """A snapshot from its payload. Raises TypeError or KeyError for another shape."""
    arms = tuple(RoutedArm(**one) for one in told["arms"])
    shadow = None if told["shadow"] is None else RoutedArm(**told["shadow"])
    return Snapshot(**{**told, "arms": arms, "accounts": tuple(told["accounts"]), "shadow": shadow})


def _refused(market: str, found: str, allowed: str) -> RefusedError:
    return RefusedError(
        "routing snapshot is refused", which=market, found=found, allowed=allowed,
        next_step="fillwise rollout reconcile; desks go on with the champion alone",
    )  # fmt: skip


def _read(settings: Settings, market: str, path: Path) -> Snapshot:
    """The snapshot in a file, signature and shape checked."""
    try:
        found = snapshot_from(verified(settings, PURPOSE, read_signed(path)))
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
    return _read(settings, market, path) if path.exists() else None


def publish(settings: Settings, snapshot: Snapshot) -> bool:
    """Put a snapshot in the place of the last one; False when the same routing lies there and is not about to expire.

    Raises RefusedError for an epoch that goes back, or that says something else than it said before.
    """
    if faults := snapshot_faults(snapshot):
        raise _refused(snapshot.market, "; ".join(faults), "arms and shares that fit")
    try:
        last = published(settings, snapshot.market)
    except RefusedError:
        last = None
    if last is not None and snapshot.epoch < last.epoch:
        raise _refused(snapshot.market, f"epoch {snapshot.epoch} after {last.epoch}", "epochs that grow")
    if last is not None and snapshot.epoch == last.epoch:
        if _routing(last) != _routing(snapshot):
            raise _refused(snapshot.market, f"epoch {last.epoch} with another routing", "one routing an epoch")
        if last.expires_at >= snapshot.expires_at:
            return False
    write_signed(routing_folder(settings, snapshot.market) / SNAPSHOT, sign(settings, PURPOSE, asdict(snapshot)))
    return True


def _routing(snapshot: Snapshot) -> dict[str, Any]:
    passing = ("issued_at", "expires_at", "ledger_sequence", "ledger_hash")
    return {name: value for name, value in asdict(snapshot).items() if name not in passing}


def read_snapshot(
    settings: Settings, market: str, now: datetime, *, least_epoch: int, purpose: str = "desk"
) -> Snapshot:
    """The snapshot to obey now. Raises RefusedError: missing, torn, forged, expired, older, or of a simulation."""
    found = _read(settings, market, routing_folder(settings, market) / SNAPSHOT)
    if found.epoch < least_epoch:
        raise _refused(market, f"epoch {found.epoch}, {least_epoch} was seen before", "an epoch that does not go back")
    if found.purpose != purpose:
        raise _refused(market, f"a snapshot for {found.purpose}", purpose)
    until = aware_time(found.expires_at)
    if until is None or now >= until:
        raise _refused(market, f"expired at {found.expires_at}", "one that is in force")
    return found


def champion_only(snapshot: Snapshot) -> Snapshot:
    """The same with the champion alone: what a desk goes on with when nothing newer can be trusted."""
    return replace(snapshot, arms=(replace(snapshot.champion, share=1.0),), shadow=None)


@dataclass(frozen=True)
class View:
    """What is in force at one look. why: in words, where it is the champion alone; snapshot None: nothing ever was."""

    snapshot: Snapshot | None
    stops: tuple[Stop, ...]
    why: str | None


@dataclass
class RoutingView:
    """One desk's look at routing and stops. An epoch that was seen is never gone back behind, over restarts too."""

    settings: Settings
    market: str
    desk: str
    purpose: str = "desk"
    _stamp: tuple[int, int, int, int] | None = None
    _until: datetime | None = None
    _view: View = field(default_factory=lambda: View(None, (), "nothing was looked at"))
    _good: Snapshot | None = None

    @property
    def _last_good(self) -> Path:
        return routing_folder(self.settings, self.market) / "last_good" / f"{self.desk}.json"

    def _seen(self) -> Snapshot | None:
        if self._good is None and self._last_good.exists():
            try:
                self._good = _read(self.settings, self.market, self._last_good)
            except RefusedError:
                self._good = None
        return self._good

    def _stamps(self) -> tuple[int, int, int, int]:
        path = routing_folder(self.settings, self.market) / SNAPSHOT
        try:
            told = path.stat()
            own = (told.st_mtime_ns, told.st_ino)
        except OSError:
            own = (0, 0)
        return (*own, *stops_stamp(self.settings, self.market))

    def look(self, now: datetime) -> View:
        """What is in force now; reads again only when a file changed or the snapshot expired.

        A change is told by its time, which file systems keep to some milliseconds: what is so young is read again.
        """
        stamp = self._stamps()
        if stamp == self._stamp and (self._until is None or now < self._until):
            return self._view
        is_settled = now.timestamp() * 1e9 - max(stamp[0], stamp[2]) > SETTLED_NS
        self._stamp = stamp if is_settled else None
        self._view = self._fresh(now)
        return self._view

    def _fresh(self, now: datetime) -> View:
        good, standing = self._seen(), stops(self.settings, self.market)
        least = 0 if good is None else good.epoch
        try:
            found = read_snapshot(self.settings, self.market, now, least_epoch=least, purpose=self.purpose)
        except RefusedError as error:
            self._until = None
            return View(None if good is None else champion_only(good), standing, str(error))
        if good is None or good != found:
            write_signed(self._last_good, sign(self.settings, PURPOSE, asdict(found)))
        self._good, self._until = found, aware_time(found.expires_at)
        return View(found, standing, None)
