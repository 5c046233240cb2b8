from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import costs

PRICES = st.floats(1.0, 1000.0)
MAKER, TAKER, TAX = -0.2, 0.3, 5.0


def test_paying_ten_bps_more_costs_a_buyer_what_it_gains_a_seller() -> None:
    assert costs.slippage_bps(costs.BUY, 100.10, 100.0) == pytest.approx(10.0)
    assert costs.slippage_bps(costs.SELL, 100.10, 100.0) == pytest.approx(-10.0)


@settings(deadline=None)
@given(st.lists(PRICES, min_size=1, max_size=20))
def test_arrays_and_numbers_follow_the_same_formula(prices: list[float]) -> None:
    paid, reference = np.array(prices), np.full(len(prices), 50.0)
    whole = costs.slippage_bps(np.ones(len(prices)), paid, reference)
    assert whole.tolist() == [costs.slippage_bps(1.0, price, 50.0) for price in prices]


def test_crossing_from_mid_costs_the_half_spread() -> None:
    bid, ask = 9.99, 10.01
    slippage = costs.slippage_bps(costs.BUY, ask, costs.mid_price(bid, ask))
    assert slippage == pytest.approx(costs.half_spread_bps(bid, ask)) == pytest.approx(10.0)
    assert costs.in_half_spreads(slippage, costs.half_spread_bps(bid, ask)) == pytest.approx(1.0)


def test_only_sellers_pay_the_tax_and_only_resting_fills_earn_the_rebate() -> None:
    assert costs.fee_notional(costs.BUY, True, 10_000.0, MAKER, TAKER, TAX) == pytest.approx(-0.2)
    assert costs.fee_notional(costs.BUY, False, 10_000.0, MAKER, TAKER, TAX) == pytest.approx(0.3)
    assert costs.fee_notional(costs.SELL, False, 10_000.0, MAKER, TAKER, TAX) == pytest.approx(5.3)
    fees = costs.fees_notional(
        np.array([1.0, -1.0]), np.array([True, False]), np.array([10_000.0, 10_000.0]), MAKER, TAKER, TAX
    )
    assert fees == pytest.approx([-0.2, 5.3])


def test_walking_the_book_takes_shown_shares_and_prices_the_hidden_rest_at_the_worst_level() -> None:
    prices, sizes = np.array([10.01, 10.02, np.nan]), np.array([100.0, 200.0, 0.0])
    assert costs.walk_notional(100.0, prices, sizes) == pytest.approx(1001.0)
    assert costs.walk_notional(300.0, prices, sizes) == pytest.approx(1001.0 + 2004.0)
    assert costs.walk_notional(500.0, prices, sizes) == pytest.approx(1001.0 + 2004.0 + 200 * 10.02)
    assert np.isnan(costs.walk_notional(1.0, np.array([np.nan]), np.array([0.0])))


def test_forced_completion_is_dearer_by_the_stated_impact_for_both_sides() -> None:
    prices, sizes = np.array([10.0]), np.array([100.0])
    assert costs.completion_notional(costs.BUY, 100.0, prices, sizes, 20.0) == pytest.approx(1002.0)
    assert costs.completion_notional(costs.SELL, 100.0, prices, sizes, 20.0) == pytest.approx(998.0)


def test_an_order_done_half_and_forced_half_costs_what_the_sum_says() -> None:
    cost = costs.arrival_cost_bps(costs.SELL, 200.0, 10.0, 999.0, 0.5, 990.0, 0.5)
    assert cost == pytest.approx((2000.0 - 1989.0 + 1.0) / 2000.0 * 1e4)


@settings(deadline=None)
@given(PRICES, st.floats(1.0, 1e6), st.floats(0.0, 1.0))
def test_an_order_filled_at_arrival_without_fees_costs_nothing(price: float, shares: float, filled: float) -> None:
    done = shares * filled
    cost = costs.arrival_cost_bps(costs.BUY, shares, price, done * price, 0.0, (shares - done) * price, 0.0)
    assert cost == pytest.approx(0.0, abs=1e-8)
