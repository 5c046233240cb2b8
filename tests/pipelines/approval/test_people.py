"""People on a real ledger: who may change them, what a grant without our signature is worth, and their secrets."""

from __future__ import annotations

import json
import multiprocessing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.errors import FillwiseError, RefusedError
from infra.ledger import Draft, open_ledger
from infra.settings import Settings
from pipelines.approval.people import (
    Person,
    authenticate,
    embedded_people,
    is_ours,
    people_of,
    person_with_role,
    trusted_people,
)
from pipelines.approval.people_changes import add_person, change_role, map_identity, rotate_secret
from pipelines.approval.secrets_file import secret_of, typed_secret
from tests.pipelines.approval.made import AT, Desk, desk


@pytest.fixture
def made(tmp_path: Path) -> Desk:
    return desk(tmp_path)


def grant(made: Desk, by: str, name: str, role: str, is_granted: bool = True) -> None:
    change_role(made.settings, made.ledger, by, name, role, AT, is_granted=is_granted)


def test_the_embedded_desk_begins_with_four_eyes_and_tells_their_secrets_once(made: Desk) -> None:
    assert set(made.secrets) == {"ada", "paul", "rita"}
    assert embedded_people(made.settings, made.ledger, AT) == {}
    people = trusted_people(made.settings, made.ledger)
    assert {name: person.roles for name, person in people.items()} == {
        "ada": ("author", "operator"),
        "paul": ("approver", "trader"),
        "rita": ("risk", "trader"),
    }


def _begin(home: Path, ready: Any, results: Any) -> None:
    settings = Settings(home=home)
    ledger = open_ledger(settings)
    ready.wait(timeout=60)
    try:
        results.put(embedded_people(settings, ledger, AT))
    except FillwiseError as error:
        results.put({"failed": str(error)})


