"""What a desk's own history says of its flow: units, their spread, what they are worth, and what limits start from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from infra.errors import EvidenceError
from infra.lake import Lake
from infra.markets import Market
from infra.settings import Settings
from infra.tables import COSTS, SILVER
from models.desk_flow import LEAST_SESSIONS, TAU_BPS, DeskFlow, UnitRows, measured_flow
from models.rollout.plan_draft import MarketFacts
from pipelines.paid import write_costs
from pipelines.rollout.order_costs import HISTORY_SESSIONS, orders_with_costs
from pipelines.runner import market_lock
from pipelines.step import StepContext

ROOM_FOR_LARGE = 2.0
"""An order of tomorrow may be twice the largest of the last quarter before it stops somebody."""


def settle_history(settings: Settings, market: Market) -> None:
    """Costs of the last quarter's sessions where they are not there yet: the history that `bootstrap` brought in."""
    lake = Lake(settings.lake)
    days = tuple(lake.days(SILVER["fills"], market.name)[-HISTORY_SESSIONS:])
    if days:
        with market_lock(settings, market.name, "fillwise plan simulate"):
            write_costs(StepContext(settings, market, days, lake))


def history_context(settings: Settings, market: Market) -> StepContext:
    """The last quarter of sessions with costs. Raises EvidenceError when they are too few."""
    settle_history(settings, market)
    lake = Lake(settings.lake)
    days = lake.days(COSTS, market.name)[-HISTORY_SESSIONS:]
    if len(days) < LEAST_SESSIONS:
        raise EvidenceError(
            "too few sessions to know this desk's flow",
            which=f"market {market.name}",
            found=f"{len(days)} sessions with costs",
            allowed=f"{LEAST_SESSIONS} or more",
            next_step="state the flow: fillwise plan simulate --units N --sigma BPS",
        )
    return StepContext(settings, market, days, lake)


def unit_rows(orders: pd.DataFrame) -> UnitRows:
    """Units of orders with costs, in the order of their names. An order that has no cost is left out."""
    known = orders[np.isfinite(orders["arrival_cost_bps"].to_numpy(float))]
    units = known.assign(cluster=known["symbol"] + "|" + known["side"]).groupby("unit", sort=True)
    return UnitRows(
        units["trade_date"].first().astype(str).to_numpy(object),
        units["cluster"].first().to_numpy(object),
        units["arrival_cost_bps"].mean().to_numpy(float),
        units["order_notional"].sum().to_numpy(float),
        (units["stratum"].agg(lambda found: (found == "large").any())).to_numpy(bool),
    )


def flow_of(orders: pd.DataFrame, tau_bps: float = TAU_BPS) -> DeskFlow:
    """The flow of these orders. Raises EvidenceError when it cannot be measured."""
    found = measured_flow(unit_rows(orders), tau_bps)
    if found is None:
        raise EvidenceError(
            "this desk's flow cannot be measured",
            which="gold.costs",
            found=f"{orders['trade_date'].nunique()} sessions, {len(orders)} orders",
            allowed=f"{LEAST_SESSIONS} sessions or more, costs that are finite",
            next_step="state the flow: fillwise plan simulate --units N --sigma BPS",
        )
    return found


def facts_of(context: StepContext, orders: pd.DataFrame) -> MarketFacts:
    """What limits start from: values of this desk's orders, its child orders and venues of the last sessions."""
    names = ["venue", "child_order_id"]
    recent: Sequence[date] = context.days[-LEAST_SESSIONS:]
    children = context.lake.read(SILVER["child_orders"], context.market.name, recent, names).to_pandas()
    by_day = orders.groupby("trade_date")["order_notional"].sum()
    return MarketFacts(
        market=context.market.name,
        currency=context.market.currency,
        symbols=(),
        venues=tuple(sorted(children["venue"].unique())),
        order_notional=ROOM_FOR_LARGE * float(orders["order_notional"].max()),
        session_notional=float(by_day.max()),
        session_orders=len(children) / len(recent),
    )


def desk_history(settings: Settings, market: Market, tau_bps: float = TAU_BPS) -> tuple[MarketFacts, DeskFlow]:
    """Facts and flow of a market, from its last quarter. Raises EvidenceError when it is too short."""
    context = history_context(settings, market)
    orders = orders_with_costs(context, context.days)
    return facts_of(context, orders), flow_of(orders, tau_bps)
