"""`fillwise rollback`: a version out at once, without approval, gate or server.

Without a name it is the version on trial, as the routing snapshot says, or the last one that a desk obeyed, or the
ledger. A champion is named: what it worked goes to the benchmark policy at once, and the state machine decides who is
champion then.
"""

from __future__ import annotations

from datetime import datetime

from infra.errors import FillwiseError, RefusedError, UsageError
from infra.routing_files import Snapshot, last_good_folder, published, read_file
from infra.settings import Settings
from infra.stop_files import Stop, rollback_stop_id
from pipelines.stops.read_back import Clock
from pipelines.stops.stopping import Say, StopReport, carry_out
from pipelines.stops.writing import require_market, stop_named, timed_name


def _last_good(settings: Settings, market: str) -> Snapshot | None:
    """The newest routing that a desk obeyed."""
    found = []
    for path in sorted(last_good_folder(settings, market).glob("*.json")):
        try:
            found.append(read_file(settings, market, path))
        except RefusedError:
            continue
    return max(found, key=lambda snapshot: snapshot.epoch, default=None)


def trusted_snapshot(settings: Settings, market: str) -> Snapshot | None:
    """The routing that desks obey, expired or not; where it is missing or cannot be trusted, the last that they did."""
    try:
        found = published(settings, market)
    except RefusedError:
        found = None
    return found or _last_good(settings, market)


def trial_of(snapshot: Snapshot | None) -> str | None:
    """The version on trial, in a live phase or in the shadow; None when nothing is."""
    if snapshot is None:
        return None
    arms = (*snapshot.arms, *(() if snapshot.shadow is None else (snapshot.shadow,)))
    return next((one.version for one in arms if one.arm in ("challenger", "shadow")), None)


def _from_ledger(settings: Settings, market: str) -> tuple[str | None, str]:
    from pipelines.stops.recording import on_trial

    try:
        return on_trial(settings, market), "the ledger has nothing on trial"
    except (FillwiseError, ValueError) as error:
        return None, f"the ledger: {error}"


def _version(settings: Settings, market: str, named: str | None, snapshot: Snapshot | None) -> str:
    """The version to roll back. Raises UsageError when nobody knows one, or for the benchmark policy."""
    version = named or trial_of(snapshot)
    why = ""
    if version is None:
        version, why = _from_ledger(settings, market)
    champion = (
        "no routing snapshot that can be trusted" if snapshot is None else f"champion {snapshot.champion.version}"
    )
    if version is None:
        raise UsageError(
            "nothing is on trial", which=market, found=f"{champion}; {why}", allowed="a version by name",
            next_step="fillwise rollback --version V, or fillwise kill --all",
        )  # fmt: skip
    if version == f"{market}.execution/0":
        raise UsageError(
            "the benchmark policy cannot be rolled back", which=version, found="what everything else falls back to",
            allowed="another version", next_step=f"fillwise kill --version {version}, or fillwise kill --all",
        )  # fmt: skip
    return version


def rollback_stop(settings: Settings, market: str, named: str | None, person: str, reason: str, at: datetime) -> Stop:
    """The stop that the command asks for. Raises UsageError."""
    snapshot = trusted_snapshot(settings, require_market(market))
    version = _version(settings, market, named, snapshot)
    is_trial = snapshot is not None and snapshot.rollout_id is not None and version == trial_of(snapshot)
    name = timed_name("rollback", "version", version, at)
    if is_trial and snapshot is not None and snapshot.rollout_id is not None:
        name = rollback_stop_id(snapshot.rollout_id)
    return stop_named(name, market, "rollback", "version", version, (person, reason, at))


def rollback(
    settings: Settings, market: str, named: str | None, person: str, reason: str, clock: Clock, wait_seconds: float,
    say: Say,
) -> StopReport:  # fmt: skip
    """Take a version out. Raises UsageError when it is not clear which; DiskFullError when it cannot be written."""
    wished = rollback_stop(settings, market, named, person, reason, clock.utc())
    return carry_out(settings, wished, clock, wait_seconds, say)
