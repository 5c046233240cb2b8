"""What the desk logs of a replayed symbol-day, as columns of `decisions`, `child_orders`, `fills`.

Names grow from the client's order: decision `<parent>-d007`, child `<parent>-c003`, fill `<child>-f01`, numbered in the
order in which they happened. A cross without a limit is a market order. Prices are as the order saw them: planted
alpha and our own stated impact are in them, so they may lie off the tick grid.

    >>> counted(np.array([5, 5, 2, 5])).tolist()
    [1, 2, 1, 3]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.costs import fees_notional
from infra.markets import Market
from infra.tables import NOUNS
from models.policy import ACTIONS
from models.production import Production
from models.replay import OrderArrays, ReplayLog
from pipelines.desk.limit_log import NOUN as LIMIT_EVENTS
from pipelines.desk.limit_log import HeldBack, limit_event_rows
from pipelines.desk.noun_rows import noun_rows, utc
from pipelines.desk.served import NO_KNOWLEDGE, DeskKnowledge, Served, served_rows

Long = npt.NDArray[np.int64]
VENUE = "LIT"
REASONS = ("filled", "cancelled", "expired")
SIDES = {1.0: "buy", -1.0: "sell"}


@dataclass(frozen=True)
class WorkedSymbol:
    """One symbol's orders, what the replay logged of them, and which model the fills follow.

    served: what was in hand at the instants of decisions. arms: that each order was assigned to.
    """

    symbol: str
    orders: OrderArrays
    log: ReplayLog
    fill_model: str
    served: Served
    arms: Sequence[str]


def counted(owners: Long) -> Long:
    """(n) 1, 2, 3, … within each owner, in the order given."""
    order = np.argsort(owners, kind="stable")
    ordered = owners[order]
    first = np.searchsorted(ordered, ordered, side="left")
    numbers = np.empty(len(owners), np.int64)
    numbers[order] = np.arange(len(owners)) - first + 1
    return numbers


def named(bases: Sequence[str], owners: Long, letter: str, width: int) -> list[str]:
    """Names that grow from those of the owners: letter and a number that counts up within each."""
    pairs = zip(owners.tolist(), counted(owners).tolist(), strict=True)
    return [f"{bases[owner]}-{letter}{number:0{width}d}" for owner, number in pairs]


def picked(texts: Sequence[str], places: Long) -> list[str]:
    """The texts at places."""
    return [texts[place] for place in places.tolist()]


def _sides(worked: WorkedSymbol, places: Long) -> list[str]:
    return [SIDES[side] for side in worked.orders.side[places].tolist()]


def decision_columns(worked: WorkedSymbol, production: Production) -> dict[str, Any]:
    """Columns of `decisions`; `signal_bps` is null for a policy that reads none."""
    log, parents, policies = worked.log, worked.orders.parent_order_id.tolist(), production.policies
    count, which = len(log.decision_ns), log.decision_policy
    reads_signal = np.array([policy.parameters.reads_signal for policy in policies])[which]
    return {
        "decision_id": named(parents, log.decision_order, "d", 3),
        "parent_order_id": picked(parents, log.decision_order),
        "symbol": [worked.symbol] * count,
        "event_at_ns": log.decision_ns,
        "policy_version": picked([policy.version for policy in policies], which),
        "policy_digest": picked([policy.digest for policy in policies], which),
        "action": picked(ACTIONS, log.decision_action),
        "decided_shares": log.decision_shares,
        "propensity": np.ones(count),
        "signal_bps": np.where(reads_signal, log.decision_signal_bps, np.nan),
        "arm": picked(worked.arms, log.decision_order),
        "rollout_id": [production.rollout_id] * count,
        "phase": [production.phase] * count,
        "epoch": [production.epoch] * count,
    }


def held_back(worked: WorkedSymbol) -> HeldBack:
    """What limits made smaller."""
    log, parents = worked.log, worked.orders.parent_order_id.tolist()
    decisions = named(parents, log.decision_order, "d", 3)
    return HeldBack(
        worked.symbol, picked(parents, log.event_order), picked(decisions, log.event_decision),
        picked(worked.arms, log.event_order), log.event_policy, log.event_limit, log.event_ns,
        log.event_asked_shares, log.event_sent_shares, log.event_figure, log.event_allowed,
    )  # fmt: skip


def child_columns(worked: WorkedSymbol) -> dict[str, Any]:
    """Columns of `child_orders`."""
    log, parents = worked.log, worked.orders.parent_order_id.tolist()
    decisions = named(parents, log.decision_order, "d", 3)
    return {
        "child_order_id": named(parents, log.child_order, "c", 3),
        "parent_order_id": picked(parents, log.child_order),
        "decision_id": picked(decisions, log.child_decision),
        "symbol": [worked.symbol] * len(log.child_order),
        "side": _sides(worked, log.child_order),
        "event_at_ns": log.child_sent_ns,
        "ended_at": utc(log.child_ended_ns),
        "order_type": np.where(np.isnan(log.child_price), "market", "limit").tolist(),
        "limit_price": log.child_price,
        "child_shares": log.child_shares,
        "filled_shares": np.minimum(log.child_filled_shares, log.child_shares),
        "end_reason": picked(REASONS, log.child_reason),
        "venue": [VENUE] * len(log.child_order),
    }


def fill_columns(worked: WorkedSymbol, market: Market) -> dict[str, Any]:
    """Columns of `fills`, with fees of the market."""
    log, parents = worked.log, worked.orders.parent_order_id.tolist()
    children, side = named(parents, log.child_order, "c", 3), worked.orders.side[log.fill_order]
    fees, notional = market.fees, log.fill_price * log.fill_shares
    return {
        "fill_id": named(children, log.fill_child, "f", 2),
        "child_order_id": picked(children, log.fill_child),
        "parent_order_id": picked(parents, log.fill_order),
        "symbol": [worked.symbol] * len(log.fill_order),
        "side": _sides(worked, log.fill_order),
        "event_at_ns": log.fill_ns,
        "price": log.fill_price,
        "shares": log.fill_shares,
        "liquidity": np.where(log.fill_is_maker, "maker", "taker").tolist(),
        "fee_notional": fees_notional(
            side, log.fill_is_maker, notional, fees.maker_bps, fees.taker_bps, fees.sell_tax_bps
        ),
        "fill_model": [worked.fill_model] * len(log.fill_order),
    }


def log_rows(
    market: Market,
    day: date,
    worked: Iterable[WorkedSymbol],
    production: Production,
    knowledge: DeskKnowledge = NO_KNOWLEDGE,
) -> Mapping[str, pa.Table]:
    """Rows of `decisions`, `served_features`, `child_orders` and `fills` of a session, sorted as declared.

    `limit_events` comes with them where there are any.
    """
    parts: dict[str, list[pa.Table]] = {"decisions": [], "served_features": [], "child_orders": [], "fills": []}
    for one in worked:
        if len(one.log.event_ns):
            parts.setdefault(LIMIT_EVENTS, []).append(limit_event_rows(market, day, production, [held_back(one)]))
        parts["served_features"].append(served_rows(market, day, [one.served], knowledge))
        parts["decisions"].append(noun_rows("decisions", market, day, decision_columns(one, production)))
        parts["child_orders"].append(noun_rows("child_orders", market, day, child_columns(one)))
        parts["fills"].append(noun_rows("fills", market, day, fill_columns(one, market)))
    return {
        noun: pa.concat_tables([NOUNS[noun].arrow_schema.empty_table(), *tables])
        .sort_by([(name, "ascending") for name in NOUNS[noun].sort_by])
        .combine_chunks()
        for noun, tables in parts.items()
    }
