"""The desk's own orders as the replay predicts them tonight, beside what the desk really got: for `fill_calibration`.

Rows come from tables alone: tonight's `gold.backtests` of the version that worked an order, its fills in `silver.fills`
and its cost in `gold.costs`. An order whose version was not replayed tonight is left out, and so is a session whose
fills the replay itself made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

from infra.tables import BACKTESTS, COSTS, HEALTH, SILVER
from models.fill_calibration import SessionFills
from pipelines.policy_in_force import policy_in_force
from pipelines.step import StepContext

PESSIMISTIC = "trade_through"
REAL_FILLS = ("market", "venue")
RATIO, DIFFERENCE = "session_fills", "session_slippage"
HISTORY_SESSIONS = 60
"""A quarter of nights draws the line: long enough for a deviation, short enough to follow a market that changes."""


def _predicted(context: StepContext) -> pd.DataFrame:
    rows = context.lake.read_day(BACKTESTS, context.market.name, context.night).to_pandas()
    rows = rows[rows["fill_bound"] == PESSIMISTIC]
    rested = (rows["filled_fraction"] * rows["maker_fraction"].fillna(0.0)).clip(0.0, 1.0)
    return rows.assign(predicted=rows["order_notional"] * rested)


def _versions(context: StepContext, day: date) -> pd.DataFrame:
    """Parent order -> version that worked it."""
    market = context.market
    orders = context.lake.read_day(SILVER["parent_orders"], market.name, day).to_pandas()[["parent_order_id"]]
    told = context.lake.read_day(SILVER["assignments"], market.name, day).to_pandas()
    known = told.set_index("parent_order_id")["policy_version"]
    champion = policy_in_force(context.settings, market, day).version
    return orders.assign(policy_version=orders["parent_order_id"].map(known).fillna(champion))


def _realised(context: StepContext, day: date) -> pd.Series | None:
    """Parent order -> shares that rested and filled; None where the desk's fills are not a market's."""
    fills = context.lake.read_day(SILVER["fills"], context.market.name, day).to_pandas()
    if fills.empty or not fills["fill_model"].isin(REAL_FILLS).all():
        return None
    return fills[fills["liquidity"] == "maker"].groupby("parent_order_id")["shares"].sum()


def _paid(context: StepContext, day: date) -> pd.Series:
    costs = context.lake.read_day(COSTS, context.market.name, day).to_pandas()
    return costs.set_index("parent_order_id")["arrival_cost_bps"]


def session_fills(context: StepContext, day: date, predicted: pd.DataFrame) -> SessionFills | None:
    """One session's orders, predicted and realised; None where nothing can be compared."""
    rested = _realised(context, day)
    if rested is None:
        return None
    own = predicted[predicted["session"] == day].drop_duplicates(["parent_order_id", "policy_version"])
    rows = _versions(context, day).merge(own, on=["parent_order_id", "policy_version"], validate="1:1")
    if rows.empty:
        return None
    realised = (rows["parent_order_id"].map(rested).fillna(0.0) * rows["arrival_price"]).sum()
    difference = (rows["arrival_cost_bps"] - rows["parent_order_id"].map(_paid(context, day))).dropna()
    mean = None if difference.empty else float(difference.mean())
    return SessionFills(str(day), len(rows), float(rows["predicted"].sum()), float(realised), mean)


def tonights_fills(context: StepContext) -> tuple[SessionFills, ...]:
    """Every session that tonight's backtest replayed and the desk really traded, ascending."""
    predicted = _predicted(context)
    days = sorted(set(predicted["session"]))
    found = [session_fills(context, day, predicted) for day in days]
    return tuple(one for one in found if one is not None)


def recorded_fills(context: StepContext) -> tuple[SessionFills, ...]:
    """What earlier nights found for their own session, as they recorded it in `gold.health`."""
    days = [day for day in context.lake.days(HEALTH, context.market.name) if day < context.night]
    names = ["trade_date", "step", "check_name", "figure"]
    rows = context.lake.read(HEALTH, context.market.name, days[-HISTORY_SESSIONS:], names).to_pandas()
    kept = rows[(rows["step"] == "gate") & rows["check_name"].isin((RATIO, DIFFERENCE))]
    table = kept.pivot_table(index="trade_date", columns="check_name", values="figure", aggfunc="first")
    return tuple(_recorded(str(day), told) for day, told in table.iterrows())


def _recorded(day: str, told: pd.Series) -> SessionFills:
    ratio, difference = (told.get(name) for name in (RATIO, DIFFERENCE))
    known = None if difference is None or pd.isna(difference) else float(difference)
    return SessionFills(day, 1, float("nan") if ratio is None else float(ratio), 1.0, known)


def of_session(found: Sequence[SessionFills], day: date) -> SessionFills | None:
    """Tonight's own session among them."""
    return next((one for one in found if one.session == str(day)), None)
