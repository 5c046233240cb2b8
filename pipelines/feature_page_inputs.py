"""What the features page shows of each feature, read off the daily sketches and correlations; no row is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES, FEATURE_VERSIONS
from features.labels import LABEL_NAMES
from features.sketches import Sums, added, quantiles
from infra.tables import FEATURE_CORRELATIONS, FEATURE_SKETCHES
from pipelines.feature_plots import Histogram
from pipelines.sketches import HOURS, read_sketches
from pipelines.step import StepContext

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

SHOWN_SESSIONS = 20
"""Sessions whose rows the distributions show, because a month is what a person means by "these days"."""
HISTORY_SESSIONS = 250
MARKS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


@dataclass(frozen=True)
class FeatureFigures:
    """One feature over the sessions shown: figures of all rows, marks (5) by hour and by symbol group.

    `null_shares` (session: share) and `correlations` (label: one value a session, NaN where there is none) go back
    up to a year.
    """

    rows: int
    null_share: float
    zero_share: float
    histogram: Histogram
    by_hour: Mapping[str, Float]
    by_group: Mapping[str, Float]
    null_shares: Mapping[date, float]
    correlations: Mapping[str, tuple[float, ...]]

    def quantile(self, share: float) -> float:
        """Value below which this share of the rows lies."""
        return float(_marks(self.histogram.places, self.histogram.counts, np.array([share]), self.histogram)[0])


@dataclass(frozen=True)
class FeatureHealth:
    """Everything that the page shows of a market: figures by feature, and the sessions behind them."""

    sessions: tuple[date, ...]
    shown: tuple[date, ...]
    correlated: tuple[date, ...]
    rows: int
    figures: Mapping[str, FeatureFigures]


def _marks(places: Long, counts: Long, shares: Float, within: Histogram) -> Float:
    return np.clip(quantiles(places, counts, shares), within.low, within.high)


def _split(sums: Sums, names: list[str], within: Histogram) -> dict[str, Float]:
    found = {}
    for cell in np.unique(sums.cells):
        own = sums.cells == cell
        found[names[int(cell)]] = _marks(sums.places[own], sums.counts[own], MARKS, within)
    return found


def _histogram(sums: Sums, rows: pa.Table) -> Histogram:
    places, where = np.unique(sums.places, return_inverse=True)
    counts = np.bincount(where, weights=sums.counts, minlength=len(places)).astype(np.int64)
    low, high = pc.min(rows["lowest"]).as_py(), pc.max(rows["highest"]).as_py()
    return Histogram(places, counts, *(math.nan if one is None else float(one) for one in (low, high)))


def _null_shares(rows: pa.Table) -> dict[date, float]:
    by_day = rows.group_by("trade_date").aggregate([("rows", "sum"), ("nulls", "sum")]).sort_by("trade_date")
    columns = (by_day[name].to_pylist() for name in ("trade_date", "nulls_sum", "rows_sum"))
    return {day: nulls / count for day, nulls, count in zip(*columns, strict=True)}


def _figures(rows: pa.Table, counts: pa.Table, correlations: Mapping[str, tuple[float, ...]]) -> FeatureFigures:
    """Figures of one feature from its sketches of the sessions shown and the counts of every session."""
    nulls, hours = rows["nulls"].to_numpy(), rows["hour"].to_numpy().astype(np.int64)
    groups = sorted(pc.unique(rows["symbol_group"]).to_pylist())
    group = pc.index_in(rows["symbol_group"], pa.array(groups)).to_numpy().astype(np.int64)
    in_hours, in_groups = (added(rows["bins"], nulls, cells) for cells in (hours, group))
    whole, total = _histogram(in_hours, rows), int(pc.sum(rows["rows"]).as_py())
    return FeatureFigures(
        rows=total,
        null_share=int(nulls.sum()) / total,
        zero_share=int(pc.sum(rows["zeros"]).as_py()) / total,
        histogram=whole,
        by_hour=_split(in_hours, [str(hour) for hour in range(HOURS)], whole),
        by_group=_split(in_groups, groups, whole),
        null_shares=_null_shares(counts),
        correlations=correlations,
    )


def _correlations(context: StepContext, days: tuple[date, ...]) -> dict[str, dict[str, tuple[float, ...]]]:
    """Feature to label to one figure a day; figures of another version than the one in force are left out."""
    found = {name: {label: [math.nan] * len(days) for label in LABEL_NAMES} for name in FEATURE_NAMES}
    place = {day: number for number, day in enumerate(days)}
    for row in context.lake.read(FEATURE_CORRELATIONS, context.market.name, days).to_pylist():
        is_in_force = FEATURE_VERSIONS.get(row["feature"]) == row["version"]
        if is_in_force and row["label"] in LABEL_NAMES and row["rank_correlation"] is not None:
            found[row["feature"]][row["label"]][place[row["trade_date"]]] = row["rank_correlation"]
    return {name: {label: tuple(values) for label, values in by.items()} for name, by in found.items()}


def read_health(context: StepContext) -> FeatureHealth:
    """Sketches and correlations of up to a year before and with tonight; features without a sketch are left out."""
    market, night = context.market.name, context.night
    days, correlated = (
        tuple(day for day in context.lake.days(table, market) if day <= night)[-HISTORY_SESSIONS:]
        for table in (FEATURE_SKETCHES, FEATURE_CORRELATIONS)
    )
    shown = days[-SHOWN_SESSIONS:]
    rows = read_sketches(
        context, shown, ["symbol_group", "hour", "rows", "nulls", "zeros", "lowest", "highest", "bins"]
    )
    counts, correlations = read_sketches(context, days, ["rows", "nulls"]), _correlations(context, correlated)
    figures = {}
    for place, name in enumerate(FEATURE_NAMES):
        own, own_counts = (table.filter(pc.equal(table["place"], place)) for table in (rows, counts))
        if own.num_rows:
            figures[name] = _figures(own, own_counts, correlations[name])
    total = max((found.rows for found in figures.values()), default=0)
    return FeatureHealth(days, shown, correlated, total, figures)
