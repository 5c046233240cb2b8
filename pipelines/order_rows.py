"""Turns replay outcomes into rows of `gold.backtests` and `gold.costs`, and names a set of orders by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from infra.markets import Market
from infra.tables import BACKTESTS, COSTS
from models.replay import ReplayOutcome
from pipelines.desk_day import DeskDay

Float = npt.NDArray[np.float64]
NS_PER_US = 1000


def order_set_hash(rows: Iterable[pa.Table]) -> str:
    """16 hex digits over id, symbol, side, quantity, start, end and limit of every order, however they are sorted.

    Two policies may be compared only where this is equal.
    """
    names = (
        "parent_order_id",
        "symbol",
        "side",
        "order_shares",
        "instructed_start_at",
        "instructed_end_at",
        "limit_price",
    )
    lines = sorted(
        repr(tuple(row[name] for name in names)) for table in rows for row in table.select(names).to_pylist()
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _arrival_hours(desk: DeskDay, market: Market) -> pa.Array:
    """Local hour of arrival: where in the day's shape of volume and volatility the order fell."""
    at = pa.array(desk.orders.arrival_ns // NS_PER_US, pa.timestamp("us", tz="UTC"))
    return pc.hour(at.cast(pa.timestamp("us", tz=str(ZoneInfo(market.zone))))).cast(pa.int32())


def _fraction(part: Float, whole: Float) -> pa.Array:
    return pa.array(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0.0), from_pandas=True)


def backtest_rows(
    desk: DeskDay, outcome: ReplayOutcome, market: Market, night: date, version: str, fill_bound: str, orders: str
) -> pa.Table:
    """Rows of `gold.backtests` for the eligible orders of one symbol-day; `orders` is the order-set hash."""
    rows, count = desk.order_rows, desk.orders.count
    constants = {
        "market": market.name, "trade_date": night, "order_set_hash": orders, "policy_version": version,
        "fill_bound": fill_bound, "session": desk.day, "symbol": desk.symbol, "currency": market.currency,
    }  # fmt: skip
    columns: dict[str, pa.Array] = {
        name: pa.repeat(pa.scalar(value, BACKTESTS.column(name).arrow_type), count) for name, value in constants.items()
    }
    columns |= {name: rows.column(name).combine_chunks() for name in ("parent_order_id", "side", "participation_rate")}
    columns |= {
        "order_notional": pa.array(desk.orders.shares * outcome.arrival_price),
        "arrival_price": pa.array(outcome.arrival_price),
        "arrival_cost_bps": pa.array(outcome.arrival_cost_bps),
        "half_spread_bps": pa.array(outcome.half_spread_bps),
        "filled_fraction": pa.array(outcome.filled_shares / desk.orders.shares),
        "maker_fraction": _fraction(outcome.maker_shares, outcome.filled_shares),
        "participation": pa.array(outcome.participation, from_pandas=True),
        "arrival_hour": _arrival_hours(desk, market),
    }
    table = pa.table([columns[column.name] for column in BACKTESTS.columns], BACKTESTS.arrow_schema.names)
    return table.filter(pa.array(outcome.is_eligible))


def cost_rows(desk: DeskDay, outcome: ReplayOutcome, market: Market, versions: Sequence[str]) -> pa.Table:
    """Rows of `gold.costs`: what the desk's own fills cost, one row an eligible parent order. versions (n)."""
    rows, count = desk.order_rows, desk.orders.count
    constants = {
        "market": market.name, "trade_date": desk.day, "symbol": desk.symbol, "currency": market.currency,
    }  # fmt: skip
    columns: dict[str, pa.Array] = {
        name: pa.repeat(pa.scalar(value, COSTS.column(name).arrow_type), count) for name, value in constants.items()
    }
    columns |= {name: rows.column(name).combine_chunks() for name in ("parent_order_id", "side", "account")}
    columns |= {
        "policy_version": pa.array(versions, pa.string()),
        "order_notional": pa.array(desk.orders.shares * outcome.arrival_price),
        "arrival_price": pa.array(outcome.arrival_price),
        "mean_fill_price": _fraction(outcome.filled_notional, outcome.filled_shares),
        "filled_fraction": pa.array(outcome.filled_shares / desk.orders.shares),
        "arrival_cost_bps": pa.array(outcome.arrival_cost_bps),
        "half_spread_bps": pa.array(outcome.half_spread_bps),
    }
    table = pa.table([columns[column.name] for column in COSTS.columns], COSTS.arrow_schema.names)
    return table.filter(pa.array(outcome.is_eligible))
