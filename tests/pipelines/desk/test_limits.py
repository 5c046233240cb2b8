"""Limits on the paper desk: whatever a version decides, nothing that it sends breaks a limit; an audit looks again."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from features.engine import FEATURE_NAMES
from features.labels import HORIZONS_SECONDS
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import NOUNS
from models.assignment import Terms
from models.limits import Limits
from models.policy import SIGNAL, TWAP, PolicyParameters
from models.production import Production, WorkingArm
from models.signal import SignalModel
from models.version import PolicyInForce
from pipelines.desk.client_orders import ACCOUNTS
from pipelines.desk.limit_audit import Log, audit_limits
from pipelines.desk.limit_log import senseless_shares
from pipelines.desk.paper import work_day
from pipelines.trade import tell_senseless

MARKET, DAY, HALF_DAY = MARKETS["sample"], date(2026, 1, 6), date(2026, 11, 27)
SETTINGS = Settings(home=Path("/nowhere"), sample_symbols=2)
EAGER = PolicyParameters("eager", tolerance=(0.0, 0.0, 0.0))
CHAMPION, CHALLENGER = "sample.execution/1", "sample.execution/2"
WIDE = Limits(
    symbols=("AURA", "BOLT"), venues=("LIT",), price_collar_bps=1e4, order_notional=1e9, session_notional=1e12,
    session_orders=10**6, position_notional=1e12, participation=100.0, repeats=10**6, stop_notional=1e12,
)  # fmt: skip
Rows = dict[str, pa.Table]


def trial(limits: Limits | None, parameters: PolicyParameters = EAGER, signal: SignalModel | None = None) -> Production:
    arms = (
        WorkingArm("challenger", PolicyInForce(CHALLENGER, parameters.digest(), parameters, signal), 0.6, limits),
        WorkingArm("champion", PolicyInForce(CHAMPION, TWAP.digest(), TWAP), 0.4),
    )
    return Production(
        "sample", arms, "salt", "sample.r1", "canary_10", 3, Terms(frozenset(ACCOUNTS), frozenset(), 1e12)
    )


def worked(production: Production, day: date = HALF_DAY) -> Rows:
    return dict(work_day(SETTINGS, MARKET, day, production))


def log_of(rows: Rows) -> Log:
    return Log(
        *(rows[noun].to_pandas() for noun in ("parent_orders", "decisions", "child_orders", "fills", "book_snapshots"))
    )


def found(rows: Rows, limits: Limits) -> set[str]:
    """Limits that the audit finds broken."""
    return {breach.limit_name for breach in audit_limits(log_of(rows), CHALLENGER, limits, CHAMPION)}


def events(rows: Rows) -> pd.DataFrame:
    return rows.get("limit_events", NOUNS["limit_events"].arrow_schema.empty_table()).to_pandas()


@pytest.fixture(scope="module")
def free() -> Rows:
    """The half day of an eager challenger that nothing limits."""
    return worked(trial(None))


TIGHT: dict[str, Any] = {
    "symbols": ("AURA",), "venues": ("DARK",), "price_collar_bps": 3.0, "order_notional": 20_000.0,
    "session_notional": 500_000.0, "session_orders": 60, "position_notional": 60_000.0, "participation": 0.03,
    "repeats": 1, "stop_notional": 30.0,
}  # fmt: skip


@pytest.mark.parametrize("name", TIGHT)
def test_the_audit_finds_what_an_unlimited_version_breaks(free: Rows, name: str) -> None:
    assert found(free, WIDE) == set()
    assert name in found(free, replace(WIDE, **{name: TIGHT[name]}))


@pytest.mark.parametrize("name", TIGHT)
def test_a_limited_version_breaks_none_and_the_log_says_what_held_it(name: str) -> None:
    limits = replace(WIDE, **{name: TIGHT[name]})
    rows = worked(trial(limits))
    assert found(rows, limits) == set()
    told = events(rows)
    assert set(told["limit_name"]) <= {name}
    assert (len(told) > 0) == (name != "price_collar_bps"), "the desk never chooses a price beyond the collar"
    assert set(told["policy_version"]) <= {CHALLENGER}
    assert (told["sent_shares"] < told["asked_shares"]).all()
    held = told["decision_id"].isin(rows["decisions"]["decision_id"].to_pylist())
    assert held.all()


def test_limits_that_nothing_reaches_change_nothing(free: Rows) -> None:
    rows = worked(trial(WIDE))
    assert "limit_events" not in rows
    for noun in ("book_snapshots", "trades", "decisions", "child_orders", "fills"):
        assert rows[noun].equals(free[noun]), noun


def test_limits_of_the_challenger_are_not_the_champions() -> None:
    rows = worked(trial(replace(WIDE, venues=("DARK",))))
    children, drawn = rows["child_orders"].to_pandas(), rows["assignments"].to_pandas()
    arms = drawn.set_index("parent_order_id")["arm"]
    assert set(children["parent_order_id"].map(arms)) == {"champion"}
    assert len(children) > 100


def test_a_throttled_version_stops_and_its_orders_pass_to_the_champion() -> None:
    rows = worked(trial(replace(WIDE, repeats=1)))
    decided, first = rows["decisions"].to_pandas(), events(rows)["event_at_ns"].min()
    of_arm = decided[decided["arm"] == "challenger"]
    assert set(of_arm[of_arm["event_at_ns"] < first]["policy_version"]) == {CHALLENGER}
    assert set(of_arm[of_arm["event_at_ns"] > first]["policy_version"]) == {CHAMPION}
    of_version = decided[decided["policy_version"] == CHALLENGER]["decision_id"]
    children = rows["child_orders"].to_pandas()
    assert children.loc[children["decision_id"].isin(of_version), "event_at_ns"].max() <= first


def test_a_version_that_costs_too_much_is_stopped_in_the_session() -> None:
    rows = worked(trial(replace(WIDE, stop_notional=30.0)))
    told = events(rows)
    assert set(told["limit_name"]) == {"stop_notional"}
    assert (told["figure"] >= 30.0).all()
    decided = rows["decisions"].to_pandas()
    late = decided[(decided["event_at_ns"] > told["event_at_ns"].max()) & (decided["arm"] == "challenger")]
    assert set(late["policy_version"]) == {CHAMPION}


NUMBER = st.one_of(
    st.floats(-2.0, 2.0), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e300, 1e-300, 0.0, 1.0])
)
FIGURES = st.fixed_dictionaries({
    "price_collar_bps": st.floats(0.0, 60.0),
    "order_notional": st.floats(1_000.0, 100_000.0),
    "session_notional": st.floats(10_000.0, 3e6),
    "session_orders": st.integers(1, 800),
    "position_notional": st.floats(10_000.0, 500_000.0),
    "participation": st.floats(0.0, 0.5),
    "repeats": st.integers(1, 20),
    "stop_notional": st.floats(10.0, 5_000.0),
})  # fmt: skip


@rules(max_examples=12, deadline=None)
@given(
    st.lists(NUMBER, min_size=6, max_size=6), st.booleans(), FIGURES,
    st.sampled_from([("AURA",), ("BOLT",), ("AURA", "BOLT"), ()]),
)  # fmt: skip
def test_whatever_is_decided_no_child_breaks_a_limit(
    numbers: list[float], crosses: bool, figures: dict[str, Any], symbols: tuple[str, ...]
) -> None:
    wild = PolicyParameters("wild", False, (*numbers[:3],), *numbers[3:6], crosses=crosses)
    limits = Limits(symbols=symbols, venues=("LIT",), **figures)
    assert found(worked(trial(limits, wild)), limits) == set()


class Garbage:
    """A booster whose answers turn to no numbers, as XGBoost's interface goes."""

    def __init__(self, values: tuple[float, ...]) -> None:
        self.values = values

    def copy(self) -> Garbage:
        return self

    def set_param(self, parameters: dict[str, int]) -> None:
        assert parameters == {"nthread": 1}

    def inplace_predict(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.resize(np.array(self.values), len(rows))


def garbage(*values: float) -> SignalModel:
    return SignalModel(HORIZONS_SECONDS, FEATURE_NAMES, (Garbage(values),) * 3, (1.0,) * 3, ())


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e30])
def test_an_output_that_is_no_number_is_the_champions_decision_and_counted(value: float) -> None:
    rows = worked(trial(None, SIGNAL, garbage(3.0, value)))
    told, decided = events(rows), rows["decisions"].to_pandas()
    assert set(told["limit_name"]) == {"output"}
    assert set(told["policy_version"]) == {CHALLENGER}
    instead = decided.set_index("decision_id").loc[told["decision_id"]]
    assert set(instead["policy_version"]) == {CHAMPION}
    assert set(instead["arm"]) == {"challenger"}
    assert set(decided.loc[decided["policy_version"] == CHALLENGER, "signal_bps"]) == {3.0}
    shares = senseless_shares(rows["limit_events"], rows["decisions"])
    assert shares[CHALLENGER] == pytest.approx(len(told) / (decided["arm"] == "challenger").sum())


