from __future__ import annotations

import numpy as np
import pytest

from infra.errors import ContractError
from models.metrics import block_bootstrap, cvar_bps, exceedances, is_better, paired


def _sessions(count: int, orders: int = 10) -> np.ndarray:  # type: ignore[type-arg]
    return np.repeat(np.arange(count), orders)


def test_the_estimate_counts_each_order_once() -> None:
    found = paired([1.0, 2.0, 9.0], [3.0, 3.0, 3.0], sessions=[1, 1, 2])
    assert found.difference_bps == pytest.approx((-2.0 - 1.0 + 6.0) / 3.0)
    assert found.session_differences_bps == pytest.approx((-1.5, 6.0))


@pytest.mark.parametrize(("sessions", "has_interval"), [(19, False), (20, True)])
def test_there_is_no_interval_below_twenty_sessions(sessions: int, has_interval: bool) -> None:
    costs = np.random.default_rng(0).normal(0.0, 10.0, sessions * 10)
    found = paired(costs - 5.0, costs, _sessions(sessions))
    assert (found.low_bps is not None, found.high_bps is not None) == (has_interval, has_interval)
    assert ("19 sessions" in found.why_no_interval) == (not has_interval)


def test_the_interval_is_the_same_every_time() -> None:
    costs = np.random.default_rng(0).normal(0.0, 10.0, 200)
    assert paired(costs, costs[::-1], _sessions(20)) == paired(costs, costs[::-1], _sessions(20))


def test_a_difference_without_noise_has_an_interval_without_width() -> None:
    costs = np.random.default_rng(0).normal(0.0, 10.0, 200)
    found = paired(costs - 3.0, costs, _sessions(20))
    assert (found.low_bps, found.high_bps) == pytest.approx((-3.0, -3.0))


def test_the_interval_covers_about_as_often_as_it_says() -> None:
    random, inside, trials = np.random.default_rng(3), 0, 300
    counts = np.full(20, 50.0)
    for trial in range(trials):
        effect = 3.0 * random.standard_t(5, 20) + random.normal(0.0, 20.0 / np.sqrt(50.0), 20)
        low, high = block_bootstrap(effect * counts, counts, seed=trial, draws=300)
        inside += low <= 0.0 <= high
    assert 0.92 <= inside / trials <= 0.98


def test_costs_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ContractError, match="3, 2 and 3 orders"):
        paired([1.0, 2.0, 3.0], [1.0, 2.0], [1, 1, 1])


def test_the_tail_is_the_mean_of_the_dearest_twentieth_and_is_not_winsorised() -> None:
    costs = np.append(np.zeros(99), 500.0)
    assert cvar_bps(costs) == 100.0
    assert exceedances(costs, 499.0) == 1
    assert np.isnan(cvar_bps(np.empty(0)))


def test_better_needs_the_pessimistic_bound_and_an_interval_below_zero() -> None:
    costs = np.random.default_rng(0).normal(0.0, 1.0, 200)
    cheaper, few = paired(costs - 3.0, costs, _sessions(20)), paired(costs[:190] - 3.0, costs[:190], _sessions(19))
    assert is_better(cheaper, "trade_through")
    assert not is_better(cheaper, "touch")
    assert not is_better(few, "trade_through")
    assert not is_better(paired(costs + 3.0, costs, _sessions(20)), "trade_through")
