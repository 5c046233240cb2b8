"""Outside series: used from when they could be, never from when they were about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from features.engine import FEATURE_NAMES, FeatureState, compute_features
from features.market_day import outside_rows
from infra.tables import SILVER
from tests.features.books import INTERVALS, NS, day_of, outside_of

ROWS = [(float(second), 9.9, 5.0, 10.1, 5.0) for second in (0, 5, 10, 15)]


def column(name: str, news: list[tuple[float, float, float]]) -> list[float]:
    day = replace(day_of(ROWS), outside=outside_of(news))
    return compute_features(day, INTERVALS)[:, FEATURE_NAMES.index(name)].tolist()


def test_a_value_counts_from_when_it_could_be_used_and_not_from_when_it_is_about() -> None:
    assert column("news_sentiment", [(7.0, 1.0, 0.5)]) == pytest.approx([np.nan, np.nan, 0.5, 0.5], nan_ok=True)
    assert column("seconds_since_news", [(7.0, 1.0, 0.5)]) == pytest.approx([np.nan, np.nan, 3.0, 8.0], nan_ok=True)


def test_late_news_about_an_earlier_instant_changes_nothing() -> None:
    assert column("news_sentiment", [(4.0, 3.0, 0.5), (9.0, 2.0, -1.0)])[1:] == [0.5, 0.5, 0.5]


def test_the_desk_passes_over_a_series_that_no_feature_reads() -> None:
    state = FeatureState.start(1, INTERVALS)
    state.on_signal(NS, NS, "weather", 30.0)
    row = state.on_book(2 * NS, *(np.array([value]) for value in ROWS[0][1:]))
    assert np.isnan(row[FEATURE_NAMES.index("news_sentiment")])


def test_rows_of_the_table_wait_for_the_desk_s_own_time_or_else_for_known_at() -> None:
    told = [
        (1, 4, "news_sentiment", 0.1),
        (2, None, "news_sentiment", 0.2),
        (3, 1, "news_sentiment", 0.3),
        (1, 1, "weather", 9.0),
    ]
    at, received, signal, value = zip(*told, strict=True)
    stamp, count = pa.timestamp("us", tz="UTC"), len(told)
    columns = {
        "event_at_ns": pa.array([second * NS for second in at]),
        "received_at": pa.array(
            [None if second is None else second * 1_000_000 for second in received], pa.int64()
        ).cast(stamp),
        "known_at": pa.array([50_000_000] * count, pa.int64()).cast(stamp),
        "signal": pa.array(signal),
        "value": pa.array(value),
    }
    assert set(columns) <= set(SILVER["signals"].arrow_schema.names)
    found = outside_rows(pa.table(columns))
    assert found.usable_ns.tolist() == [3 * NS, 4 * NS, 50 * NS]
    assert found.value.tolist() == [0.3, 0.1, 0.2]
