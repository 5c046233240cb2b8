"""What features say about books that can be read at a glance."""

from __future__ import annotations

import numpy as np
import pytest

from features.book import ask_slope, bid_slope, depth_notional, imbalance_10, microprice_offset_bps
from features.engine import FEATURE_NAMES, compute_features
from features.flow import lee_ready_sign
from features.market_day import SymbolDay
from features.session import interval_array, seconds_since_open, seconds_to_close
from tests.features.books import INTERVALS, NAN, NS, Row, Trade, day_of

CALM: Row = (0.0, 9.0, 100.0, 11.0, 100.0)


def column(name: str, day: SymbolDay) -> list[float]:
    return [float(value) for value in compute_features(day, INTERVALS)[:, FEATURE_NAMES.index(name)]]


def test_the_microprice_leans_to_the_thinner_side() -> None:
    assert microprice_offset_bps(9.0, 300.0, 11.0, 100.0, 10.0) == pytest.approx(500.0)
    assert microprice_offset_bps(9.0, 100.0, 11.0, 100.0, 10.0) == 0.0


def test_a_missing_side_leaves_prices_and_balance_null_and_never_says_one() -> None:
    day = day_of([(0.0, 10.0, 900.0, NAN, 0.0)])
    for name in ("spread_bps", "imbalance_1", "microprice_offset_bps", "depth_notional", "bid_queue"):
        assert np.isnan(column(name, day)).all(), name


def test_ten_levels_are_null_in_a_feed_of_five_and_counted_as_shown_in_a_thin_book_of_ten() -> None:
    five, ten = np.array([10.0, 10.0, 10.0, 10.0, 10.0]), np.array([30.0] + [0.0] * 9)
    assert np.isnan(imbalance_10(five, five, 10.0))
    assert imbalance_10(ten, ten / 3.0, 10.0) == 0.5


def test_a_book_with_its_size_behind_the_best_is_steeper() -> None:
    price = np.array([10.0, 9.99, 9.98])
    assert bid_slope(price, np.array([10.0, 45.0, 45.0])) == pytest.approx(0.9 / 20.0)
    assert bid_slope(price, np.array([90.0, 5.0, 5.0])) < bid_slope(price, np.array([10.0, 45.0, 45.0]))
    assert np.isnan(ask_slope(np.array([10.0, NAN]), np.array([5.0, 0.0])))


def test_depth_is_money() -> None:
    assert depth_notional(300.0, 200.0, 10.0) == 5_000.0


def test_a_growing_bid_is_positive_flow_and_a_growing_ask_negative() -> None:
    assert column("ofi_1_10s", day_of([CALM, (0.0, 9.0, 150.0, 11.0, 100.0), (1.0, 9.0, 150.0, 11.0, 100.0)]))[2] > 0.0
    assert column("ofi_1_10s", day_of([CALM, (0.0, 9.0, 100.0, 11.0, 150.0), (1.0, 9.0, 100.0, 11.0, 150.0)]))[2] < 0.0


def test_flow_is_null_where_the_feed_shows_no_sizes() -> None:
    rows: list[Row] = [(0.0, 9.0, 0.0, 11.0, 0.0), (1.0, 9.1, 0.0, 11.0, 0.0), (2.0, 9.2, 0.0, 11.0, 0.0)]
    for name in ("ofi_1_60s", "ofi_5_60s", "bid_queue_change", "imbalance_1"):
        assert np.isnan(column(name, day_of(rows))).all(), name


def test_flow_counts_for_exp_of_minus_its_age_over_the_window() -> None:
    rows = [(second, 9.0, 100.0 if second == 0.0 else 150.0, 11.0, 100.0) for second in (0.0, 2.0, 12.0)]
    usual = (100.0 * 2 * np.exp(-10 / 300) + 125.0 * 10) / (2 * np.exp(-10 / 300) + 10)
    assert column("ofi_1_10s", day_of(rows))[2] == pytest.approx(50.0 * np.exp(-1.0) / usual, rel=1e-3)


