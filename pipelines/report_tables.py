"""The backtest, the desk's costs and the quarantine as small tables: plain means over orders, always paired.

Nothing is judged here. The difference that decides, and its interval, come from the backtest's own evidence; these
tables show where it comes from: which symbols, sizes, hours and sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

BOUNDS = ("trade_through", "touch")
"""The pessimistic one first: "better" means better there."""
SIZE_EDGES = (0.02, 0.05, 0.10)
"""Participation rates are drawn from 1 to 20 % with median 5 %, so each class holds a fair share of the orders."""
SIZE_NAMES = ("below 2 %", "2 to 5 %", "5 to 10 %", "10 % and more")
ORDER_KEY = ["session", "parent_order_id"]


@dataclass(frozen=True)
class PolicyLine:
    """One policy under one fill bound: means over its orders."""

    policy_version: str
    fill_bound: str
    orders: int
    cost_bps: float
    cost_half_spreads: float
    filled_fraction: float
    maker_fraction: float
    participation: float


@dataclass(frozen=True)
class GroupLine:
    """Both policies on the same orders of one group. `difference_bps`: candidate minus benchmark, by fill bound."""

    name: str
    orders: int
    half_spread_bps: float
    candidate_bps: float
    benchmark_bps: float
    difference_half_spreads: float
    difference_bps: dict[str, float]


@dataclass(frozen=True)
class SessionLine:
    """Mean paired difference of one session under the pessimistic bound."""

    session: date
    orders: int
    difference_bps: float


@dataclass(frozen=True)
class CostLine:
    """What the desk paid. `cost_notional` is the sum in the market's currency; positive = cost."""

    name: str
    orders: int
    notional: float
    currency: str
    cost_bps: float
    cost_half_spreads: float
    cost_notional: float
    filled_fraction: float


@dataclass(frozen=True)
class RefusedLine:
    """Rows of one table that one rule refused, with the first few as they arrived."""

    noun: str
    rule: str
    rows: int
    examples: tuple[tuple[str, str], ...]


def _in_half_spreads(rows: pd.DataFrame, column: str) -> float:
    usable = rows[rows["half_spread_bps"] > 0]
    return float((usable[column] / usable["half_spread_bps"]).mean())


def policy_lines(backtests: pa.Table) -> tuple[PolicyLine, ...]:
    """One line a policy and fill bound; pessimistic bound first."""
    lines = [
        PolicyLine(
            str(version), str(bound), len(rows), float(rows["arrival_cost_bps"].mean()),
            _in_half_spreads(rows, "arrival_cost_bps"), float(rows["filled_fraction"].mean()),
            float(rows["maker_fraction"].mean()), float(rows["participation"].mean()),
        )
        for (version, bound), rows in backtests.to_pandas().groupby(["policy_version", "fill_bound"], sort=True)
    ]  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (BOUNDS.index(line.fill_bound), line.policy_version)))


def paired_orders(backtests: pa.Table, candidate: str, benchmark: str) -> pd.DataFrame:
    """One row an order and fill bound that both policies worked, with `difference_bps`, `hour` and `size`."""
    import pandas as pd

    rows = backtests.to_pandas()
    key = [*ORDER_KEY, "fill_bound"]
    other = rows.loc[rows["policy_version"] == benchmark, [*key, "arrival_cost_bps"]]
    paired: pd.DataFrame = rows[rows["policy_version"] == candidate].merge(
        other, on=key, suffixes=("", "_benchmark"), validate="1:1"
    )
    paired["difference_bps"] = paired["arrival_cost_bps"] - paired["arrival_cost_bps_benchmark"]
    paired["size"] = pd.cut(
        paired["participation_rate"], [0.0, *SIZE_EDGES, 1.0 + 1e-9], labels=list(SIZE_NAMES), right=False
    ).astype(str)
    paired["hour"] = paired["arrival_hour"].map("{:02d}:00".format)
    return paired


def _group(name: str, rows: pd.DataFrame) -> GroupLine:
    by_bound = {bound: rows[rows["fill_bound"] == bound] for bound in BOUNDS}
    shown = next((found for found in by_bound.values() if len(found)), rows)
    return GroupLine(
        name, len(shown), float(shown["half_spread_bps"].mean()), float(shown["arrival_cost_bps"].mean()),
        float(shown["arrival_cost_bps_benchmark"].mean()), _in_half_spreads(shown, "difference_bps"),
        {bound: float(found["difference_bps"].mean()) for bound, found in by_bound.items() if len(found)},
    )  # fmt: skip


def group_lines(paired: pd.DataFrame, column: str, order: Sequence[str] = ()) -> tuple[GroupLine, ...]:
    """One line a value of `column`, in `order` where given, else ascending."""
    lines = [_group(str(name), rows) for name, rows in paired.groupby(column, sort=True)]
    place = {name: rank for rank, name in enumerate(order)}
    return tuple(sorted(lines, key=lambda line: place.get(line.name, 0)))


def session_lines(paired: pd.DataFrame, bound: str = BOUNDS[0]) -> tuple[SessionLine, ...]:
    """One line a session, ascending."""
    rows = paired[paired["fill_bound"] == bound]
    return tuple(
        SessionLine(date.fromisoformat(str(session)), len(found), float(found["difference_bps"].mean()))
        for session, found in rows.groupby("session", sort=True)
    )


def _cost(name: str, rows: pd.DataFrame) -> CostLine:
    return CostLine(
        name, len(rows), float(rows["order_notional"].sum()), str(rows["currency"].iloc[0]),
        float(rows["arrival_cost_bps"].mean()), _in_half_spreads(rows, "arrival_cost_bps"),
        float((rows["arrival_cost_bps"] * rows["order_notional"]).sum() / 1e4), float(rows["filled_fraction"].mean()),
    )  # fmt: skip


def cost_lines(costs: pa.Table) -> tuple[CostLine, ...]:
    """A line for all orders, then one a symbol."""
    rows = costs.to_pandas()
    return (_cost("all orders", rows), *(_cost(str(name), found) for name, found in rows.groupby("symbol", sort=True)))


def refused_lines(quarantine: pa.Table, examples: int = 3, characters: int = 400) -> tuple[RefusedLine, ...]:
    """One line a table and rule, most rows first, with its first `examples` rows cut at `characters`."""
    lines = []
    for (noun, rule), rows in quarantine.to_pandas().groupby(["noun", "rule"], sort=True):
        first = rows.sort_values(["source_file", "source_row"]).head(examples)
        shown = tuple(
            (f"{file}, row {row:,}", text if len(text) <= characters else text[:characters] + " …")
            for file, row, text in zip(first["source_file"], first["source_row"], first["row_json"], strict=True)
        )
        lines.append(RefusedLine(str(noun), str(rule), len(rows), shown))
    return tuple(sorted(lines, key=lambda line: (-line.rows, line.noun, line.rule)))
