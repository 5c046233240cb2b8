"""Champion, challenger and benchmark trade next to each other in one book: drawn as told, worked as drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from infra.markets import MARKETS
from infra.settings import Settings
from models.assignment import Terms, assign, unit_of
from models.policy import DO_NOTHING, TWAP, PolicyParameters
from models.production import Production, WorkingArm, benchmark_production, of_policy
from models.version import PolicyInForce
from pipelines.desk.client_orders import ACCOUNTS
from pipelines.desk.paper import work_day
from pipelines.rollout.arm_counts import DeskLog, own_matches

MARKET, DAY = MARKETS["sample"], date(2026, 1, 6)
SETTINGS = Settings(home=Path("/nowhere"), sample_symbols=2)
PATIENT = PolicyParameters("patient", tolerance=(0.4, 0.4, 0.4))
EAGER = PolicyParameters("eager", tolerance=(0.0, 0.0, 0.0))


def version(number: int, parameters: PolicyParameters) -> PolicyInForce:
    return PolicyInForce(f"sample.execution/{number}", parameters.digest(), parameters)


def three_arms(share: float = 0.5, salt: str = "salt", accounts: tuple[str, ...] = ACCOUNTS) -> Production:
    arms = (
        WorkingArm("benchmark", version(0, TWAP), 0.1),
        WorkingArm("challenger", version(2, EAGER), share),
        WorkingArm("champion", version(1, PATIENT), 0.9 - share),
    )
    terms = Terms(frozenset(accounts), frozenset(), float("inf"))
    return Production("sample", arms, salt, "sample.r1", "expand_50", 4, terms)


@pytest.fixture(scope="module")
def day() -> dict[str, pd.DataFrame]:
    return {noun: rows.to_pandas() for noun, rows in work_day(SETTINGS, MARKET, DAY, three_arms()).items()}


def test_every_order_is_drawn_once_and_the_draw_can_be_made_again(day: dict[str, pd.DataFrame]) -> None:
    orders, drawn = day["parent_orders"], day["assignments"].set_index("parent_order_id")
    assert sorted(drawn.index) == sorted(orders["parent_order_id"])
    for order in orders.itertuples():
        unit = unit_of(order.account, None, order.symbol, order.side, DAY)
        row = drawn.loc[str(order.parent_order_id)]
        assert (row["unit"], row["arm"]) == (unit, assign(unit, "salt", three_arms().shares).arm)
    assert set(drawn["arm"]) == {"benchmark", "challenger", "champion"}


def test_each_decision_is_its_arms_own_and_says_so(day: dict[str, pd.DataFrame]) -> None:
    drawn = day["assignments"].set_index("parent_order_id")
    decided = day["decisions"]
    expected = decided["parent_order_id"].map(drawn["policy_version"])
    assert (decided["policy_version"] == expected).all()
    assert (decided["arm"] == decided["parent_order_id"].map(drawn["arm"])).all()
    assert set(decided["epoch"]) == {4}
    assert set(decided["rollout_id"]) == {"sample.r1"}


def test_an_eager_arm_crosses_more_than_a_patient_one(day: dict[str, pd.DataFrame]) -> None:
    crossing = day["decisions"].groupby("arm")["action"].apply(lambda actions: (actions == "cross").mean())
    assert crossing["challenger"] > 2.0 * crossing["champion"]


def test_who_has_not_opted_in_is_the_champions_and_no_evidence() -> None:
    rows = work_day(SETTINGS, MARKET, DAY, three_arms(accounts=ACCOUNTS[:3]))["assignments"].to_pandas()
    others = rows[~rows["account"].isin(ACCOUNTS[:3])]
    assert not others["is_eligible"].any()
    assert set(others["arm"]) == {"champion"}
    assert others["reason"].str.contains("has not opted in").all()


def _log(rows: dict[str, pa.Table]) -> DeskLog:
    frames = {noun: rows[noun].to_pandas() for noun in ("decisions", "child_orders", "fills", "assignments")}
    drawn = frames["assignments"]
    arms = dict(zip(drawn["parent_order_id"], drawn["arm"], strict=True))
    return DeskLog(frames["decisions"], frames["child_orders"], frames["fills"], arms, {}, {}, 0)


@rules(max_examples=6, deadline=None)
@given(st.sampled_from((0.1, 0.45, 0.8)), st.text("abc", min_size=1, max_size=4))
def test_arms_never_trade_with_each_other(share: float, salt: str) -> None:
    rows = dict(work_day(replace(SETTINGS, sample_symbols=1), MARKET, DAY, three_arms(share, salt)))
    assert own_matches(_log(rows)) == 0.0


def test_a_match_between_two_arms_would_be_seen() -> None:
    fills = pd.DataFrame(
        {"parent_order_id": ["a", "b"], "symbol": "AURA", "event_at_ns": 5, "price": 10.0, "side": ["buy", "sell"]}
    )
    log = DeskLog(pd.DataFrame(), pd.DataFrame(), fills, {"a": "champion", "b": "challenger"}, {}, {}, 0)
    assert own_matches(log) == 1.0


def test_two_arms_of_one_policy_trade_the_day_of_one_arm() -> None:
    same = version(1, PATIENT)
    both = replace(three_arms(), arms=(WorkingArm("challenger", same, 0.5), WorkingArm("champion", same, 0.5)))
    apart = work_day(SETTINGS, MARKET, DAY, both)
    alone = work_day(SETTINGS, MARKET, DAY, of_policy("sample", same))
    for noun in ("book_snapshots", "trades", "child_orders", "fills"):
        assert apart[noun].equals(alone[noun])


def test_a_day_is_named_by_all_that_decides_who_works_it() -> None:
    digests = {three_arms().digest(), three_arms(0.4).digest(), three_arms(salt="other").digest()}
    assert len(digests) == 3
    assert benchmark_production("sample").digest() == benchmark_production("sample").champion.policy.digest


def test_an_arm_that_does_nothing_leaves_the_others_alone() -> None:
    arms = WorkingArm("challenger", version(3, DO_NOTHING), 0.5), WorkingArm("champion", version(1, PATIENT), 0.5)
    idle = replace(three_arms(), arms=arms)
    rows = work_day(SETTINGS, MARKET, DAY, idle)
    sent = set(rows["child_orders"]["parent_order_id"].to_pylist())
    drawn = rows["assignments"].to_pandas()
    assert sent
    assert sent <= set(drawn.loc[drawn["arm"] == "champion", "parent_order_id"])
