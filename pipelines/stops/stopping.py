"""What rollback and kill have in common: stopped, read back, recorded, each told as soon as it is so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infra.settings import Settings
from infra.signing import loose
from infra.stop_files import PURPOSE, Stop
from infra.times import stamp
from pipelines.stops.read_back import Clock, RollbackProgress, wait_for
from pipelines.stops.writing import write_once

if TYPE_CHECKING:
    from pipelines.stops.recording import Recorded

Say = Callable[[str], None]


@dataclass(frozen=True)
class StopReport:
    """How far a stop came while the command ran."""

    stop: Stop
    is_new: bool
    progress: RollbackProgress
    recorded: Recorded


def what(stop: Stop) -> str:
    """A stop in words."""
    subject = "everything" if stop.scope == "all" else f"{stop.scope} {stop.subject}"
    return f"{stop.kind} of {subject} in {stop.market}"


def _say_stopped(settings: Settings, stop: Stop, say: Say, *, is_new: bool) -> None:
    when = "" if is_new else f" since {stop.at}: nothing new was written"
    say(f"stopped      yes{when}: {what(stop)}, by {stop.person}: {stop.reason} [{stop.stop_id}]")
    if words := loose(settings, PURPOSE):
        say(f"             the stop's key is loose: {words}")


def _say_read_back(found: RollbackProgress, say: Say) -> None:
    if not found.answers:
        say("read back    no desk reports in this market")
        return
    last = f"last child order {found.last_child_at or 'none'}, last cancel {found.last_cancel_at or 'none'}"
    if found.is_done:
        say(f"read back    yes: {len(found.answers)} desks; {last}")
        return
    say(f"read back    NOT YET: {'; '.join(found.missing)}; {last}; look again: fillwise stops")


def say_recorded(found: Recorded, say: Say) -> None:
    """Whether the ledger has it."""
    say(f"recorded     {'yes' if found.is_recorded else 'NOT YET'}: {found.words}")


def carry_out(settings: Settings, wished: Stop, clock: Clock, wait_seconds: float, say: Say) -> StopReport:
    """Stop, read back, record. Raises DiskFullError when the stop file could not be written, and only then."""
    written = write_once(settings, wished)
    stop = written.stop
    _say_stopped(settings, stop, say, is_new=written.is_new)
    progress = wait_for(settings, stop, clock, wait_seconds, lambda words: say(f"read back    {words}"))
    _say_read_back(progress, say)
    from pipelines.stops.recording import record_stop

    recorded = record_stop(settings, stop, clock.utc())
    say_recorded(recorded, say)
    if recorded.also:
        _stop_also(settings, stop, recorded.also, clock, say)
    return StopReport(stop, written.is_new, progress, recorded)


def _stop_also(settings: Settings, stop: Stop, version: str, clock: Clock, say: Say) -> None:
    """The ledger knows that another refit of the same recipe trades: it is stopped like the one that was named."""
    wished = replace(stop, stop_id=f"{stop.stop_id}-refit", subject=version, at=stamp(clock.utc()))
    also = write_once(settings, wished)
    _say_stopped(settings, also.stop, say, is_new=also.is_new)
