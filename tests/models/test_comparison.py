from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.comparison import OrderCosts, compare


def _costs(sessions: int, shift_bps: float, noise_bps: float = 1.0) -> OrderCosts:
    random, orders = np.random.default_rng(1), 30
    count = sessions * orders
    benchmark = random.normal(8.0, 20.0, count)
    ones = np.ones(count)
    return OrderCosts(
        policy_bps=benchmark + shift_bps + random.normal(0.0, noise_bps, count),
        benchmark_bps=benchmark,
        session=np.repeat(np.arange(sessions), orders).astype(float),
        symbol=np.tile(np.array(["AAA", "BBB", "CCC"]), count // 3),
        hour=np.tile(np.array([9.0, 10.0]), count // 2),
        size=random.uniform(0.01, 0.2, count),
        half_spread_bps=2.0 * ones,
        order_notional=np.where(np.arange(count) % 3 == 0, 1e6, 1e4),
        policy_completion=0.98 * ones,
        benchmark_completion=ones,
        policy_participation=np.full(count, np.nan),
        benchmark_participation=ones,
    )


@pytest.mark.parametrize(
    ("sessions", "shift", "bound", "verdict", "words"),
    [
        (20, -3.0, "trade_through", "better", "cheaper under the pessimistic fill bound"),
        (20, -3.0, "touch", "undecided", "only trade_through may call it better"),
        (20, 3.0, "touch", "worse", "dearer"),
        (20, 0.0, "trade_through", "undecided", "the interval holds zero"),
        (19, -3.0, "trade_through", "descriptive", "no interval below 20 sessions"),
    ],
)
def test_the_verdict_follows_bound_and_interval(
    sessions: int, shift: float, bound: str, verdict: str, words: str
) -> None:
    found = compare(_costs(sessions, shift), bound)
    assert found.verdict == verdict
    assert words in found.reason


def test_slices_cover_every_order_once_by_symbol_size_and_hour() -> None:
    costs = _costs(4, -2.0, noise_bps=0.0)
    found = compare(costs, "touch").slices
    for kind, names in (
        ("symbol", ["AAA", "BBB", "CCC"]),
        ("size", ["small", "medium", "large"]),
        ("hour", ["9", "10"]),
    ):
        parts = [one for one in found if one.kind == kind]
        assert [one.name for one in parts] == names
        assert sum(one.orders for one in parts) == 120
        assert [one.difference_bps for one in parts] == pytest.approx([-2.0] * len(parts))
        assert [one.difference_half_spreads for one in parts] == pytest.approx([-1.0] * len(parts))


def test_large_orders_are_a_slice_of_their_own() -> None:
    costs = _costs(4, 0.0, noise_bps=0.0)
    costs = replace(
        costs, policy_bps=costs.benchmark_bps + np.where(costs.size > np.quantile(costs.size, 0.7), 9.0, 0.0)
    )
    by_name = {one.name: one.difference_bps for one in compare(costs, "touch").slices if one.kind == "size"}
    assert by_name["small"] == by_name["medium"] == 0.0
    assert by_name["large"] > 7.0


def test_the_notional_weighted_difference_stands_beside_the_plain_one() -> None:
    costs = _costs(4, 0.0, noise_bps=0.0)
    costs = replace(costs, policy_bps=costs.benchmark_bps + np.where(costs.symbol == "AAA", 3.0, 0.0))
    found = compare(costs, "touch")
    assert found.paired.difference_bps == pytest.approx(1.0)
    assert found.notional_weighted_difference_bps == pytest.approx(3.0 * 1e6 / (1e6 + 2e4))


def test_one_ruinous_order_shows_in_the_tail_and_completion_beside_the_mean() -> None:
    costs = _costs(20, 0.0)
    ruined = costs.policy_bps.copy()
    ruined[0] = 900.0
    found = compare(replace(costs, policy_bps=ruined), "trade_through")
    assert found.tail.policy_exceedances == found.tail.benchmark_exceedances + 1
    assert found.tail.policy_cvar_bps > found.tail.benchmark_cvar_bps + 20.0
    assert found.completion_difference == pytest.approx(-0.02)
    assert np.isnan(found.participation_difference)
