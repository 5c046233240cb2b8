"""Step `monitor`: tonight's features against the training window, into `gold.health` and onto a page.

The verdict is that of `models/drift.py`. The window is the `history_sessions` before tonight, those that a refit may
learn from; up to a year of sessions sets the threshold. The page at `<home>/pages/<market>/<day>/drift.html` shows
the features that stand furthest apart. Sessions are read a few at a time and kept as histograms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from infra import calendar
from infra.drift_report import MAX_COLUMNS, MAX_ROWS, DriftPage, draw_drift_report
from infra.errors import EvidenceError
from models.drift import DriftVerdict, judge_drift, sketch, sketch_edges
from pipelines.batches import day_batches
from pipelines.health import HealthRow, record_health
from pipelines.step import StepContext, StepReport

STEP = "monitor"
HOURS = 24
HISTORY_SESSIONS = 250
"""Sessions that set the threshold, because in a year the quantile of one in 63 is the fourth largest day."""
NS_PER_US = 1000
WORST_SHOWN = 5
BECAUSE = "alarms about once a quarter over all features, by the sessions' own history"

Float32 = npt.NDArray[np.float32]
Long = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SessionRows:
    """One session's features: values (n, k) float32, NaN for null, and the local hour (n) of each row."""

    values: Float32
    hours: Long

    def sample(self, count: int) -> Float32:
        """At most `count` rows, evenly over symbols and time (the table is sorted by both)."""
        step = max(1, -(-len(self.values) // max(1, count)))
        return self.values[::step]


def _session_rows(rows: pa.Table, zone: ZoneInfo) -> SessionRows:
    values = np.empty((rows.num_rows, len(FEATURE_NAMES)), np.float32)
    for place, name in enumerate(FEATURE_NAMES):
        values[:, place] = pc.fill_null(rows[name], np.nan).to_numpy()
    local = rows["event_at"].cast(pa.timestamp("us", tz=str(zone)))
    return SessionRows(values, pc.hour(local).to_numpy().astype(np.int64))


def _sessions(context: StepContext, days: Sequence[date]) -> Iterator[SessionRows]:
    zone, names = ZoneInfo(context.market.zone), ["trade_date", "event_at", *FEATURE_NAMES]
    for batch in day_batches(days):
        rows = context.lake.read(FEATURES_TABLE, context.market.name, batch, names)
        for day in batch:
            yield _session_rows(rows.filter(pc.equal(rows["trade_date"], day)), zone)


def _compare(context: StepContext, history: Sequence[date]) -> tuple[DriftVerdict, DriftPage, int]:
    (today,) = _sessions(context, [context.night])
    if not len(today.values):
        raise EvidenceError(
            "no features tonight",
            which=f"{FEATURES_TABLE.name} {context.market.name} {context.night}",
            found="0 rows",
            allowed="a session with features",
            next_step=f"fillwise build_features --market {context.market.name} --day {context.night}",
        )
    edges = sketch_edges(today.values)
    sketches, samples, count = [], [today.values[:0]], len(today.values)
    length = context.settings.history_sessions
    window = history[-length:]
    for day, session in zip(history, context.progress(_sessions(context, history), STEP), strict=True):
        sketches.append(sketch(session.values, session.hours, edges, HOURS))
        if day in window:
            samples.append(session.sample(MAX_ROWS // len(window)))
        count += len(session.values)
    verdict = judge_drift(sketches, length, sketch(today.values, today.hours, edges, HOURS), FEATURE_NAMES)
    return verdict, _draw(context, verdict, np.concatenate(samples), today.sample(MAX_ROWS)), count


def _draw(context: StepContext, verdict: DriftVerdict, window: Float32, today: Float32) -> DriftPage:
    names = [drift.feature for drift in verdict.features[:MAX_COLUMNS]]
    if not names:
        return DriftPage((), (), ())
    frames = [pd.DataFrame(side, columns=list(FEATURE_NAMES))[names].astype(float) for side in (window, today)]
    at = calendar.known_at(context.market, context.night)
    path = context.page_folder(context.night) / "drift.html"
    title = f"{context.market.name} {context.night} against the training window"
    return draw_drift_report(frames[0], frames[1], path, title, at)


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


def run(context: StepContext) -> StepReport:
    """Judge tonight's features. Raises EvidenceError when tonight has none; never stops the night for drift."""
    days = [day for day in context.lake.days(FEATURES_TABLE, context.market.name) if day < context.night]
    verdict, page, count = _compare(context, days[-HISTORY_SESSIONS:])
    rows = _health(verdict, page)
    commit = record_health(context, STEP, context.night, rows)
    path = context.page_folder(context.night) / "drift.html"
    notes = (verdict.reason, f"page {path}" if page.columns else "no page: nothing to compare")
    return StepReport(count, len(rows), 0, (commit,), commit.is_unchanged, notes)
