"""Child orders beyond a limit of their version, found again from the desk's log alone: the second look at the check.

Nothing of `models/limits_check.py` is used, so that a mistake there is seen here. The definitions are those of its
docstring, read off the nouns: a child is worth its shares at its limit price, the book is the last row published at or
before the decision, volume is `traded_shares` of the rows up to it. Children of one instant are looked at together.

    >>> audit_limits(Log(*[pd.DataFrame()] * 5), "sample.execution/3", None, "sample.execution/0")
    ()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.limits import Limits
from models.replay_tape import SessionClock
from pipelines.desk.limit_walk import rows_of, sends

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
NS = 1_000_000_000
VOLUME_NS = 300 * NS
ALWAYS_OPEN = SessionClock()
WIDTH = 1e-9
"""Because sums of the same terms in another order differ in the last binary digits."""


@dataclass(frozen=True)
class Log:
    """One session of a desk as pandas frames; its hours, and the lot, of which one is within any participation."""

    parent_orders: pd.DataFrame
    decisions: pd.DataFrame
    child_orders: pd.DataFrame
    fills: pd.DataFrame
    book_snapshots: pd.DataFrame
    lot_shares: float = 100.0
    clock: SessionClock = ALWAYS_OPEN


@dataclass(frozen=True)
class Breach:
    """One child beyond one limit."""

    child_order_id: str
    limit_name: str
    figure: float
    allowed: float


def _children(log: Log) -> pd.DataFrame:
    """Child orders with what they are worth, whose they are, and when they were decided."""
    decided = log.decisions.set_index("decision_id")[["policy_version", "event_at_ns"]]
    decided.columns = ["policy_version", "decided_ns"]
    found = log.child_orders.join(decided, on="decision_id")
    found["sign"] = np.where(found["side"] == "buy", 1.0, -1.0)
    found["value"] = found["child_shares"] * found["limit_price"]
    found["decided_clock_ns"] = log.clock.to_clock(found["decided_ns"].to_numpy(np.int64))
    found["ended_ns"] = found["ended_at"].astype("datetime64[ns, UTC]").astype("int64")
    return found.sort_values(["event_at_ns", "symbol", "child_order_id"], ignore_index=True)


def _is_beyond(figure: float, allowed: float) -> bool:
    return not figure <= allowed * (1.0 + WIDTH)


def _of_each(mine: pd.DataFrame, limits: Limits) -> Iterator[Breach]:
    """Symbol, venue, value of each child, and what was sent in all."""
    sent = mine["value"].cumsum()
    for place, row in enumerate(rows_of(mine)):
        if limits.symbols and row.symbol not in limits.symbols:
            yield Breach(row.child_order_id, "symbols", 0.0, 1.0)
        if row.venue not in limits.venues:
            yield Breach(row.child_order_id, "venues", 0.0, 1.0)
        figures = {
            "order_notional": row.value, "session_notional": sent.iloc[place], "session_orders": float(place + 1),
        }  # fmt: skip
        for name, figure in figures.items():
            if _is_beyond(figure, getattr(limits, name)):
                yield Breach(row.child_order_id, name, figure, getattr(limits, name))


@dataclass(frozen=True)
class _Books:
    """Published rows of one symbol: times of open market, volume up to each, far touch of buyers and sellers."""

    times: Long
    traded: Float
    far: Mapping[float, Float]

    def seen(self, at_ns: int) -> int:
        return int(np.searchsorted(self.times, at_ns, side="right")) - 1

    def volume(self, start_ns: int, at_ns: int) -> float:
        before = self.seen(start_ns)
        return float(self.traded[self.seen(at_ns)] - (self.traded[before] if before >= 0 else 0.0))


def _books(log: Log, symbol: str) -> _Books:
    rows = log.book_snapshots[log.book_snapshots["symbol"] == symbol].sort_values("event_at_ns")
    far = {1.0: rows["ask_price_1"].to_numpy(), -1.0: rows["bid_price_1"].to_numpy()}
    return _Books(
        log.clock.to_clock(rows["event_at_ns"].to_numpy(np.int64)), np.nancumsum(rows["traded_shares"].to_numpy()), far
    )


def _in_time(log: Log, mine: pd.DataFrame, limits: Limits) -> Iterator[Breach]:
    """Price collar, participation and position."""
    starts_ns = log.clock.to_clock(log.parent_orders["event_at_ns"].to_numpy(np.int64)).tolist()
    starts = dict(zip(log.parent_orders["parent_order_id"], starts_ns, strict=True))
    books = {str(symbol): _books(log, str(symbol)) for symbol in mine["symbol"].unique()}
    children = {row.child_order_id: row for row in rows_of(mine)}
    for state, child in sends(mine, log.fills):
        book, decided = books[child.symbol], child.decided_clock_ns
        far = book.far[child.sign][book.seen(decided)]
        beyond = child.sign * (child.limit_price - far) / far * 1e4
        if not beyond <= limits.price_collar_bps + 1e-6:
            yield Breach(child.child_order_id, "price_collar_bps", beyond, limits.price_collar_bps)
        volume = book.volume(min(starts[child.parent_order_id], decided - VOLUME_NS), decided)
        own, allowed = state.own_shares[child.parent_order_id], max(log.lot_shares, limits.participation * volume)
        if _is_beyond(own, allowed):
            yield Breach(child.child_order_id, "participation", own, allowed)
        exposure = state.exposure(child.sign, children)
        if _is_beyond(exposure, limits.position_notional):
            yield Breach(child.child_order_id, "position_notional", exposure, limits.position_notional)


def _repeats(log: Log, mine: pd.DataFrame, limits: Limits) -> Iterator[Breach]:
    """Children of a parent in a row without a fill between them."""
    filled = {str(name): group["event_at_ns"].to_numpy() for name, group in log.fills.groupby("parent_order_id")}
    for parent, children in mine.groupby("parent_order_id"):
        fills = np.sort(filled.get(str(parent), np.empty(0, np.int64)))
        before = np.searchsorted(fills, children["event_at_ns"].to_numpy(), side="left")
        row = 0
        for place, child_id in enumerate(children["child_order_id"]):
            row = 1 if place == 0 or before[place] > before[place - 1] else row + 1
            if row > limits.repeats:
                yield Breach(child_id, "repeats", float(row), float(limits.repeats))


def _costs(log: Log, children: pd.DataFrame) -> pd.DataFrame:
    """Fills with what they are worth and cost against the mid at arrival, fees included."""
    books = log.book_snapshots[["symbol", "event_at_ns", "bid_price_1", "ask_price_1"]].sort_values("event_at_ns")
    seen = pd.merge_asof(log.parent_orders.sort_values("event_at_ns"), books, on="event_at_ns", by="symbol")
    arrival = ((seen["bid_price_1"] + seen["ask_price_1"]) / 2.0).set_axis(seen["parent_order_id"])
    fills = log.fills.merge(children[["child_order_id", "sign", "policy_version"]], on="child_order_id")
    moved = fills["sign"] * (fills["price"] - fills["parent_order_id"].map(arrival)) * fills["shares"]
    costs = fills.assign(cost=moved + fills["fee_notional"], value=fills["price"] * fills["shares"])
    return costs.sort_values("event_at_ns", ignore_index=True)


def _until(costs: pd.DataFrame, at_ns: Long) -> tuple[Float, Float]:
    """Cost and value of fills before each instant."""
    place = np.searchsorted(costs["event_at_ns"].to_numpy(), at_ns, side="left")
    cost, value = (np.concatenate([[0.0], costs[name].to_numpy().cumsum()]) for name in ("cost", "value"))
    return cost[place], value[place]


def _stops(log: Log, children: pd.DataFrame, mine: pd.DataFrame, limits: Limits, champion: str) -> Iterator[Breach]:
    """Children decided after the version had cost its stop more than the champion's rate."""
    costs, version = _costs(log, children), mine["policy_version"].iloc[0]
    decided = mine["decided_ns"].to_numpy()
    own_cost, own_value = _until(costs[costs["policy_version"] == version], decided)
    cost, value = _until(costs[costs["policy_version"] == champion], decided)
    excess = own_cost - np.divide(cost, value, out=np.zeros(len(cost)), where=value > 0.0) * own_value
    for place in np.flatnonzero(~(excess < limits.stop_notional + 1e-6)).tolist():
        name = mine["child_order_id"].iloc[place]
        yield Breach(name, "stop_notional", float(excess[place]), limits.stop_notional)


def audit_limits(log: Log, version: str, limits: Limits | None, champion: str) -> tuple[Breach, ...]:
    """Every breach of one version's limits in a session; none where it has no limits or sent nothing."""
    if limits is None or log.child_orders.empty:
        return ()
    children = _children(log)
    mine = children[children["policy_version"] == version]
    if mine.empty:
        return ()
    return (
        *_of_each(mine, limits),
        *_in_time(log, mine, limits),
        *_repeats(log, mine, limits),
        *_stops(log, children, mine, limits, champion),
    )
