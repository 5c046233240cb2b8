"""Five sessions of a small desk: a recipe is proposed, judged, approved and trades; the run can be cut and goes on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pytest

from infra import calendar
from infra.errors import RefusedError
from infra.lake import Lake
from infra.ledger import Ledger, open_ledger
from infra.markets import MARKETS
from infra.routing_files import RoutingView, published
from infra.settings import Settings
from infra.stop_files import stops
from infra.tables import COSTS, SILVER
from models.rollout.commands import RollBack
from models.rollout.fold import fold
from pipelines import simulate
from pipelines.alerting.outbox import kept_alerts
from pipelines.approval.card_facts import KEYS
from pipelines.approval.cards import cards
from pipelines.plan.show import plan_path
from pipelines.plan.simulate import write_plan
from pipelines.rollout.judge import evening
from pipelines.rollout.record import record
from pipelines.simulated_story import story_lines
from pipelines.step import StepContext
from tests.conftest import SCRATCH
from tests.models.rollout.made import plan

MARKET, FIRST = MARKETS["sample"], date(2026, 11, 9)


def simulation(home: Path, sessions: int) -> simulate.Simulation:
    days = calendar.sessions(MARKET, FIRST, date(2026, 11, 30))[:sessions]
    settings = Settings(
        home=home, sample_symbols=2, sample_orders=104, backtest_sessions=2, fold_sessions=2,
        ledger_purpose="simulation",
    )  # fmt: skip
    return simulate.Simulation(settings, MARKET, days, ("signal",), history=5)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[simulate.SimulatedDay]]:
    home = tmp_path_factory.mktemp("simulated")
    (home / "cache").mkdir()
    kernels = SCRATCH / "cache" / "numba"
    kernels.mkdir(parents=True, exist_ok=True)
    (home / "cache" / "numba").symlink_to(kernels)
    write_plan(plan_path(Settings(home=home), "sample"), plan())
    first = list(simulate.run(simulation(home, 3)))
    return home, [*first, *simulate.run(simulation(home, 6))]


@pytest.fixture(scope="module")
def ledger(worked: tuple[Path, list[simulate.SimulatedDay]]) -> Ledger:
    return open_ledger(simulation(worked[0], 6).settings, "simulation")


def test_each_session_is_worked_once_over_two_runs(worked: tuple[Path, list[simulate.SimulatedDay]]) -> None:
    assert [one.day for one in worked[1]] == list(simulation(worked[0], 6).days)


def test_the_recipe_goes_the_whole_way_up_to_live_orders(ledger: Ledger) -> None:
    kinds = [entry.kind for entry in ledger.entries("sample")]
    for kind in ("market_opened", "rollout_drafted", "report_recorded", "gate_judged", "overridden", "phase_entered"):
        assert kind in kinds, kinds
    state = fold("sample", ledger.entries("sample"))
    assert state.rollout is not None
    assert state.rollout.phase == "canary_10"
    assert [(one.to_phase, one.person) for one in state.rollout.approvals] == [
        ("canary_10", "paul"),
        ("canary_10", "rita"),
    ]
    assert ledger.verify().is_sound


def test_an_alert_is_over_when_what_it_told_of_is(worked: tuple[Path, list[simulate.SimulatedDay]]) -> None:
    settings = simulation(worked[0], 6).settings
    waited = [one.alert for one in kept_alerts(settings, "sample") if "needs 2 approvals" in one.alert.words]
    assert [one.cause for one in waited] == ["sample.r1 shadow tell"]
    assert waited[0].over_at


def test_its_card_told_an_approver_everything(ledger: Ledger) -> None:
    shown = next(one.card.shown for one in cards(ledger, "sample") if one.card.to_phase == "canary_10")
    assert set(shown) == set(KEYS)
    assert shown["checks"]["leak"] == "pass"
    assert shown["cost"]["worst_notional"] is None, "the plan of this test has no table"
    assert (shown["approvals"], set(shown["approvers"])) == (2, {"paul", "rita"})
    assert not {"paul", "rita"} & set(shown["authors"])


def test_what_the_ledger_routed_is_what_the_desk_did(
    worked: tuple[Path, list[simulate.SimulatedDay]], ledger: Ledger
) -> None:
    lake = Lake(worked[0] / "lake")
    entered = [entry.payload for entry in ledger.entries("sample") if entry.kind == "phase_entered"]
    first_live = date.fromisoformat(next(told["session"] for told in entered if told["phase"] == "canary_10"))
    days = [one.day for one in worked[1]]
    for day in days:
        drawn = lake.read_day(SILVER["assignments"], "sample", day)
        share = pc.mean(pc.equal(drawn["arm"], "challenger")).as_py()
        assert (share > 0.0) == (day >= first_live), day
        paid = lake.read_day(COSTS, "sample", day)
        versions = dict(zip(drawn["parent_order_id"].to_pylist(), drawn["policy_version"].to_pylist(), strict=True))
        assert all(versions[row["parent_order_id"]] == row["policy_version"] for row in paid.to_pylist())


def test_the_snapshot_follows_the_ledger_and_no_real_desk_obeys_it(
    worked: tuple[Path, list[simulate.SimulatedDay]], ledger: Ledger
) -> None:
    settings = simulation(worked[0], 6).settings
    state, found = fold("sample", ledger.entries("sample")), published(settings, "sample")
    assert found is not None
    assert (found.epoch, found.phase) == (state.epoch, "canary_10")
    view = RoutingView(settings, "sample", "desk-1").look(simulate._at(MARKET, simulation(worked[0], 6).days[-1]))
    assert "simulation" in str(view.why)


def test_the_period_is_told_with_its_phases_units_and_cost(ledger: Ledger) -> None:
    told = "\n".join(story_lines(ledger.entries("sample"), "sample"))
    assert "sample.r1, recipe signal: CANARY, in canary_10" in told
    assert "phases: shadow from 2026-11-10, canary_10 from 2026-11-13" in told
    assert "clients paid" in told


def test_each_evening_says_how_far_the_arm_has_drifted(
    worked: tuple[Path, list[simulate.SimulatedDay]],
) -> None:
    said = [line for one in worked[1] for line in one.lines if line.startswith("drift ")]
    assert said
    assert all("uncalibrated, advisory" in line for line in said)


def test_units_are_drawn_into_arms_by_the_markets_seed_so_that_a_period_comes_out_the_same(ledger: Ledger) -> None:
    settings = Settings(sample_seed=7)
    salt = simulate.simulated_salt(settings, "sample", "signal")
    drafted = next(entry.payload for entry in ledger.entries("sample") if entry.kind == "rollout_drafted")
    assert drafted["salt"] == salt
    assert salt != simulate.simulated_salt(Settings(sample_seed=8), "sample", "signal")
    assert salt != simulate.simulated_salt(settings, "sample", "prompt")


def test_the_desks_own_ledger_is_another_one(worked: tuple[Path, list[simulate.SimulatedDay]]) -> None:
    path = worked[0] / "ledger" / "simulation.db"
    with pytest.raises(RefusedError, match="found simulation; allowed: desk"):
        open_ledger(Settings(home=worked[0], ledger_url=f"sqlite:///{path}"))


def test_after_a_rollback_the_evening_publishes_who_trades_and_nothing_is_left_of_the_version(
    worked: tuple[Path, list[simulate.SimulatedDay]], ledger: Ledger
) -> None:
    made, rollout = simulation(worked[0], 6), fold("sample", ledger.entries("sample")).rollout
    assert rollout is not None
    at = simulate._at(MARKET, made.days[-1])
    wish = RollBack(rollout.arm.version, "person", "tom", ("looks wrong",), "stop-1")
    record(ledger, "sample", wish, at=at, actor="tom")
    context = StepContext(made.settings, MARKET, (made.days[-1],), Lake(made.settings.lake))
    for _ in range(2):
        state = evening(context, at).state
        assert (state.rollout, state.ended[-1].state, state.stops) == (None, "ROLLED_BACK", ())
        found = published(made.settings, "sample")
        assert found is not None
        assert (found.epoch, found.rollout_id, [one.arm for one in found.arms]) == (state.epoch, None, ["champion"])
    assert stops(made.settings, "sample") == ()
