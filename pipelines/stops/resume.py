"""`fillwise resume`: a designated person lifts a kill. The ledger first, the file after; without the ledger, nothing.

A rollback is not resumed: it is over when the desks own nothing of the version, and the recipe comes back as a new
rollout with its own approvals. Lifted here is one that nothing else ends: of a version that the ledger has nothing of,
mistyped say. A kill of the version takes the place of its rollback.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from infra.errors import RefusedError, UsageError
from infra.ledger import Ledger
from infra.settings import Settings
from infra.stop_files import Stop, restore_stop, stops
from models.rollout.commands import Forget, Resume
from models.rollout.state import MarketState, StopInForce
from pipelines.approval.people import person_with_role
from pipelines.rollout.record import record, state_of
from pipelines.stops.recording import command_of, known_entry, ledger_of
from pipelines.stops.residuals import residuals_now
from pipelines.stops.standing import is_over, lift_over, over_stops
from pipelines.stops.stopping import Say, what
from pipelines.stops.writing import REASON_LETTERS, plain, require_market

MAY_RESUME = ("risk", "trader")


@dataclass(frozen=True)
class Resumption:
    """What came of it. entry: of the ledger, 0 when it was over before. obstacle: why the file stays for now."""

    stop_id: str
    entry: int
    is_lifted: bool
    obstacle: str


def _in_force(state: MarketState, stop_id: str) -> StopInForce | None:
    return next((one for one in state.stops if one.stop_id == stop_id), None)


def _found(settings: Settings, ledger: Ledger, market: str, stop_id: str) -> Stop:
    """The stop, from its file or, where somebody took that away, from the ledger. Raises RefusedError."""
    standing = stops(settings, market)
    for stop in standing:
        if stop.stop_id == stop_id:
            return stop
    told = _in_force(state_of(ledger, market), stop_id)
    if told is None:
        raise RefusedError(
            "no such stop", which=stop_id, found="nothing", next_step="fillwise stops",
            allowed=", ".join(one.stop_id for one in standing) or "none: nothing is stopped",
        )  # fmt: skip
    return Stop(stop_id, market, told.kind, told.scope, told.subject, told.person, told.reason, "")  # type: ignore[arg-type]


def _refuse_rollback(settings: Settings, stop: Stop, told: StopInForce) -> None:
    """A rollback that the ledger has in force stays; a damaged file of one is written as the ledger has it."""
    wished = Stop(stop.stop_id, stop.market, "rollback", "version", told.subject, told.person, told.reason, "")
    is_restored = restore_stop(settings, wished)
    raise RefusedError(
        "a rollback cannot be resumed", which=stop.stop_id,
        found=f"rollback of {told.subject}" + (", its damaged file was written anew" if is_restored else ""),
        allowed="a kill", next_step="it is over when nothing is left of the version; then propose the recipe again",
    )  # fmt: skip


def _resumed(settings: Settings, ledger: Ledger, stop: Stop, person: str, reason: str, at: datetime) -> int:
    """The entry that lifts the stop, 0 when there is one already. A stop not yet recorded is recorded first."""
    market, entries = stop.market, ledger.entries(stop.market)
    state = state_of(ledger, market)
    if is_over(stop, state, entries):
        return 0
    if known_entry(entries, stop.stop_id) is None and (stop.kind == "kill" or state.champions):
        state, _ = record(ledger, market, command_of(stop), at=at, actor=stop.person)
    told = _in_force(state, stop.stop_id)
    if told is not None and told.kind == "rollback":
        _refuse_rollback(settings, stop, told)
    if told is not None:
        _, fresh = record(ledger, market, Resume(stop.stop_id, person, reason), at=at, actor=person)
        return fresh[0].sequence if fresh else 0
    if is_over(stop, state, ledger.entries(market)):
        return 0
    return _forgotten(ledger, stop, person, reason, at)


def _forgotten(ledger: Ledger, stop: Stop, person: str, reason: str, at: datetime) -> int:
    """A rollback of what the ledger has nothing of: it says that a person took it away."""
    command = Forget(stop.stop_id, stop.scope, stop.subject, person, reason)
    _, fresh = record(ledger, stop.market, command, at=at, actor=person)
    return fresh[0].sequence if fresh else 0


def resume(
    settings: Settings, market: str, stop_id: str, name: str, secret: str, reason: str, at: datetime, say: Say
) -> Resumption:
    """Lift a stop. Raises RefusedError for a person who may not, a rollback, or an unknown stop; UnreachableError."""
    words = plain(reason, REASON_LETTERS)
    if not words:
        raise UsageError(
            "a reason is missing", which="resume", found="nothing that can be printed", allowed="a few words",
            next_step="add --reason '…'",
        )  # fmt: skip
    person = person_with_role(settings, name, *MAY_RESUME, secret=secret)
    ledger = ledger_of(settings)
    stop = _found(settings, ledger, require_market(market), stop_id)
    entry = _resumed(settings, ledger, stop, person.name, words, at)
    say(f"recorded     yes: {f'entry {entry} resumed' if entry else 'it was over before'}, {what(stop)} [{stop_id}]")
    obstacles = {one.stop.stop_id: one.obstacle for one in over_stops(settings, market, ledger.entries(market), at)}
    lifted = lift_over(settings, market, ledger.entries(market), at)
    obstacle = obstacles.get(stop_id, "")
    is_lifted = stop_id in lifted or stop_id not in {one.stop_id for one in stops(settings, market)}
    say(f"lifted       {'yes' if is_lifted else f'NOT YET: {obstacle}'}")
    _say_open(settings, ledger, market, stop_id, at, say)
    return Resumption(stop_id, entry, is_lifted, obstacle)


def _say_open(settings: Settings, ledger: Ledger, market: str, stop_id: str, at: datetime, say: Say) -> None:
    """What the kill left open is still somebody's."""
    for one in residuals_now(settings, ledger, market, at):
        if one.stop_id == stop_id and not one.is_acknowledged:
            say(f"left open    {len(one.parents)} parent orders wait for a person: fillwise residuals ack {stop_id}")
