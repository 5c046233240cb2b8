"""The built-in market: reproducible, never crossed, and it does to our orders what a market does."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from models.market import HiddenParameters, MarketOrders, MarketSession, OpenMarket, no_orders, open_market
from models.market_parameters import SAMPLE_SYMBOLS, MarketParameters
from models.market_path import close_price
from models.policy import DO_NOTHING, TWAP, PolicyParameters

MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)
DUNE, GLEN = SAMPLE_SYMBOLS[3], SAMPLE_SYMBOLS[6]
Drawn = list[tuple[int, int, int, int, int, int]]
CROSS_AT_ONCE = PolicyParameters("cross_at_once", tolerance=(-1.0, -1.0, -1.0))


def session(
    parameters: MarketParameters = DUNE, seed: int = 7, day: date = TUESDAY, seconds: int = 1800
) -> MarketSession:
    return MarketSession(parameters, seed, day, MONDAY, seconds)


def order(
    side: int = 1,
    lots: int = 20,
    start: int = 300,
    end: int = 900,
    limit: int = 0,
    urgency: int = 1,
    alpha_bps: float = 0.0,
) -> MarketOrders:
    return MarketOrders(
        np.array([[side, lots, lots, start, end, limit, urgency, 0]]), np.array([alpha_bps]), np.array([300.0])
    )


def together(*orders: MarketOrders) -> MarketOrders:
    return MarketOrders(
        np.concatenate([one.fields for one in orders]),
        np.concatenate([one.alpha_bps for one in orders]),
        np.concatenate([one.alpha_seconds for one in orders]),
    )


def run(
    orders: MarketOrders | None = None, policy: PolicyParameters = TWAP, of: MarketSession | None = None
) -> OpenMarket:
    market = open_market(of or session(), orders or no_orders(), HiddenParameters())
    market.run(policy.to_array())
    return market


def published(market: OpenMarket) -> bytes:
    state = market.state
    return state.row_place.tobytes() + state.row_lots.tobytes() + state.trade[: state.trades].tobytes()


def fills(market: OpenMarket) -> npt.NDArray[np.float64]:
    """child, place, lots, maker, time of each fill."""
    state = market.state
    return np.column_stack([state.execution[: state.fills], state.execution_at[: state.fills]])


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert run(order()).state.tobytes() == run(order()).state.tobytes()


@pytest.mark.parametrize("other", [{"seed": 8}, {"parameters": GLEN}, {"day": date(2026, 1, 7)}])
def test_another_seed_symbol_or_session_gives_another_market(other: dict[str, Any]) -> None:
    assert published(run(of=session(**other))) != published(run())


def test_the_published_book_is_never_crossed_and_its_levels_go_outwards() -> None:
    place = run(order()).state.row_place[:360]
    assert (place[:, 0, 0] < place[:, 1, 0]).all()
    assert (place[:, :, 0] >= 0).all()
    for side, sign in ((0, 1), (1, -1)):
        steps = sign * np.diff(np.where(place[:, side] < 0, -sign * 10**6, place[:, side]), axis=1)
        assert (steps <= 0).all()


def test_until_our_first_order_the_market_does_not_know_of_us() -> None:
    ours, without = run(order(start=600)).state, run(order(start=600), DO_NOTHING).state
    rows = 600 // 5 + 1
    assert (ours.row_place[:rows] == without.row_place[:rows]).all()
    assert (ours.row_lots[:rows] == without.row_lots[:rows]).all()
    assert (ours.row_lots[rows:] != without.row_lots[rows:]).any()


def test_half_minutes_one_by_one_equal_the_day_in_one_call() -> None:
    whole = run(order())
    parts = open_market(session(), order(), HiddenParameters())
    for until in range(30, 1801, 30):
        parts.run(TWAP.to_array(), until)
    assert parts.state.tobytes() == whole.state.tobytes()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    symbol=st.sampled_from(SAMPLE_SYMBOLS),
    drawn=st.lists(
        st.tuples(
            st.sampled_from([-1, 1]), st.integers(1, 400), st.integers(0, 40), st.integers(1, 20), st.integers(-30, 60),
            st.integers(0, 2),
        ),
        min_size=1, max_size=6,
    ),
    policy=st.sampled_from([TWAP, CROSS_AT_ONCE, PolicyParameters("urgent", tolerance=(0.0, 0.0, 0.0))]),
    latency=st.floats(0.0, 0.99),
)  # fmt: skip
def test_nothing_is_filled_beyond_its_size_its_time_or_its_limit(
    seed: int,
    symbol: MarketParameters,
    drawn: Drawn,
    policy: PolicyParameters,
    latency: float,
) -> None:
    here = session(symbol, seed)
    opening = round(here.previous_close * 100)
    orders = together(*(
        order(side, lots, 30 * first, min(1800, 30 * (first + steps)), (opening + side * away) * (away < 50), urgency)
        for side, lots, first, steps, away, urgency in drawn
    ))  # fmt: skip
    market = open_market(here, orders, HiddenParameters(latency_seconds=latency))
    for until in range(30, 1801, 30):
        market.run(policy.to_array(), until)
        best = market.state.best
        assert max(best[0], best[2]) < min(best[1], best[3])
    state, filled = market.state, fills(market)
    child = state.child[: state.children]
    assert (child[:, 4] == np.bincount(filled[:, 0].astype(int), filled[:, 2], minlength=len(child))).all()
    assert (child[:, 4] <= child[:, 3]).all()
    assert state.own_lots.sum() == 0
    assert state.actives == 0
    for number, fields in enumerate(orders.fields):
        own = filled[child[filled[:, 0].astype(int), 0] == number]
        assert own[:, 2].sum() == fields[1] - state.parent[number, 2] <= fields[1]
        assert ((own[:, 4] >= fields[3]) & (own[:, 4] <= fields[4])).all()
        if fields[5]:
            assert (fields[0] * (own[:, 1] + state.origin - fields[5]) <= 0).all()


def test_a_fill_while_a_decision_travels_never_leads_to_too_many_shares() -> None:
    for seed in range(6):
        orders = together(*(order(lots=30, start=30 * first, end=1800) for first in range(12)))
        market = open_market(session(seed=seed), orders, HiddenParameters(latency_seconds=0.99))
        market.run(TWAP.to_array())
        state, filled = market.state, fills(market)
        parent = state.child[filled[:, 0].astype(int), 0]
        for number in range(state.children):
            child = state.child[number]
            before = filled[(parent == child[0]) & (filled[:, 4] < state.child_at[number, 0])]
            assert child[3] <= 30 - before[:, 2].sum()


def test_two_orders_of_ours_that_improve_into_the_same_gap_never_meet() -> None:
    both_rest = 0
    for seed in range(12):
        orders = together(order(1, 200, urgency=2), order(-1, 200, urgency=2))
        market = open_market(session(seed=seed), orders, HiddenParameters())
        for until in range(301, 400):
            market.run(TWAP.to_array(), until)
            bid, ask = int(market.state.best[2]), int(market.state.best[3])
            assert bid < ask
            both_rest += ask - bid < 100
    assert both_rest > 20


def test_a_market_order_pays_the_spread_that_a_posted_one_earns() -> None:
    paid: dict[int, list[float]] = {1: [], 0: []}
    for seed in range(8):
        market = run(together(order(1, 60), order(-1, 60, 900, 1500)), of=session(seed=seed))
        state = market.state
        for child, place, _, maker, at in fills(market):
            row = int(at) // 5
            mid = state.row_place[row, :, 0].mean()
            paid[int(maker)].append(state.parent[state.child[int(child), 0], 0] * (place - mid))
    assert np.mean(paid[0]) > 0.3 > -0.3 > np.mean(paid[1])


def test_larger_orders_push_the_price_further_but_less_than_in_proportion() -> None:
    def pushed(lots: int) -> float:
        state = open_market(session(), order(lots=lots), HiddenParameters()).state
        one = OpenMarket(session(), state)
        one.run(CROSS_AT_ONCE.to_array(), 900)
        bent = state.bend * (math.sqrt(1.0 + 2.0 * state.displacement / state.bend) - 1.0)
        return float(bent + state.permanent)

    small, large = pushed(20), pushed(80)
    assert 1.5 * small < large < 4.0 * small


def test_hidden_impact_strength_scales_what_our_fills_do() -> None:
    weak, strong = (
        open_market(session(), order(), HiddenParameters(impact_strength=strength)).state for strength in (0.5, 2.0)
    )
    assert strong.impact_per_lot == pytest.approx(4.0 * weak.impact_per_lot)
    assert strong.permanent_per_lot == pytest.approx(4.0 * weak.permanent_per_lot)


@pytest.mark.parametrize("side", [1, -1])
def test_planted_alpha_moves_the_efficient_price_in_the_orders_direction_and_decays(side: int) -> None:
    planted = open_market(session(), order(side, alpha_bps=20.0), HiddenParameters()).state
    plain = open_market(session(), order(side), HiddenParameters()).state
    moved_bps = side * (planted.path[0] - plain.path[0]) / (plain.path[0, 0] + plain.origin) * 1e4
    assert (moved_bps[:301] == 0.0).all()
    assert moved_bps[600] == pytest.approx(20.0 * (1.0 - math.exp(-1.0)), rel=1e-6)
    assert moved_bps[1800] == pytest.approx(20.0 * (1.0 - math.exp(-5.0)), rel=1e-6)


def test_the_efficient_price_ends_at_the_official_close() -> None:
    day = session(seconds=23_400)
    state = open_market(day, no_orders(), HiddenParameters()).state
    close = close_price(DUNE, 7, TUESDAY)
    assert (state.path[0, 23_400] + state.origin) / 100 == pytest.approx(close, abs=1e-6)


def test_daily_volatility_and_volume_are_what_the_parameters_say() -> None:
    volatility, volume = [], []
    for number in range(6):
        state = run(of=session(GLEN, day=date(2026, 2, 2 + number), seconds=23_400)).state
        mid = state.row_place[:, :, 0].mean(axis=1) + state.origin
        volatility.append(np.sqrt((np.diff(np.log(mid[::12])) ** 2).sum()) * 1e4)
        volume.append(state.row_traded[:, 0].sum() * 100)
    assert np.mean(volatility) == pytest.approx(GLEN.daily_volatility_bps, rel=0.3)
    assert np.mean(volume) == pytest.approx(GLEN.daily_volume_shares, rel=0.25)


def test_the_book_knows_a_little_about_the_next_two_minutes() -> None:
    found = []
    for parameters in SAMPLE_SYMBOLS[::2]:
        state = run(of=session(parameters, seconds=23_400)).state
        mid, five = state.row_place[:, :, 0].mean(axis=1), state.row_lots[:, :, :5].sum(axis=2)
        imbalance = (five[:, 0] - five[:, 1]) / five.sum(axis=1)
        found.append(spearmanr(imbalance[:-24], mid[24:] - mid[:-24])[0])
    assert 0.03 < np.mean(found) < 0.3


@pytest.mark.parametrize("wrong", [order(start=-30), order(end=1830), order(start=900, end=900)])
def test_an_order_outside_the_session_is_refused(wrong: MarketOrders) -> None:
    with pytest.raises(ValueError, match="allowed: inside the session"):
        open_market(session(), wrong, HiddenParameters())


def test_a_latency_of_a_second_is_refused() -> None:
    with pytest.raises(ValueError, match="latency"):
        open_market(session(), no_orders(), HiddenParameters(latency_seconds=1.0))
