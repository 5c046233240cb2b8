from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from models.impact import NO_IMPACT, OwnFills, StatedImpact, impact_scale
from models.policy import DO_NOTHING, POST_ONLY, SIGNAL, TWAP, PolicyParameters
from models.replay import OrderArrays, Replayed, replay, score_fills
from tests.models.replay_days import FEES, SECOND, mirrored, rules, some_orders, walk_day, written_day

AT_ONCE = replace(TWAP, name="cross_at_once", tolerance=(-1.0, -1.0, -1.0))
NOW = SECOND * 30


def _buy(shares: float, seconds: float = 30.0, **more: list[float]) -> OrderArrays:
    return OrderArrays.of(side=[1.0], shares=[shares], arrival_ns=[0], end_ns=[round(seconds * SECOND)], **more)  # type: ignore[arg-type]


THREE_ROWS = written_day(
    [0, 10, 20],
    [[(9.99, 500.0)], [(9.99, 500.0)], [(9.99, 500.0)]],
    [[(10.01, 200.0), (10.02, 300.0)], [(10.01, 200.0), (10.02, 300.0)], [(10.01, 200.0), (10.02, 300.0)]],
)


def test_crossing_pays_half_the_spread_and_the_fee() -> None:
    outcome = replay(THREE_ROWS, _buy(200.0), TWAP, rules()).outcome
    assert outcome.arrival_price.tolist() == [10.0]
    assert outcome.half_spread_bps == pytest.approx([10.0])
    assert outcome.filled_shares.tolist() == [200.0]
    assert outcome.arrival_cost_bps == pytest.approx([10.0 + 0.3 * 10.01 / 10.0])


def test_a_seller_pays_the_tax_on_top() -> None:
    order = OrderArrays.of(side=[-1.0], shares=[200.0], arrival_ns=[0], end_ns=[NOW])
    outcome = replay(THREE_ROWS, order, TWAP, rules()).outcome
    assert outcome.arrival_cost_bps == pytest.approx([10.0 + 5.3 * 9.99 / 10.0])


def test_crossing_walks_shown_depth_and_what_is_not_shown_is_forced_at_the_end() -> None:
    replayed = replay(THREE_ROWS, _buy(600.0), TWAP, rules())
    assert list(zip(replayed.log.fill_price, replayed.log.fill_shares, strict=True)) == [(10.01, 200.0), (10.02, 300.0)]
    assert replayed.outcome.completion_shares.tolist() == [100.0]
    assert replayed.outcome.completion_price.tolist() == [10.01]
    paid = 200 * 10.01 + 300 * 10.02 + 100 * 10.01
    assert replayed.outcome.arrival_cost_bps == pytest.approx([(paid * (1 + 0.3e-4) - 6000.0) / 6000.0 * 1e4])


def test_doing_nothing_is_priced_as_forced_completion_with_block_impact_at_the_last_book() -> None:
    day = written_day(
        [0, 10, 20, 29],
        [[(9.99, 500.0)], [(9.99, 500.0)], [(9.99, 500.0)], [(10.09, 500.0)]],
        [[(10.01, 200.0)], [(10.01, 200.0)], [(10.01, 200.0)], [(10.11, 100.0), (10.12, 400.0)]],
        [(5.0, 10.01, 10_000.0, 1)],
    )
    impact = StatedImpact(linear_coefficient=0.0, block_coefficient=1.0)
    outcome = replay(day, _buy(400.0, 29.0), DO_NOTHING, rules(impact=impact)).outcome
    walked = (100 * 10.11 + 300 * 10.12) / 400
    assert outcome.filled_shares.tolist() == [0.0]
    assert outcome.completion_price == pytest.approx([walked])
    assert outcome.arrival_cost_bps == pytest.approx([(walked * (1 + 0.3e-4) - 10.0) / 10.0 * 1e4])


def test_block_impact_moves_the_forced_price_by_volatility_times_the_root_of_the_share_of_volume() -> None:
    calm = walk_day(3)
    order = some_orders(1, 1)
    without = replay(calm, order, DO_NOTHING, rules()).outcome.completion_price
    impact = StatedImpact(linear_coefficient=0.0, block_coefficient=1.0)
    with_impact = replay(calm, order, DO_NOTHING, rules(impact=impact)).outcome.completion_price
    scale = impact_scale(calm)
    expected = scale.daily_volatility_bps * np.sqrt(order.shares / scale.adv_shares)
    assert order.side * (with_impact / without - 1.0) * 1e4 == pytest.approx(expected)


