"""Who logs in to the embedded Airflow, and with what."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.environment import airflow_environment
from infra.ledger import open_ledger
from infra.settings import Settings
from pipelines.airflow_users import keep_users, password_of, prepare_users, users_of
from pipelines.approval.people import Person
from pipelines.approval.people_changes import add_person

AT = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def test_people_become_users_with_a_role_that_lets_approvers_click_and_others_look() -> None:
    people = [
        Person("ada", ("author", "operator"), "ada"), Person("paul", ("approver", "trader"), "paul"),
        Person("rita", ("risk",), "rita"), Person("tom", ("trader",), "t-o_m"),
    ]  # fmt: skip
    assert users_of(people) == {
        "admin": "op", "fillwise": "viewer", "ada": "op", "paul": "user", "rita": "user", "t-o_m": "viewer",
    }  # fmt: skip


@pytest.mark.parametrize("user", ["admin", "fillwise", "x:admin", "x,y:admin", "", "a b", "ünï"])
def test_a_user_that_is_ours_or_would_be_another_entry_of_the_list_is_nobodys(user: str) -> None:
    assert users_of([Person("eve", ("approver",), user)]) == {"admin": "op", "fillwise": "viewer"}


def test_users_and_passwords_lie_where_airflow_reads_them_for_their_owner_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    made = keep_users(settings, {"admin": "op", "paul": "user"})
    assert set(made) == {"admin", "paul"}
    told = airflow_environment(settings)
    assert told["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "admin:op,paul:user"
    path = Path(told["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    assert json.loads(path.read_text()) == made
    for name in ("airflow_passwords.json", "airflow_users"):
        assert stat.S_IMODE((settings.keys / name).stat().st_mode) == 0o600


def test_a_password_stays_while_its_user_does_and_goes_with_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    keep_users(settings, {"admin": "op", "paul": "user"})
    password = password_of(settings, "paul")
    assert keep_users(settings, {"admin": "op", "paul": "viewer"}) == {}
    assert password_of(settings, "paul") == password
    keep_users(settings, {"admin": "op"})
    with pytest.raises(KeyError):
        password_of(settings, "paul")
    assert keep_users(settings, {"admin": "op", "paul": "user"})["paul"] != password


def test_a_damaged_password_file_is_made_anew(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    keep_users(settings, {"admin": "op"})
    path = settings.keys / "airflow_passwords.json"
    path.write_text("{")
    assert set(keep_users(settings, {"admin": "op"})) == {"admin"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_fresh_home_gets_its_first_people_and_shows_secrets_and_passwords_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    lines = "\n".join(prepare_users(settings, AT))
    for name in ("ada", "paul", "rita"):
        assert f"{name}: secret " in lines
        assert f"{name}: password {password_of(settings, name)}" in lines
    assert password_of(settings, "admin") not in lines
    assert password_of(settings, "fillwise") not in lines
    assert prepare_users(settings, AT) == []


def test_a_person_who_comes_later_gets_a_user_and_only_theirs_is_shown(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    prepare_users(settings, AT)
    add_person(settings, open_ledger(settings), "rita", Person("uma", ("approver",), "uma"), AT)
    (line,) = prepare_users(settings, AT)
    assert line.startswith("  uma: password ")


def test_with_the_ledger_away_airflow_starts_with_the_users_it_had(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    prepare_users(settings, AT)
    before = airflow_environment(settings)["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    away = replace(settings, ledger_url="postgresql+psycopg://nobody@127.0.0.1:1/none?connect_timeout=1")
    (line,) = prepare_users(away, AT)
    assert line.startswith("  people's users are as they were: ledger does not answer")
    assert airflow_environment(away)["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == before
