"""What each arm did in a session, counted from the desk's log: the guardrails' input (`models/guardrail_counts.py`).

Units are counted in the arm they were assigned to; children and fills in the arm of their parent. What no table tells
is NaN, never nought, and the guardrail that reads it holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.guardrail_counts import ArmCounts, Children, behaviour_of

NS_PER_MS = 1e6
COMPLETE = 1.0 - 1e-9
CLOSING_NS = 600_000_000_000
"""The last ten minutes: from there a session's close can be moved."""


@dataclass(frozen=True)
class DeskLog:
    """One session of the desk as pandas frames: decisions, child_orders, fills; arms is parent order -> assigned arm.

    limit_children: child orders that went beyond a limit, by arm. volume: symbol -> market volume of the closing
    minutes, in shares. close_ns: the session's close.
    """

    decisions: pd.DataFrame
    child_orders: pd.DataFrame
    fills: pd.DataFrame
    arms: Mapping[str, str]
    limit_children: Mapping[str, int]
    volume: Mapping[str, float]
    close_ns: int


def _side(values: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.where(values.to_numpy() == "buy", 1.0, -1.0)


def own_matches(log: DeskLog) -> float:
    """Pairs of fills of two arms against each other: same symbol, instant and price, opposite sides."""
    fills = log.fills.assign(arm=log.fills["parent_order_id"].map(log.arms))
    found = 0
    for _, group in fills.groupby(["symbol", "event_at_ns", "price"], sort=False):
        buyers, sellers = (set(group.loc[group["side"] == side, "arm"]) for side in ("buy", "sell"))
        found += any(buyer != seller for buyer in buyers for seller in sellers)
    return float(found)


def _children(log: DeskLog, orders: pd.DataFrame, arm: str) -> Children:
    mine = log.child_orders[log.child_orders["parent_order_id"].map(log.arms) == arm]
    parents = orders.set_index("parent_order_id")
    account = mine["parent_order_id"].map(parents["account"])
    group, _ = pd.factorize(account.astype(str) + "|" + mine["symbol"].astype(str))
    return Children(
        np.asarray(group, np.int64),
        _side(mine["side"]),
        _side(mine["parent_order_id"].map(parents["side"])),
        np.asarray(mine["event_at_ns"], np.int64),
        np.asarray(mine["ended_at"].astype("datetime64[ns, UTC]").astype("int64"), np.int64),
        mine["filled_shares"].to_numpy(float),
        (mine["end_reason"] == "cancelled").to_numpy(bool),
    )


def _latency_p99_ms(log: DeskLog, arm: str) -> float:
    """From a decision to its child at the venue: the part of latency that the log tells."""
    mine = log.child_orders[log.child_orders["parent_order_id"].map(log.arms) == arm]
    decided = mine["decision_id"].map(log.decisions.set_index("decision_id")["event_at_ns"])
    waited = (mine["event_at_ns"] - decided).to_numpy(float) / NS_PER_MS
    known = waited[np.isfinite(waited)]
    return float(np.quantile(known, 0.99)) if len(known) else math.nan


def _closing_share(log: DeskLog, arm: str) -> float:
    """Own share of the volume of the closing minutes in the symbol where it is largest."""
    late = log.fills[log.fills["event_at_ns"] >= log.close_ns - CLOSING_NS]
    mine = late[late["parent_order_id"].map(log.arms) == arm].groupby("symbol")["shares"].sum()
    own = {str(symbol): float(shares) for symbol, shares in mine.items()}
    shares = [held / (held + log.volume[name]) for name, held in own.items() if log.volume.get(name, 0.0) > 0.0]
    return max(shares, default=0.0) if log.volume else math.nan


def _reject_units(log: DeskLog, orders: pd.DataFrame) -> float:
    """Units with a child that ended at once and unfilled: what the log tells of a venue's refusal."""
    at_once = (
        log.child_orders["ended_at"].astype("datetime64[ns, UTC]").astype("int64") <= log.child_orders["event_at_ns"]
    )
    refused = at_once & (log.child_orders["filled_shares"] <= 0.0) & (log.child_orders["end_reason"] == "cancelled")
    names = set(log.child_orders.loc[refused, "parent_order_id"])
    return float(orders.loc[orders["parent_order_id"].isin(names), "unit"].nunique())


def arm_counts(log: DeskLog, orders: pd.DataFrame, arm: str, tail_bps: float) -> ArmCounts:
    """Counts of one arm; `orders` are the eligible orders of the session with unit, cost and filled fraction."""
    mine = orders[orders["parent_order_id"].map(log.arms) == arm]
    scored = mine[np.isfinite(mine["arrival_cost_bps"].to_numpy(float))]
    dear = scored[scored["arrival_cost_bps"] > tail_bps]
    open_rest = scored[scored["filled_fraction"] < COMPLETE]
    decided = log.decisions["parent_order_id"].map(log.arms) == arm
    return ArmCounts(
        units=float(mine["unit"].nunique()),
        scored_units=float(scored["unit"].nunique()),
        tail_units=float(dear["unit"].nunique()) if math.isfinite(tail_bps) else math.nan,
        incomplete_units=float(open_rest["unit"].nunique()),
        reject_units=_reject_units(log, mine),
        limit_breaches=float(log.limit_children.get(arm, 0)),
        decisions=float(decided.sum()),
        latency_p99_ms=_latency_p99_ms(log, arm),
        closing_share=_closing_share(log, arm),
        **behaviour_of(_children(log, orders, arm)),
    )
