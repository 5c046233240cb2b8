from __future__ import annotations

import numpy as np
import pytest

from models.policy import CROSS, IMPROVE, JOIN, POST_ONLY
from models.replay import OrderArrays, replay
from models.replay_fills import child_price, resting_fill, shown_at, whole_lots
from tests.models.replay_days import SECOND, rules, written_day

BIDS, ASKS = [[(9.99, 500.0), (9.98, 300.0)]], [[(10.01, 500.0)]]
Print = tuple[float, float, float, int]


def _filled(prints: list[Print], bound: str, bids: list = BIDS * 3, asks: list = ASKS * 3) -> float:  # type: ignore[type-arg]
    day = written_day([0, 10, 20], bids, asks, prints)
    order = OrderArrays.of(side=[1.0], shares=[400.0], arrival_ns=[0], end_ns=[20 * SECOND])
    return float(replay(day, order, POST_ONLY, rules(bound)).outcome.filled_shares[0])  # type: ignore[arg-type]


@pytest.mark.parametrize(("printed", "touch"), [(500.0, 0.0), (700.0, 200.0), (5000.0, 400.0), (650.0, 100.0)])
def test_a_print_at_our_price_serves_the_queue_first(printed: float, touch: float) -> None:
    prints = [(5.0, 9.99, printed, -1)]
    assert _filled(prints, "touch") == touch
    assert _filled(prints, "trade_through") == 0.0


def test_the_queue_remembers_what_was_served_before() -> None:
    assert _filled([(5.0, 9.99, 400.0, -1), (15.0, 9.99, 300.0, -1)], "touch") == 200.0


def test_a_print_beyond_our_price_fills_us_under_both_bounds_up_to_what_printed() -> None:
    for bound in ("touch", "trade_through"):
        assert _filled([(5.0, 9.98, 300.0, -1)], bound) == 300.0


def test_a_print_by_a_buyer_or_above_our_price_fills_no_buyer() -> None:
    for bound in ("touch", "trade_through"):
        assert _filled([(5.0, 9.99, 5000.0, 1), (6.0, 10.01, 5000.0, -1)], bound) == 0.0


def test_less_shown_than_we_believed_ahead_shortens_the_queue() -> None:
    bids = [[(9.99, 500.0)], [(9.99, 100.0)], [(9.99, 900.0)]]
    assert _filled([(15.0, 9.99, 300.0, -1)], "touch", bids=bids) == 200.0


def test_who_leaves_without_trading_stood_ahead_of_us_even_when_others_joined_behind() -> None:
    bids = [[(9.99, 500.0)], [(9.99, 900.0)], [(9.99, 600.0)]]
    assert _filled([(15.0, 9.99, 300.0, -1)], "touch", bids=bids) == 0.0
    bids = [[(9.99, 500.0)], [(9.99, 900.0)], [(9.99, 200.0)]]
    assert _filled([(15.0, 9.99, 300.0, -1)], "touch", bids=bids) == 200.0


def test_an_opposite_best_at_our_price_fills_under_touch_only() -> None:
    asks = [[(10.01, 500.0)], [(9.99, 300.0)], [(10.01, 500.0)]]
    bids = [[(9.99, 500.0)], [(9.98, 500.0)], [(9.98, 500.0)]]
    assert _filled([], "touch", bids, asks) == 300.0
    assert _filled([], "trade_through", bids, asks) == 0.0


def test_an_opposite_best_beyond_our_price_fills_under_both_bounds_up_to_what_is_shown() -> None:
    asks = [[(10.01, 500.0)], [(9.98, 200.0)], [(10.01, 500.0)]]
    bids = [[(9.99, 500.0)], [(9.97, 500.0)], [(9.97, 500.0)]]
    for bound in ("touch", "trade_through"):
        assert _filled([], bound, bids, asks) == 200.0