def test_forced_completion_uses_the_last_book_that_shows_the_far_side() -> None:
    day = written_day(
        [0, 10, 20],
        [[(9.99, 500.0)]] * 3,
        [[(10.01, 200.0)], [(10.03, 200.0)], []],
    )
    outcome = replay(day, _buy(100.0), DO_NOTHING, rules()).outcome
    assert outcome.completion_price.tolist() == [10.03]


def test_a_one_sided_or_stale_arrival_book_makes_the_order_ineligible_for_every_policy() -> None:
    day = written_day([0, 10, 200], [[(9.99, 100.0)]] * 3, [[], [(10.01, 100.0)], [(10.01, 100.0)]])
    orders = OrderArrays.of(
        side=[1.0, 1.0, -1.0],
        shares=[100.0] * 3,
        arrival_ns=[SECOND, 11 * SECOND, 90 * SECOND],
        end_ns=[250 * SECOND] * 3,
    )
    for policy in (TWAP, POST_ONLY, DO_NOTHING):
        outcome = replay(day, orders, policy, rules()).outcome
        assert outcome.is_eligible.tolist() == [False, True, False]
        assert np.isnan(outcome.arrival_cost_bps).tolist() == [True, False, True]
        assert np.isnan(outcome.arrival_price).tolist() == [True, False, True]


def test_an_order_before_the_first_book_is_ineligible() -> None:
    day = written_day([100], [[(9.99, 100.0)]], [[(10.01, 100.0)]])
    assert replay(day, _buy(100.0, 200.0), TWAP, rules()).outcome.is_eligible.tolist() == [False]


def test_a_decision_sees_the_row_before_it_and_acts_after_the_latency() -> None:
    day = written_day(
        [0, 29, 31, 33, 61],
        [[(9.99, 500.0)]] * 5,
        [[(10.01, 500.0)], [(10.01, 500.0)], [(10.02, 500.0)], [(10.03, 500.0)], [(10.04, 500.0)]],
    )
    order = OrderArrays.of(side=[1.0], shares=[500.0], arrival_ns=[NOW], end_ns=[2 * NOW])
    prices = [replay(day, order, TWAP, rules(latency_seconds=late)).log.fill_price.tolist() for late in (0.0, 2.0, 4.0)]
    assert prices == [[10.02], [10.03], []]


def test_signal_is_read_from_the_last_row_at_or_before_the_decision() -> None:
    day = walk_day(5, rows=40)
    signal = np.arange(40.0)
    order = OrderArrays.of(side=[1.0], shares=[3000.0], arrival_ns=[SECOND], end_ns=[91 * SECOND])
    log = replay(day, order, SIGNAL, rules(), signal).log
    assert log.decision_signal_bps.tolist() == [0.0, 10.0, 20.0]


def test_nothing_trades_in_the_break_and_the_schedule_stands_still() -> None:
    day = walk_day(11)
    minute = 60 * SECOND
    intervals = ((0, 10 * minute), (40 * minute, 59 * minute))
    order = OrderArrays.of(side=[1.0], shares=[4000.0], arrival_ns=[5 * minute], end_ns=[45 * minute])
    log = replay(day, order, TWAP, rules(intervals_ns=intervals)).log
    for times in (log.decision_ns, log.fill_ns, log.child_sent_ns, log.child_ended_ns):
        assert all(5 * minute <= at <= 10 * minute or 40 * minute <= at <= 45 * minute for at in times)
    assert len(log.decision_ns) == 20


def test_the_first_decision_of_an_order_that_starts_after_the_break_is_not_told_as_one_before_it() -> None:
    minute = 60 * SECOND
    intervals = ((0, 10 * minute), (40 * minute, 59 * minute))
    order = OrderArrays.of(side=[1.0], shares=[400.0], arrival_ns=[40 * minute], end_ns=[41 * minute])
    log = replay(walk_day(11), order, TWAP, rules(intervals_ns=intervals)).log
    assert log.decision_ns.tolist() == [40 * minute, 40 * minute + 30 * SECOND]


