"""The draw of a session's parent orders into arms, as the paper desk does it when they arrive: rows of `assignments`.

Eligibility is asked first, with what is known at arrival, and is the same for all arms. What is not eligible, or
arrives while one arm is all there is, belongs to the champion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from infra.markets import Market
from models.assignment import OrderFacts, assign, eligibility, stratum, unit_of
from models.production import Production
from pipelines.desk.noun_rows import noun_rows


@dataclass(frozen=True)
class ArrivalFacts:
    """What the desk knows of a symbol when an order arrives. price: for the order's value in currency."""

    price: float
    has_two_sided_book: bool = True
    has_event: bool = False


Arrival = Callable[[Mapping[str, Any]], ArrivalFacts]


def _row(production: Production, day: date, order: Mapping[str, Any], facts: ArrivalFacts) -> dict[str, Any]:
    notional = float(order["order_shares"]) * facts.price
    told = OrderFacts(order["account"], order["symbol"], notional, facts.has_two_sided_book, facts.has_event)
    found = eligibility(told, production.terms)
    unit = unit_of(order["account"], order["basket"], order["symbol"], order["side"], day)
    drawn = assign(unit, production.salt, production.shares) if found.is_eligible else None
    arm = "champion" if drawn is None else drawn.arm
    policy = production.arms[production.place_of(arm)].policy
    return {
        "parent_order_id": order["parent_order_id"], "unit": unit, "account": order["account"],
        "symbol": order["symbol"], "side": order["side"], "event_at_ns": order["event_at_ns"],
        "is_eligible": found.is_eligible, "reason": found.reason, "stratum": stratum(order["participation_rate"]),
        "arm": arm, "propensity": 1.0 if drawn is None else drawn.propensity, "rollout_id": production.rollout_id,
        "phase": production.phase, "epoch": production.epoch, "policy_version": policy.version,
        "policy_digest": policy.digest,
    }  # fmt: skip


def assigned(production: Production, market: Market, day: date, orders: pa.Table, arrival: Arrival) -> pa.Table:
    """Rows of `assignments`, one a parent order, in its order."""
    rows = [_row(production, day, order, arrival(order)) for order in orders.to_pylist()]
    names = rows[0].keys() if rows else ("symbol", "event_at_ns")
    return noun_rows("assignments", market, day, {name: [row[name] for row in rows] for name in names})


def policy_places(production: Production, assignments: pa.Table) -> npt.NDArray[np.int64]:
    """(n) number of the arm that works each order."""
    return np.array([production.place_of(arm) for arm in assignments["arm"].to_pylist()], np.int64)
