"""E-processes: values by hand, the definition by quadrature, validity by enumeration and by simulation."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import betabinom, binom, hypergeom, norm

from models.sequential import (
    DELTAS_BPS,
    betting_path,
    confidence_sequence,
    e_limit,
    log_e_betting,
    log_e_by_part,
    log_e_exceedance,
    log_e_mixture,
    log_e_not_inferior,
    log_e_sample_ratio,
    margin_two_sided,
    mixture_path,
    rho_for,
)

SCORES = st.lists(st.floats(-60.0, 60.0), min_size=1, max_size=12)
RUNS = 4000


def test_a_bet_by_hand() -> None:
    """v = 4, x = 3, effect size 2: eta = min(2 / (4 + 4), 0.9 / 6) = 0.15, and the wealth is 1 + 0.15 * 3."""
    assert math.exp(log_e_betting([3.0], [4.0], deltas=(2.0,))) == pytest.approx(1.45)


def test_a_small_bet_by_hand() -> None:
    """v = 100, x = 3, effect size 1: eta = 1 / (100 + 1), below the cap of 0.9 / 30."""
    assert math.exp(log_e_betting([3.0], [100.0], deltas=(1.0,))) == pytest.approx(1.0 + 3.0 / 101.0, rel=1e-9)


def test_a_score_beyond_three_planned_deviations_counts_as_three() -> None:
    assert log_e_betting([50.0], [4.0]) == log_e_betting([6.0], [4.0])
    assert log_e_betting([-50.0], [4.0]) == log_e_betting([-6.0], [4.0])


def test_no_session_is_an_e_value_of_one() -> None:
    assert math.exp(log_e_betting([], [])) == 1.0


def test_one_session_costs_a_tenth_of_the_wealth_at_least() -> None:
    assert math.exp(log_e_betting([-1e9], [1.0])) >= 0.1


@given(SCORES, st.floats(-60.0, 60.0))
@settings(deadline=None, max_examples=40)
def test_a_further_session_never_changes_earlier_e_values(scores: list[float], later: float) -> None:
    variances = [5.0 + number for number in range(len(scores) + 1)]
    before, after = betting_path(scores, variances[:-1]), betting_path([*scores, later], variances)
    assert np.array_equal(before, after[:-1])
    rho = rho_for(1.0, 0.05)
    assert np.array_equal(
        mixture_path(scores, variances[:-1], rho), mixture_path([*scores, later], variances, rho)[:-1]
    )


@given(SCORES)
@settings(deadline=None, max_examples=40)
def test_path_ends_at_the_value_and_dearer_is_never_less_evidence_of_harm(scores: list[float]) -> None:
    variances = np.full(len(scores), 9.0)
    assert betting_path(scores, variances)[-1] == pytest.approx(float(log_e_betting(scores, variances)))
    dearer = np.asarray(scores) + 1.0
    assert log_e_betting(dearer, variances) >= log_e_betting(scores, variances) - 1e-12


def test_what_is_missing_cannot_be_tested() -> None:
    for x, v in (([math.nan], [1.0]), ([1.0], [math.nan]), ([1.0], [0.0]), ([math.inf], [1.0])):
        with pytest.raises(ValueError, match="hold"):
            log_e_betting(x, v)
        with pytest.raises(ValueError, match="hold"):
            confidence_sequence(x, v, 0.05)
    with pytest.raises(ValueError, match="hold"):
        log_e_exceedance([math.nan], [3], [1], [3])


def test_not_inferior_is_harm_seen_from_the_margin() -> None:
    assert log_e_not_inferior([0.5, -1.0], [4.0, 4.0], 2.0) == log_e_betting([1.5, 3.0], [4.0, 4.0])


def _ever_above(log_path: np.ndarray, limit: float) -> float:
    return float((log_path.max(axis=-1) >= np.log(limit)).mean())


@pytest.mark.parametrize("tails", ["normal", "t3", "twice the spread", "day effects"])
def test_looking_every_evening_for_sixty_sessions_raises_a_false_alarm_once_in_twenty_at_most(tails: str) -> None:
    """4,000 runs, seed 1: Monte-Carlo error 0.35 % at 5 %. The planned variance is 25, whatever is true."""
    rng = np.random.default_rng(1)
    noise = {
        "normal": lambda: 5.0 * rng.standard_normal((RUNS, 60)),
        "t3": lambda: 5.0 / math.sqrt(3.0) * rng.standard_t(3, (RUNS, 60)),
        "twice the spread": lambda: 10.0 * rng.standard_normal((RUNS, 60)),
        "day effects": lambda: 5.0 * rng.standard_normal((RUNS, 60)) + 3.0 * rng.standard_normal((RUNS, 60)),
    }[tails]()
    assert _ever_above(betting_path(noise, 25.0), 20.0) <= 0.05 + 3 * 0.0035


def test_the_naive_z_test_raises_a_false_alarm_in_a_quarter_of_quiet_rollouts() -> None:
    x = np.random.default_rng(1).standard_normal((RUNS, 60))
    z = np.cumsum(x, axis=1) / np.sqrt(np.arange(1, 61))
    assert (z > norm.ppf(0.95)).any(axis=1).mean() > 0.25


def test_harm_of_one_planned_deviation_is_found_in_twenty_five_sessions() -> None:
    x = 5.0 + 5.0 * np.random.default_rng(2).standard_normal((RUNS, 25))
    assert _ever_above(betting_path(x, 25.0), 20.0) > 0.95


def test_an_average_over_parts_is_an_e_value_of_the_whole_and_of_each() -> None:
    """One session of each of two parts: half on the whole, a quarter on each part, which starts at one."""
    one, two = (math.exp(log_e_betting([score], [4.0])) for score in (3.0, -1.0))
    whole = math.exp(log_e_betting([3.0, -1.0], [4.0, 4.0]))
    found = math.exp(log_e_by_part([3.0, -1.0], [4.0, 4.0], [0, 1], 2))
    assert found == pytest.approx(0.5 * whole + 0.25 * one + 0.25 * two)
    assert math.exp(log_e_by_part([], [], [], 4)) == pytest.approx(1.0)


def test_late_harm_is_seen_behind_many_good_sessions() -> None:
    x, v = [-4.0] * 20 + [6.0] * 14, [16.0] * 34
    assert log_e_betting(x, v) < 0.0
    assert log_e_by_part(x, v, [0] * 20 + [1] * 14, 2) > np.log(e_limit(0.05))


def test_a_part_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        log_e_by_part([1.0], [1.0], [2], 2)


def test_mixture_is_the_average_over_a_half_normal_of_effects() -> None:
    """E = 2 * integral over l > 0 of exp(l S - l^2 V / 2) dN(0, 1/rho), by quadrature."""
    for s, v, rho in ((3.0, 4.0, 2.0), (-2.0, 1.5, 0.7), (8.0, 10.0, 5.0)):
        value, _ = quad(
            lambda u, s=s, v=v, rho=rho: 2.0 * math.exp(u * s - u * u * v / 2.0) * norm.pdf(u, 0.0, rho**-0.5),
            0.0,
            40.0,
        )
        assert math.exp(log_e_mixture(s, v, rho)) == pytest.approx(value, rel=1e-8)


def test_mixture_agrees_with_the_published_reference_values() -> None:
    """Values of a reference implementation in R, as in the tests of `confseq` (Howard)."""
    assert rho_for(100.0, 0.025) == pytest.approx(12.60056, abs=1e-5)
    assert margin_two_sided(100.0, 12.60056, 0.05) == pytest.approx(30.35209, abs=1e-4)
    assert log_e_mixture(10.0, 100.0, rho_for(100.0, 0.05)) == pytest.approx(-0.06502391, abs=1e-6)


def test_confidence_sequence_covers_at_all_times_at_once() -> None:
    """4,000 runs, seed 3: covers in 95 % or more, Monte-Carlo error 0.35 %."""
    x = 1.5 + 5.0 * np.random.default_rng(3).standard_normal((RUNS, 60))
    low, high = confidence_sequence(x, 25.0, 0.05)
    assert ((low <= 1.5) & (high >= 1.5)).all(axis=1).mean() >= 0.95 - 3 * 0.0035
    assert (high - low)[:, -1].max() < 6.0
    assert [part.shape for part in confidence_sequence([], [], 0.05)] == [(0,), (0,)]


def test_sample_ratio_is_the_predictive_probability_over_the_planned_one() -> None:
    """The order of units does not matter: beta-binomial over binomial."""
    expected = betabinom.logpmf(7, 20, 25.0, 75.0) - binom.logpmf(7, 20, 0.25)
    assert log_e_sample_ratio(7, 13, 0.25) == pytest.approx(expected)


def test_four_and_a_half_percent_instead_of_five_is_found_and_five_is_not() -> None:
    """Forty sessions of 2,000 orders, 500 runs, seed 4."""
    rng = np.random.default_rng(4)
    for true, low, high in ((0.05, 0.0, 0.003), (0.045, 0.95, 1.0)):
        ours = np.cumsum(rng.binomial(2000, true, (500, 40)), axis=1)
        total = 2000.0 * np.arange(1, 41)
        caught = (log_e_sample_ratio(ours, total - ours, 0.05) >= np.log(1000.0)).any(axis=1).mean()
        assert low <= caught <= high


@pytest.mark.parametrize(("units", "others", "did"), [(10, 90, 6), (50, 50, 20), (97, 3, 12), (1, 30, 4)])
def test_exceedances_of_arms_that_are_alike_have_mean_one_at_most(units: int, others: int, did: int) -> None:
    """Given that `did` of all units did it, the challenger's are a draw without replacement: the mean, enumerated."""
    k = np.arange(0, min(did, units) + 1)
    chance = hypergeom.pmf(k, units + others, did, units)
    values = [
        math.exp(log_e_exceedance([float(one)], [units], [float(did - one)], [others])) if did - one <= others else 0.0
        for one in k
    ]
    assert float((chance * values).sum()) <= 1.0 + 1e-12


def test_exceedances_by_hand() -> None:
    """3 of 10 against 1 of 10 at odds of two: (2/3 / (1/2))^3 * (1/3 / (1/2))^1."""
    found = math.exp(log_e_exceedance([3], [10], [1], [10], odds=(2.0,)))
    assert found == pytest.approx((4.0 / 3.0) ** 3 * (2.0 / 3.0))


def test_a_session_without_units_of_one_arm_says_nothing_of_exceedances() -> None:
    assert log_e_exceedance([0], [0], [3], [50]) == 0.0
    assert log_e_exceedance([3], [50], [0], [0]) == pytest.approx(0.0)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        log_e_exceedance([4], [3], [0], [3])


def test_effect_sizes_double_so_that_none_is_far() -> None:
    assert all(later == 2.0 * earlier for earlier, later in itertools.pairwise(DELTAS_BPS))
