"""Price-time priority on a hand-made book: who is served first, and who never meets whom."""

from __future__ import annotations

import numpy as np
import pytest

from models.market_book import market_takes, market_takes_at, own_takes, remove_lots
from models.market_desk import _rest
from models.market_parameters import SAMPLE_SYMBOLS, HiddenParameters
from models.market_rates import alias_table, set_rates
from models.market_state import State, new_state

BID, ASK = 0, 1


def book() -> State:
    """Bid 10 lots at 99, ask 10 at 101 and 10 at 102; two parents of ours, a buyer (0) and a seller (1)."""
    state = new_state()
    set_rates(state, SAMPLE_SYMBOLS[3], HiddenParameters(hidden_liquidity=1e-12))
    state.lots[BID, 99], state.lots[ASK, 101], state.lots[ASK, 102] = 10, 10, 10
    state.lots[BID, 80], state.lots[ASK, 120] = 1, 1
    state.best[:2] = (99, 101)
    state.edge[:] = (80, 120)
    state.parents = 2
    state.parent[:2] = [[1, 50, 50, 0, 600, 1 << 40, 1, 0], [-1, 50, 50, 0, 600, -(1 << 40), 1, 0]]
    return state


def rest(state: State, parent: int, place: int, lots: int) -> int:
    child = int(state.children)
    state.children += 1
    state.child[child, :4] = (parent, 0, place, lots)
    _rest(state, child, BID if parent == 0 else ASK, place, lots)
    return child


def filled(state: State, child: int) -> int:
    return int(state.child[child, 4])


def test_our_resting_order_waits_behind_the_queue() -> None:
    state = book()
    child = rest(state, 0, 99, 5)
    assert market_takes(state, BID, 8, 99, 1.0) == 8
    assert (filled(state, child), state.child[child, 5]) == (0, 2)
    assert market_takes(state, BID, 4, 99, 2.0) == 4
    assert filled(state, child) == 2


def test_who_comes_later_stands_behind_us() -> None:
    state = book()
    child = rest(state, 0, 99, 5)
    state.lots[BID, 99] += 20
    market_takes(state, BID, 15, 99, 1.0)
    assert filled(state, child) == 5
    assert state.lots[BID, 99] == 20


def test_prints_count_executions_between_others_only() -> None:
    state = book()
    rest(state, 0, 99, 5)
    market_takes(state, BID, 13, 99, 1.0)
    assert state.trades == 1
    assert state.trade[0].tolist() == [99, 10, -1]
    assert state.traded_lots == 10


@pytest.mark.parametrize(("chance", "ahead"), [(0.4, 4), (0.9, 8)])
def test_a_cancellation_ahead_of_us_shortens_our_queue_and_one_behind_does_not(chance: float, ahead: int) -> None:
    state = book()
    state.lots[BID, 99] = 8
    child = rest(state, 0, 99, 5)
    state.lots[BID, 99] = 16
    remove_lots(state, BID, 99, 4, chance)
    assert state.child[child, 5] == ahead
    assert state.lots[BID, 99] == 12


def test_our_crossing_order_walks_the_book_and_stops_at_its_price() -> None:
    state = book()
    child = 0
    state.children, state.child[0, :4] = 1, (0, 0, 101, 50)
    assert own_takes(state, ASK, child, 50, 101, 1.0) == 10
    assert own_takes(state, ASK, child, 40, 102, 1.0) == 10
    assert state.execution[:2].tolist() == [[0, 101, 10, 0], [0, 102, 10, 0]]
    assert state.trades == 0


def test_our_crossing_order_never_meets_our_resting_one() -> None:
    state = book()
    seller = rest(state, 1, 101, 5)
    state.children, state.child[1, :4] = 2, (0, 0, 101, 50)
    assert own_takes(state, ASK, 1, 50, 101, 1.0) == 10
    assert filled(state, seller) == 0
    assert state.child[seller, 5] == 0
    assert state.own_lots[ASK, 101] == 5


def test_a_side_that_is_swept_keeps_one_lot_at_its_edge() -> None:
    state = book()
    assert market_takes(state, ASK, 100, 119, 1.0) == 20
    assert state.best[ASK] == 120
    assert market_takes_at(state, ASK, 120, 1, 2.0) == 1
    assert (state.best[ASK], state.lots[ASK, 120]) == (120, 1)


def test_events_are_drawn_with_their_weights() -> None:
    weights = np.array([0.5, 3.0, 1.0, 0.0, 5.5])
    share, other = alias_table(weights)
    chance = share / len(weights)
    for kind, kept in enumerate(share):
        chance[other[kind]] += (1.0 - kept) / len(weights)
    assert chance == pytest.approx(weights / weights.sum())
