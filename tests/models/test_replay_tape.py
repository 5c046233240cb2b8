from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.market_day import with_last_price
from models.replay_tape import SessionClock, make_tape
from tests.models.replay_days import SECOND, written_day

OPEN = SessionClock()
MORNING, AFTERNOON = (0, 100 * SECOND), (200 * SECOND, 300 * SECOND)
SPLIT = SessionClock((MORNING, AFTERNOON))


def _prints(clock: SessionClock = OPEN, **day: object) -> list[tuple[int, float, float, float]]:
    written = written_day([0, 10, 20], [[(9.99, 100.0)]] * 3, [[(10.01, 100.0)]] * 3)
    tape = make_tape(replace(written, **day), clock, None)  # type: ignore[arg-type]
    return [
        (row, print_["price"], pytest.approx(print_["shares"]), print_["sign"])
        for row, at in enumerate(tape.feed.rows)
        for print_ in tape.feed.prints[at["first_print"] : at["last_print"]]
    ]


def test_an_average_price_between_the_touches_splits_the_volume_between_them() -> None:
    shares, money = np.array([0.0, 400.0, 0.0]), np.array([0.0, 100 * 9.99 + 300 * 10.01, 0.0])
    found = _prints(traded_shares=shares, traded_notional=money)
    assert found == [(1, 9.99, 100.0, -1.0), (1, 10.01, 300.0, 1.0)]


def test_an_average_price_outside_the_spread_is_one_print_of_unknown_side() -> None:
    shares, money = np.array([0.0, 400.0, 0.0]), np.array([0.0, 400 * 9.90, 0.0])
    found = _prints(traded_shares=shares, traded_notional=money)
    assert found == [(1, pytest.approx(9.90), 400.0, 0.0)]


def test_a_feed_of_money_alone_prints_at_the_last_price_once_it_is_given() -> None:
    day = written_day([0, 10], [[(9.99, 100.0)]] * 2, [[(10.01, 100.0)]] * 2)
    day = replace(day, traded_notional=np.array([np.nan, 999.0]))
    assert len(make_tape(day, OPEN, None).feed.prints) == 0
    tape = make_tape(with_last_price(day, np.array([9.99, 9.99])), OPEN, None)
    assert [(one["price"], one["sign"]) for one in tape.feed.prints] == [(9.99, -1.0)]
    assert tape.feed.prints["shares"] == pytest.approx([100.0])


def test_trades_belong_to_the_row_that_follows_them_and_win_over_row_totals() -> None:
    day = written_day(
        [0, 10, 20], [[(9.99, 100.0)]] * 3, [[(10.01, 100.0)]] * 3, [(10.0, 9.99, 70.0, -1), (11.0, 10.01, 30.0, 1)]
    )
    tape = make_tape(replace(day, traded_shares=np.full(3, 999.0), traded_notional=np.full(3, 9990.0)), OPEN, None)
    assert [(row["first_print"], row["last_print"]) for row in tape.feed.rows] == [(0, 0), (0, 1), (1, 2)]
    assert tape.volume_shares.tolist() == [0.0, 0.0, 70.0, 100.0]


def test_a_feed_that_says_nothing_about_volume_has_an_unknown_volume() -> None:
    day = written_day([0, 10], [[(9.99, 100.0)]] * 2, [[(10.01, 100.0)]] * 2)
    assert np.isnan(make_tape(day, OPEN, None).volume_shares).all()


def test_rows_and_trades_outside_the_session_are_left_out() -> None:
    day = written_day(
        [50, 150, 250], [[(9.99, 100.0)]] * 3, [[(10.01, 100.0)]] * 3, [(120.0, 9.0, 10.0, -1), (240.0, 9.99, 20.0, -1)]
    )
    tape = make_tape(day, SPLIT, np.array([1.0, 2.0, 3.0]))
    assert tape.clock_ns.tolist() == [50 * SECOND, 150 * SECOND]
    assert tape.utc_ns.tolist() == [50 * SECOND, 250 * SECOND]
    assert tape.feed.signals_bps[:, 0].tolist() == [1.0, 3.0]
    assert tape.feed.prints["shares"].tolist() == [20.0]


@given(st.integers(0, 100), st.integers(0, 100))
def test_the_clock_runs_there_and_back_inside_the_session(first: int, second: int) -> None:
    inside = np.array([first, 200 + second], np.int64) * SECOND
    back = SPLIT.to_utc(SPLIT.to_clock(inside))
    same_clock = SPLIT.to_clock(back) == SPLIT.to_clock(inside)
    assert same_clock.all()
    assert (back == inside).all() or second == 0


def test_the_clock_stands_still_in_the_break_and_before_the_opening() -> None:
    times = np.array([-1, 100 * SECOND, 150 * SECOND, 200 * SECOND, 999 * SECOND], np.int64)
    assert SPLIT.to_clock(times).tolist() == [-1, 100 * SECOND, 100 * SECOND, 100 * SECOND, 200 * SECOND]
