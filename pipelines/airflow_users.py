"""Who logs in to the embedded Airflow: the operator, our own service, and one user for each person of the ledger.

    approver, risk   user      may answer the cards that name them
    operator         op        may clear, trigger and backfill
    others           viewer    may look

A role here lets somebody click; what they may decide, the approval service asks itself. The simple auth manager keeps
passwords readable in one file (`keys/airflow_passwords.json`, mode 0600) and is for one machine: a desk of many uses
FAB or Keycloak with the same ids, which `fillwise people add --airflow-user` names.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from infra.environment import airflow_users_file
from infra.errors import FillwiseError
from infra.ledger import open_ledger
from infra.settings import Settings
from infra.whole_files import replace_file
from pipelines.approval.people import Person, embedded_people, trusted_people

ADMIN, SERVICE = "admin", "fillwise"
OWN = {ADMIN: "op", SERVICE: "viewer"}
"""The operator's user, and the one who reads answers for the approval service and can change nothing."""
PASSWORD_BYTES = 12


def airflow_role(roles: Iterable[str]) -> str:
    """The role in Airflow of somebody who holds these here.

    >>> airflow_role(("author", "operator")), airflow_role(("approver", "operator")), airflow_role(("author",))
    ('op', 'user', 'viewer')
    """
    held = set(roles)
    if held & {"approver", "risk"}:
        return "user"
    return "op" if "operator" in held else "viewer"


def users_of(people: Iterable[Person]) -> dict[str, str]:
    """User of Airflow -> role, people's after our own; a name that is ours, or no plain word, is nobody's."""
    found = dict(OWN)
    for person in people:
        user = person.airflow_user
        if user not in OWN and user.isascii() and user.replace("_", "").replace("-", "").isalnum():
            found[user] = airflow_role(person.roles)
    return found


def _passwords_file(settings: Settings) -> Path:
    return settings.keys / "airflow_passwords.json"


def _kept_passwords(settings: Settings) -> dict[str, str]:
    try:
        found = json.loads(_passwords_file(settings).read_text())
        return {str(user): str(password) for user, password in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def keep_users(settings: Settings, users: Mapping[str, str]) -> dict[str, str]:
    """Write users and passwords where Airflow reads them, 0600; the passwords that were made just now, by user.

    Whoever is no user any more has no password any more.
    """
    kept = _kept_passwords(settings)
    made = {user: secrets.token_urlsafe(PASSWORD_BYTES) for user in users if user not in kept}
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    passwords = {user: (kept | made)[user] for user in users}
    replace_file(_passwords_file(settings), (json.dumps(passwords) + "\n").encode(), 0o600)
    words = ",".join(f"{user}:{role}" for user, role in users.items())
    replace_file(airflow_users_file(settings), f"{words}\n".encode(), 0o600)
    return made


def password_of(settings: Settings, user: str) -> str:
    """A user's password as it is kept. Raises KeyError."""
    return _kept_passwords(settings)[user]


def prepare_users(settings: Settings, at: datetime) -> list[str]:
    """Users for whoever is in the ledger, its first people made where it is empty; lines that are shown once."""
    lines, people = [], list[Person]()
    try:
        ledger = open_ledger(settings, settings.ledger_purpose)
        shown = embedded_people(settings, ledger, at)
        people = list(trusted_people(settings, ledger).values())
        lines = [f"  {name}: secret {secret}   (makes codes for cards)" for name, secret in shown.items()]
    except FillwiseError as error:
        lines = [f"  people's users are as they were: {error}"]
        return lines if _kept_passwords(settings) else [*lines, *_made_lines(keep_users(settings, OWN))]
    return [*lines, *_made_lines(keep_users(settings, users_of(people)))]


def _made_lines(made: Mapping[str, str]) -> list[str]:
    told = {user: password for user, password in made.items() if user not in OWN}
    return [f"  {user}: password {password}   (logs in to Airflow)" for user, password in told.items()]
