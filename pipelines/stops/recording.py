"""The ledger's side of a stop. Imported when the stop file lies on the disk, never before: this is the slow part.

A ledger that does not answer takes nothing from the stop; what could not be recorded is found by the next evening run
(`unrecorded_stops`). Stops are commands like any other: `decide` says what they change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from infra.errors import ConflictError, FillwiseError
from infra.ledger import Draft, Entry, Ledger, open_ledger
from infra.settings import Settings
from infra.stop_files import Stop
from models.rollout.commands import Command
from models.rollout.events import Event
from models.rollout.fold import fold
from models.rollout.state import MarketState, StopInForce
from pipelines.rollout.controller import stop_command
from pipelines.rollout.record import TRIES, record, state_of

MAKERS = ("killed", "rollback_started", "fell_back")
"""Events that put a stop in force, and so make its name known."""
LATER = "the next evening run records it"


@dataclass(frozen=True)
class Recorded:
    """What became of a stop in the ledger. also: a version that the ledger takes out with it, '' for none."""

    is_recorded: bool
    words: str
    also: str = ""


def ledger_of(settings: Settings) -> Ledger:
    """The ledger of this state folder. Raises UnreachableError, RefusedError."""
    return open_ledger(settings, settings.ledger_purpose)


def command_of(stop: Stop) -> Command:
    """What the stop asks of the state machine."""
    told = StopInForce(stop.stop_id, stop.kind, stop.scope, stop.subject, stop.person, stop.reason)
    return stop_command(told)


def known_entry(entries: tuple[Entry, ...], stop_id: str) -> Entry | None:
    """The entry that put a stop in force."""
    return next((one for one in entries if one.kind in MAKERS and one.payload["stop_id"] == stop_id), None)


def _recorded(ledger: Ledger, stop: Stop, at: datetime) -> Recorded:
    known = known_entry(ledger.entries(stop.market), stop.stop_id)
    if known is not None:
        return Recorded(True, f"entry {known.sequence} of the ledger, since {known.at}")
    _, fresh = record(ledger, stop.market, command_of(stop), at=at, actor=stop.person)
    if not fresh:
        return Recorded(True, f"nothing to record: the ledger has nothing of {stop.subject} that could still trade")
    told = ", ".join(f"{entry.sequence} {entry.kind}" for entry in fresh)
    started = [str(one.payload["version"]) for one in fresh if one.kind == "rollback_started"]
    also = [version for version in started if version != stop.subject]
    return Recorded(True, f"entry {told} of the ledger", also[0] if also else "")


def record_stop(settings: Settings, stop: Stop, at: datetime) -> Recorded:
    """Record a stop, once. Whatever goes wrong is told, not raised: the stop is in force without it."""
    try:
        return _recorded(ledger_of(settings), stop, at)
    except Exception as error:
        words = str(error) if isinstance(error, FillwiseError) else f"{type(error).__name__}: {error}"
        return Recorded(False, f"{words}; {LATER}")


@retry(
    retry=retry_if_exception_type(ConflictError),
    stop=stop_after_attempt(TRIES),
    wait=wait_random(0.0, 0.2),
    reraise=True,
)
def append_event(
    ledger: Ledger, market: str, make: Callable[[MarketState], Event | None], at: datetime, actor: str
) -> Entry | None:
    """Append what `make` says of the state, at the place that was seen; None when it says nothing."""
    state = state_of(ledger, market)
    event = make(state)
    if event is None:
        return None
    return ledger.append(market, state.seen, [Draft(event.kind, event.payload)], at=at, actor=actor)[0]


def on_trial(settings: Settings, market: str) -> str | None:
    """The version on trial by the ledger, None when nothing is. Raises UnreachableError."""
    rollout = fold(market, ledger_of(settings).entries(market)).rollout
    return None if rollout is None else rollout.arm.version