@pytest.mark.parametrize("policy", [TWAP, POST_ONLY, AT_ONCE, SIGNAL])
@pytest.mark.parametrize("bound", ["touch", "trade_through"])
def test_fills_decided_and_left_over_shares_add_up(policy: PolicyParameters, bound: str) -> None:
    day, orders = walk_day(7), some_orders(2)
    signal = np.random.default_rng(1).normal(0.0, 10.0, day.rows)
    replayed = replay(day, orders, policy, rules(bound), signal)  # type: ignore[arg-type]
    outcome, log = replayed.outcome, replayed.log
    per_order = np.bincount(log.fill_order, log.fill_shares, minlength=orders.count)
    per_child = np.bincount(log.fill_child, log.fill_shares, minlength=len(log.child_shares))
    assert outcome.is_eligible.all()
    assert per_order == pytest.approx(outcome.filled_shares)
    assert outcome.filled_shares + outcome.completion_shares == pytest.approx(orders.shares)
    assert per_child == pytest.approx(log.child_filled_shares)
    assert (log.child_filled_shares <= log.child_shares + 1e-9).all()
    assert (log.fill_ns >= orders.start_ns[log.fill_order]).all()
    assert (log.fill_ns <= orders.end_ns[log.fill_order]).all()
    assert (log.child_reason[log.child_filled_shares >= log.child_shares] == 0).all()


def test_own_orders_never_cross_more_than_a_row_shows() -> None:
    day = walk_day(8)
    one = some_orders(3, 1)
    many = OrderArrays.of(
        side=np.repeat(one.side, 8), shares=np.full(8, 5000.0), arrival_ns=np.repeat(one.arrival_ns, 8),
        end_ns=np.repeat(one.end_ns, 8),
    )  # fmt: skip
    log = replay(day, many, AT_ONCE, rules()).log
    for at in np.unique(log.fill_ns):
        row = int(np.searchsorted(day.times_ns, at))
        far = day.ask_shares[row] if one.side[0] > 0 else day.bid_shares[row]
        assert log.fill_shares[log.fill_ns == at].sum() <= far.sum()


def test_own_resting_orders_never_share_a_print() -> None:
    day = written_day(
        [0, 10, 20], [[(9.99, 0.0)]] * 3, [[(10.01, 500.0)]] * 3, [(5.0, 9.98, 300.0, -1)],
    )  # fmt: skip
    orders = OrderArrays.of(side=[1.0, 1.0], shares=[200.0, 200.0], arrival_ns=[0, 0], end_ns=[25 * SECOND] * 2)
    outcome = replay(day, orders, POST_ONLY, rules()).outcome
    assert outcome.filled_shares.tolist() == [200.0, 100.0]


@pytest.mark.parametrize("policy", [TWAP, POST_ONLY, AT_ONCE])
@pytest.mark.parametrize("bound", ["touch", "trade_through"])
def test_a_limit_price_is_never_violated(policy: PolicyParameters, bound: str) -> None:
    day, orders = walk_day(9), some_orders(4, alpha_bps=10.0)
    row = np.searchsorted(day.times_ns, orders.arrival_ns, side="right") - 1
    orders = replace(orders, limit_price=np.round(day.mid[row] - orders.side * 0.01, 2))
    log = replay(day, orders, policy, rules(bound, StatedImpact())).log  # type: ignore[arg-type]
    worse = orders.side[log.fill_order] * (log.fill_price - orders.limit_price[log.fill_order])
    assert len(worse) > 50
    assert (worse <= 0.0).all()


def _equal(one: Replayed, other: Replayed, places: list[int]) -> bool:
    pairs = [(getattr(one.outcome, f.name)[places], getattr(other.outcome, f.name)) for f in fields(one.outcome)]
    return all(np.array_equal(left, right, equal_nan=True) for left, right in pairs)


@pytest.mark.parametrize("impact", [NO_IMPACT, StatedImpact()])
def test_the_order_in_which_orders_come_changes_nothing(impact: StatedImpact) -> None:
    day, orders = walk_day(10), some_orders(5)
    places = np.random.default_rng(0).permutation(orders.count)
    straight = replay(day, orders, TWAP, rules("touch", impact))
    shuffled = replay(day, orders.take(places), TWAP, rules("touch", impact))
    assert _equal(straight, shuffled, places.tolist())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("policy", [TWAP, POST_ONLY, AT_ONCE])
