"""`fillwise resume`: who may, what is recorded, and when the file may go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from infra.errors import RefusedError, UnreachableError, UsageError
from infra.ledger import Ledger
from infra.routing_files import routing_folder
from infra.settings import Settings
from infra.stop_files import lift_stop, stops, write_stop
from infra.times import stamp
from models.rollout import commands as wanted
from pipelines.approval.people import embedded_people
from pipelines.rollout.record import record
from pipelines.stops.resume import Resumption, resume
from pipelines.stops.standing import lift_over, unrecorded_stops
from tests.infra.made_routing import torn
from tests.models.rollout.made import ARM, plan, proposal
from tests.pipelines.stops.made import (
    NOW,
    ROLLBACK_ID,
    VERSION,
    Typed,
    a_stop,
    desk,
    in_force,
    kinds,
    last,
    on_trial_now,
    reports,
    republished,
    residual,
    state,
)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def ledger(home: Settings) -> Ledger:
    return in_force(home)


@pytest.fixture
def secrets(home: Settings, ledger: Ledger) -> dict[str, str]:
    return embedded_people(home, ledger, NOW)


def resumed(home: Settings, stop_id: str, name: str, secret: str, said: list[str] | None = None) -> Resumption:
    say = (said if said is not None else []).append
    return resume(home, "sample", stop_id, name, secret, "the leak is mended", NOW + timedelta(hours=1), say)


@pytest.mark.parametrize("name", ["paul", "rita"])
def test_a_designated_person_lifts_a_kill_and_the_ledger_says_so(
    home: Settings, ledger: Ledger, secrets: dict[str, str], name: str
) -> None:
    stop_id, said = Typed(home).kill().stop.stop_id, list[str]()
    found = resumed(home, stop_id, name, secrets[name], said)
    assert (found.is_lifted, found.entry, found.obstacle) == (True, last(ledger).sequence, "")
    assert stops(home, "sample") == ()
    told = last(ledger)
    assert (told.kind, told.actor, told.payload["person"], told.payload["reason"]) == (
        "resumed", name, name, "the leak is mended",
    )  # fmt: skip
    assert said[0].startswith(f"recorded     yes: entry {told.sequence} resumed, kill of everything in sample")
    assert said[1] == "lifted       yes"


@pytest.mark.parametrize(
    ("name", "secret", "said"),
    [
        ("ada", "ada", "may not do that"),
        ("rita", "paul", "secret does not fit"),
        ("eve", "rita", "unknown person"),
        ("rita", "", "secret does not fit"),
    ],
)
def test_nobody_else_does(
    home: Settings, ledger: Ledger, secrets: dict[str, str], name: str, secret: str, said: str
) -> None:
    stop_id = Typed(home).kill().stop.stop_id
    with pytest.raises(RefusedError, match=said):
        resumed(home, stop_id, name, secrets.get(secret, ""))
    assert [stop.stop_id for stop in stops(home, "sample")] == [stop_id]
    assert "resumed" not in kinds(ledger)


def test_a_reason_is_asked_for(home: Settings, secrets: dict[str, str]) -> None:
    stop_id = Typed(home).kill().stop.stop_id
    with pytest.raises(UsageError, match="reason is missing"):
        resume(home, "sample", stop_id, "rita", secrets["rita"], " ", NOW, print)


def test_an_unknown_stop_is_refused_with_those_that_stand(home: Settings, secrets: dict[str, str]) -> None:
    stop_id = Typed(home).kill().stop.stop_id
    with pytest.raises(RefusedError, match=f"no such stop: k9.*allowed: {stop_id}"):
        resumed(home, "k9", "rita", secrets["rita"])


def test_without_the_ledger_nothing_is_lifted(
    home: Settings, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_id = Typed(home).kill().stop.stop_id
    monkeypatch.setattr("infra.ledger.PATIENCE_SECONDS", 0.1)
    away = Settings(home=home.home, ledger_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(UnreachableError):
        resumed(away, stop_id, "rita", secrets["rita"])
    assert [stop.stop_id for stop in stops(home, "sample")] == [stop_id]


def test_a_rollback_is_not_resumed(home: Settings, ledger: Ledger, secrets: dict[str, str]) -> None:
    Typed(home).rollback()
    with pytest.raises(RefusedError, match=f"rollback cannot be resumed: {ROLLBACK_ID}; found rollback of {VERSION};"):
        resumed(home, ROLLBACK_ID, "rita", secrets["rita"])
    assert [stop.stop_id for stop in stops(home, "sample")] == [ROLLBACK_ID]
    assert "resumed" not in kinds(ledger)


def test_a_damaged_rollback_file_is_no_way_around_that(home: Settings, secrets: dict[str, str]) -> None:
    Typed(home).rollback()
    torn(routing_folder(home, "sample") / "stops" / f"{ROLLBACK_ID}.json")
    with pytest.raises(RefusedError, match=r"rollback cannot be resumed.*damaged file was written anew"):
        resumed(home, ROLLBACK_ID, "rita", secrets["rita"])
    assert [(stop.kind, stop.subject) for stop in stops(home, "sample")] == [("rollback", VERSION)]


def test_a_file_that_is_no_stop_is_recorded_as_a_kill_and_then_lifted(
    home: Settings, ledger: Ledger, secrets: dict[str, str]
) -> None:
    torn(write_stop(home, a_stop(stop_id="strange")))
    found = resumed(home, "strange", "rita", secrets["rita"])
    assert found.is_lifted
    assert kinds(ledger)[-2:] == ["killed", "resumed"]
    assert ledger.entries("sample")[-2].payload["person"] == "unknown"


def test_a_kill_that_was_not_recorded_yet_is_recorded_before_it_is_lifted(
    home: Settings, ledger: Ledger, secrets: dict[str, str]
) -> None:
    write_stop(home, a_stop("kill", "all", "", stop_id="k1"))
    assert resumed(home, "k1", "rita", secrets["rita"]).is_lifted
    assert kinds(ledger)[-2:] == ["killed", "resumed"]


def test_a_kill_whose_file_somebody_took_away_is_lifted_in_the_ledger(
    home: Settings, ledger: Ledger, secrets: dict[str, str]
) -> None:
    stop_id = Typed(home).kill().stop.stop_id
    lift_stop(home, "sample", stop_id)
    assert resumed(home, stop_id, "rita", secrets["rita"]).is_lifted
    assert state(ledger).stops == ()


def test_a_mistyped_rollback_is_lifted_and_the_ledger_says_by_whom(
    home: Settings, ledger: Ledger, secrets: dict[str, str]
) -> None:
    stop_id = Typed(home).rollback("sample.execution/99").stop.stop_id
    assert resumed(home, stop_id, "rita", secrets["rita"]).is_lifted
    assert (last(ledger).kind, last(ledger).payload["subject"]) == ("resumed", "sample.execution/99")


def test_a_rollback_whose_rollout_was_killed_meanwhile_is_over_and_the_kill_stands(
    home: Settings, ledger: Ledger, secrets: dict[str, str]
) -> None:
    typed = Typed(home)
    rollback, kill = typed.rollback().stop.stop_id, typed.kill("version", VERSION).stop.stop_id
    assert [one.stop_id for one in state(ledger).stops] == [kill]
    republished(home, ledger)
    assert lift_over(home, "sample", ledger.entries("sample"), NOW) == (rollback,)
    assert resumed(home, kill, "rita", secrets["rita"]).is_lifted
    assert (state(ledger).stops, stops(home, "sample")) == ((), ())


def test_resuming_twice_records_once(home: Settings, ledger: Ledger, secrets: dict[str, str]) -> None:
    stop = Typed(home).kill().stop
    resumed(home, stop.stop_id, "rita", secrets["rita"])
    write_stop(home, stop)
    assert resumed(home, stop.stop_id, "rita", secrets["rita"]) == Resumption(stop.stop_id, 0, True, "")
    assert kinds(ledger).count("resumed") == 1


def test_a_killed_version_that_the_snapshot_still_routes_stays_stopped_until_it_does_not(
    home: Settings, ledger: Ledger, secrets: dict[str, str]
) -> None:
    stop_id, said = Typed(home).kill("version", VERSION).stop.stop_id, list[str]()
    found = resumed(home, stop_id, "rita", secrets["rita"], said)
    assert not found.is_lifted
    assert said[1].startswith("lifted       NOT YET: the snapshot routes what the ledger does not")
    assert [stop.subject for stop in stops(home, "sample")] == [VERSION]
    assert unrecorded_stops(home, "sample", ledger.entries("sample")) == ()
    republished(home, ledger)
    assert lift_over(home, "sample", ledger.entries("sample"), NOW) == (stop_id,)


def test_a_stop_stays_until_every_desk_that_reports_has_read_the_snapshot(
    home: Settings, ledger: Ledger, secrets: dict[str, str]
) -> None:
    stop_id = Typed(home).kill().stop.stop_id
    silent = desk("d2", epoch=0, at=stamp(NOW - timedelta(hours=1)))
    now = stamp(NOW + timedelta(hours=1))
    reports(home, desk("d1", epoch=0, at=now), silent, desk("d3", epoch=0, is_ended=True, at=now))
    found = resumed(home, stop_id, "rita", secrets["rita"])
    assert (found.is_lifted, found.obstacle) == (False, f"d1 have not read epoch {state(ledger).epoch - 2} yet")


def test_with_a_snapshot_that_cannot_be_trusted_nothing_is_lifted(home: Settings, secrets: dict[str, str]) -> None:
    stop_id = Typed(home).kill().stop.stop_id
    torn(routing_folder(home, "sample") / "snapshot.json")
    assert "no snapshot that can be trusted" in resumed(home, stop_id, "rita", secrets["rita"]).obstacle


def test_parents_that_nobody_took_over_are_said_when_trading_goes_on(home: Settings, secrets: dict[str, str]) -> None:
    typed, said = Typed(home), list[str]()
    stop_id = typed.kill().stop.stop_id
    reports(home, desk("d1", stops=(stop_id,), residuals=(residual(why=f"kill {stop_id} of all"),)))
    typed.kill()
    resumed(home, stop_id, "rita", secrets["rita"], said)
    assert said[-1] == f"left open    1 parent orders wait for a person: fillwise residuals ack {stop_id}"


def test_a_stop_that_is_over_does_not_roll_the_next_attempt_back(
    home: Settings, ledger: Ledger, secrets: dict[str, str]
) -> None:
    write_stop(home, a_stop(stop_id="by-hand"))
    record(ledger, "sample", wanted.RollBack(VERSION, "person", "tom", ("dear",), "r"), at=NOW, actor="fillwise")
    record(ledger, "sample", wanted.ConfirmRollback("t", "", "", ()), at=NOW, actor="fillwise")
    again = wanted.Draft(proposal(), ARM, plan(), "salt", "probe")
    record(ledger, "sample", again, at=NOW + timedelta(minutes=2), actor="fillwise")
    assert resumed(home, "by-hand", "rita", secrets["rita"]).entry == 0
    assert on_trial_now(ledger).attempt == 2
