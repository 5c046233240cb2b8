"""Parent orders of a session with what they cost, joined to the arm they were assigned to: rows for the evidence.

One place that names the columns read from `silver.assignments`, `silver.parent_orders` and `gold.costs`, so that
evening, plan and page count the same orders. Unit and stratum of orders before there were assignments are made by the
same functions that the desk assigns with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from infra.tables import COSTS, SILVER
from models.assignment import stratum, unit_of
from models.rollout.scores import OrderRows, Spread, UnitCosts, spread_of, unit_costs
from pipelines.step import StepContext

HISTORY_SESSIONS = 60
"""A quarter: long enough for the spread of units to settle, short enough to follow a desk whose flow changes."""
TAIL_QUANTILE = 0.99


def frame(context: StepContext, noun: str, days: Sequence[date]) -> pd.DataFrame:
    """Rows of a silver noun as pandas; empty with the right columns where a day has none."""
    return context.lake.read(SILVER[noun], context.market.name, list(days)).to_pandas()


def orders_with_costs(context: StepContext, days: Sequence[date]) -> pd.DataFrame:
    """Parent orders of the days with unit, stratum, cost and notional; NaN where an order has no cost."""
    orders = frame(context, "parent_orders", days)
    costs = context.lake.read(COSTS, context.market.name, list(days)).to_pandas()
    costs = costs[["trade_date", "parent_order_id", "arrival_cost_bps", "order_notional", "filled_fraction"]]
    joined = orders.merge(costs, how="left", on=["trade_date", "parent_order_id"], validate="one_to_one")
    keys = zip(joined["account"], joined["basket"], joined["symbol"], joined["side"], joined["trade_date"], strict=True)
    joined["unit"] = [
        unit_of(account, basket if isinstance(basket, str) else None, symbol, side, day)
        for account, basket, symbol, side, day in keys
    ]
    joined["stratum"] = [stratum(float(rate)) for rate in joined["participation_rate"]]
    return joined


def rows_of(orders: pd.DataFrame, arms: pd.Series) -> OrderRows:
    """Orders that have a cost, with the arm of each."""
    known = np.isfinite(orders["arrival_cost_bps"].to_numpy(float))
    kept = orders[known]
    return OrderRows(
        kept["unit"].to_numpy(object),
        arms[known].to_numpy(object),
        kept["stratum"].to_numpy(object),
        kept["arrival_cost_bps"].to_numpy(float),
        kept["order_notional"].to_numpy(float),
    )


def units_of_history(orders: pd.DataFrame) -> UnitCosts:
    """Units of earlier sessions, arms apart; the unit's name holds its session."""
    return unit_costs(rows_of(orders, pd.Series("any", index=orders.index)))


def history_spread(orders: pd.DataFrame, tau_bps: float) -> Spread | None:
    """Spread of units before the session; None where there is no history."""
    if orders.empty:
        return None
    units = units_of_history(orders)
    return spread_of(units.cost_bps, units.stratum, tau_bps)


def tail_limit_bps(orders: pd.DataFrame) -> float:
    """The historic 99 % quantile of order costs, NaN without history: what counts as dear."""
    costs = orders["arrival_cost_bps"].to_numpy(float)
    known = costs[np.isfinite(costs)]
    return float(np.quantile(known, TAIL_QUANTILE)) if len(known) else float("nan")
