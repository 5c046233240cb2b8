"""The door opens for what was there by then, and for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from features.point_in_time import day_until, features_at, known_rows, latest_rows
from infra.errors import ContractError
from tests.features.books import NS, day_of

TIMES = np.array([10, 20, 20, 30]) * NS


def test_a_row_at_the_decision_time_is_known_and_a_later_one_is_not() -> None:
    assert latest_rows(TIMES, np.array([9, 10, 19, 20, 31]) * NS).tolist() == [-1, 0, 0, 2, 3]


def test_rows_out_of_order_cannot_be_cut() -> None:
    with pytest.raises(ContractError, match="rows go back in time"):
        latest_rows(TIMES[::-1], TIMES)


def test_a_feed_that_fell_silent_has_no_features() -> None:
    features = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
    found = features_at(TIMES, features, np.array([5, 20, 34, 41]) * NS, max_age_seconds=5.0)
    assert np.array_equal(found, np.array([[np.nan], [3.0], [4.0], [np.nan]], np.float32), equal_nan=True)
    assert np.isnan(features_at(TIMES[:0], features[:0], TIMES, 5.0)).all()


def test_a_row_delivered_later_is_not_known_yet() -> None:
    noon, evening = (datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in (12, 21))
    rows = pa.table({"known_at": pa.array([noon, evening], pa.timestamp("us", tz="UTC")), "value": [1, 2]})
    assert known_rows(rows, noon).column("value").to_pylist() == [1]
    assert known_rows(rows, evening).column("value").to_pylist() == [1, 2]


def test_the_day_until_an_instant_holds_its_rows_and_trades_alone() -> None:
    rows = [(second, 9.0, 1.0, 11.0, 1.0) for second in (1.0, 2.0, 3.0)]
    cut = day_until(day_of(rows, [(1.5, 10.0, 1.0, 1), (2.0, 10.0, 1.0, 1), (2.5, 10.0, 1.0, 1)]), 2 * NS)
    assert (cut.rows, len(cut.bid_price), len(cut.traded_notional), len(cut.trade_sign)) == (2, 2, 2, 2)
