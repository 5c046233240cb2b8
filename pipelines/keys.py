"""`fillwise keys`: what each key signs, since when. A risk officer replaces one; what old ones signed stays valid."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import datetime

from infra.errors import UsageError
from infra.settings import Settings
from infra.signing import PURPOSES, keys_of, loose, rotate
from pipelines.command import Command, on_words

CONTROLS, ROTATED = "controls", "key_rotated"
MAY_ROTATE = ("risk",)


def keys_options(parser: ArgumentParser) -> None:
    """List the keys, or replace one."""
    parser.add_argument("action", nargs="?", choices=("list", "rotate"), default="list", help="default: list")
    parser.add_argument("purpose", nargs="?", choices=PURPOSES, help="rotate: what the key signs")
    parser.add_argument("--by", dest="person", metavar="NAME", help="a risk officer (fillwise people list)")
    parser.add_argument("--reason", metavar="TEXT", help="why, in words; it is recorded")
    parser.add_argument(
        "--secret-file",
        metavar="FILE",
        help="file with that person's secret, mode 0600; - for standard input (default: typed unseen)",
    )


def print_keys(settings: Settings, say: Callable[[str], None]) -> int:
    """Every key, the one that signs now marked; exit status 1 when others can read one."""
    is_loose = False
    for purpose in PURPOSES:
        if words := loose(settings, purpose):
            is_loose = True
            say(f"{purpose}: {words}")
        for key in keys_of(settings, purpose) if (settings.keys / f"{purpose}.key").exists() and not words else ():
            state = "signs" if key.is_current else "verifies what it signed"
            say(f"{purpose}: {key.key_id} {state}, since {key.since or 'it was first needed'}")
    return 1 if is_loose else 0


def replace_key(
    settings: Settings, purpose: str, name: str, secret: str, reason: str, at: datetime, say: Callable[[str], None]
) -> int:
    """Make a new key for a purpose, and record who did and why. Raises RefusedError for a person who may not."""
    from infra.ledger import Draft, open_ledger
    from pipelines.approval.people import person_with_role

    person = person_with_role(settings, name, *MAY_ROTATE, secret=secret)
    fresh = rotate(settings, purpose, at)
    ledger = open_ledger(settings, settings.ledger_purpose)
    told = {"purpose": purpose, "key_id": fresh, "person": person.name, "reason": reason}
    ledger.append(CONTROLS, ledger.count(CONTROLS), [Draft(ROTATED, told)], at=at, actor=person.name)
    say(f"{purpose}: {fresh} signs from now on; what older keys signed stays valid")
    return 0


def keys(settings: Settings, arguments: Namespace) -> int:
    """The command. Raises UsageError when something is missing."""
    if arguments.action == "list":
        return print_keys(settings, print)
    for option, given in (
        ("PURPOSE", arguments.purpose), ("--by NAME", arguments.person), ("--reason TEXT", arguments.reason),
    ):  # fmt: skip
        if not given:
            raise UsageError(
                "something is missing", which="fillwise keys rotate", found=f"no {option}", allowed="one",
                next_step="fillwise keys --help",
            )  # fmt: skip
    from datetime import UTC

    from pipelines.approval.secrets_file import typed_secret

    secret = typed_secret(arguments.secret_file, f"secret of {arguments.person}: ")
    return replace_key(
        settings, arguments.purpose, arguments.person, secret, arguments.reason, datetime.now(UTC), print
    )


COMMANDS: tuple[Command, ...] = (
    Command(
        "keys",
        "which key signs snapshots, stops, approvals and people; rotate: a new one, by a risk officer, recorded",
        on_words("pipelines.keys", "keys"),
        (keys_options,),
    ),
)
