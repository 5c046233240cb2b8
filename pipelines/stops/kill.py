"""`fillwise kill`: no child order at all of a version, of a symbol, or of everything; what is left goes to a person.

A kill of everything needs nothing but a disk: no snapshot, no ledger, not even a key.
"""

from __future__ import annotations

from datetime import datetime

from infra.settings import Settings
from infra.stop_files import Scope, Stop
from pipelines.stops.read_back import Clock
from pipelines.stops.stopping import Say, StopReport, carry_out
from pipelines.stops.writing import stop_named, timed_name


def kill_stop(market: str, scope: Scope, subject: str, person: str, reason: str, at: datetime) -> Stop:
    """The stop that the command asks for. Raises UsageError."""
    name = timed_name("kill", scope, subject, at)
    return stop_named(name, market, "kill", scope, subject, (person, reason, at))


def kill(
    settings: Settings, market: str, scope: Scope, subject: str, person: str, reason: str, owner: str, clock: Clock,
    wait_seconds: float, say: Say,
) -> StopReport:  # fmt: skip
    """Stop everything in the scope; `owner` takes over what it leaves open. Raises DiskFullError, UsageError."""
    wished = kill_stop(market, scope, subject, person, reason, clock.utc())
    report = carry_out(settings, wished, clock, wait_seconds, say)
    try:
        from pipelines.stops.residuals import hand_over

        hand_over(settings, report, owner, clock.utc(), say)
    except Exception as error:
        say(f"left open    NOT LISTED: {type(error).__name__}: {error}; look again: fillwise residuals")
    return report
