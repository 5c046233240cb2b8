"""The replay's fills against the desk's: honest nights pass, optimism is caught."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from models.fill_calibration import LEAST_NIGHTS, SessionFills, judge_fills, pooled

HONEST_RATIO, DEVIATION = 0.80, 0.025
HONEST_BPS, DEVIATION_BPS = 1.56, 0.49


def sessions(count: int, seed: int, optimism: float = 0.0, bps: float = 0.0) -> list[SessionFills]:
    """Sessions of 208 orders as measured on the built-in market; `optimism`: so much more resting fills predicted."""
    random = np.random.default_rng(seed)
    ratios, differences = random.normal(HONEST_RATIO, DEVIATION, count), random.normal(HONEST_BPS, DEVIATION_BPS, count)
    return [
        SessionFills(str(day), 208, float(ratio) * (1.0 + optimism), 1.0, float(difference) - bps)
        for day, (ratio, difference) in enumerate(zip(ratios, differences, strict=True))
    ]


def verdicts(tonight: list[SessionFills], earlier: list[SessionFills]) -> list[str]:
    return [check.verdict for check in judge_fills(tonight, earlier)]


def test_honest_nights_pass_with_and_without_history() -> None:
    wrong = sum(verdicts(sessions(1, seed), sessions(40, seed + 500)) != ["pass", "pass"] for seed in range(300))
    assert wrong <= 3
    assert verdicts(sessions(21, 1), []) == ["pass", "pass"]


def test_thirty_percent_optimism_from_the_first_night_on_fails_because_the_bound_is_no_bound() -> None:
    for seed in range(100):
        fills, _ = judge_fills(sessions(21, seed, optimism=0.3), [])
        assert fills.verdict == "fail"
        assert "may not fill more passively than the desk really was" in fills.reason


def test_thirty_percent_optimism_that_comes_one_night_is_caught_that_night() -> None:
    caught = [judge_fills(sessions(1, seed, 0.3), sessions(30, seed + 500))[0].verdict for seed in range(100)]
    assert "pass" not in caught


def test_ten_percent_more_than_history_holds_although_it_is_below_the_bound() -> None:
    fills, _ = judge_fills(sessions(21, 3, optimism=0.12), sessions(30, 4))
    assert fills.verdict == "hold"
    assert "3 deviations above the mean of 30 earlier nights" in fills.reason


def test_a_replay_cheaper_than_what_the_desk_paid_fails() -> None:
    _, costs = judge_fills(sessions(21, 5, bps=2.0), [])
    assert (costs.name, costs.verdict) == ("slippage_calibration", "fail")


def test_a_replay_that_got_cheaper_than_its_history_holds() -> None:
    steady = [SessionFills(str(day), 208, 0.8, 1.0, 1.5 + 0.1 * (-1) ** day) for day in range(30)]
    _, costs = judge_fills([SessionFills("s", 208, 0.8, 1.0, 0.9)], steady)
    assert costs.verdict == "hold"
    assert "3 deviations below the mean of 30 earlier nights" in costs.reason


def test_history_never_moves_the_line_beyond_the_bound_itself() -> None:
    optimists = sessions(30, 7, optimism=0.3)
    assert judge_fills(sessions(21, 8, optimism=0.3), optimists)[0].verdict == "fail"
    fills, _ = judge_fills([SessionFills("s", 208, 0.99, 1.0, 1.0)], optimists)
    assert fills.threshold == 1.0


def alike(ratio: float, bps: float, spread: float = 0.1, count: int = 6) -> list[SessionFills]:
    """Sessions around a ratio and a difference, half above and half below."""
    return [
        SessionFills(str(day), 208, ratio + spread * (-1) ** day / 10.0, 1.0, bps + spread * (-1) ** day)
        for day in range(count)
    ]


def test_beyond_the_bound_is_a_fail_however_strict_the_line_of_history_is() -> None:
    assert judge_fills(alike(1.04, 1.5), sessions(30, 4))[0].verdict == "fail"
    assert judge_fills(alike(0.8, -0.2), sessions(30, 4))[1].verdict == "fail"


def test_beyond_the_bound_by_what_chance_may_do_is_a_hold() -> None:
    assert judge_fills(alike(1.01, 1.5), [])[0].verdict == "hold"
    assert judge_fills(alike(0.8, -0.1), [])[1].verdict == "hold"
    assert judge_fills(alike(1.2, -5.0, count=4), [])[0].verdict == "hold"


def test_few_nights_draw_no_line() -> None:
    fills, _ = judge_fills(sessions(1, 1), sessions(LEAST_NIGHTS - 1, 2))
    assert fills.threshold == 1.0


@pytest.mark.parametrize(
    "found",
    [
        [],
        [SessionFills("s", 208, 1.0, 0.0, 1.0)],
        [SessionFills("s", 208, math.nan, 1.0, math.nan)],
        [SessionFills("s", 99, 0.8, 1.0, 1.5)],
    ],
)
def test_missing_or_too_few_orders_hold_never_pass(found: list[SessionFills]) -> None:
    assert judge_fills(found, sessions(30, 1))[0].verdict == "hold"


def test_too_few_orders_do_not_make_a_failure_milder() -> None:
    few = [replace(one, orders=10) for one in alike(1.2, 1.5)]
    assert judge_fills(few, [])[0].verdict == "fail"


def test_a_session_without_costs_counts_for_fills_only() -> None:
    whole = pooled([SessionFills("a", 100, 60.0, 100.0, None), SessionFills("b", 300, 90.0, 100.0, 2.0)])
    assert (whole.orders, whole.ratio, whole.difference_bps) == (400, 0.75, 2.0)
