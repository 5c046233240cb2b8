"""Stoikov's adjustment on books whose answer is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from features.day_statistics import day_statistics, fit_symbol
from features.fits import IMBALANCES, MICROPRICE, NO_FIT, REGIME, TICK
from features.market_day import SymbolDay
from features.microprice import book_state, fit_microprice, microprice_adjusted_bps
from tests.features.books import INTERVALS, day_of


def coin_book(chance_up: float, seed: int, rows: int = 6_000) -> SymbolDay:
    """A book of one tick whose mid moves a whole tick, up with `chance_up` whenever the bid is the heavy side."""
    random, bid, found = np.random.default_rng(seed), 1_000, []
    for place in range(rows):
        is_heavy_bid = random.random() < 0.5
        sizes = (900.0, 100.0) if is_heavy_bid else (100.0, 900.0)
        found.append((place * 0.1, bid / 100.0, sizes[0], (bid + 1) / 100.0, sizes[1]))
        if random.random() < 0.2:
            bid += 1 if random.random() < (chance_up if is_heavy_bid else 1.0 - chance_up) else -1
    return day_of(found)


def adjustment(chance_up: float) -> npt.NDArray[np.float64]:
    """(spread state, imbalance bin); 1 is a heavy ask, 9 a heavy bid."""
    fit = fit_symbol([day_statistics(coin_book(chance_up, seed), INTERVALS, 0.01) for seed in range(4)], 0.01)
    return fit[MICROPRICE:REGIME].reshape(3, IMBALANCES)


def test_a_book_that_says_nothing_of_the_next_move_is_not_adjusted() -> None:
    assert abs(adjustment(0.5)[0, 9]) < 0.02


def test_the_adjustment_is_the_expected_move_of_a_book_whose_states_are_drawn_anew() -> None:
    """A heavy bid moves 0.2 * (0.8 - 0.2) = 0.12 ticks now; every later row is a fresh coin and adds nothing."""
    found = adjustment(0.8)
    assert found[0, 9] == pytest.approx(0.12, abs=0.01)
    assert found[0, 9] == pytest.approx(-found[0, 1])


def test_balance_is_its_own_mirror_image_and_is_never_adjusted() -> None:
    books = [(float(place), 10.0, 500.0, 10.01, 500.0 + 100.0 * (place % 3 - 1)) for place in range(600)]
    moved = [
        (at, bid + 0.01 * (at // 2 % 2), size, ask + 0.01 * (at // 2 % 2), other) for at, bid, size, ask, other in books
    ]
    fit = fit_symbol([day_statistics(day_of(moved), INTERVALS, 0.01)] * 4, 0.01)
    assert fit[MICROPRICE + 5] == pytest.approx(0.0, abs=1e-12)


def test_few_moves_give_no_adjustment_and_the_feature_is_null() -> None:
    quiet = day_of([(float(place), 10.0, 5.0, 10.01, 5.0) for place in range(500)])
    fit = fit_symbol([day_statistics(quiet, INTERVALS, 0.01)], 0.01)
    assert np.isnan(fit[MICROPRICE:REGIME]).all()
    assert np.isnan(microprice_adjusted_bps(10.0, 5.0, 10.01, 5.0, 10.005, fit))
    assert np.isnan(microprice_adjusted_bps(10.0, 5.0, 10.01, 5.0, 10.005, NO_FIT))


def test_the_adjustment_is_in_ticks_and_the_feature_in_bps() -> None:
    fit = NO_FIT.copy()
    fit[TICK], fit[MICROPRICE:REGIME] = 0.01, 0.25
    assert microprice_adjusted_bps(10.0, 5.0, 10.01, 5.0, 10.005, fit) == pytest.approx(1e4 * 0.0025 / 10.005)


def test_a_one_sided_book_or_one_without_sizes_has_no_state() -> None:
    assert book_state(np.nan, 0.0, 10.0, 5.0, 0.01) == book_state(10.0, 0.0, 10.01, 5.0, 0.01) == -1


def test_counts_of_nothing_fit_nothing() -> None:
    assert np.isnan(fit_microprice(np.zeros((33, 74)))).all()
