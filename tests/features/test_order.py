"""Where one order stands."""

from __future__ import annotations

import numpy as np
import pytest

from features.order import arrival_move_bps, participation_so_far, remaining_time_fraction, schedule_lag, vwap_move_bps


def test_an_order_that_did_nothing_by_half_time_is_half_behind() -> None:
    assert schedule_lag(1_000.0, 1_000.0, 0.5) == 0.5
    assert schedule_lag(1_000.0, 250.0, 0.5) == -0.25


def test_no_time_is_left_after_the_end() -> None:
    assert remaining_time_fraction(1.2) == 0.0


def test_participation_is_unknown_where_the_market_is() -> None:
    assert participation_so_far(50.0, 1_000.0) == 0.05
    assert np.isnan(participation_so_far(50.0, float("nan")))
    assert np.isnan(participation_so_far(0.0, 0.0))


def test_a_move_against_the_order_is_positive_for_buys_and_sells_alike() -> None:
    assert arrival_move_bps(1.0, 10.1, 10.0) == pytest.approx(100.0)
    assert arrival_move_bps(-1.0, 9.9, 10.0) == pytest.approx(100.0)
    assert vwap_move_bps(-1.0, 10.1, 10.0) == pytest.approx(-100.0)