def test_trades_are_null_until_the_feed_has_shown_one() -> None:
    trades: list[Trade] = [(1.5, 10.5, 4.0, 1)]
    found = column("trade_flow_60s", day_of([CALM, (1.0, *CALM[1:]), (2.0, *CALM[1:])], trades))
    assert np.isnan(found).tolist() == [True, True, False]
    assert found[2] == 1.0


def test_what_an_auction_traded_before_the_first_row_is_no_flow_of_the_interval() -> None:
    trades: list[Trade] = [(0.0, 10.5, 9e6, 1), (1.0, 10.5, 4.0, -1)]
    found = column("trade_flow_60s", day_of([CALM, (1.0, *CALM[1:])], trades))
    assert np.isnan(found[0])
    assert found[1] == -1.0


def test_a_trade_at_the_time_of_a_row_belongs_to_that_row() -> None:
    trades: list[Trade] = [(1.0, 10.5, 4.0, -1), (2.0, 10.5, 4.0, 1)]
    found = column("trade_flow_10s", day_of([CALM, (1.0, *CALM[1:]), (2.0, *CALM[1:])], trades))
    assert found[1] == -1.0
    assert found[2] == pytest.approx((1 - np.exp(-0.1)) / (1 + np.exp(-0.1)))


def test_the_feeds_own_sign_beats_the_quote() -> None:
    trades: list[Trade] = [(1.0, 10.9, 4.0, -1)]
    assert column("trade_flow_10s", day_of([CALM, (1.0, *CALM[1:])], trades))[1] == -1.0


@pytest.mark.parametrize(("price", "sign"), [(10.9, 1.0), (9.1, -1.0)])
def test_a_trade_without_a_sign_takes_it_from_the_mid_before_it(price: float, sign: float) -> None:
    moved: Row = (1.0, 19.0, 100.0, 21.0, 100.0)
    assert column("trade_flow_10s", day_of([CALM, moved], [(0.5, price, 4.0, 0)]))[1] == sign


def test_a_trade_at_the_mid_takes_the_sign_of_the_last_price_change() -> None:
    assert lee_ready_sign(10.0, 10.0, 9.9, -1.0) == 1.0
    assert lee_ready_sign(10.0, 10.0, 10.1, 1.0) == -1.0
    assert lee_ready_sign(10.0, 10.0, 10.0, -1.0) == -1.0
    assert np.isnan(lee_ready_sign(10.0, 10.0, 10.0, NAN))


def test_a_feed_of_totals_is_signed_by_its_average_price_and_not_at_all_without_shares() -> None:
    rows: list[Row] = [CALM, (1.0, *CALM[1:])]
    assert column("trade_flow_10s", day_of(rows, traded=[(0.0, 0.0), (5.0, 54.0)]))[1] == 1.0
    assert column("trade_flow_10s", day_of(rows, traded=[(0.0, 0.0), (5.0, 46.0)]))[1] == -1.0
    assert np.isnan(column("trade_flow_10s", day_of(rows, traded=[(NAN, 0.0), (NAN, 54.0)]))[1])


def test_volatility_is_bps_per_root_second_and_waits_for_a_tenth_of_its_window() -> None:
    rows = [(float(second), 9.0 + 0.01 * (second % 2), 1.0, 11.0 + 0.01 * (second % 2), 1.0) for second in range(60)]
    found = column("realised_volatility_60s", day_of(rows))
    assert np.isnan(found[:7]).all()
    assert found[-1] == pytest.approx(10.0, rel=0.02)


def test_one_jump_moves_realised_volatility_and_leaves_bipower_alone() -> None:
    rows = [(float(second), 9.0 + (second >= 50), 1.0, 11.0 + (second >= 50), 1.0) for second in range(60)]
    assert column("realised_volatility_300s", day_of(rows))[-1] > 50.0
    assert column("bipower_volatility_300s", day_of(rows))[-1] == 0.0


def test_trading_time_leaves_out_the_pause() -> None:
    opening = interval_array(INTERVALS)
    assert seconds_since_open(opening, 6_030 * NS) == 630.0
    assert seconds_to_close(opening, 30 * NS) == 1_170.0
    assert np.isnan(seconds_since_open(opening, 3_000 * NS))
