"""What the desk logs of a session: `decisions`, `child_orders`, `fills`, `limit_events`, from the model's arrays.

Names grow from the client's order: decision `<parent>-d007`, child `<parent>-c003`, fill `<child>-f001`, numbered in
time order. Every child is a limit order on the lit book; a cross is a marketable one whose rest is cancelled at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.costs import BUY, SELL, fee_notional
from infra.markets import Market
from models.market import OpenMarket
from models.market_parameters import LOT_SHARES
from models.market_state import (
    C_DECISION,
    C_FILLED,
    C_LOTS,
    C_PARENT,
    C_REASON,
    C_TICK,
    E_ASKED,
    E_DECISION,
    E_LIMIT,
    E_PARENT,
    E_POLICY,
    E_SENT,
)
from models.policy import ACTIONS
from models.production import Production
from pipelines.desk.limit_log import NOUN, HeldBack, limit_event_rows
from pipelines.desk.noun_rows import noun_rows, utc
from pipelines.desk.paper_market import TICKS_PER_UNIT, to_ns

VENUE = "LIT"
REASONS = ("filled", "cancelled", "expired")
LIQUIDITY = ("taker", "maker")


def _numbered(owners: Sequence[str], pattern: str) -> list[str]:
    """Names that count up within each owner."""
    seen: dict[str, int] = {}
    names = []
    for owner in owners:
        seen[owner] = seen.get(owner, 0) + 1
        names.append(f"{owner}{pattern.format(seen[owner])}")
    return names


def _picked(texts: Sequence[str], places: npt.NDArray[np.int64]) -> list[str]:
    return [texts[place] for place in places.tolist()]


class _SymbolLog:
    """One symbol's log, as columns."""

    def __init__(
        self, market: Market, one: OpenMarket, parents: pa.Table, arms: pa.Table, production: Production, open_ns: int
    ) -> None:
        self.market, self.state, self.production, self.open_ns = market, one.state, production, open_ns
        self.arms = arms["arm"].to_pylist()
        self.symbol = one.session.parameters.symbol
        self.sides = parents.column("side").to_pylist()
        self.decision = one.state.decision[: one.state.decisions]
        self.child = one.state.child[: one.state.children]
        self.fill = one.state.execution[: one.state.fills]
        self.parent_names = parents.column("parent_order_id").to_pylist()
        self.decision_names = _numbered(_picked(self.parent_names, self.decision[:, 0]), "-d{:03d}")
        self.child_names = _numbered(_picked(self.parent_names, self.child[:, C_PARENT]), "-c{:03d}")

    def _price(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return np.asarray((places + self.state.origin) / TICKS_PER_UNIT, np.float64)

    def decisions(self) -> dict[str, Any]:
        policies, which = self.production.policies, self.decision[:, 4]
        reads_signal = np.array([policy.parameters.reads_signal for policy in policies])[which]
        signal, count = self.state.decision_signal[: self.state.decisions], len(self.decision)
        return {
            "decision_id": self.decision_names,
            "parent_order_id": _picked(self.parent_names, self.decision[:, 0]),
            "symbol": [self.symbol] * len(self.decision),
            "event_at_ns": to_ns(self.open_ns, self.decision[:, 1].astype(np.float64)),
            "policy_version": _picked([policy.version for policy in policies], which),
            "policy_digest": _picked([policy.digest for policy in policies], which),
            "action": _picked(ACTIONS, self.decision[:, 2]),
            "decided_shares": self.decision[:, 3] * float(LOT_SHARES),
            "propensity": np.ones(len(self.decision)),
            "signal_bps": np.where(reads_signal, signal, np.nan),
            "arm": _picked(self.arms, self.decision[:, 0]),
            "rollout_id": [self.production.rollout_id] * count,
            "phase": [self.production.phase] * count,
            "epoch": [self.production.epoch] * count,
        }

    def held_back(self) -> HeldBack:
        """What limits made smaller."""
        event, figure = self.state.event[: self.state.events], self.state.event_figure[: self.state.events]
        return HeldBack(
            self.symbol,
            _picked(self.parent_names, event[:, E_PARENT]),
            _picked(self.decision_names, event[:, E_DECISION]),
            _picked(self.arms, event[:, E_PARENT]),
            event[:, E_POLICY],
            event[:, E_LIMIT],
            to_ns(self.open_ns, self.state.event_at[: self.state.events]),
            event[:, E_ASKED] * float(LOT_SHARES),
            event[:, E_SENT] * float(LOT_SHARES),
            figure[:, 0],
            figure[:, 1],
        )

    def child_orders(self) -> dict[str, Any]:
        at = self.state.child_at[: self.state.children]
        return {
            "child_order_id": self.child_names,
            "parent_order_id": _picked(self.parent_names, self.child[:, C_PARENT]),
            "decision_id": _picked(self.decision_names, self.child[:, C_DECISION]),
            "symbol": [self.symbol] * len(self.child),
            "side": _picked(self.sides, self.child[:, C_PARENT]),
            "event_at_ns": to_ns(self.open_ns, at[:, 0]),
            "ended_at": utc(to_ns(self.open_ns, at[:, 1])),
            "order_type": ["limit"] * len(self.child),
            "limit_price": self._price(self.child[:, C_TICK]),
            "child_shares": self.child[:, C_LOTS] * float(LOT_SHARES),
            "filled_shares": self.child[:, C_FILLED] * float(LOT_SHARES),
            "end_reason": _picked(REASONS, self.child[:, C_REASON]),
            "venue": [VENUE] * len(self.child),
        }

    def fills(self) -> dict[str, Any]:
        child, shares, price = self.fill[:, 0], self.fill[:, 2] * float(LOT_SHARES), self._price(self.fill[:, 1])
        parent = self.child[child, C_PARENT]
        sides, children = _picked(self.sides, parent), _picked(self.child_names, child)
        return {
            "fill_id": _numbered(children, "-f{:03d}"),
            "child_order_id": children,
            "parent_order_id": _picked(self.parent_names, parent),
            "symbol": [self.symbol] * len(self.fill),
            "side": sides,
            "event_at_ns": to_ns(self.open_ns, self.state.execution_at[: self.state.fills]),
            "price": price,
            "shares": shares,
            "liquidity": _picked(LIQUIDITY, self.fill[:, 3]),
            "fee_notional": self._fees(sides, shares * price),
            "fill_model": ["market"] * len(self.fill),
        }

    def _fees(self, sides: Sequence[str], notional: npt.NDArray[np.float64]) -> list[float]:
        fees = self.market.fees
        rates = (fees.maker_bps, fees.taker_bps, fees.sell_tax_bps)
        signs = [BUY if side == "buy" else SELL for side in sides]
        rested = (self.fill[:, 3] == 1).tolist()
        found = zip(signs, rested, notional.tolist(), strict=True)
        return [float(fee_notional(sign, is_maker, money, *rates)) for sign, is_maker, money in found]


def desk_rows(
    market: Market,
    day: date,
    markets: Sequence[OpenMarket],
    parents: Sequence[pa.Table],
    arms: Sequence[pa.Table],
    production: Production,
    open_ns: int,
) -> Mapping[str, pa.Table]:
    """`decisions`, `child_orders` and `fills` of a session, `limit_events` where there are any.

    parents and arms: orders and assignments of each market.
    """
    logs = [
        _SymbolLog(market, one, part, drawn, production, open_ns)
        for one, part, drawn in zip(markets, parents, arms, strict=True)
    ]
    columns: dict[str, Callable[[_SymbolLog], dict[str, Any]]] = {
        "decisions": _SymbolLog.decisions,
        "child_orders": _SymbolLog.child_orders,
        "fills": _SymbolLog.fills,
    }
    rows = {
        noun: pa.concat_tables([noun_rows(noun, market, day, made(log)) for log in logs]).combine_chunks()
        for noun, made in columns.items()
    }
    held = limit_event_rows(market, day, production, [log.held_back() for log in logs])
    return rows if held.num_rows == 0 else {**rows, NOUN: held}
