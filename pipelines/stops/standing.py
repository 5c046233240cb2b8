"""Stops that stand, held against the ledger: which it does not know yet, and which are over and may be taken away.

A stop is over when the ledger no longer has it in force, and taken away only when nothing that it held back could trade
again by an older routing: the snapshot routes nothing that the state does not, and every desk that reports has read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.desk_reports import desk_reports
from infra.errors import RefusedError
from infra.ledger import Entry
from infra.routing_files import published
from infra.settings import Settings
from infra.stop_files import Stop, lift_stop, restore_stop, stop_path, stops, write_stop
from models.rollout.decide import decide
from models.rollout.fold import fold
from models.rollout.routing import routed
from models.rollout.state import MarketState
from pipelines.stops.recording import command_of, known_entry

ENDS = ("rejected", "expired", "superseded", "rolled_back")


@dataclass(frozen=True)
class Over:
    """A stop that the ledger no longer has in force. obstacle: why its file must stay for now, '' for nothing."""

    stop: Stop
    obstacle: str


def unrecorded_stops(settings: Settings, market: str, entries: Sequence[Entry]) -> tuple[Stop, ...]:
    """Stop files that the ledger does not know and that would change something there: the evening records them."""
    state, known = fold(market, entries), tuple(entries)
    return tuple(
        stop
        for stop in stops(settings, market)
        if known_entry(known, stop.stop_id) is None and _would_change(state, stop)
    )


def _would_change(state: MarketState, stop: Stop) -> bool:
    if stop.kind == "rollback" and not state.champions:
        return False
    return bool(decide(state, command_of(stop)))


def enforce_stop(settings: Settings, stop: Stop) -> None:
    """A stop of the ledger stands as a file; one that was damaged there is written anew, as the ledger has it."""
    if stop_path(settings, stop.market, stop.stop_id).exists():
        restore_stop(settings, stop)
    else:
        write_stop(settings, stop)


def _takes_out(entry: Entry, stop: Stop, rollouts: dict[str, set[str]]) -> bool:
    """Whether an entry says, after the stop was written, that its version has left."""
    if entry.at < stop.at:
        return False
    if entry.kind == "fell_back":
        return bool(entry.payload["from_version"] == stop.subject)
    return entry.kind in ENDS and stop.subject in rollouts.get(str(entry.payload["rollout_id"]), set())


def is_over(stop: Stop, state: MarketState, entries: Sequence[Entry]) -> bool:
    """Whether the ledger had the stop, or what it asked for, and no longer has it in force."""
    if any(one.stop_id == stop.stop_id for one in state.stops):
        return False
    resumed = any(one.kind == "resumed" and one.payload["stop_id"] == stop.stop_id for one in entries)
    if resumed or known_entry(tuple(entries), stop.stop_id) is not None:
        return True
    rollouts = {one.rollout_id: {one.arm.version, one.approved.version} for one in state.rollouts}
    return stop.kind == "rollback" and any(_takes_out(entry, stop, rollouts) for entry in entries)


def _stale_routing(settings: Settings, state: MarketState, now: datetime) -> str:
    """Why desks could still trade by an older routing than the state's; '' when they cannot."""
    if not state.champions:
        return ""
    try:
        snapshot = published(settings, state.market)
    except RefusedError as error:
        return f"no snapshot that can be trusted: {error.found}"
    wished = {(one.arm, one.what.version, one.what.digest) for one in routed(state)}
    if snapshot is None or not {(one.arm, one.version, one.digest) for one in snapshot.arms} <= wished:
        return "the snapshot routes what the ledger does not: fillwise rollout reconcile"
    behind = [one.desk for one in desk_reports(settings, state.market) if not one.is_ended and not one.is_silent(now)
              and one.epoch < snapshot.epoch]  # fmt: skip
    return f"{', '.join(behind)} have not read epoch {snapshot.epoch} yet" if behind else ""


def over_stops(settings: Settings, market: str, entries: Sequence[Entry], now: datetime) -> tuple[Over, ...]:
    """Every stop that is over, and whether its file may go now."""
    state = fold(market, entries)
    found = [stop for stop in stops(settings, market) if is_over(stop, state, entries)]
    obstacle = _stale_routing(settings, state, now) if found else ""
    return tuple(Over(stop, obstacle) for stop in found)


def lift_over(settings: Settings, market: str, entries: Sequence[Entry], now: datetime) -> tuple[str, ...]:
    """Take away the files of stops that are over, where nothing stands against it; their names."""
    free = [one.stop.stop_id for one in over_stops(settings, market, entries, now) if not one.obstacle]
    return tuple(stop_id for stop_id in free if lift_stop(settings, market, stop_id))