def test_of_two_that_begin_at_once_one_makes_the_people(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results, ready = context.Queue(), context.Barrier(2)
    racers = [context.Process(target=_begin, args=(tmp_path, ready, results)) for _ in range(2)]
    for racer in racers:
        racer.start()
    told = [results.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join()
    assert sorted(map(len, told)) == [0, 3]
    shown = max(told, key=len)
    settings = Settings(home=tmp_path)
    assert all(secret_of(settings, name) == secret for name, secret in shown.items())


def test_nobody_grants_themselves_a_role(made: Desk) -> None:
    with pytest.raises(RefusedError, match="grants themselves"):
        grant(made, "rita", "rita", "approver")


@pytest.mark.parametrize("by", ["paul", "ada", "nobody", "fillwise"])
def test_only_a_risk_officer_changes_people(made: Desk, by: str) -> None:
    with pytest.raises(RefusedError, match="may not do that"):
        grant(made, by, "ada", "approver")
    with pytest.raises(RefusedError, match="may not do that"):
        add_person(made.settings, made.ledger, by, Person("tom", (), "tom"), AT)
    with pytest.raises(RefusedError, match="may not do that"):
        rotate_secret(made.settings, made.ledger, by, "rita", AT)
    assert trusted_people(made.settings, made.ledger)["ada"].roles == ("author", "operator")


def test_the_last_risk_officer_stays_one(made: Desk) -> None:
    with pytest.raises(RefusedError, match="last risk officer"):
        grant(made, "rita", "rita", "risk", is_granted=False)
    grant(made, "rita", "paul", "risk")
    grant(made, "rita", "rita", "risk", is_granted=False)
    with pytest.raises(RefusedError, match="may not do that"):
        grant(made, "rita", "ada", "approver")


@pytest.mark.parametrize(
    ("name", "roles", "airflow_user", "said"),
    [
        ("paul", (), "p2", "known already"),
        ("Рaul", (), "p2", "no plain name"),
        ("paul;drop", (), "p2", "no plain name"),
        ("fillwise", (), "p2", "no plain name"),
        ("tom", ("king",), "p2", "unknown role"),
        ("tom", (), "rita", "rita has it"),
    ],
)
def test_a_person_that_cannot_be_is_refused(
    made: Desk, name: str, roles: tuple[str, ...], airflow_user: str, said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        add_person(made.settings, made.ledger, "rita", Person(name, roles, airflow_user), AT)


def test_roles_are_known_as_of_a_time(made: Desk) -> None:
    grant(made, "rita", "paul", "approver", is_granted=False)
    then = AT - timedelta(hours=1)
    assert trusted_people(made.settings, made.ledger, then)["paul"].roles == ("approver", "trader")
    assert trusted_people(made.settings, made.ledger)["paul"].roles == ("trader",)


def test_a_grant_that_our_service_did_not_sign_changes_nothing(made: Desk) -> None:
    seen = made.ledger.entries("people")
    seal = {name: seen[0].payload[name] for name in ("signature", "key_id")}
    told = {"name": "ada", "role": "approver"}
    for forged in (told, {**told, **seal}):
        made.ledger.append("people", made.ledger.count("people"), [Draft("role_granted", forged)], at=AT, actor="rita")
    assert trusted_people(made.settings, made.ledger)["ada"].roles == ("author", "operator")
    assert people_of(made.ledger)["ada"].roles == ("author", "operator", "approver")
    assert [is_ours(made.settings, entry) for entry in made.ledger.entries("people")] == [True] * 3 + [False] * 2


def test_an_old_grant_cannot_be_played_again_after_it_was_revoked(made: Desk) -> None:
    grant(made, "rita", "paul", "risk")
    granted = made.ledger.entries("people")[-1]
    grant(made, "rita", "paul", "risk", is_granted=False)
    again = Draft(granted.kind, granted.payload)
    made.ledger.append("people", made.ledger.count("people"), [again], at=AT, actor=granted.actor)
    assert "risk" not in trusted_people(made.settings, made.ledger)["paul"].roles


def test_an_identity_belongs_to_one_person(made: Desk) -> None:
    map_identity(made.settings, made.ledger, "rita", "ada", "Ada <ada@example.org>", AT)
    with pytest.raises(RefusedError, match="ada has it"):
        map_identity(made.settings, made.ledger, "rita", "paul", "ADA@example.org", AT)
    assert trusted_people(made.settings, made.ledger)["ada"].is_known_as("ada@EXAMPLE.org")


def test_a_secret_is_asked_for_and_ends_with_its_rotation(made: Desk) -> None:
    old = made.secrets["paul"]
    assert person_with_role(made.settings, "paul", "trader", secret=old).name == "paul"
    fresh = rotate_secret(made.settings, made.ledger, "paul", "paul", AT)
    people = trusted_people(made.settings, made.ledger)
    with pytest.raises(RefusedError, match="secret does not fit"):
        authenticate(made.settings, people, "paul", old)
    assert authenticate(made.settings, people, "paul", fresh).name == "paul"
    assert made.ledger.entries("people")[-1].kind == "secret_rotated"


@pytest.mark.parametrize(
    ("name", "role", "said"),
    [("paul", "risk", "may not do that"), ("tom", "trader", "unknown person"), ("ada", "trader", "may not do that")],
)
def test_a_command_for_a_role_refuses_others(made: Desk, name: str, role: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        person_with_role(made.settings, name, role, secret=made.secrets.get(name, "x"))


def test_secrets_lie_in_one_file_that_others_cannot_read(made: Desk) -> None:
    fresh = add_person(made.settings, made.ledger, "rita", Person("tom", ("trader",), "tom"), AT)
    paths = [path for path in made.settings.home.rglob("*") if path.is_file()]
    for secret in (fresh, *made.secrets.values()):
        assert [path for path in paths if secret.encode() in path.read_bytes()] == [made.settings.keys / "people.json"]
    assert (made.settings.keys / "people.json").stat().st_mode & 0o777 == 0o600
    assert (made.settings.keys / "people.key").stat().st_mode & 0o777 == 0o600
    assert made.settings.keys.stat().st_mode & 0o777 == 0o700
    assert set(json.loads((made.settings.keys / "people.json").read_text())) == {"ada", "paul", "rita", "tom"}


def test_secrets_that_others_can_read_are_not_used(made: Desk) -> None:
    (made.settings.keys / "people.json").chmod(0o640)
    with pytest.raises(RefusedError, match="secret can be read by others"):
        person_with_role(made.settings, "paul", "trader", secret=made.secrets["paul"])


def test_a_secret_comes_from_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("s3cret\n")
    path.chmod(0o644)
    with pytest.raises(RefusedError, match="mode 0644"):
        typed_secret(str(path), "")
    path.chmod(0o600)
    assert typed_secret(str(path), "") == "s3cret"
    with pytest.raises(RefusedError, match="cannot read a secret"):
        typed_secret(str(tmp_path / "none"), "")


def test_the_ledger_is_whole_after_all_that(made: Desk) -> None:
    grant(made, "rita", "ada", "trader")
    assert made.ledger.verify().is_sound