def test_the_pessimistic_bound_never_gives_more_than_the_optimistic_one() -> None:
    random = np.random.default_rng(0)
    for ahead, at, beyond, shown_at_price, shown_beyond in random.integers(0, 900, (500, 5)).astype(float):
        touch, short = resting_fill(ahead, at, beyond, shown_at_price, shown_beyond, True)
        through, long = resting_fill(ahead, at, beyond, shown_at_price, shown_beyond, False)
        assert 0.0 <= through <= touch
        assert 0.0 <= short <= long <= ahead


def _levels(*bids: tuple[float, float]) -> np.ndarray:  # type: ignore[type-arg]
    levels = np.full((1, 2, len(bids), 2), np.nan)
    for depth, quote in enumerate(bids):
        levels[0, 0, depth] = quote
    return levels


@pytest.mark.parametrize(
    ("price", "ahead"), [(9.99, 500.0), (10.00, 0.0), (9.98, 0.0), (9.97, 300.0), (9.96, np.inf), (9.9902, 500.0)]
)
def test_the_queue_at_a_price_is_shown_empty_or_unknown(price: float, ahead: float) -> None:
    levels = _levels((9.99, 500.0), (9.97, 300.0))
    assert shown_at(levels, 0, 0, price, 1.0, 0.005) == ahead


def test_an_empty_own_side_hides_the_queue() -> None:
    assert shown_at(_levels((np.nan, 0.0)), 0, 0, 9.99, 1.0, 0.005) == np.inf


def test_a_price_deeper_than_the_feed_shows_does_not_fill_at_its_price() -> None:
    bids = [[(9.99, 500.0)], [(9.99, 500.0)], [(9.99, 500.0)]]
    day = written_day([0, 10, 20], bids, ASKS * 3, [(5.0, 9.90, 9000.0, -1)])
    order = OrderArrays.of(side=[1.0], shares=[400.0], arrival_ns=[0], end_ns=[20 * SECOND], limit_price=[9.90])
    assert replay(day, order, POST_ONLY, rules("touch")).outcome.filled_shares.tolist() == [0.0]


def test_a_price_that_comes_into_view_gets_the_queue_that_is_shown() -> None:
    bids = [[(9.99, 500.0)], [(9.90, 300.0)], [(9.90, 900.0)]]
    day = written_day([0, 10, 20], bids, ASKS * 3, [(15.0, 9.90, 500.0, -1)])
    order = OrderArrays.of(side=[1.0], shares=[400.0], arrival_ns=[0], end_ns=[20 * SECOND], limit_price=[9.90])
    assert replay(day, order, POST_ONLY, rules("touch")).outcome.filled_shares.tolist() == [200.0]


def test_what_stands_at_our_price_counts_for_nothing_under_the_pessimistic_bound() -> None:
    assert resting_fill(200.0, 900.0, 100.0, 300.0, 50.0, False) == (150.0, 0.0)
    assert resting_fill(200.0, 900.0, 100.0, 300.0, 50.0, True) == (150.0 + 300.0 + 700.0, 0.0)


@pytest.mark.parametrize(
    ("action", "limit", "price"),
    [(JOIN, np.nan, 9.98), (IMPROVE, np.nan, 9.99), (JOIN, 9.95, 9.95), (IMPROVE, 9.98, 9.98), (CROSS, 10.00, 10.00)],
)
def test_a_child_rests_where_its_action_says_and_never_past_the_limit(action: int, limit: float, price: float) -> None:
    assert child_price(1.0, action, 9.98, 10.01, limit, 0.01) == pytest.approx(price)


def test_improving_joins_where_the_spread_has_no_room() -> None:
    assert child_price(1.0, IMPROVE, 9.99, 10.00, np.nan, 0.01) == 9.99
    assert child_price(-1.0, IMPROVE, 10.03, 10.00, np.nan, 0.01) == pytest.approx(10.02)


def test_fills_are_whole_lots_or_the_whole_rest() -> None:
    assert [whole_lots(could, 250.0, 100.0) for could in (99.0, 199.9, 249.0, 250.0, 900.0, -5.0)] == [
        0.0, 100.0, 200.0, 250.0, 250.0, 0.0,
    ]  # fmt: skip
