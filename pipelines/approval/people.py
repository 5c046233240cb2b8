"""People and their roles: signed events of the ledger's stream `people`, folded. Roles are asked for at a time.

    author     makes recipes            approver, risk     may allow a phase; risk also keeps people and validates
    trader     may kill and resume      operator           runs the night

Every event is signed by our own service (purpose `people`), with its place in the stream and who caused it. Whoever can
write into the ledger, a database administrator say, can neither grant a role nor play an old grant again: what is not
signed for its place changes nothing in `trusted_people`, and `fillwise people list` names it.

    >>> people_from([])
    {}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from getpass import getuser
from typing import Any

from infra.errors import ConflictError, RefusedError
from infra.ledger import Draft, Entry, Ledger, open_ledger
from infra.revision import changes_since
from infra.settings import Settings
from infra.signing import Signed, canonical, sign, verified
from infra.times import aware_time
from pipelines.approval.secrets_file import forget_secrets, fresh_secret, is_secret, keep_secrets, secrets_held

STREAM, PURPOSE, ROBOT = "people", "people", "fillwise"
ROLES = ("author", "approver", "risk", "trader", "operator")
DEFAULTS = (("ada", ("author", "operator")), ("paul", ("approver", "trader")), ("rita", ("risk", "trader")))
"""Who the embedded desk begins with: an author, an approver and a risk officer, so that four eyes are four eyes."""
PEOPLE_EVENTS: dict[str, tuple[str, ...]] = {
    "person_added": ("name", "roles", "airflow_user", "email", "identities"),
    "role_granted": ("name", "role"),
    "role_revoked": ("name", "role"),
    "identity_mapped": ("name", "identity"),
    "secret_rotated": ("name",),
}
"""Kind -> names of its payload, all of them required; `signature` and `key_id` stand beside them."""
SEAL = ("signature", "key_id")


@dataclass(frozen=True)
class Person:
    """One person. identities: names and addresses of commits that are theirs. airflow_user: their id there."""

    name: str
    roles: tuple[str, ...]
    airflow_user: str
    identities: tuple[str, ...] = ()
    email: str = ""

    @property
    def known_as(self) -> tuple[str, ...]:
        """Every name under which they may appear elsewhere."""
        return tuple(dict.fromkeys(filter(None, (self.name, self.airflow_user, self.email, *self.identities))))

    def is_known_as(self, *texts: str) -> bool:
        """Whether one of these names or addresses is theirs; case does not matter, as in addresses."""
        return bool(name_words(*texts) & name_words(*self.known_as))


def name_words(*texts: str) -> set[str]:
    """Name and address of texts like `Ada <ada@example>`, in small letters.

    >>> sorted(name_words("Ada <ada@example>"))
    ['ada', 'ada <ada@example>', 'ada@example']
    """
    parts = {part.strip(" >").casefold() for text in texts for part in text.split("<")}
    return (parts | {text.strip().casefold() for text in texts}) - {""}


def refused(what: str, which: str, found: str, allowed: str, next_step: str = "fillwise people list") -> RefusedError:
    """The error of a person who may not."""
    return RefusedError(what, which=which, found=found, allowed=allowed, next_step=next_step)


def _words(kind: str, place: int, actor: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """What is signed of an event: its kind, its place in the stream, who caused it, and what it tells."""
    return {"kind": kind, "place": place, "by": actor, **{key: told[key] for key in PEOPLE_EVENTS[kind]}}


def sealed(settings: Settings, place: int, actor: str, draft: Draft) -> Draft:
    """A draft with its signature, for this place in the stream and no other."""
    signed = sign(settings, PURPOSE, _words(draft.kind, place, actor, draft.payload))
    return Draft(draft.kind, {**draft.payload, "signature": signed.signature, "key_id": signed.key_id})


def is_ours(settings: Settings, entry: Entry) -> bool:
    """Whether our own service made this entry, here."""
    wanted = PEOPLE_EVENTS.get(entry.kind)
    if wanted is None or set(entry.payload) != {*wanted, *SEAL}:
        return False
    words = _words(entry.kind, entry.stream_sequence, entry.actor, entry.payload)
    seal = (str(entry.payload[name]) for name in SEAL)
    try:
        verified(settings, PURPOSE, Signed(canonical(words), *seal))
    except RefusedError:
        return False
    return True


def _added(told: Mapping[str, Any]) -> Person:
    return Person(
        str(told["name"]), tuple(told["roles"]), str(told["airflow_user"]), tuple(told["identities"]),
        str(told["email"]),
    )  # fmt: skip


def _change(people: dict[str, Person], entry: Entry) -> None:
    told, name = entry.payload, str(entry.payload.get("name"))
    if entry.kind == "person_added":
        people[name] = _added(told)
    elif name in people and entry.kind == "role_granted":
        people[name] = replace(people[name], roles=tuple(dict.fromkeys((*people[name].roles, told["role"]))))
    elif name in people and entry.kind == "role_revoked":
        people[name] = replace(people[name], roles=tuple(role for role in people[name].roles if role != told["role"]))
    elif name in people and entry.kind == "identity_mapped":
        people[name] = replace(people[name], identities=(*people[name].identities, str(told["identity"])))


def people_from(entries: Iterable[Entry]) -> dict[str, Person]:
    """Name -> person, as these events of the stream leave them."""
    people: dict[str, Person] = {}
    for entry in entries:
        _change(people, entry)
    return people


def until(entries: Iterable[Entry], at: datetime | None) -> tuple[Entry, ...]:
    """Entries up to a time, by the time that they carry; all of them without one."""
    return tuple(one for one in entries if at is None or ((told := aware_time(one.at)) is not None and told <= at))


def people_of(ledger: Ledger, at: datetime | None = None) -> dict[str, Person]:
    """Everybody as the ledger tells, now or at a time: to be shown. Who may do something, `trusted_people` says."""
    return people_from(until(ledger.entries(STREAM), at))


def trusted_entries(settings: Settings, ledger: Ledger) -> tuple[Entry, ...]:
    """Events of people that our own service made."""
    return tuple(entry for entry in ledger.entries(STREAM) if is_ours(settings, entry))


def trusted_people(settings: Settings, ledger: Ledger, at: datetime | None = None) -> dict[str, Person]:
    """Everybody whom our own service added, with the roles that it gave them, now or at a time."""
    return people_from(until(trusted_entries(settings, ledger), at))


def require_role(person: Person, *roles: str) -> Person:
    """The person, who has one of the roles. Raises RefusedError."""
    if not set(roles) & set(person.roles):
        raise refused("person may not do that", person.name, ", ".join(person.roles) or "no role", " or ".join(roles))
    return person


def authenticate(settings: Settings, people: Mapping[str, Person], name: str, secret: str) -> Person:
    """The person who knows the secret. Raises RefusedError."""
    person = people.get(name)
    if person is None:
        raise refused("unknown person", ascii(name), "nobody of that name", ", ".join(people) or "nobody yet")
    if not is_secret(settings, name, secret):
        raise refused("secret does not fit", name, "another secret", "the one that was shown", "type it again")
    return person


def person_with_role(settings: Settings, name: str, *roles: str, secret: str) -> Person:
    """The person of that name who knows the secret and has one of the roles now. Raises RefusedError."""
    people = trusted_people(settings, open_ledger(settings, settings.ledger_purpose))
    return require_role(authenticate(settings, people, name, secret), *roles)


def _first_people() -> list[Person]:
    """The defaults; whoever has committed so far, and who is logged in here, is the author: somebody made it."""
    changes = changes_since(None) or ()
    identities = tuple(sorted({word for one in changes for word in (one.name, one.email)} | {getuser()}))
    return [Person(name, roles, name, identities if "author" in roles else ()) for name, roles in DEFAULTS]


def embedded_people(settings: Settings, ledger: Ledger, at: datetime) -> dict[str, str]:
    """Name -> secret of the people that an empty ledger begins with; empty when there are people.

    Secrets are kept before anybody is in the ledger: killed in between, it begins anew, and nobody is locked out.
    """
    if ledger.count(STREAM):
        return {}
    with secrets_held(settings):
        if ledger.count(STREAM):
            return {}
        first = _first_people()
        shown = {person.name: fresh_secret() for person in first}
        keep_secrets(settings, shown)
        drafts = [sealed(settings, place, ROBOT, addition(one)) for place, one in enumerate(first, start=1)]
        try:
            ledger.append(STREAM, 0, drafts, at=at, actor=ROBOT)
        except ConflictError:
            forget_secrets(settings, set(shown))
            raise
    return shown


def addition(person: Person) -> Draft:
    """The event that adds a person."""
    told = {
        "name": person.name, "roles": list(person.roles), "airflow_user": person.airflow_user, "email": person.email,
        "identities": list(person.identities),
    }  # fmt: skip
    return Draft("person_added", told)
