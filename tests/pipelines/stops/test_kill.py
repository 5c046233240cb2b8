"""`fillwise kill`, what it leaves open, and whose that is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from infra.errors import RefusedError, UsageError
from infra.ledger import Ledger
from infra.settings import Settings
from infra.stop_files import stops
from pipelines.stops import residuals as left
from pipelines.stops.kill import kill_stop
from pipelines.stops.residuals import acknowledge, print_residuals, residuals_of
from pipelines.stops.standing import enforce_stop, lift_over
from tests.infra.made_routing import torn
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
    residual,
    state,
)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def ledger(home: Settings) -> Ledger:
    return in_force(home)


@pytest.mark.parametrize(("scope", "subject"), [("all", ""), ("symbol", "AURA"), ("version", VERSION)])
def test_a_kill_is_written_read_back_and_recorded(home: Settings, ledger: Ledger, scope: str, subject: str) -> None:
    report = Typed(home).kill(scope, subject)
    (stop,) = stops(home, "sample")
    assert (stop.kind, stop.scope, stop.subject) == ("kill", scope, subject)
    assert (last(ledger).kind, last(ledger).payload["stop_id"]) == ("killed", stop.stop_id)
    assert report.progress.is_done


def test_a_kill_of_the_version_on_trial_ends_its_rollout(home: Settings, ledger: Ledger) -> None:
    Typed(home).kill("version", VERSION)
    assert state(ledger).rollout is None
    assert state(ledger).ended[-1].state == "KILLED"


def test_the_same_kill_again_writes_nothing_another_scope_does(home: Settings, ledger: Ledger) -> None:
    typed = Typed(home)
    first = typed.kill("symbol", "AURA")
    assert not typed.kill("symbol", "AURA").is_new
    assert typed.kill("symbol", "BOLT").is_new
    assert typed.kill().is_new
    assert kinds(ledger)[-3:] == ["killed", "killed", "killed"]
    assert first.stop.stop_id in {stop.stop_id for stop in stops(home, "sample")}


def test_a_kill_needs_no_market_in_the_ledger_but_one_that_exists(home: Settings) -> None:
    Typed(home).kill()
    assert stops(home, "sample")[0].scope == "all"
    with pytest.raises(UsageError, match="unknown market"):
        kill_stop("nowhere", "all", "", "tom", "why", NOW)


def test_a_kill_while_a_rollback_is_under_way_stands_beside_it(home: Settings, ledger: Ledger) -> None:
    typed = Typed(home)
    typed.rollback()
    typed.kill()
    assert {stop.kind for stop in stops(home, "sample")} == {"rollback", "kill"}
    assert {stop.kind for stop in state(ledger).stops} == {"rollback", "kill"}
    assert on_trial_now(ledger).state == "ROLLING_BACK"
    assert lift_over(home, "sample", ledger.entries("sample"), NOW) == ()


def test_what_a_kill_leaves_open_is_listed_with_its_owner(home: Settings, ledger: Ledger) -> None:
    typed = Typed(home)
    stop = typed.kill().stop
    mine = residual(why=f"kill {stop.stop_id} of all")
    reports(home, desk("d1", stops=(stop.stop_id,), residuals=(mine, residual(2, why="kill another of all"))))
    typed.kill(owner="rita")
    assert typed.line("left open") == "left open    P1: buy 300 AURA for ACCOUNT-01"
    assert typed.line("handed to").startswith("handed to    rita: 1 parent orders")
    assert last(ledger).payload == {"stop_id": stop.stop_id, "person": "rita", "parents": [asdict(mine)]}
    assert state(ledger).residuals == {stop.stop_id: False}


def test_while_children_are_open_the_list_is_shown_but_not_recorded(home: Settings, ledger: Ledger) -> None:
    typed = Typed(home)
    stop = typed.kill().stop
    reports(home, desk("d1", stops=(stop.stop_id,), residuals=(residual(),), open_children={VERSION: 1}))
    typed.kill()
    assert typed.line("recorded     the list is NOT YET")
    assert "residual_listed" not in kinds(ledger)
    with pytest.raises(RefusedError, match="child orders are still open"):
        acknowledge(home, "sample", stop.stop_id, "rita", NOW)


def test_a_list_that_cannot_be_made_takes_nothing_from_the_kill(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no module")

    monkeypatch.setattr(left, "hand_over", broken)
    typed = Typed(home)
    assert typed.kill().is_new
    assert typed.line("left open") == "left open    NOT LISTED: RuntimeError: no module; look again: fillwise residuals"


@pytest.mark.parametrize(
    ("scope", "subject", "expected"),
    [("all", "", ["P1", "P2"]), ("symbol", "AURA", ["P1"]), ("version", VERSION, ["P1", "P2"])],
)
def test_a_desk_that_does_not_say_which_stop_goes_by_what_it_covers(
    scope: str, subject: str, expected: list[str]
) -> None:
    report = desk(residuals=(residual(1), residual(2, symbol="BOLT")))
    assert [one.parent_order_id for one in residuals_of([report], a_stop("kill", scope, subject))] == expected


def killed_with_residuals(home: Settings) -> tuple[Typed, str]:
    typed = Typed(home)
    stop = typed.kill().stop
    reports(home, desk("d1", stops=(stop.stop_id,), residuals=(residual(why=f"kill {stop.stop_id} of all"),)))
    typed.kill(owner="rita")
    return typed, stop.stop_id


def test_the_owner_acknowledges_once(home: Settings, ledger: Ledger) -> None:
    typed, stop_id = killed_with_residuals(home)
    assert print_residuals(home, "sample", NOW, typed.said.append) == 1
    assert "owner rita: NOT acknowledged" in typed.said[-2]
    acknowledge(home, "sample", stop_id, "rita", NOW)
    acknowledge(home, "sample", stop_id, "rita", NOW)
    assert kinds(ledger).count("residual_acknowledged") == 1
    assert state(ledger).residuals == {stop_id: True}
    assert print_residuals(home, "sample", NOW, typed.said.append) == 0


def test_what_came_after_the_list_is_listed_and_acknowledged_anew(home: Settings, ledger: Ledger) -> None:
    typed, stop_id = killed_with_residuals(home)
    acknowledge(home, "sample", stop_id, "rita", NOW)
    late = residual(2, why=f"kill {stop_id} of all")
    reports(home, desk("d2", stops=(stop_id,), residuals=(late,)))
    typed.kill(owner="rita")
    assert state(ledger).residuals == {stop_id: False}
    assert print_residuals(home, "sample", NOW, typed.said.append) == 1
    found = acknowledge(home, "sample", stop_id, "paul", NOW)
    assert [one.parent_order_id for one in found.parents] == ["P1", "P2"]
    assert state(ledger).residuals == {stop_id: True}


def test_there_is_nothing_to_acknowledge_where_nothing_was_left(home: Settings, ledger: Ledger) -> None:
    typed = Typed(home)
    stop_id = typed.kill().stop.stop_id
    with pytest.raises(RefusedError, match="no parent order left open"):
        acknowledge(home, "sample", stop_id, "rita", NOW)
    assert print_residuals(home, "sample", NOW, typed.said.append) == 0
    assert "residual_listed" not in kinds(ledger)


def test_a_damaged_rollback_file_is_written_anew_by_the_controller(home: Settings, ledger: Ledger) -> None:
    Typed(home).rollback()
    (stop,) = stops(home, "sample")
    torn(home.home / "routing" / "sample" / "stops" / f"{ROLLBACK_ID}.json")
    assert stops(home, "sample")[0].scope == "all"
    enforce_stop(home, stop)
    assert stops(home, "sample") == (stop,)
    assert state(ledger).stops[0].stop_id == ROLLBACK_ID
