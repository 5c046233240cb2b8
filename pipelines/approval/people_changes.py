"""Changes of people: added, given a role, taken one, mapped to a git identity, given another secret. All recorded.

A risk officer makes them, whom the service has authenticated; nobody gives themselves a role, and the last risk
officer stays one. Roles are looked at again when the change is written: whoever lost theirs meanwhile changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random

from infra.errors import ConflictError
from infra.ledger import Draft, Ledger
from infra.settings import Settings
from pipelines.approval.people import (
    ROBOT,
    ROLES,
    STREAM,
    Person,
    addition,
    is_ours,
    people_from,
    refused,
    require_role,
    sealed,
)
from pipelines.approval.secrets_file import fresh_secret, keep_secrets, secrets_held

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
NOBODY = (ROBOT, "nobody", "unknown", "all")
TRIES = 8
"""People change once a month; eight writers in a row would be something else."""
Change = Callable[[Mapping[str, Person]], Draft]
until_first = retry(
    retry=retry_if_exception_type(ConflictError), stop=stop_after_attempt(TRIES), wait=wait_random(0.0, 0.1),
    reraise=True,
)  # fmt: skip
"""Somebody else wrote first: read again, decide again."""


@until_first
def record_people(settings: Settings, ledger: Ledger, change: Change, at: datetime, actor: str) -> None:
    """Append what the change makes of the people that are there. Raises RefusedError when it makes nothing."""
    entries = ledger.entries(STREAM)
    draft = change(people_from(entry for entry in entries if is_ours(settings, entry)))
    place = len(entries) + 1
    ledger.append(STREAM, len(entries), [sealed(settings, place, actor, draft)], at=at, actor=actor)


def _risk_officer(people: Mapping[str, Person], by: str) -> None:
    require_role(people.get(by, Person(by, (), "")), "risk")


def _known(people: Mapping[str, Person], name: str) -> Person:
    if name not in people:
        raise refused("unknown person", ascii(name), "nobody of that name", ", ".join(people))
    return people[name]


def _owner(people: Mapping[str, Person], words: tuple[str, ...], but: str) -> None:
    """Nobody else is known by one of these words. Raises RefusedError."""
    for person in people.values():
        if person.name != but and person.is_known_as(*words):
            raise refused("somebody else has that name", but, f"{person.name} has it", "a name of their own")


def _require_roles(roles: tuple[str, ...]) -> None:
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise refused("unknown role", ascii(unknown[0]), "no such role", ", ".join(ROLES))


def add_person(settings: Settings, ledger: Ledger, by: str, person: Person, at: datetime) -> str:
    """Somebody new, by a risk officer; their secret, to be shown once. Raises RefusedError."""

    def change(people: Mapping[str, Person]) -> Draft:
        _risk_officer(people, by)
        if person.name in people or person.name in NOBODY or not NAME.fullmatch(person.name):
            found = "known already" if person.name in people else "no plain name"
            raise refused("no new person", ascii(person.name), found, "a new name of small letters, digits and _")
        _require_roles(person.roles)
        _owner(people, person.known_as, person.name)
        return addition(person)

    with secrets_held(settings):
        record_people(settings, ledger, change, at, by)
        secret = fresh_secret()
        keep_secrets(settings, {person.name: secret})
    return secret


def change_role(
    settings: Settings, ledger: Ledger, by: str, name: str, role: str, at: datetime, *, is_granted: bool
) -> None:
    """Grant or revoke a role, by a risk officer. Raises RefusedError."""

    def change(people: Mapping[str, Person]) -> Draft:
        _risk_officer(people, by)
        person = _known(people, name)
        _require_roles((role,))
        if is_granted and by == name:
            raise refused("nobody grants themselves a role", name, role, "another risk officer")
        if is_granted == (role in person.roles):
            raise refused("nothing to change", f"{name} {role}", "it is so already", "another role")
        officers = [one for one in people.values() if "risk" in one.roles]
        if not is_granted and role == "risk" and officers == [person]:
            raise refused("last risk officer", name, "nobody else could change people", "grant risk to somebody first")
        return Draft("role_granted" if is_granted else "role_revoked", {"name": name, "role": role})

    record_people(settings, ledger, change, at, by)


def map_identity(settings: Settings, ledger: Ledger, by: str, name: str, identity: str, at: datetime) -> None:
    """A name or address of commits is that person's, by a risk officer. Raises RefusedError."""

    def change(people: Mapping[str, Person]) -> Draft:
        _risk_officer(people, by)
        _known(people, name)
        if not identity.strip():
            raise refused("no identity", name, "nothing", "a name or an address, as git tells it")
        _owner(people, (identity,), name)
        return Draft("identity_mapped", {"name": name, "identity": identity})

    record_people(settings, ledger, change, at, by)


def rotate_secret(settings: Settings, ledger: Ledger, by: str, name: str, at: datetime) -> str:
    """Another secret, by the person or a risk officer; the old one ends. Raises RefusedError."""

    def change(people: Mapping[str, Person]) -> Draft:
        _known(people, name)
        if by != name:
            _risk_officer(people, by)
        return Draft("secret_rotated", {"name": name})

    with secrets_held(settings):
        record_people(settings, ledger, change, at, by)
        secret = fresh_secret()
        keep_secrets(settings, {name: secret})
    return secret
