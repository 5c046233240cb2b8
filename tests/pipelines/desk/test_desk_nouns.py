"""What the desk logs of limits and shadow goes the way of every noun: drop, bronze, silver, accounts that add up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.settings import Settings
from infra.tables import SILVER
from models.assignment import Terms
from models.limits import Limits
from models.policy import TWAP, PolicyParameters
from models.production import Production, WorkingArm
from models.version import PolicyInForce
from pipelines import ingest, validate
from pipelines.desk.client_orders import ACCOUNTS
from pipelines.desk.paper import work_day
from pipelines.reconcile import reconcile_day
from pipelines.sources.drop import DropManifest, write_drop
from pipelines.step import StepContext
from tests.builders import FRIDAY
from tests.pipelines.made_books import KNOWN_AT
from tests.pipelines.made_drops import a_context

EAGER = PolicyParameters("eager", tolerance=(0.0, 0.0, 0.0))
LIMITS = Limits(
    symbols=(), venues=("LIT",), price_collar_bps=100.0, order_notional=6_000.0, session_notional=1e9,
    session_orders=10**6, position_notional=1e9, participation=1.0, repeats=100, stop_notional=1e9,
)  # fmt: skip
NEW = ("assignments", "limit_events", "shadow_decisions", "shadow_children")


def production() -> Production:
    """A limited challenger beside the champion, and another version in its shadow, so that every noun has rows."""
    challenger = PolicyInForce("sample.execution/2", EAGER.digest(), EAGER)
    arms = (
        WorkingArm("challenger", challenger, 0.5, LIMITS),
        WorkingArm("champion", PolicyInForce("sample.execution/1", TWAP.digest(), TWAP), 0.5),
    )
    terms = Terms(frozenset(ACCOUNTS), frozenset(), 1e12)
    shadow = replace(challenger, version="sample.execution/3")
    return Production("sample", arms, "salt", "sample.r1", "canary_10", 3, terms, shadow)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> StepContext:
    home = tmp_path_factory.mktemp("home")
    context = a_context(home)
    rows = work_day(Settings(home=home, sample_symbols=1), context.market, FRIDAY, production())
    manifest = DropManifest("sample", FRIDAY, KNOWN_AT, 7, "sample.execution/1", production().digest())
    write_drop(home / "drops" / "sample" / str(FRIDAY), dict(rows), manifest)
    ingest.run(context)
    validate.run(context)
    return context


@pytest.mark.parametrize("noun", NEW)
def test_its_rows_reach_silver_and_none_is_refused(night: StepContext, noun: str) -> None:
    rows = night.lake.read_day(SILVER[noun], "sample", FRIDAY)
    assert rows.num_rows > 10
    assert set(rows["market"].to_pylist()) == {"sample"}


def test_the_accounts_of_the_day_add_up(night: StepContext) -> None:
    found = reconcile_day(night.lake, "sample", FRIDAY)
    assert found.problems == ()
    assert {line.name.split()[0] for line in found.nouns} >= set(NEW)


def test_a_decision_in_silver_says_its_arm_and_routing(night: StepContext) -> None:
    rows = night.lake.read_day(SILVER["decisions"], "sample", FRIDAY).to_pandas()
    assert set(rows["arm"]) == {"challenger", "champion"}
    assert set(rows["rollout_id"]) == {"sample.r1"}
    assert set(rows["epoch"]) == {3}


def test_what_held_the_version_back_is_told_with_figure_and_limit(night: StepContext) -> None:
    rows = night.lake.read_day(SILVER["limit_events"], "sample", FRIDAY).to_pandas()
    assert set(rows["limit_name"]) == {"order_notional"}
    assert (rows["allowed"] == 6_000.0).all()
    assert (rows["figure"] > 6_000.0).all()
    assert (rows["sent_shares"] > 0.0).any()


def test_users_own_decisions_need_no_columns_of_a_rollout() -> None:
    assert all(SILVER["decisions"].column(name).is_nullable for name in ("arm", "rollout_id", "phase", "epoch"))
