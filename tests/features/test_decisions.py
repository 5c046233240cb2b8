"""What a decision could know of its order, in numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from features.decisions import ORDER_NAMES, OrderAtDecision, order_features
from tests.features.books import NS, day_of

BOOK = [(0.0, 9.99, 5.0, 10.01, 5.0), (60.0, 10.09, 5.0, 10.11, 5.0)]
TRADES = [(1.0, 10.0, 100.0, 1), (50.0, 10.1, 300.0, 1), (90.0, 99.0, 1_000.0, 1)]


def order(filled: float, arrival: float = 10.0) -> OrderAtDecision:
    times = [np.array([round(second * NS)]) for second in (arrival, arrival, 110.0)]
    return OrderAtDecision(np.array([1.0]), np.array([400.0]), np.array([filled]), *times)


def at(second: float, given: OrderAtDecision, **traded: object) -> dict[str, float]:
    day = day_of(BOOK, None if traded else TRADES, **traded)
    found = order_features(day, given, np.array([round(second * NS)]))
    return dict(zip(ORDER_NAMES, found[0].tolist(), strict=True))


def test_a_decision_sees_its_order_as_it_stands() -> None:
    found = at(60.0, order(filled=100.0))
    assert found["remaining_fraction"] == 0.75
    assert found["remaining_time_fraction"] == 0.5
    assert found["schedule_lag"] == 0.25


def test_participation_counts_what_traded_between_arrival_and_the_decision() -> None:
    assert at(60.0, order(filled=100.0))["participation_so_far"] == pytest.approx(100.0 / 300.0)
    assert at(95.0, order(filled=100.0))["participation_so_far"] == pytest.approx(100.0 / 1_300.0)


def test_price_is_held_against_arrival_and_against_the_day_s_vwap_so_far() -> None:
    found = at(60.0, order(filled=0.0))
    assert found["arrival_move_bps"] == pytest.approx(100.0)
    vwap = (100.0 * 10.0 + 300.0 * 10.1) / 400.0
    assert found["vwap_move_bps"] == pytest.approx(1e4 * (10.1 / vwap - 1.0), rel=1e-5)


def test_a_feed_that_says_nothing_of_trades_leaves_participation_and_vwap_null() -> None:
    found = at(60.0, order(filled=10.0), traded=[(np.nan, np.nan)] * 2)
    assert np.isnan(found["participation_so_far"])
    assert np.isnan(found["vwap_move_bps"])


def test_before_the_first_book_nothing_of_the_market_is_known() -> None:
    given = order(filled=0.0, arrival=-5.0)
    assert np.isnan(at(60.0, given)["arrival_move_bps"])
