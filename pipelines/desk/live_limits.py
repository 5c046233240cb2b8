"""Limits of the versions on a live desk: the figures that `models/limits_check.py` is asked with, and who was stopped.

A version's limits hold for its whole session, over all desks. Desks share nothing while they trade, so what is counted
over a session (notional, orders, position, money lost) is dealt out: each of N desks has an N-th part, and all of them
together can never exceed the whole. What is asked of one child or one parent holds at each desk as it stands.

A version that a limit stopped stays stopped for the session, over restarts too; its parents pass to the champion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from features.costs import BUY, SELL, fee_notional
from infra.markets import Market
from models.limits import Limits, limits_from
from models.limits_check import (
    COST_NOTIONAL,
    FILLED_NOTIONAL,
    LIMIT_NAMES,
    NO_LIMIT,
    REPEATS,
    SENT_NOTIONAL,
    SENT_ORDERS,
    STOP_NOTIONAL,
    STOPPED,
    USED_FIGURES,
    VOLUME_SECONDS,
    Float,
    allowed_lots,
    excess_notional,
    limit_row,
)
from models.limits_check import Child as AskedChild
from models.market_live import Execution
from models.market_parameters import LOT_SHARES, ROW_SECONDS
from pipelines.desk.live_children import Child, ChildOrders
from pipelines.desk.live_feed import SymbolFeed
from pipelines.desk.live_parents import ParentFacts, price_of
from pipelines.desk.paper_log import VENUE

DEALT = ("session_notional", "session_orders", "position_notional", "stop_notional")
"""Counted over the whole session of a version."""


@dataclass(frozen=True)
class Allowed:
    """How many lots may go out. limit: the one that says less, None for none; figure, most: it found, it allows."""

    lots: int
    limit: str | None = None
    figure: float = float("nan")
    most: float = float("nan")


def dealt_limits(told: Mapping[str, Any], of: int) -> Limits:
    """The part of a version's limits that one of `of` desks has."""
    limits = limits_from(told)
    parts = {name: getattr(limits, name) / of for name in DEALT if name != "session_orders"}
    return replace(limits, session_orders=limits.session_orders // of, **parts)


def market_lots(feed: SymbolFeed, second: int, start: int) -> float:
    """Lots that the market published since `start`, or since `VOLUME_SECONDS` ago where that is earlier."""
    first = max(0, min(start, second - VOLUME_SECONDS)) // ROW_SECONDS
    traded = feed.mirror.state.row_traded[first + 1 : second // ROW_SECONDS + 1, 0]
    return float(traded.sum())


class LimitBook:
    """What each version sent, filled and lost at this desk; `stopped` says why one may send nothing more."""

    def __init__(self, market: Market, of: int, orders: ChildOrders, feeds: Mapping[str, SymbolFeed]) -> None:
        self._market, self._of, self._orders, self._feeds = market, of, orders, feeds
        self.stopped: dict[str, str] = {}
        self._used: dict[str, Float] = {}
        self._net: dict[str, float] = {}
        self._repeats: dict[str, int] = {}
        self._booked: dict[str, int] = {}
        self._arrival: dict[str, float] = {}
        self._rows: dict[tuple[str, str], Float] = {}
        self._told: Mapping[str, Mapping[str, Any]] = {}

    def take_limits(self, told: Mapping[str, Mapping[str, Any]]) -> None:
        """The limits of a snapshot, by version."""
        if told is not self._told:
            self._told, self._rows = told, {}

    def collar_bps(self, version: str) -> float | None:
        """How far beyond the far touch a version may price a child, None without limits."""
        told = self._told.get(version)
        return None if told is None else float(told["price_collar_bps"])

    def arrive(self, parent_id: str, mid_price: float) -> None:
        """The price that a parent's cost is counted from."""
        self._arrival.setdefault(parent_id, mid_price)

    def book_fills(self, child: Child, facts: ParentFacts) -> None:
        """Count what a child filled since it was last booked."""
        name = child.sent.order.child_id
        fresh = child.fills[self._booked.get(name, 0) :]
        self._booked[name] = len(child.fills)
        if fresh:
            self._repeats[facts.parent_order_id] = 0
        for fill in fresh:
            self._book(child.sent.version, facts, fill)

    def count(self, version: str, parent_id: str, lots: int, lot_notional: float) -> None:
        """A child goes out."""
        used = self._figures(version)
        used[SENT_NOTIONAL] += lots * lot_notional
        used[SENT_ORDERS] += 1.0
        self._repeats[parent_id] = self._repeats.get(parent_id, 0) + 1

    def ask(self, version: str, champion: str, facts: ParentFacts, place: int, lots: int) -> tuple[Allowed, float]:
        """Lots of a child that may go out at a place, and the value of a lot. It notes a version as stopped."""
        feed = self._feeds[facts.symbol]
        child = self._asked(version, facts, feed, place)
        if self._told.get(version) is None and version not in self.stopped:
            return Allowed(lots), child.lot_notional
        used = self._figures(version)
        excess = excess_notional(used, self._figures(champion))
        sent, code, figure, most = allowed_lots(self._row(version, facts.symbol), used, child, excess, lots)
        if code == NO_LIMIT:
            return Allowed(int(sent)), child.lot_notional
        name = LIMIT_NAMES[code]
        if code in (REPEATS, STOP_NOTIONAL):
            used[STOPPED] = float(code)
            self.stopped.setdefault(version, f"{name} {figure:g}, allowed {most:g}")
        return Allowed(int(sent), name, float(figure), float(most)), child.lot_notional

    def bar(self, version: str, limit: str, why: str) -> None:
        """A journal says that a limit stopped a version."""
        self.stopped[version] = why
        self._figures(version)[STOPPED] = float(LIMIT_NAMES.index(limit))

    def _figures(self, version: str) -> Float:
        return self._used.setdefault(version, np.zeros(USED_FIGURES))

    def _row(self, version: str, symbol: str) -> Float:
        if (version, symbol) not in self._rows:
            told = self._told.get(version)
            limits = None if told is None else dealt_limits(told, self._of)
            self._rows[(version, symbol)] = limit_row(limits, symbol, VENUE)
        return self._rows[(version, symbol)]

    def _book(self, version: str, facts: ParentFacts, fill: Execution) -> None:
        fees, origin = self._market.fees, int(self._feeds[facts.symbol].mirror.state.origin)
        price, shares, used = price_of(fill.place, origin), float(fill.lots * LOT_SHARES), self._figures(version)
        side = BUY if facts.sign > 0 else SELL
        fee = fee_notional(side, fill.is_maker, price * shares, fees.maker_bps, fees.taker_bps, fees.sell_tax_bps)
        arrival = self._arrival.get(facts.parent_order_id, price)
        used[FILLED_NOTIONAL] += price * shares
        used[COST_NOTIONAL] += facts.sign * (price - arrival) * shares + fee
        self._net[version] = self._net.get(version, 0.0) + facts.sign * price * shares

    def _exposure(self, version: str, sign: int, open_now: Iterable[Child]) -> float:
        """Currency bought less sold, or the other way round, with all that is open on that side filled."""
        found = sign * self._net.get(version, 0.0)
        for child in open_now:
            if child.sent.version == version and child.sent.sign == sign:
                origin = int(self._feeds[child.sent.order.symbol].mirror.state.origin)
                found += child.open_lots * LOT_SHARES * price_of(child.place, origin)
        return found

    def _asked(self, version: str, facts: ParentFacts, feed: SymbolFeed, place: int) -> AskedChild:
        """What the check is asked with."""
        quote, origin, second = feed.quote, int(feed.mirror.state.origin), int(feed.mirror.state.second)
        far = quote.ask if facts.sign > 0 else quote.bid
        dearest = place if facts.sign > 0 else max(place, quote.bid)
        name = facts.parent_order_id
        own_lots = self._orders.filled_lots(name) + self._orders.open_lots(name)
        return AskedChild(
            price_of(dearest, origin) * LOT_SHARES,
            float(LOT_SHARES),
            facts.sign * (place - far) / (far + origin) * 1e4,
            self._exposure(version, facts.sign, self._orders.open()),
            float(own_lots * LOT_SHARES),
            market_lots(feed, second, facts.start) * LOT_SHARES,
            self._repeats.get(name, 0),
        )
