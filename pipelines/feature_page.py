"""The data scientist's page: every feature's distribution, nulls, correlation with the labels, and definition.

One self-contained HTML file at `<home>/pages/<market>/features.html`, made from the daily sketches and correlations;
the same tables give the same bytes. `fillwise features --page` writes it, and so does step `monitor` every night. A new
row of a catalog is taken along by itself.

    >>> write_page(context)                                                                    # doctest: +SKIP
    PosixPath('/srv/fillwise/pages/sample/features.html')
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from features.catalog import CATALOG, Feature
from features.labels import LABEL_NAMES
from features.order import ORDER_CATALOG
from pipelines import feature_plots
from pipelines.feature_catalog import definition, source, source_file
from pipelines.feature_page_inputs import SHOWN_SESSIONS, FeatureFigures, FeatureHealth, read_health
from pipelines.feature_plots import scale_for, short
from pipelines.page_template import FEATURES_PAGE, page_environment
from pipelines.step import StepContext

TRIM = 0.01
"""Share of the rows beyond each end of a drawing, because one extreme row would squeeze all others into a line."""
SMALLEST_REACH = 0.02
"""Correlation that an axis shows at least, because less is not told from none."""


@dataclass(frozen=True)
class Correlation:
    """One label: mean over sessions, and how many of them have its sign."""

    label: str
    short_label: str
    mean: float
    same_sign: int
    sessions: int


@dataclass(frozen=True)
class FeatureView:
    """One section of the page. Drawings are SVG; `figures` is None for a feature without a sketch yet."""

    feature: Feature
    figures: FeatureFigures | None = None
    median: float = math.nan
    is_outside: bool = False
    correlations: tuple[Correlation, ...] = ()
    spark: str = ""
    histogram: str = ""
    by_hour: str = ""
    by_group: str = ""
    null_history: str = ""
    correlation_history: str = ""

    @property
    def strongest(self) -> Correlation | None:
        """The label that it moves with most."""
        known = [one for one in self.correlations if one.sessions]
        return max(known, key=lambda one: abs(one.mean), default=None)


def _what_tells_apart(label: str) -> str:
    """`30s` of `mid_move_30s_bps`: the words that other labels do not have."""
    shared = set.intersection(*(set(name.split("_")) for name in LABEL_NAMES))
    return " ".join(word for word in label.split("_") if word not in shared) or label


def _correlation(label: str, values: tuple[float, ...]) -> Correlation:
    known = [value for value in values if math.isfinite(value)]
    mean = sum(known) / len(known) if known else math.nan
    return Correlation(label, _what_tells_apart(label), mean, sum(value * mean > 0 for value in known), len(known))


def _names(days: tuple[date, ...]) -> list[str]:
    return [f"{day:%d %b %Y}" for day in days]


def _null_history(figures: FeatureFigures) -> str:
    """Share of nulls over the sessions; no drawing where there never was one."""
    shares = figures.null_shares
    percents = [100 * share for share in shares.values()]
    if not any(percents):
        return ""
    title, scale = "Share of nulls by session, %", scale_for((0.0, 1.0, *percents))
    return feature_plots.over_sessions(title, _names(tuple(shares)), [percents], scale)


def _correlation_history(figures: FeatureFigures, correlated: tuple[date, ...], width: float) -> str:
    """Correlation with each label over the sessions; no drawing where none is known."""
    values = list(figures.correlations.values())
    known = [one for series in values for one in series if math.isfinite(one)]
    if not known:
        return ""
    scale = scale_for((-SMALLEST_REACH, SMALLEST_REACH, *known))
    return feature_plots.over_sessions("Rank correlation by session", _names(correlated), values, scale, width)


def _view(feature: Feature, figures: FeatureFigures | None, correlated: tuple[date, ...]) -> FeatureView:
    if figures is None or figures.null_share == 1.0:
        return FeatureView(feature, figures)
    spread = (figures.quantile(TRIM), figures.quantile(1.0 - TRIM))
    scale, shown = scale_for(spread), figures.histogram
    marks = np.array([*figures.by_hour.values(), *figures.by_group.values()])
    wide, nulls = scale_for(marks.ravel()), _null_history(figures)
    width = feature_plots.TWO_WIDE if nulls else feature_plots.THREE_WIDE
    return FeatureView(
        feature=feature,
        figures=figures,
        median=figures.quantile(0.5),
        is_outside=bool(shown.low < np.float32(feature.low) or shown.high > np.float32(feature.high)),
        correlations=tuple(_correlation(label, values) for label, values in figures.correlations.items()),
        spark=feature_plots.spark(scale, shown),
        histogram=feature_plots.histogram(scale, shown),
        by_hour=feature_plots.by_hour(wide, figures.by_hour),
        by_group=feature_plots.by_group(wide, figures.by_group),
        null_history=nulls,
        correlation_history=_correlation_history(figures, correlated, width),
    )


def render(market: str, night: date, health: FeatureHealth) -> str:
    """The page as HTML."""
    environment = page_environment()
    environment.filters |= {"short": short, "definition": definition, "source": source, "source_file": source_file}
    views = [_view(feature, health.figures.get(feature.name), health.correlated) for feature in CATALOG]
    others = [FeatureView(feature) for feature in ORDER_CATALOG]
    facts: Mapping[str, object] = {"market": market, "night": night, "health": health, "sessions": SHOWN_SESSIONS}
    return environment.get_template("features.html").render(views=views, others=others, **facts)


def write_page(context: StepContext) -> Path:
    """Write the page as of tonight, atomically; answers where it lies."""
    path = context.settings.pages / context.market.name / FEATURES_PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    text = render(context.market.name, context.night, read_health(context))
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)
    return path
