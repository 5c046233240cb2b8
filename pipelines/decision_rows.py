"""Decisions of a session joined to what each could know then: `features/decisions.py` on silver and gold rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.costs import BUY, SELL
from features.decisions import COLUMNS, MAX_AGE_SECONDS, ORDER_NAMES, OrderAtDecision, order_features
from features.labels import LABEL_NAMES, LABELS_TABLE
from features.market_day import symbol_day
from features.point_in_time import features_at, latest_rows
from infra.tables import SILVER
from infra.tables.columns import Table
from models.dataset import matrix
from pipelines.arrow_rows import nanoseconds, of_symbol
from pipelines.build_training_set import JOINED
from pipelines.step import StepContext

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
IDS = ("decision_id", "parent_order_id", "symbol", "event_at_ns", "policy_version", "action", "decided_shares")


def _changed(orders: dict[str, Any], changes: pa.Table, parents: list[str], at_ns: Longs) -> None:
    """Let each change of quantity or end count from its own instant on; in place."""
    for change in changes.sort_by("event_at_ns").to_pylist():
        later = [name == change["parent_order_id"] for name in parents] & (at_ns >= change["event_at_ns"])
        if change["order_shares"] is not None:
            orders["order_shares"][later] = change["order_shares"]
        if change["instructed_end_at"] is not None:
            orders["end_ns"][later] = round(change["instructed_end_at"].timestamp() * 1e6) * 1_000


def _filled_before(fills: pa.Table, parents: list[str], at_ns: Longs) -> Floats:
    """(d) shares that each decision's order had got before it."""
    ordered = fills.sort_by("event_at_ns")
    owner = np.array(ordered["parent_order_id"].to_pylist(), np.str_)
    times, shares = ordered["event_at_ns"].to_numpy(), ordered["shares"].to_numpy()
    found = np.zeros(len(at_ns))
    places = np.array(parents, np.str_)
    for name in set(parents):
        mine, asked = owner == name, places == name
        sums = np.concatenate([[0.0], np.cumsum(shares[mine])])
        found[asked] = sums[np.searchsorted(times[mine], at_ns[asked], side="left")]
    return found


def _orders(decisions: pa.Table, parents: pa.Table, fills: pa.Table, changes: pa.Table) -> OrderAtDecision:
    names, at_ns = decisions["parent_order_id"].to_pylist(), decisions["event_at_ns"].to_numpy()
    place = {name: row for row, name in enumerate(parents["parent_order_id"].to_pylist())}
    mine = parents.take(pa.array([place[name] for name in names], pa.int64()))
    orders: dict[str, Any] = {
        "side": np.where(pc.equal(mine["side"], "buy").to_numpy(zero_copy_only=False), BUY, SELL),
        "order_shares": np.array(mine["order_shares"].to_numpy()),
        "arrival_ns": mine["event_at_ns"].to_numpy(),
        "start_ns": nanoseconds(mine["instructed_start_at"]),
        "end_ns": np.array(nanoseconds(mine["instructed_end_at"])),
    }
    _changed(orders, changes, names, at_ns)
    return OrderAtDecision(filled_shares=_filled_before(fills, names, at_ns), **orders)


def _joined(symbol: str, tables: Mapping[str, pa.Table], levels: int) -> pa.Table:
    decisions = of_symbol(tables["decisions"], symbol)
    rows = {name: of_symbol(table, symbol) for name, table in tables.items()}
    at_ns = decisions["event_at_ns"].to_numpy()
    day = symbol_day(symbol, rows["book_snapshots"], rows["trades"], levels)
    orders = _orders(decisions, rows["parent_orders"], rows["fills"], rows["order_changes"])
    times = rows[FEATURES_TABLE.name]["event_at_ns"].to_numpy()
    market = features_at(times, matrix(rows[FEATURES_TABLE.name], FEATURE_NAMES), at_ns, MAX_AGE_SECONDS)
    labels = features_at(times, matrix(rows[LABELS_TABLE.name], LABEL_NAMES), at_ns, MAX_AGE_SECONDS)
    last = latest_rows(times, at_ns)
    read = np.append(times, -1)[last]
    is_fresh = (last >= 0) & (at_ns - read <= MAX_AGE_SECONDS * 1e9)
    named = [(ORDER_NAMES, order_features(day, orders, at_ns)), (FEATURE_NAMES, market), (LABEL_NAMES, labels)]
    values = {
        name: pa.array(np.ascontiguousarray(matrix[:, place]), COLUMNS[name].arrow_type, from_pandas=True)
        for names, matrix in named
        for place, name in enumerate(names)
    }
    found = {name: decisions[name] for name in IDS}
    return pa.table({**found, "book_event_at_ns": pa.array(read, pa.int64(), mask=~is_fresh), **values})


def decision_rows(context: StepContext, day: date, versions: Mapping[str, int]) -> pa.Table:
    """One row a decision of the session: ids, order features, market features, labels; tables as of `versions`."""
    market, lake = context.market, context.lake
    sources: list[Table] = [*(SILVER[noun] for noun in JOINED), FEATURES_TABLE, LABELS_TABLE]
    tables = {
        table.name.removeprefix("silver."): lake.read(table, market.name, [day], None, versions.get(table.name))
        for table in sources
    }
    symbols = sorted(set(tables["decisions"]["symbol"].to_pylist()))
    parts = [_joined(symbol, tables, market.book_levels) for symbol in symbols]
    return pa.concat_tables(parts) if parts else _nothing()


def _nothing() -> pa.Table:
    ids = [SILVER["decisions"].column(name).arrow_field for name in IDS]
    fields = [pa.field(name, column.arrow_type) for name, column in COLUMNS.items()]
    return pa.schema([*ids, pa.field("book_event_at_ns", pa.int64()), *fields]).empty_table()
