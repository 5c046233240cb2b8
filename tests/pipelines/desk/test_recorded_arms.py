"""Arms, limits and shadow on a recorded market: the rules of the built-in one, over symbols replayed together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from infra import calendar
from models.assignment import Terms
from models.impact import row_volume
from models.limits import Limits
from models.policy import TWAP, PolicyParameters
from models.production import Production, WorkingArm, of_policy
from models.replay_tape import SessionClock
from models.version import PolicyInForce
from pipelines.desk.client_orders import ACCOUNTS
from pipelines.desk.limit_audit import Log, audit_limits
from pipelines.desk.recorded import recorded_books, work_day
from pipelines.sources.ashare import read_day
from pipelines.step import StepContext
from tests.pipelines.desk.test_recorded import ASHARE, SECOND, context, record_session

EAGER = PolicyParameters("eager", tolerance=(0.0, 0.0, 0.0))
CHAMPION, CHALLENGER = "ashare.execution/1", "ashare.execution/2"
WIDE = Limits(
    symbols=(), venues=("LIT",), price_collar_bps=1e4, order_notional=1e9, session_notional=1e12,
    session_orders=10**6, position_notional=1e12, participation=100.0, repeats=10**6, stop_notional=1e12,
)  # fmt: skip
CLOCK = SessionClock(calendar.session_intervals_ns(ASHARE, SECOND))
Rows = Mapping[str, pa.Table]


def version(name: str, parameters: PolicyParameters) -> PolicyInForce:
    return PolicyInForce(name, parameters.digest(), parameters)


def trial(limits: Limits | None, parameters: PolicyParameters = EAGER) -> Production:
    arms = (
        WorkingArm("challenger", version(CHALLENGER, parameters), 0.6, limits),
        WorkingArm("champion", version(CHAMPION, TWAP), 0.4),
    )
    terms = Terms(frozenset(ACCOUNTS), frozenset(), 1e12)
    return Production("ashare", arms, "salt", "ashare.r1", "canary_10", 3, terms)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> StepContext:
    """Two recorded sessions of two symbols."""
    folder = tmp_path_factory.mktemp("recorded")
    for ordinal in (0, 1):
        parts = []
        for symbol in (0, 1):
            record_session(folder, ordinal, symbol=symbol)
            parts.append(pq.read_table(folder / f"date={ordinal:02d}.parquet"))
        pq.write_table(pa.concat_tables(parts), folder / f"date={ordinal:02d}.parquet")
    return context(tmp_path_factory.mktemp("home"), folder)


@pytest.fixture(scope="module")
def books(desk: StepContext) -> pd.DataFrame:
    """The published rows as the audit reads them."""
    found = recorded_books(read_day(desk.data, ASHARE, SECOND), ASHARE, SECOND)
    return pd.concat([
        pd.DataFrame({
            "symbol": symbol, "event_at_ns": book.day.times_ns, "bid_price_1": book.day.bid_price[:, 0],
            "ask_price_1": book.day.ask_price[:, 0], "traded_shares": row_volume(book.day),
        })
        for symbol, book in found.items()
    ])  # fmt: skip


def broken(rows: Rows, books: pd.DataFrame, limits: Limits) -> set[str]:
    """Limits that the audit finds broken; the collar is laid on prices with planted alpha, which no book shows."""
    nouns = ("parent_orders", "decisions", "child_orders", "fills")
    log = Log(*(rows[noun].to_pandas() for noun in nouns), books, clock=CLOCK)
    return {breach.limit_name for breach in audit_limits(log, CHALLENGER, limits, CHAMPION)} - {"price_collar_bps"}


def test_one_arm_of_all_orders_is_the_day_without_arms(desk: StepContext) -> None:
    alone = work_day(desk, SECOND, of_policy("ashare", version(CHAMPION, EAGER)))
    same = replace(trial(None), arms=tuple(replace(one, policy=version(CHAMPION, EAGER)) for one in trial(None).arms))
    both = work_day(desk, SECOND, same)
    for noun in ("child_orders", "fills"):
        assert both[noun].equals(alone[noun]), noun
    assert set(both["decisions"]["arm"].to_pylist()) == {"champion", "challenger"}


def test_each_arm_decides_for_its_own_orders(desk: StepContext) -> None:
    rows = work_day(desk, SECOND, trial(None))
    drawn, decided = rows["assignments"].to_pandas(), rows["decisions"].to_pandas()
    expected = decided["parent_order_id"].map(drawn.set_index("parent_order_id")["policy_version"])
    assert (decided["policy_version"] == expected).all()
    crossing = decided.groupby("arm")["action"].apply(lambda actions: (actions == "cross").mean())
    assert crossing["challenger"] > 1.2 * crossing["champion"]


def test_limits_that_nothing_reaches_change_nothing(desk: StepContext) -> None:
    free, wide = work_day(desk, SECOND, trial(None)), work_day(desk, SECOND, trial(WIDE))
    assert "limit_events" not in wide
    fills = ["parent_order_id", "event_at_ns", "price", "shares"]
    assert wide["fills"].select(fills).equals(free["fills"].select(fills))


TIGHT: dict[str, Any] = {
    "symbols": ("000063",), "venues": ("DARK",), "order_notional": 1_500.0, "session_notional": 40_000.0,
    "session_orders": 20, "position_notional": 3_000.0, "participation": 0.01, "repeats": 2, "stop_notional": 20.0,
}  # fmt: skip


@pytest.mark.parametrize("name", TIGHT)
def test_the_audit_finds_what_an_unlimited_version_breaks(desk: StepContext, books: pd.DataFrame, name: str) -> None:
    rows = work_day(desk, SECOND, trial(WIDE))
    assert broken(rows, books, WIDE) == set()
    assert name in broken(rows, books, replace(WIDE, **{name: TIGHT[name]}))


@pytest.mark.parametrize("name", TIGHT)
def test_a_limited_version_breaks_none(desk: StepContext, books: pd.DataFrame, name: str) -> None:
    limits = replace(WIDE, **{name: TIGHT[name]})
    rows = work_day(desk, SECOND, trial(limits))
    assert broken(rows, books, limits) == set()
    told = rows["limit_events"].to_pandas()
    assert set(told["limit_name"]) == {name}
    assert (told["sent_shares"] < told["asked_shares"]).all()
    assert set(told["decision_id"]) <= set(rows["decisions"]["decision_id"].to_pylist())


def test_no_cross_of_a_limited_version_pays_more_than_the_collar(desk: StepContext) -> None:
    rows = work_day(desk, SECOND, trial(replace(WIDE, price_collar_bps=1.0)))
    children, drawn = rows["child_orders"].to_pandas(), rows["assignments"].to_pandas()
    arm = children["parent_order_id"].map(drawn.set_index("parent_order_id")["arm"])
    assert children.loc[arm == "challenger", "limit_price"].notna().all()
    fills = rows["fills"].to_pandas().merge(children[["child_order_id", "limit_price"]], on="child_order_id")
    sign = np.where(fills["side"] == "buy", 1.0, -1.0)
    assert not (sign * (fills["price"] - fills["limit_price"]) > 1e-9).any()


FIGURES = st.fixed_dictionaries({
    "order_notional": st.floats(300.0, 5_000.0),
    "session_notional": st.floats(1_000.0, 100_000.0),
    "session_orders": st.integers(1, 200),
    "position_notional": st.floats(500.0, 20_000.0),
    "participation": st.floats(0.0, 0.3),
    "repeats": st.integers(1, 10),
    "stop_notional": st.floats(1.0, 500.0),
})  # fmt: skip


@rules(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([-1.0, 0.0, 0.05, 1.0, np.nan, np.inf, 1e300]), min_size=6, max_size=6), FIGURES)
def test_whatever_is_decided_no_child_breaks_a_limit(
    desk: StepContext, books: pd.DataFrame, numbers: list[float], figures: dict[str, Any]
) -> None:
    wild = PolicyParameters("wild", False, (*numbers[:3],), *numbers[3:6])
    limits = Limits(symbols=(), venues=("LIT",), price_collar_bps=50.0, **figures)
    assert broken(work_day(desk, SECOND, trial(limits, wild)), books, limits) == set()


def test_a_shadow_decides_beside_and_changes_nothing(desk: StepContext) -> None:
    one = replace(of_policy("ashare", version(CHAMPION, TWAP)), terms=trial(None).terms, phase="shadow")
    alone, beside = work_day(desk, SECOND, one), work_day(desk, SECOND, replace(one, shadow=version(CHALLENGER, EAGER)))
    for noun, rows in alone.items():
        assert beside[noun].equals(rows), noun
    shadow = beside["shadow_decisions"].to_pandas()
    assert set(shadow["parent_order_id"]) == set(alone["parent_orders"]["parent_order_id"].to_pylist())
    assert shadow["champion_action"].notna().mean() > 0.8
    assert (shadow["action"] == "cross").mean() > (shadow["champion_action"] == "cross").mean()
