from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.market_day import SymbolDay
from models.impact import (
    NO_IMPACT,
    ImpactScale,
    OwnFills,
    StatedImpact,
    impact_scale,
    propagate_bps,
    remove_own_impact,
    shift_prices,
)
from models.policy import TWAP
from models.replay import replay
from tests.models.replay_days import SECOND, rules, some_orders, walk_day, written_day

SCALE = ImpactScale(adv_shares=1_000_000.0, daily_volatility_bps=200.0)


def test_both_formulas_agree_at_a_quarter_percent_of_volume() -> None:
    stated = StatedImpact()
    assert stated.per_share_bps(SCALE) * 2_500 == pytest.approx(5.0)
    assert stated.block_bps(2_500.0, SCALE) == pytest.approx(5.0)


def test_a_symbol_without_volume_has_no_impact_rather_than_an_infinite_one() -> None:
    assert StatedImpact().per_share_bps(ImpactScale(0.0, 200.0)) == 0.0
    assert StatedImpact().block_bps(100.0, ImpactScale(0.0, 200.0)) == 0.0


def test_a_fill_moves_the_price_after_it_and_the_move_halves_in_its_half_life() -> None:
    half_life = round(60 * np.log(2.0) * SECOND)
    times = np.array([0, 10, 10 + half_life], np.int64)
    shift = propagate_bps(times, np.array([10], np.int64), np.array([8.0]), 60.0)
    assert shift[:2].tolist() == [0.0, 0.0]
    assert shift[2] == pytest.approx(4.0)
    assert propagate_bps(np.array([11], np.int64), np.array([10], np.int64), np.array([8.0]), 60.0)[0] == pytest.approx(
        8.0
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3600), st.floats(-20.0, 20.0)), max_size=20))
def test_the_running_level_equals_the_sum_over_all_earlier_fills(events: list[tuple[int, float]]) -> None:
    ordered = sorted(events)
    at = np.array([second for second, _ in ordered], np.int64) * SECOND
    bps = np.array([move for _, move in ordered])
    times = np.arange(0, 3600, 173, dtype=np.int64) * SECOND
    plain = [
        sum(move * np.exp(-(time - when) / (300.0 * SECOND)) for when, move in zip(at, bps, strict=True) if when < time)
        for time in times
    ]
    assert propagate_bps(times, at, bps, 300.0) == pytest.approx(plain, abs=1e-9)


def test_splitting_an_order_does_not_change_its_linear_impact() -> None:
    once = propagate_bps(np.array([5], np.int64), np.array([1], np.int64), np.array([6.0]), 60.0)
    thrice = propagate_bps(np.array([5], np.int64), np.array([1, 1, 1], np.int64), np.array([2.0, 2.0, 2.0]), 60.0)
    assert once == pytest.approx(thrice)


def _desk_traded(day: SymbolDay, fills: OwnFills, stated: StatedImpact, scale: ImpactScale) -> SymbolDay:
    bps = fills.side * fills.shares * stated.per_share_bps(scale)
    book = 1.0 + propagate_bps(day.times_ns, fills.times_ns, bps, stated.decay_seconds) / 1e4
    trade = 1.0 + propagate_bps(day.trade_times_ns, fills.times_ns, bps, stated.decay_seconds) / 1e4
    return shift_prices(day, book, trade)


def test_taking_our_impact_out_and_replaying_the_same_fills_gives_the_recorded_price_back() -> None:
    day, orders = walk_day(1), some_orders(1, 6)
    log = replay(day, orders, TWAP, rules()).log
    fills = OwnFills(log.fill_ns, orders.side[log.fill_order], log.fill_price, log.fill_shares)
    stated, scale = StatedImpact(linear_coefficient=20.0), impact_scale(day)
    clean = remove_own_impact(day, fills, stated, scale, has_own_prints=False)
    back = _desk_traded(clean, fills, stated, scale)
    assert np.abs(clean.bid_price / day.bid_price - 1.0).max() > 1e-5
    assert back.bid_price == pytest.approx(day.bid_price, rel=1e-12)
    assert back.ask_price == pytest.approx(day.ask_price, rel=1e-12)
    assert back.trade_price == pytest.approx(day.trade_price, rel=1e-12)


def test_without_fills_the_day_is_left_alone() -> None:
    day, nothing = walk_day(2, rows=5), np.empty(0)
    assert (
        remove_own_impact(day, OwnFills(nothing.astype(np.int64), nothing, nothing, nothing), NO_IMPACT, SCALE) is day
    )


def test_our_own_prints_leave_the_tape_and_the_row_totals() -> None:
    day = written_day(
        [0, 10, 20],
        [[(9.99, 100.0)]] * 3,
        [[(10.01, 100.0)]] * 3,
        [(5.0, 10.01, 300.0, 1), (5.0, 9.99, 50.0, -1), (15.0, 10.01, 200.0, 1)],
    )
    day = replace(day, traded_shares=np.array([0.0, 350.0, 200.0]), traded_notional=np.array([0.0, 3502.5, 2002.0]))
    fills = OwnFills(
        np.array([5, 15], np.int64) * SECOND, np.array([1.0, 1.0]), np.array([10.01, 10.01]), np.array([100.0, 200.0])
    )
    clean = remove_own_impact(day, fills, NO_IMPACT, SCALE)
    assert list(zip(clean.trade_price, clean.trade_shares, strict=True)) == [(10.01, 200.0), (9.99, 50.0)]
    assert clean.traded_shares.tolist() == [0.0, 250.0, 0.0]
    assert clean.traded_notional == pytest.approx([0.0, 2501.5, 0.0])


def test_volume_and_volatility_are_those_of_the_day() -> None:
    times = [float(second) for second in range(0, 1201, 300)]
    bids = [[(price, 100.0)] for price in (9.99, 10.09, 9.99, 10.09, 9.99)]
    asks = [[(price, 100.0)] for price in (10.01, 10.11, 10.01, 10.11, 10.01)]
    scale = impact_scale(written_day(times, bids, asks, [(10.0, 10.0, 700.0, 1), (20.0, 10.0, 300.0, -1)]))
    assert scale.adv_shares == 1000.0
    assert scale.daily_volatility_bps == pytest.approx(2.0 * np.log(10.1 / 10.0) * 1e4)


def test_money_without_shares_still_gives_a_volume() -> None:
    day = written_day([0, 10], [[(9.99, 100.0)]] * 2, [[(10.01, 100.0)]] * 2)
    day = replace(day, traded_notional=np.array([np.nan, 5000.0]))
    assert impact_scale(day).adv_shares == pytest.approx(500.0)
