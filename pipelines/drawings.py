"""The night's plots as SVG files for the MLflow run: the same drawings as on the page, from the same rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from models.signal import DECISION_HORIZON_SECONDS
from pipelines import report_plots
from pipelines.report_tables import group_lines, paired_orders, session_lines


def cost_drawings(rows: pa.Table, backtest: dict[str, Any]) -> dict[str, str]:
    """Cost difference by session with its interval, by symbol and slippage by hour."""
    same_orders = rows.filter(pc.equal(rows.column("order_set_hash"), backtest["order_set_hash"]))
    paired = paired_orders(same_orders, backtest["candidate"], backtest["benchmark"])
    decisive = next(
        one
        for one in backtest["comparisons"]
        if one["policy_version"] == backtest["candidate"] and one["fill_bound"] == "trade_through"
    )
    figures = (decisive["difference_bps"], decisive["low_bps"], decisive["high_bps"])
    return {
        "cost_difference_by_session": report_plots.difference_by_session(session_lines(paired), *figures),
        "cost_difference_by_symbol": report_plots.difference_by_group(
            group_lines(paired, "symbol"), "Cost difference by symbol"
        ),
        "slippage_by_hour": report_plots.cost_by_hour(group_lines(paired, "hour")),
    }


def signal_drawings(train: dict[str, Any]) -> dict[str, str]:
    """Calibration of every horizon, and what the trees of the decision horizon gain from."""
    horizons = {one["horizon_seconds"]: [tuple(pair) for pair in one["deciles_bps"]] for one in train["signal"]}
    decision = next(one for one in train["signal"] if one["horizon_seconds"] == DECISION_HORIZON_SECONDS)
    return {
        "calibration": report_plots.calibration(horizons),
        "feature_importance": report_plots.importance([tuple(pair) for pair in decision["importance"]]),
    }
