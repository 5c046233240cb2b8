"""People and their roles: events of the ledger's stream `people`; their secrets in one file for the service alone.

    author     makes recipes            approver, risk     may allow a phase; risk also keeps people and validates
    trader     may kill and resume      operator           runs the night

Roles are asked for at a time, because "who may approve" is a question about that time. A secret is shown once, when it
is made; commands take it from the terminal or from a file, never as a word of the command, where others could read it.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.errors import RefusedError
from infra.ledger import Draft, Entry, Ledger
from infra.settings import Settings
from infra.signing import replace_file

STREAM = "people"
ROLES = ("author", "approver", "risk", "trader", "operator")
SECRET_BYTES = 20
DEFAULTS = (("ada", ("author", "operator")), ("paul", ("approver", "trader")), ("rita", ("risk", "trader")))
"""Who the embedded desk begins with: an author, an approver and a risk officer, so that four eyes are four eyes."""


@dataclass(frozen=True)
class Person:
    """One person. identities: names and addresses of commits that are theirs. airflow_user: who they are there."""

    name: str
    roles: tuple[str, ...]
    airflow_user: str
    identities: tuple[str, ...] = ()


def refused(what: str, which: str, found: str, allowed: str, next_step: str = "fillwise people list") -> RefusedError:
    """The error of a person who may not."""
    return RefusedError(what, which=which, found=found, allowed=allowed, next_step=next_step)


def _changed(people: dict[str, Person], entry: Entry) -> None:
    told = entry.payload
    name = str(told["name"])
    if entry.kind == "person_added":
        people[name] = Person(name, tuple(told["roles"]), str(told["airflow_user"]), tuple(told["identities"]))
    elif entry.kind == "role_granted":
        people[name] = replace(people[name], roles=tuple(dict.fromkeys((*people[name].roles, told["role"]))))
    elif entry.kind == "role_revoked":
        people[name] = replace(people[name], roles=tuple(role for role in people[name].roles if role != told["role"]))


def people_from(entries: Iterable[Entry]) -> dict[str, Person]:
    """Name -> person, as these events of the stream leave them."""
    people: dict[str, Person] = {}
    for entry in entries:
        _changed(people, entry)
    return people


def people_of(ledger: Ledger, at: datetime | None = None) -> dict[str, Person]:
    """Everybody, now or at a time (by the time that the entries carry)."""
    entries = ledger.entries(STREAM)
    stamp = None if at is None else at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return people_from(entry for entry in entries if stamp is None or entry.at <= stamp)


def _secrets_file(settings: Settings) -> Path:
    return settings.keys / "people.json"


def _secrets(settings: Settings) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_secrets_file(settings).read_text())
    except FileNotFoundError:
        return {}
    return found


def make_secret(settings: Settings, name: str) -> str:
    """A new secret of a person, in place of an older one; kept with mode 0600, to be shown once."""
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    replace_file(_secrets_file(settings), json.dumps({**_secrets(settings), name: secret}).encode(), 0o600)
    return secret


def secret_of(settings: Settings, name: str) -> str:
    """A person's secret, for the service alone. Raises RefusedError when there is none."""
    found = _secrets(settings).get(name)
    if found is None:
        raise refused("person has no secret", name, "none", "one", f"fillwise people rotate {name}")
    return found


def authenticate(settings: Settings, people: Mapping[str, Person], name: str, secret: str) -> Person:
    """The person who knows the secret. Raises RefusedError."""
    person = people.get(name)
    if person is None:
        raise refused("unknown person", name, "nobody of that name", ", ".join(people) or "nobody yet")
    if not secrets.compare_digest(secret.strip().encode(), secret_of(settings, name).encode()):
        raise refused("secret does not fit", name, "another secret", "the one that was shown", "type it again")
    return person


def require_role(person: Person, *roles: str) -> Person:
    """The person, who has one of the roles. Raises RefusedError."""
    if not set(roles) & set(person.roles):
        raise refused("person may not do that", person.name, ", ".join(person.roles) or "no role", " or ".join(roles))
    return person


def record_people(ledger: Ledger, drafts: list[Draft], at: datetime, actor: str) -> None:
    """Append to the stream of people."""
    ledger.append(STREAM, ledger.count(STREAM), drafts, at=at, actor=actor)


def add_person(settings: Settings, ledger: Ledger, person: Person, at: datetime, actor: str) -> str:
    """Add somebody; their secret, to be shown once. Raises RefusedError for a name or role that cannot be."""
    known = people_of(ledger)
    if person.name in known or not person.name.isidentifier():
        raise refused("no new person", person.name, "known, or no plain word", "a new plain word")
    if unknown := set(person.roles) - set(ROLES):
        raise refused("unknown role", person.name, ", ".join(sorted(unknown)), ", ".join(ROLES))
    told: dict[str, Any] = {
        "name": person.name, "roles": list(person.roles), "airflow_user": person.airflow_user,
        "identities": list(person.identities),
    }  # fmt: skip
    record_people(ledger, [Draft("person_added", told)], at, actor)
    return make_secret(settings, person.name)


def change_role(ledger: Ledger, by: Person, name: str, role: str, at: datetime, *, is_granted: bool) -> None:
    """Grant or revoke a role. Raises RefusedError unless a risk officer does it, and not for themselves."""
    require_role(by, "risk")
    known = people_of(ledger)
    if name not in known or role not in ROLES:
        raise refused("no such person or role", f"{name} {role}", "unknown", f"{', '.join(known)}; {', '.join(ROLES)}")
    if is_granted and by.name == name:
        raise refused("nobody grants themselves a role", name, role, "another risk officer")
    kind = "role_granted" if is_granted else "role_revoked"
    record_people(ledger, [Draft(kind, {"name": name, "role": role})], at, by.name)


def embedded_people(settings: Settings, ledger: Ledger, at: datetime) -> dict[str, str]:
    """Name -> secret of the people that an empty ledger begins with; empty when there are people."""
    if people_of(ledger):
        return {}
    return {name: add_person(settings, ledger, Person(name, roles, name), at, "fillwise") for name, roles in DEFAULTS}


def typed_secret(path: str | None, prompt: str) -> str:
    """A secret from a file, from `FILLWISE_SECRET_FILE`, or typed unseen at the terminal."""
    from getpass import getpass

    named = path or os.environ.get("FILLWISE_SECRET_FILE")
    return Path(named).read_text().strip() if named else getpass(prompt)
