"""Client orders as a desk works them: what the client instructed, the arm that each was drawn into, what it is at now.

The facts never change here; what changes (assignment at arrival, the target of the last decision, whether the order was
handed over to a person) is kept apart, so that a restart can put it together again from the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from models.market_parameters import TICK
from models.market_state import P_END, P_LIMIT, P_LOTS, P_SIDE, P_START, P_URGENCY
from pipelines.desk.live_day import LiveDay
from pipelines.desk.live_target import Target
from pipelines.desk.paper import market_orders


@dataclass(frozen=True)
class ParentFacts:
    """One client order. row: its place among the symbol's. sign: +1 buys. start, end: seconds from the open.

    limit_ticks: worst price in ticks, None for none. participation_rate: drawn, for its stratum.
    """

    parent_order_id: str
    row: int
    symbol: str
    account: str
    basket: str | None
    side: str
    sign: int
    lots: int
    start: int
    end: int
    limit_ticks: int | None
    urgency: int
    participation_rate: float

    def limit_place(self, origin: int) -> int | None:
        """The limit on the ladder."""
        return None if self.limit_ticks is None else self.limit_ticks - origin


@dataclass(frozen=True)
class Assigned:
    """What was decided at arrival, once and for good. version, digest: of the arm then. arrival_price: the mid then."""

    unit: str
    is_eligible: bool
    reason: str
    stratum: str
    arm: str
    propensity: float
    rollout_id: str | None
    phase: str
    epoch: int
    version: str
    digest: str
    arrival_price: float


@dataclass
class Parent:
    """A client order at work. version, why: of the last decision. handed_over: why a person has it now."""

    facts: ParentFacts
    assigned: Assigned | None = None
    target: Target | None = None
    version: str | None = None
    decisions: int = 0
    children: int = 0
    handed_over: str | None = None
    why: tuple[str, ...] = ()

    def is_active(self, second: float) -> bool:
        """Whether the client's interval runs."""
        return self.facts.start <= second < self.facts.end


def _facts(row: int, told: Mapping[str, Any], numbers: Any) -> ParentFacts:
    limit = int(numbers[P_LIMIT])
    return ParentFacts(
        told["parent_order_id"], row, told["symbol"], told["account"], told["basket"], told["side"],
        int(numbers[P_SIDE]), int(numbers[P_LOTS]), int(numbers[P_START]), int(numbers[P_END]),
        limit if limit > 0 else None, int(numbers[P_URGENCY]), told["participation_rate"],
    )  # fmt: skip


def _parents_of(orders: pa.Table, numbers: np.ndarray[Any, Any]) -> list[Parent]:
    names = ["parent_order_id", "symbol", "account", "basket", "side", "participation_rate"]
    told = orders.select(names).to_pylist()
    return [Parent(_facts(row, one, numbers[row])) for row, one in enumerate(told)]


def parents_of(day: LiveDay) -> dict[str, Parent]:
    """Every client order of the desk's session by its id."""
    found = [
        parent
        for orders in day.orders
        for parent in _parents_of(orders, market_orders(orders, day.open_ns, day.market.lot_shares).fields)
    ]
    return {parent.facts.parent_order_id: parent for parent in found}


def price_of(place: int, origin: int) -> float:
    """Currency of a place on the ladder."""
    return (place + origin) * TICK
