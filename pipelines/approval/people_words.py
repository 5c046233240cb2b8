"""`fillwise people`: who may do what, and who changed it. The first call makes the embedded people, told once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from infra.errors import UsageError
from infra.ledger import Entry, Ledger, open_ledger
from infra.settings import Settings
from pipelines.approval import people_changes as changes
from pipelines.approval.people import (
    SEAL,
    STREAM,
    Person,
    authenticate,
    embedded_people,
    is_ours,
    people_from,
    trusted_people,
    until,
)
from pipelines.approval.secrets_file import typed_secret
from pipelines.arguments import time_from

Arguments = argparse.Namespace


def secret_words(name: str, secret: str) -> str:
    """A secret as it is shown, once."""
    return f"{name}: secret {secret}   (shown once; keep it where nobody else looks)"


def _missing(what: str, action: str, allowed: str) -> UsageError:
    return UsageError(
        f"{what} is missing", which=f"people {action}", found="nothing", allowed=allowed,
        next_step="fillwise people --help",
    )  # fmt: skip


def _name(arguments: Arguments) -> str:
    if not arguments.name:
        raise _missing("a name", arguments.action, "whom it is about")
    return str(arguments.name)


def _role(arguments: Arguments) -> str:
    if not arguments.role:
        raise _missing("a role", arguments.action, "author, approver, risk, trader or operator")
    return str(arguments.role)


def _by(settings: Settings, ledger: Ledger, arguments: Arguments) -> str:
    """Who changes it, authenticated. Raises RefusedError."""
    if not arguments.by:
        raise _missing("--by", arguments.action, "who you are")
    known = trusted_people(settings, ledger)
    secret = typed_secret(arguments.secret_file, f"secret of {arguments.by}: ")
    return authenticate(settings, known, arguments.by, secret).name


def _line(person: Person) -> str:
    return f"{person.name:<16}{', '.join(person.roles) or 'no role':<34}Airflow {person.airflow_user}"


def _forged(entries: Sequence[Entry], ours: Sequence[Entry]) -> list[str]:
    alien = [entry for entry in entries if entry not in ours]
    return [f"⚠ entry {one.sequence} ({one.kind!a} at {one.at}) is not signed by us: ignored" for one in alien]


def _list(settings: Settings, ledger: Ledger, arguments: Arguments, at: datetime) -> int:  # noqa: ARG001
    entries = ledger.entries(STREAM)
    ours = [entry for entry in entries if is_ours(settings, entry)]
    for person in people_from(until(ours, time_from(arguments.at, "--at"))).values():
        print(_line(person))
    print("\n".join(_forged(entries, ours)) or "every entry is signed by our own service")
    return 0


def _told(entry: Entry) -> str:
    told = ", ".join(f"{key} {value}" for key, value in entry.payload.items() if key not in (*SEAL, "name"))
    return f"  {entry.at}  {entry.kind:<16} by {entry.actor}  {told}"


def _show(settings: Settings, ledger: Ledger, arguments: Arguments, at: datetime) -> int:  # noqa: ARG001
    name = _name(arguments)
    ours = until([one for one in ledger.entries(STREAM) if is_ours(settings, one)], time_from(arguments.at, "--at"))
    person = people_from(ours).get(name)
    if person is None:
        raise _missing("such a person", "show", ", ".join(people_from(ours)))
    print(_line(person))
    print(f"  known as {', '.join(map(ascii, person.known_as))}")
    print("\n".join(_told(entry) for entry in ours if entry.payload["name"] == name))
    return 0


def _add(settings: Settings, ledger: Ledger, arguments: Arguments, at: datetime) -> int:
    name, by = _name(arguments), _by(settings, ledger, arguments)
    roles = tuple(filter(None, (role.strip() for role in arguments.roles.split(","))))
    fresh = Person(name, roles, arguments.airflow_user or name, tuple(arguments.identity), arguments.email)
    print(secret_words(name, changes.add_person(settings, ledger, by, fresh, at)))
    return 0


def _change_role(is_granted: bool) -> Callable[[Settings, Ledger, Arguments, datetime], int]:
    def change(settings: Settings, ledger: Ledger, arguments: Arguments, at: datetime) -> int:
        name, role, by = _name(arguments), _role(arguments), _by(settings, ledger, arguments)
        changes.change_role(settings, ledger, by, name, role, at, is_granted=is_granted)
        print(_line(trusted_people(settings, ledger)[name]))
        return 0

    return change


def _identify(settings: Settings, ledger: Ledger, arguments: Arguments, at: datetime) -> int:
    name, by = _name(arguments), _by(settings, ledger, arguments)
    if not arguments.identity:
        raise _missing("--identity", "identify", "a name or an address, as git tells it")
    for identity in arguments.identity:
        changes.map_identity(settings, ledger, by, name, identity, at)
    print(f"{name} is known as {', '.join(map(ascii, trusted_people(settings, ledger)[name].known_as))}")
    return 0


def _rotate(settings: Settings, ledger: Ledger, arguments: Arguments, at: datetime) -> int:
    name, by = _name(arguments), _by(settings, ledger, arguments)
    print(secret_words(name, changes.rotate_secret(settings, ledger, by, name, at)))
    return 0


ACTIONS: dict[str, Callable[[Settings, Ledger, Arguments, datetime], int]] = {
    "list": _list,
    "show": _show,
    "add": _add,
    "grant": _change_role(True),
    "revoke": _change_role(False),
    "identify": _identify,
    "rotate": _rotate,
}


def people(settings: Settings, arguments: Arguments) -> int:
    """The command."""
    ledger, at = open_ledger(settings, settings.ledger_purpose), datetime.now(UTC)
    for name, secret in embedded_people(settings, ledger, at).items():
        print(secret_words(name, secret))
    return ACTIONS[arguments.action](settings, ledger, arguments, at)
