"""Step `monitor`: tonight's features against the training window, into `gold.health` and onto a page.

The verdict is that of `models/drift.py`. The window is the `history_sessions` before tonight, those that a refit may
learn from; up to a year of sessions sets the threshold. Each arm that trades by a refit is held against what it learned
from itself (`arm_drift.py`): that is what the rollout hears. The page at `<home>/pages/<market>/<day>/drift.html` shows
the features that stand furthest apart. Distances are read off the daily sketches; only where an arm trades by a signal
are tonight's rows of features read, to hold what it says against what came. The features page (`fillwise features
--page`) is written anew, unless there is a later session than tonight's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.sketches import evenly
from infra import calendar
from infra.drift_report import MAX_COLUMNS, MAX_ROWS, DriftPage, draw_drift_report
from infra.errors import EvidenceError
from infra.tables import FEATURE_SKETCHES
from models.drift import DriftVerdict, FeatureHistory, judge_drift
from pipelines.arm_drift import arm_rows
from pipelines.feature_page import write_page
from pipelines.health import HealthRow, record_health
from pipelines.sketch_history import SessionSums, feature_history, read_sums
from pipelines.step import StepContext, StepReport

STEP = "monitor"
HISTORY_SESSIONS = 250
"""Sessions that set the threshold, because in a year the quantile of one in 63 is the fourth largest day."""
WORST_SHOWN = 5
BECAUSE = "alarms about once a quarter over all features, by the sessions' own history"

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """What tonight's comparison found, and the sketches behind it, tonight's last."""

    verdict: DriftVerdict
    page: DriftPage
    sums: tuple[SessionSums, ...]


def _require_tonight(context: StepContext, sums: Sequence[SessionSums]) -> None:
    if not sums or sums[-1].day != context.night:
        raise EvidenceError(
            "no features tonight",
            which=f"{FEATURE_SKETCHES.name} {context.market.name} {context.night}",
            found="0 rows",
            allowed="a session with features",
            next_step=f"fillwise build_features --market {context.market.name} --day {context.night}",
        )


def _compare(context: StepContext, days: Sequence[date]) -> Compared:
    sums = [found for found in context.progress(read_sums(context, days), STEP) if found.rows]
    _require_tonight(context, sums)
    histories = (feature_history(sums, name) for name in FEATURE_NAMES)
    verdict = judge_drift(histories, context.settings.history_sessions)
    furthest = [feature_history(sums, drift.feature) for drift in verdict.features[:MAX_COLUMNS]]
    return Compared(verdict, _draw(context, furthest), tuple(sums))


def _values(history: FeatureHistory, first: int, last: int | None) -> Float:
    """Values that stand for the sessions from `first` up to `last`, all hours together."""
    return evenly(history.places, history.counts[first:last].sum(axis=(0, 1)), MAX_ROWS)


def _draw(context: StepContext, furthest: Sequence[FeatureHistory]) -> DriftPage:
    if not furthest:
        return DriftPage((), (), ())
    spans = ((-1 - context.settings.history_sessions, -1), (-1, None))
    window, today = (pd.DataFrame({history.feature: _values(history, *span) for history in furthest}) for span in spans)
    at = calendar.known_at(context.market, context.night)
    path = context.page_folder(context.night) / "drift.html"
    title = f"{context.market.name} {context.night} against the training window"
    return draw_drift_report(window, today, path, title, at)


def _health(verdict: DriftVerdict, page: DriftPage) -> list[HealthRow]:
    figure = verdict.statistic if np.isfinite(verdict.statistic) else None
    subject, threshold = FEATURES_TABLE.name, verdict.threshold
    rows = [HealthRow("feature_drift", subject, verdict.verdict, figure, threshold, BECAUSE, verdict.reason)]
    for drift in verdict.features[:WORST_SHOWN]:
        reason = f"Kolmogorov distance, largest in local hour {drift.bucket}"
        rows.append(HealthRow("feature_distance", drift.feature, "note", drift.distance, None, BECAUSE, reason))
    words = f"Evidently, {len(page.columns)} columns, drifted: {', '.join(page.drifted) or 'none'}"
    because = "PSI above 0.2 is commonly called a shift; advisory, the verdict is feature_drift's"
    rows.append(HealthRow("drift_page", subject, "note", float(len(page.drifted)), None, because, words))
    return rows


def record_arms(context: StepContext) -> str | None:
    """Judge the arms' drift alone, without pages: what the rollout hears; in words, None where no arm runs a refit."""
    days = [day for day in context.lake.days(FEATURE_SKETCHES, context.market.name) if day <= context.night]
    sums = [found for found in read_sums(context, days[-1 - HISTORY_SESSIONS :]) if found.rows]
    _require_tonight(context, sums)
    rows, drift = arm_rows(context, sums)
    record_health(context, STEP, context.night, rows)
    return None if drift is None else f"{drift.verdict}: {drift.reason}"


def run(context: StepContext) -> StepReport:
    """Judge tonight's features. Raises EvidenceError when tonight has none; never stops the night for drift."""
    every = context.lake.days(FEATURE_SKETCHES, context.market.name)
    days = [day for day in every if day <= context.night]
    found = _compare(context, days[-1 - HISTORY_SESSIONS :])
    arms, drift = arm_rows(context, found.sums)
    rows = [*_health(found.verdict, found.page), *arms]
    commit = record_health(context, STEP, context.night, rows)
    path = context.page_folder(context.night) / "drift.html"
    page = f"page {path}" if found.page.columns else "no page: nothing to compare"
    said = () if drift is None else (f"arms: {drift.verdict}, {drift.reason}",)
    notes = (found.verdict.reason, *said, page)
    if days == list(every):
        write_page(context)
    return StepReport(sum(one.rows for one in found.sums), len(rows), 0, (commit,), commit.is_unchanged, notes)
