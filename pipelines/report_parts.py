"""The two large parts of the night's page: what the signal knows, and what the policy cost against TWAP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from infra.tables import BACKTESTS, COSTS
from pipelines import report_plots
from pipelines.report_evidence import Comparison, Horizon, Training, comparison, training
from pipelines.report_inputs import NotThereError, Part, StepLine, part, read_evidence, require_finished
from pipelines.report_tables import (
    BOUNDS,
    SIZE_NAMES,
    CostLine,
    GroupLine,
    PolicyLine,
    cost_lines,
    group_lines,
    paired_orders,
    policy_lines,
    session_lines,
)
from pipelines.report_words import interval, policy_label
from pipelines.step import StepContext


@dataclass(frozen=True)
class PolicyRow:
    """A policy's means, and its difference to TWAP where the evidence has one."""

    line: PolicyLine
    difference: Comparison | None

    @property
    def label(self) -> str:
        return policy_label(self.line.policy_version)

    @property
    def has_interval(self) -> bool:
        return self.difference is not None and self.difference.verdict != "descriptive"

    @property
    def interval(self) -> str:
        return interval(self.difference) if self.difference else ""


@dataclass(frozen=True)
class Judged:
    """The backtest: every policy under both fill bounds, then candidate against benchmark by group.

    `tonight`: earlier candidates on tonight's own orders, which tonight's candidate cannot be judged by.
    """

    candidate: str
    benchmark: str
    decisive: Comparison | None
    policies: tuple[PolicyRow, ...]
    tonight: tuple[PolicyRow, ...]
    by_symbol: tuple[GroupLine, ...]
    by_size: tuple[GroupLine, ...]
    by_hour: tuple[GroupLine, ...]
    plots: dict[str, Part[str]]


@dataclass(frozen=True)
class Signal:
    """Tonight's refit: what it was made from, how well its signal did, and two plots."""

    training: Training
    calibration: Part[str]
    importance: Part[str]


def _policies(rows: pa.Table, found: Sequence[Comparison]) -> tuple[PolicyRow, ...]:
    named = {(one.policy_version, one.fill_bound): one for one in found}
    return tuple(PolicyRow(line, named.get((line.policy_version, line.fill_bound))) for line in policy_lines(rows))


def _plots(
    judged_rows: Any, groups: dict[str, tuple[GroupLine, ...]], decisive: Comparison | None
) -> dict[str, Part[str]]:
    figures = (decisive.difference_bps, decisive.low_bps, decisive.high_bps) if decisive else (None, None, None)
    draw: dict[str, Callable[[], str]] = {
        "by_session": lambda: report_plots.difference_by_session(session_lines(judged_rows), *figures),
        "by_symbol": lambda: report_plots.difference_by_group(groups["symbol"], "Cost difference by symbol"),
        "by_size": lambda: report_plots.difference_by_group(groups["size"], "Cost difference by size"),
        "by_hour": lambda: report_plots.cost_by_hour(groups["hour"]),
    }
    return {name: part(function) for name, function in draw.items()}


def read_judged(context: StepContext, day: date, folder: Path, steps: Sequence[StepLine]) -> Judged:
    """The backtest of the night. Raises NotThereError or what the tables raise."""
    require_finished(steps, "backtest")
    evidence = read_evidence(folder, "backtest")
    candidate, benchmark = str(evidence["candidate"]), str(evidence["benchmark"])
    found = [comparison(one) for one in evidence.get("comparisons", ())]
    every = context.lake.read_day(BACKTESTS, context.market.name, day)
    is_main = pc.equal(every["order_set_hash"], str(evidence["order_set_hash"]))
    rows, others = every.filter(is_main), every.filter(pc.invert(is_main))
    if rows.num_rows == 0:
        raise NotThereError("gold.backtests holds no row of tonight's order set")
    main = [one for one in found if one.order_set_hash == evidence["order_set_hash"]]
    rest = [one for one in found if one not in main]
    own = {one.fill_bound: one for one in main if one.policy_version == candidate}
    decisive = next((own[bound] for bound in BOUNDS if bound in own), None)
    paired = paired_orders(rows, candidate, benchmark)
    groups = {
        "symbol": group_lines(paired, "symbol"),
        "size": group_lines(paired, "size", SIZE_NAMES),
        "hour": group_lines(paired, "hour"),
    }
    return Judged(
        candidate=candidate,
        benchmark=benchmark,
        decisive=decisive,
        policies=_policies(rows, main),
        tonight=_policies(others, rest) if rest else (),
        by_symbol=groups["symbol"],
        by_size=groups["size"],
        by_hour=groups["hour"],
        plots=_plots(paired, groups, decisive),
    )


def _decision_horizon(horizons: Sequence[Horizon]) -> Horizon:
    """The horizon that the policy reads: its trees are the ones shown."""
    from models.signal import DECISION_HORIZON_SECONDS

    usable = [horizon for horizon in horizons if horizon.importance]
    if not usable:
        raise NotThereError("the evidence names no feature's gain")
    return min(usable, key=lambda horizon: abs(horizon.seconds - DECISION_HORIZON_SECONDS))


def _calibration(horizons: Sequence[Horizon]) -> str:
    found = {horizon.seconds: horizon.deciles_bps for horizon in horizons if horizon.deciles_bps}
    if not found:
        raise NotThereError("the evidence holds no calibration")
    return report_plots.calibration(found)


def read_signal(folder: Path, steps: Sequence[StepLine]) -> Signal:
    """Tonight's training. Raises NotThereError."""
    require_finished(steps, "train")
    found = training(read_evidence(folder, "train"))
    return Signal(
        found, part(lambda: _calibration(found.horizons)),
        part(lambda: report_plots.importance(_decision_horizon(found.horizons).importance)),
    )  # fmt: skip


def read_paid(context: StepContext, day: date) -> tuple[CostLine, ...]:
    """What the desk paid on the night's session. Raises NotThereError."""
    rows = context.lake.read_day(COSTS, context.market.name, day)
    if rows.num_rows == 0:
        raise NotThereError("gold.costs holds no order of this session")
    return cost_lines(rows)