def test_buying_and_selling_mirror_each_other(seed: int, policy: PolicyParameters) -> None:
    day, order = walk_day(seed), some_orders(seed, 1)
    arrival = day.mid[np.searchsorted(day.times_ns, order.arrival_ns, side="right") - 1]
    untaxed = replace(
        rules("touch", StatedImpact()), fees=replace(FEES, maker_bps=0.0, taker_bps=0.0, sell_tax_bps=0.0)
    )
    unmoved = replace(untaxed, impact=NO_IMPACT)
    one = replay(day, order, policy, unmoved).outcome
    other = replay(mirrored(day, float(arrival[0])), replace(order, side=-order.side), policy, unmoved).outcome
    assert other.arrival_cost_bps == pytest.approx(one.arrival_cost_bps, abs=1e-6)
    assert other.filled_shares.tolist() == one.filled_shares.tolist()
    assert other.maker_shares.tolist() == one.maker_shares.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_touch_fills_a_passive_order_at_least_as_much_as_trade_through(seed: int) -> None:
    day, order = walk_day(seed), some_orders(seed, 1)
    touch = replay(day, order, POST_ONLY, rules("touch")).outcome.filled_shares
    through = replay(day, order, POST_ONLY, rules("trade_through")).outcome.filled_shares
    assert (touch >= through).all()


def test_under_adverse_alpha_a_passive_policy_is_dearer_under_the_pessimistic_bound() -> None:
    costs = {bound: _mean_cost(POST_ONLY, bound, 15.0) for bound in ("touch", "trade_through")}
    assert costs["touch"] < costs["trade_through"] - 1.0


def _mean_cost(policy: PolicyParameters, bound: str, alpha_bps: float) -> float:
    found = [
        replay(walk_day(seed), some_orders(seed, 20, alpha_bps=alpha_bps), policy, rules(bound, StatedImpact()))  # type: ignore[arg-type]
        for seed in range(20)
    ]
    return float(np.mean([one.outcome.arrival_cost_bps for one in found]))


def test_doing_nothing_and_only_posting_lose_against_twap_when_waiting_is_not_free() -> None:
    cost = {policy.name: _mean_cost(policy, "trade_through", 30.0) for policy in (TWAP, POST_ONLY, DO_NOTHING)}
    assert cost["twap_post_then_cross"] + 1.0 < cost["post_only"]
    assert cost["post_only"] < cost["do_nothing"]


def test_planted_alpha_is_overlaid_as_written_on_the_order() -> None:
    flat = written_day([0, 300, 600], [[(9.99, 900.0)]] * 3, [[(10.01, 900.0)]] * 3)
    order = _buy(100.0, 600.0, alpha_bps=[20.0], alpha_seconds=[300.0])
    price = replay(flat, order, DO_NOTHING, rules()).outcome.completion_price
    assert price == pytest.approx([10.01 * (1 + 20e-4 * (1 - np.exp(-2.0)))])


def test_own_fills_move_later_prices_against_us_and_decay() -> None:
    day, impact = walk_day(4), StatedImpact(linear_coefficient=10.0, decay_seconds=60.0, block_coefficient=0.0)
    orders = OrderArrays.of(side=[1.0, 1.0], shares=[300.0, 100.0], arrival_ns=[0, NOW], end_ns=[SECOND, NOW + SECOND])
    plain, moved = (replay(day, orders, TWAP, rules(impact=stated)).log for stated in (NO_IMPACT, impact))
    shift_bps = 300.0 * impact.per_share_bps(impact_scale(day)) * np.exp(-30.0 / 60.0)
    assert shift_bps > 0.05
    assert moved.fill_price[moved.fill_order == 0].tolist() == plain.fill_price[plain.fill_order == 0].tolist()
    later, before = moved.fill_price[moved.fill_order == 1], plain.fill_price[plain.fill_order == 1]
    assert (later / before - 1.0) * 1e4 == pytest.approx(np.full(len(before), shift_bps))


def test_scoring_the_fills_of_a_replay_gives_the_cost_of_the_replay() -> None:
    day, orders = walk_day(12), some_orders(6, alpha_bps=8.0)
    replayed = replay(day, orders, TWAP, rules("touch", NO_IMPACT))
    log = replayed.log
    fills = OwnFills(log.fill_ns, orders.side[log.fill_order], log.fill_price, log.fill_shares)
    scored = score_fills(day, orders, log.fill_order, fills, log.fill_is_maker, rules("touch", NO_IMPACT))
    assert scored.arrival_cost_bps == pytest.approx(replayed.outcome.arrival_cost_bps)
    assert scored.maker_shares == pytest.approx(replayed.outcome.maker_shares)
