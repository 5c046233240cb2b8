"""A recipe's looks of a quarter share one alpha, and each is judged at what it spends."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from models.error_budget import ALPHA, LEAST_LEVEL, next_look, stretched


def looks(nights: int) -> list[float]:
    """Levels of the nights of a quarter on which the recipe never passed; 0 once nothing is left."""
    spent, levels = 0.0, []
    for _ in range(nights):
        look = next_look(spent)
        levels.append(look.level or 0.0)
        spent += look.spends
    return levels


def test_the_first_look_is_at_a_tenth_of_alpha_and_later_ones_at_less() -> None:
    levels = looks(63)
    assert levels[0] == pytest.approx(0.005)
    assert all(later <= earlier for earlier, later in itertools.pairwise(levels))


def test_all_looks_of_a_quarter_together_spend_no_more_than_alpha() -> None:
    assert sum(looks(1000)) <= ALPHA
    assert sum(looks(63)) > 0.9 * ALPHA


def test_after_some_forty_looks_nothing_is_left_and_the_reason_says_until_when() -> None:
    levels = looks(63)
    assert levels.index(0.0) == 44
    look = next_look(ALPHA - 5 * LEAST_LEVEL)
    assert (look.level, look.spends) == (None, 0.0)
    assert "nothing is left until the next quarter" in look.reason


def test_a_recipe_that_passed_is_judged_at_that_level_again_and_spends_nothing() -> None:
    look = next_look(0.03, 0.004)
    assert (look.level, look.spends) == (0.004, 0.0)


@pytest.mark.parametrize("spent", [math.nan, math.inf, -0.1])
def test_what_was_spent_must_be_known(spent: float) -> None:
    assert next_look(spent).level is None


@given(st.floats(0.0, 0.06), st.floats(0.0, 0.06))
def test_who_spent_more_is_judged_no_more_mildly(one: float, two: float) -> None:
    less, more = sorted((one, two))
    assert (next_look(more).level or 0.0) <= (next_look(less).level or 0.0)


def test_the_interval_at_the_bootstrap_s_own_level_stays_as_it_is() -> None:
    low, high = stretched(-1.0, -1.5, -0.4, 20, 0.025)
    assert (low, high) == (pytest.approx(-1.5), pytest.approx(-0.4))


def test_a_surer_look_stretches_the_interval_around_its_mean() -> None:
    low, high = stretched(-1.0, -1.5, -0.4, 20, 0.005)
    assert low == pytest.approx(-1.0 - 0.5 * 3.2498 / 2.2622, abs=1e-3)
    assert high == pytest.approx(-1.0 + 0.6 * 3.2498 / 2.2622, abs=1e-3)


def test_without_an_interval_there_is_none_at_any_level() -> None:
    assert stretched(-1.0, None, None, 12, 0.005) == (None, None)
    assert stretched(-1.0, -1.5, -0.4, None, 0.005) == (None, None)


def test_an_equal_model_looked_at_every_night_of_a_quarter_passes_wrongly_no_more_often_than_alpha_allows() -> None:
    """Nights share nineteen of twenty sessions, as they do; at 95 % every night, one quarter in five passes wrongly.

    The interval is that of ten blocks of two sessions, which the bootstrap stands for.
    """
    random, quarters = np.random.default_rng(5), 400
    scores = random.normal(0.0, 4.0, (quarters, 20 + 62))
    blocks = np.lib.stride_tricks.sliding_window_view(scores, 20, axis=1).reshape(quarters, 63, 10, 2).mean(axis=-1)
    mean, half = blocks.mean(axis=-1), stdtrit(9, 0.975) * blocks.std(axis=-1, ddof=1) / math.sqrt(10)
    naive = (mean + half < 0.0).any(axis=1).mean()
    wrong = 0
    for quarter in range(quarters):
        spent, passed = 0.0, None
        for night in range(63):
            look = next_look(spent, passed)
            spent += look.spends
            if look.level is None:
                break
            centre, side = float(mean[quarter, night]), float(half[quarter, night])
            high = stretched(centre, centre - side, centre + side, 20, look.level)[1]
            passed = look.level if high is not None and high < 0.0 else passed
        wrong += passed is not None
    assert wrong / quarters <= ALPHA
    assert naive > 3 * ALPHA