def test_where_the_champions_output_is_none_either_the_benchmark_policy_decides() -> None:
    champion = PolicyInForce(CHAMPION, SIGNAL.digest(), SIGNAL, garbage(math.nan))
    arms = (trial(None).arms[0], replace(trial(None).arms[1], policy=champion))
    rows = worked(replace(trial(None), arms=arms))
    decided = rows["decisions"].to_pandas()
    assert set(decided.loc[decided["arm"] == "champion", "policy_version"]) == {"sample.execution/0"}
    assert set(decided.loc[decided["arm"] == "challenger", "policy_version"]) == {CHALLENGER}


def test_parameters_that_are_no_numbers_send_nothing_of_the_version() -> None:
    rows = worked(trial(None, PolicyParameters("nan", tolerance=(math.nan,) * 3, ahead_fraction=math.inf)))
    shares = rows["child_orders"]["child_shares"].to_numpy()
    assert np.isfinite(shares).all()
    assert (shares > 0.0).all()


def test_a_version_that_gives_no_numbers_too_often_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    tell_senseless(HALF_DAY, worked(trial(None, SIGNAL, garbage(3.0))))
    assert caplog.text == ""
    tell_senseless(HALF_DAY, worked(trial(None, SIGNAL, garbage(3.0, math.nan))))
    assert f"of the outputs of {CHALLENGER} are no numbers, allowed: 0.10%" in caplog.text
