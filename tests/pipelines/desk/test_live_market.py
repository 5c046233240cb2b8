"""The built-in market between messages: the same day as the paper desk's, and children that stand in its queues."""

from __future__ import annotations

import random

import numpy as np

from models.market import no_orders, open_market
from models.market_live import open_live
from models.market_parameters import HiddenParameters
from models.policy import DO_NOTHING
from tests.pipelines.desk.live_made_venue import SECONDS, a_market, a_session


def test_a_market_moved_on_in_odd_steps_without_orders_is_the_market_of_the_paper_desk_to_the_last_bit() -> None:
    live, draw, at = open_live(a_session(), no_orders(), HiddenParameters()), random.Random(1), 0.0
    while at < SECONDS:
        at += draw.uniform(0.0, 3.0)
        live.advance(at)
    batch = open_market(a_session(), no_orders(), HiddenParameters())
    batch.run(DO_NOTHING.to_array())
    for name in ("row_place", "row_lots", "row_traded", "trade", "trade_at"):
        assert np.array_equal(getattr(batch.state, name), getattr(live.state, name)), name


def test_a_resting_child_is_filled_in_its_turn_and_a_cancel_takes_off_the_rest() -> None:
    market = a_market(4)
    market.advance(10.0)
    child = market.place(0, market.quote().bid, 50, is_immediate=False)
    assert market.is_resting(child)
    market.advance(200.0)
    filled = sum(fill.lots for row, fill in market.executions(0) if row == child)
    assert 0 < filled < 50
    assert market.cancel(child)
    assert not market.cancel(child)
    assert market.reason(child) == "cancelled"
    assert all(fill.is_maker for _, fill in market.executions(0))


def test_an_immediate_child_takes_what_its_price_reaches_and_never_rests() -> None:
    market = a_market()
    market.advance(10.0)
    quote = market.quote()
    child = market.place(0, quote.ask, 60, is_immediate=True)
    assert not market.is_resting(child)
    assert 0 < sum(fill.lots for _, fill in market.executions(0)) < 60
    missed = market.place(0, market.quote().ask - 1, 10, is_immediate=True)
    assert not market.is_resting(missed)


def test_own_orders_never_meet_each_other() -> None:
    market = a_market()
    market.advance(40.0)
    bid = market.quote().bid
    buy = market.place(0, bid, 10, is_immediate=False)
    sell = market.place(1, bid, 10, is_immediate=False)
    assert market.placed_at(sell) > market.placed_at(buy)
