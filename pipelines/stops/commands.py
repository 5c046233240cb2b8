"""The commands that stop and resume trading, as data. Nothing heavy is imported before a stop file is written.

Exit status of rollback and kill: 0 as soon as the stop file lies there, whatever desks and ledger say; what is not read
back or not recorded is said in words. 75: the stop could NOT be written; 2: typed wrongly.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.settings import Settings
from pipelines.command import Command

if TYPE_CHECKING:
    from infra.stop_files import Scope
    from pipelines.stops.read_back import Clock

WAIT_SECONDS = 5.0
"""Desks obey within a second; five leave room for late acknowledgements of a venue."""


def market_option(parser: ArgumentParser) -> None:
    """Which market."""
    given = os.environ.get("FILLWISE_MARKET") or "sample"
    parser.add_argument("--market", default=given, help="market (default: sample)")


def stop_options(parser: ArgumentParser) -> None:
    """Why, who, and how long to wait for the desks' answers."""
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why, in words; it is recorded")
    parser.add_argument("--by", dest="person", metavar="NAME", help="who stops it (default: the user logged in)")
    parser.add_argument(
        "--wait", type=float, default=WAIT_SECONDS, metavar="SECONDS", help="for the desks to answer (default: 5)"
    )


def rollback_options(parser: ArgumentParser) -> None:
    """Which version."""
    parser.add_argument("--version", metavar="V", help="version to take out (default: the one on trial)")


def kill_options(parser: ArgumentParser) -> None:
    """What to stop, and who takes over what it leaves open."""
    scope = parser.add_mutually_exclusive_group(required=True)
    scope.add_argument("--version", metavar="V", help="every child order of this version")
    scope.add_argument("--symbol", metavar="S", help="every child order in this symbol")
    scope.add_argument("--all", action="store_true", help="every child order of the market")
    parser.add_argument(
        "--hand-to", dest="owner", metavar="NAME", help="who takes over what it leaves open (default: as --by)"
    )


def person_options(parser: ArgumentParser) -> None:
    """A designated person, and their secret."""
    parser.add_argument("--by", dest="person", metavar="NAME", help="a risk officer or trader (fillwise people list)")
    parser.add_argument("--reason", metavar="TEXT", help="why, in words; it is recorded")
    parser.add_argument(
        "--secret-file",
        metavar="FILE",
        help="file with that person's secret, mode 0600; - for standard input (default: typed unseen)",
    )


def resume_options(parser: ArgumentParser) -> None:
    """Which stop."""
    parser.add_argument("stop", metavar="STOP", help="name of the stop (fillwise stops)")


def residuals_options(parser: ArgumentParser) -> None:
    """List, or take over what one kill left open."""
    parser.add_argument("action", nargs="?", choices=("list", "ack"), default="list", help="default: list")
    parser.add_argument("stop", nargs="?", metavar="STOP", help="ack: name of the kill")


def listing_options(parser: ArgumentParser) -> None:
    """List, or stop waiting for a desk that will not come back."""
    parser.add_argument("action", nargs="?", choices=("list", "forget"), default="list", help="default: list")
    parser.add_argument("desk", nargs="?", metavar="DESK", help="forget: name of the desk")


def _clock() -> Clock:
    import time

    from pipelines.stops.read_back import Clock

    return Clock(lambda: datetime.now(UTC), time.sleep)


def _say(words: str) -> None:
    print(words, flush=True)


def _person(arguments: Namespace) -> str:
    """Who types, or in whose name; a user without a name is nobody."""
    from getpass import getuser

    try:
        return arguments.person or getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def _required(arguments: Namespace, command: str, *names: str) -> None:
    """Raises UsageError for an option that was not given."""
    from infra.errors import UsageError

    options = {"person": "--by NAME", "stop": "STOP", "desk": "DESK", "reason": "--reason TEXT"}
    for name in names:
        if not getattr(arguments, name):
            raise UsageError(
                "something is missing", which=f"fillwise {command}", found=f"no {options[name]}", allowed="one",
                next_step=f"fillwise {command.split(maxsplit=1)[0]} --help",
            )  # fmt: skip


def _secret(arguments: Namespace) -> str:
    from pipelines.approval.secrets_file import typed_secret

    return typed_secret(arguments.secret_file, f"secret of {arguments.person}: ")


def _rollback(settings: Settings, arguments: Namespace) -> int:
    from pipelines.stops.rollback import rollback

    rollback(
        settings, arguments.market, arguments.version, _person(arguments), arguments.reason, _clock(), arguments.wait,
        _say,
    )  # fmt: skip
    return 0


def _kill(settings: Settings, arguments: Namespace) -> int:
    from pipelines.stops.kill import kill

    person = _person(arguments)
    subject = arguments.version or arguments.symbol or ""
    scope: Scope = "all" if arguments.all else "version" if arguments.version is not None else "symbol"
    kill(
        settings, arguments.market, scope, subject, person, arguments.reason, arguments.owner or person, _clock(),
        arguments.wait, _say,
    )  # fmt: skip
    return 0


def _resume(settings: Settings, arguments: Namespace) -> int:
    _required(arguments, "resume", "person", "reason")
    from pipelines.stops.resume import resume

    found = resume(
        settings, arguments.market, arguments.stop, arguments.person, _secret(arguments), arguments.reason,
        datetime.now(UTC), _say,
    )  # fmt: skip
    return 0 if found.is_lifted else 1


def _residuals(settings: Settings, arguments: Namespace) -> int:
    from pipelines.stops.residuals import acknowledge, print_residuals

    now = datetime.now(UTC)
    if arguments.action == "list":
        return print_residuals(settings, arguments.market, now, _say)
    _required(arguments, "residuals ack", "stop", "person")
    from pipelines.approval.people import person_with_role
    from pipelines.stops.resume import MAY_RESUME

    person = person_with_role(settings, arguments.person, *MAY_RESUME, secret=_secret(arguments))
    found = acknowledge(settings, arguments.market, arguments.stop, person.name, now)
    _say(f"{person.name} has {len(found.parents)} parent orders that {found.stop_id} left open")
    return 0


def _stops(settings: Settings, arguments: Namespace) -> int:
    from pipelines.stops.listing import forget, print_stops

    now = datetime.now(UTC)
    if arguments.action == "list":
        return print_stops(settings, arguments.market, now, _say)
    _required(arguments, "stops forget", "desk", "person", "reason")
    return forget(
        settings, arguments.market, arguments.desk, arguments.person, _secret(arguments), arguments.reason, now, _say
    )


COMMANDS: tuple[Command, ...] = (
    Command(
        "rollback",
        "take a version out at once, without approval or server; by default the one on trial",
        _rollback,
        (market_option, rollback_options, stop_options),
    ),
    Command(
        "kill",
        "stop all child orders of a version, a symbol or everything; what is left goes to a named person",
        _kill,
        (market_option, kill_options, stop_options),
    ),
    Command(
        "resume",
        "lift a kill: by a risk officer or trader, recorded",
        _resume,
        (market_option, resume_options, person_options),
    ),
    Command(
        "residuals",
        "parent orders that kills left open, and who has them; ack: take them over",
        _residuals,
        (market_option, residuals_options, person_options),
    ),
    Command(
        "stops",
        "what is stopped, and how far desks and ledger are; exit 1 while something is. forget: a desk that is gone",
        _stops,
        (market_option, listing_options, person_options),
    ),
)
