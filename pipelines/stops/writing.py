"""The stop file of a command, written once: the same stop that stands already is found again, by two at once too.

What a stop is called decides nothing about what it does; names only have to be new. A rollback of the version on trial
has the name of its rollout, the same that the controller would give it; every other stop has its time in its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from infra.desk_reports import desk_reports
from infra.errors import BusyError, DiskFullError, FillwiseError, RefusedError, UsageError
from infra.locks import held
from infra.markets import MARKETS
from infra.routing_files import routing_folder
from infra.settings import Settings
from infra.stop_files import Kind, Scope, Stop, stop_path, stops, write_stop
from infra.times import stamp

LOCK_WAIT_SECONDS = 0.5
"""Whoever holds the lock writes one small file; one that hangs must not hold up a stop."""
REASON_LETTERS = 2_000
SUBJECT_LETTERS = 120


@dataclass(frozen=True)
class Written:
    """The stop that stands now. is_new: whether this command wrote it."""

    stop: Stop
    is_new: bool


def require_market(name: str) -> str:
    """The market's name. Raises UsageError naming those that exist."""
    if name not in MARKETS:
        raise UsageError("unknown market", which=name, found=name, allowed=", ".join(MARKETS), next_step="use --market")
    return name


def plain(text: str, letters: int) -> str:
    """One line that can be printed, cut to so many letters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:letters]


def stop_named(name: str, market: str, kind: Kind, scope: Scope, subject: str, by: tuple[str, str, datetime]) -> Stop:
    """A stop of this name. by: person, reason, time. Raises UsageError without a reason or a subject."""
    person, reason, at = plain(by[0], SUBJECT_LETTERS), plain(by[1], REASON_LETTERS), by[2]
    told = plain(subject, SUBJECT_LETTERS)
    for what, words in (("reason", reason), ("person", person), ("subject", told if scope != "all" else "all")):
        if not words:
            raise UsageError(
                f"a stop needs a {what}", which=kind, found="nothing that can be printed", allowed="a few words",
                next_step="type the command again",
            )  # fmt: skip
    return Stop(name, require_market(market), kind, scope, told, person, reason, stamp(at))


def timed_name(kind: Kind, scope: Scope, subject: str, at: datetime) -> str:
    """A name that no other stop ever had: what it stops, and when."""
    word = re.sub(r"[^A-Za-z0-9._-]+", "-", subject)[:60].strip(".-") or scope
    return f"{kind}-{word}-{at.astimezone(UTC):%Y%m%dT%H%M%S.%f}"


@contextmanager
def _in_turn(settings: Settings, market: str) -> Iterator[None]:
    """One writer of stops at a time where that can be had; a full disk or a holder that hangs keeps nobody."""
    with ExitStack() as stack:
        path = routing_folder(settings, market) / "stops.lock"
        try:
            stack.enter_context(held(path, "writer of a stop file", LOCK_WAIT_SECONDS))
        except (OSError, BusyError):
            stack.pop_all().close()
        yield


def _unwritable(settings: Settings, stop: Stop, error: Exception) -> FillwiseError:
    """The stop cannot be written: what is left is to end the desks, which take everything off when they are told."""
    running = " ".join(str(one.pid) for one in desk_reports(settings, stop.market) if not one.is_ended)
    left = f"kill -TERM {running}: each desk cancels what rests and ends" if running else "end the desk processes"
    if isinstance(error, RefusedError):
        left = f"{error.next_step}; fillwise kill --all needs no key; or {left}"
    return DiskFullError(
        "NOT STOPPED: the stop file cannot be written", which=stop.stop_id, found=str(error),
        allowed="a few kilobytes on the local disk", next_step=left,
    )  # fmt: skip


def write_once(settings: Settings, wished: Stop) -> Written:
    """Write the stop unless the same one stands. Raises DiskFullError when not even the reserve takes it."""
    with _in_turn(settings, wished.market):
        standing = stops(settings, wished.market)
        for stop in standing:
            if stop.covers(wished.kind, wished.scope, wished.subject):
                return Written(stop, False)
        if stop_path(settings, wished.market, wished.stop_id).exists():
            suffix = re.sub(r"\D", "", wished.at)
            wished = replace(wished, stop_id=f"{wished.stop_id}-{suffix}")
        try:
            write_stop(settings, wished)
        except (RefusedError, DiskFullError, OSError) as error:
            raise _unwritable(settings, wished, error) from error
    return Written(wished, True)
