"""The only door to Evidently: the page on which a person looks at today's features beside the training window's.

The verdict is ours (`models/drift.py`); this page is advisory. The method is named (population stability index, PSI
= sum over bins of (p - q) * ln(p / q), drift above 0.2), because Evidently's default changes with the number of rows.
Both sides are cut at the window's 0.1 % and 99.9 % quantiles: one fat finger in the window would otherwise hide any
shift, and one today would be the shift. Infinity is refused, because Evidently silently leaves such a column out of
its count. Samples are bounded, because 100,000 rows of 50 columns take it a minute and a half.

    >>> draw_drift_report(window, today, Path("drift.html"), "2026-11-20", at)            # doctest: +SKIP
    DriftPage(columns=('spread_bps',), drifted=(), left_out=())
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from infra.errors import ContractError

METHOD = "psi"
PSI_THRESHOLD = 0.2
MAX_ROWS = 5_000
MAX_COLUMNS = 12
MINIMUM_VALUES = 100
CUT = 0.001


@dataclass(frozen=True)
class DriftPage:
    """What was drawn: columns compared, those that Evidently calls drifted, those with too few values to compare."""

    columns: tuple[str, ...]
    drifted: tuple[str, ...]
    left_out: tuple[str, ...]


def _fault(window: pd.DataFrame, today: pd.DataFrame) -> str | None:
    if list(window.columns) != list(today.columns):
        return "other columns today"
    if len(window.columns) > MAX_COLUMNS or max(len(window), len(today)) > MAX_ROWS:
        return "too much"
    is_infinite = np.isinf(pd.concat([window, today]).to_numpy(np.float64)).any(axis=0)
    return f"infinity in {list(window.columns[is_infinite][:3])}" if is_infinite.any() else None


def _require_comparable(window: pd.DataFrame, today: pd.DataFrame) -> None:
    fault = _fault(window, today)
    if fault:
        raise ContractError(
            "samples cannot be compared",
            which=f"{len(window.columns)} columns, {len(window):,} and {len(today):,} rows",
            found=fault,
            allowed=f"the same columns, finite or null, at most {MAX_COLUMNS} columns and {MAX_ROWS:,} rows",
            next_step="take a sample of finite rows before calling",
        )


def _cut(window: pd.DataFrame, today: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    low, high = window.quantile(CUT), window.quantile(1.0 - CUT)
    return window.clip(low, high, axis=1), today.clip(low, high, axis=1)


def draw_drift_report(window: pd.DataFrame, today: pd.DataFrame, path: Path, name: str, at: datetime) -> DriftPage:
    """Compare two samples (n, k) of finite or null numbers and save Evidently's page at `path`.

    name, at: what the page calls itself and its time (never the clock). Raises ContractError for infinite values,
    unequal columns or samples that are too large.
    """
    _require_comparable(window, today)
    counts = pd.concat([window.count(), today.count()], axis=1).min(axis=1)
    columns = [name for name in window.columns if counts[name] >= MINIMUM_VALUES]
    left_out = tuple(name for name in window.columns if name not in columns)
    if not columns:
        return DriftPage((), (), left_out)
    window, today = _cut(window[columns], today[columns])
    os.environ["DO_NOT_TRACK"] = "true"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        definition = DataDefinition(numerical_columns=columns)
        report = Report([DataDriftPreset(columns=columns, num_method=METHOD, num_threshold=PSI_THRESHOLD)])
        answer = report.run(
            current_data=Dataset.from_pandas(today, definition),
            reference_data=Dataset.from_pandas(window, definition),
            timestamp=at,
            name=name,
        )
        answer.save_html(str(path))
    metrics = answer.dict()["metrics"]
    scores = {one["config"]["column"]: float(one["value"]) for one in metrics if "column" in one["config"]}
    drifted = tuple(column for column in columns if scores[column] > PSI_THRESHOLD)
    return DriftPage(tuple(columns), drifted, left_out)
