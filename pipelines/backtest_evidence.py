"""What the backtest found, as evidence: paired comparisons per policy and fill bound, for MLflow, page and gate."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from infra.registry import RegisteredVersion, Registry
from infra.tables import BACKTESTS
from models.metrics import Paired, cvar_bps, paired
from models.version import benchmark_policy
from pipelines.drawings import cost_drawings, signal_drawings
from pipelines.evidence import read_section, write_section
from pipelines.report_plots import standalone
from pipelines.step import StepContext

if TYPE_CHECKING:
    import pandas as pd

PESSIMISTIC = "trade_through"
DIFFERENCE = "cost_difference_bps"
LOGGED = "fillwise.backtest"
HIGH_QUANTILE = 0.95
"""The replay's largest shares of volume are single orders in minutes without trades; one in twenty is a habit."""


@dataclass(frozen=True)
class Comparison:
    """One policy against the benchmark on the same orders under one fill bound. Tail and completion are differences."""

    policy_version: str
    order_set_hash: str
    fill_bound: str
    paired: Paired
    cvar_difference_bps: float
    completion_difference: float
    high_participation: float


def compare(own: pd.DataFrame, other: pd.DataFrame) -> Comparison:
    """One policy against another on the same orders. Raises pandas.errors.MergeError where an order is there twice."""
    rows = own.merge(other, on="parent_order_id", suffixes=("", "_benchmark"), validate="1:1").sort_values(
        ["session", "parent_order_id"]
    )
    sessions = rows["session"].map(lambda day: day.toordinal()).to_numpy()
    cost, base = rows["arrival_cost_bps"].to_numpy(), rows["arrival_cost_bps_benchmark"].to_numpy()
    return Comparison(
        policy_version=str(rows["policy_version"].iloc[0]),
        order_set_hash=str(rows["order_set_hash"].iloc[0]),
        fill_bound=str(rows["fill_bound"].iloc[0]),
        paired=paired(cost, base, sessions),
        cvar_difference_bps=cvar_bps(cost) - cvar_bps(base),
        completion_difference=float(rows["filled_fraction"].mean() - rows["filled_fraction_benchmark"].mean()),
        high_participation=float(np.nanquantile(rows["participation"].to_numpy(float), HIGH_QUANTILE)),
    )


def comparisons(rows: pa.Table, benchmark: str) -> tuple[Comparison, ...]:
    """Every policy but the benchmark, per order set and fill bound; compared only where the orders are the same."""
    frame = rows.to_pandas()
    found = []
    for _, group in frame.groupby(["order_set_hash", "fill_bound"], sort=True):
        other = group[group["policy_version"] == benchmark]
        for version, own in group.groupby("policy_version", sort=True):
            if version != benchmark:
                found.append(compare(own, other))
    return tuple(found)


def paired_with(rows: pa.Table, pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, Any], ...]:
    """(policy, other) pairs that worked the same orders, per order set and fill bound; `against` names the other."""
    frame = rows.to_pandas()
    by_policy = {str(version): own for version, own in frame.groupby("policy_version", sort=True)}
    found = []
    for policy, other in pairs:
        if policy == other or not {policy, other} <= set(by_policy):
            continue
        theirs = dict(iter(by_policy[other].groupby(["order_set_hash", "fill_bound"], sort=True)))
        for key, own in by_policy[policy].groupby(["order_set_hash", "fill_bound"], sort=True):
            if key in theirs:
                found.append({**_plain(compare(own, theirs[key])), "against": other})
    return tuple(found)


def of_candidate(found: tuple[Comparison, ...], candidate: str) -> dict[str, Comparison]:
    """Tonight's candidate by fill bound."""
    return {one.fill_bound: one for one in found if one.policy_version == candidate}


def _plain(one: Comparison) -> dict[str, Any]:
    return {
        "policy_version": one.policy_version,
        "order_set_hash": one.order_set_hash,
        "fill_bound": one.fill_bound,
        **asdict(one.paired),
        "cvar_difference_bps": one.cvar_difference_bps,
        "completion_difference": one.completion_difference,
        "high_participation": one.high_participation,
    }


def _metrics(found: dict[str, Comparison]) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for bound, one in found.items():
        named = {
            DIFFERENCE: one.paired.difference_bps,
            "cost_difference_low_bps": one.paired.low_bps,
            "cost_difference_high_bps": one.paired.high_bps,
            "cost_bps": one.paired.policy_bps,
            "benchmark_cost_bps": one.paired.benchmark_bps,
            "cvar_difference_bps": one.cvar_difference_bps,
            "completion_difference": one.completion_difference,
            "orders": one.paired.orders,
            "sessions": one.paired.sessions,
        }
        metrics |= {f"{bound}_{name}": float(value) for name, value in named.items() if value is not None}
    return metrics


def _sentence(one: Comparison) -> str:
    interval = "" if one.paired.low_bps is None else f" [{one.paired.low_bps:+.2f}, {one.paired.high_bps:+.2f}]"
    words = (
        f"descriptive: {one.paired.why_no_interval}"
        if one.paired.low_bps is None
        else f"{one.paired.sessions} sessions"
    )
    return (
        f"{one.policy_version} against the benchmark, {one.fill_bound}: {one.paired.difference_bps:+.2f} bps{interval} "
        f"on {one.paired.orders:,} orders, {words}"
    )


def _log_plots(context: StepContext, registry: Registry, run_id: str, rows: pa.Table, backtest: dict[str, Any]) -> None:
    drawn = {**cost_drawings(rows, backtest), **signal_drawings(read_section(context, "train"))}
    with tempfile.TemporaryDirectory(dir=context.settings.cache) as folder:
        for name, drawing in drawn.items():
            (Path(folder) / f"{name}.svg").write_text(standalone(drawing), encoding="utf-8")
        registry.log_files(run_id, Path(folder), "plots")


def write_backtest_evidence(
    context: StepContext, registry: Registry, candidate: RegisteredVersion, champion: str,
    pairs: Sequence[tuple[str, str]] = (),
) -> tuple[str, ...]:  # fmt: skip
    """Evidence section, MLflow metrics and plots (once per result); the sentences of tonight's candidate.

    pairs: (policy, other) compared beside every policy with the benchmark.
    """
    market, night, lake = context.market.name, context.night, context.lake
    benchmark = benchmark_policy(market).version
    rows = lake.read_day(BACKTESTS, market, night)
    found = comparisons(rows, benchmark)
    own = of_candidate(found, candidate.name)
    orders = own[PESSIMISTIC].order_set_hash
    section: dict[str, Any] = {
        "candidate": candidate.name,
        "benchmark": benchmark,
        "champion": champion,
        "order_set_hash": orders,
        "comparisons": [_plain(one) for one in found],
        "paired": list(paired_with(rows, pairs)),
    }
    write_section(context, "backtest", section)
    result = lake.fingerprint(BACKTESTS, market, night)
    if registry.tag_of(candidate.run_id, LOGGED) != result:
        _log_plots(context, registry, candidate.run_id, rows, section)
        tags = {LOGGED: result, "fillwise.order_set_hash": orders}
        registry.log(candidate.run_id, metrics=_metrics(own), tags=tags)
        registry.tag_version(candidate, tags)
    return tuple(_sentence(one) for one in own.values())
