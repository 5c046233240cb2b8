"""One definition, several paths: all of them give the same 32 bits, and none of them sees the future."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import FEATURE_NAMES, FeatureState, compute_features
from features.market_day import NOTHING_BEFORE, KnownBefore, SymbolDay
from features.outside import SERIES
from features.point_in_time import day_until
from infra.errors import ContractError
from tests.features.books import INTERVALS, NAN, NS, Intervals, day_of, fitted, odd_days

Matrix = npt.NDArray[np.float32]


def bits(values: Matrix) -> npt.NDArray[np.uint32]:
    return np.where(np.isnan(values), np.float32(np.nan), values).astype(np.float32).view(np.uint32)


def event_by_event(day: SymbolDay, intervals: Intervals = INTERVALS, before: KnownBefore = NOTHING_BEFORE) -> Matrix:
    """What the desk does: trades and news as they come, then the book row, one after the other."""
    state, trade, news, found = FeatureState.start(day.bid_price.shape[1], intervals, before), 0, 0, []
    outside = day.outside
    for row in range(day.rows):
        while news < len(outside.usable_ns) and outside.usable_ns[news] <= day.times_ns[row]:
            told = (int(outside.usable_ns[news]), int(outside.about_ns[news]))
            state.on_signal(*told, SERIES[outside.series[news]], float(outside.value[news]))
            news += 1
        while trade < len(day.trade_times_ns) and day.trade_times_ns[trade] <= day.times_ns[row]:
            state.on_trade(
                int(day.trade_times_ns[trade]), float(day.trade_price[trade]), float(day.trade_shares[trade]),
                int(day.trade_sign[trade]),
            )  # fmt: skip
            trade += 1
        now = state.on_book(
            int(day.times_ns[row]), day.bid_price[row], day.bid_shares[row], day.ask_price[row], day.ask_shares[row],
            float(day.traded_shares[row]), float(day.traded_notional[row]),
        )  # fmt: skip
        found.append(now.copy())
    return np.array(found, np.float32).reshape(day.rows, len(FEATURE_NAMES))


@settings(deadline=None)
@given(odd_days(), st.sampled_from([NOTHING_BEFORE, fitted()]))
def test_the_day_and_the_desk_compute_the_same_bits(day: SymbolDay, before: KnownBefore) -> None:
    batch, live = compute_features(day, INTERVALS, before), event_by_event(day, before=before)
    assert np.array_equal(bits(batch), bits(live))


Compute = Callable[[SymbolDay], Matrix]


def of_day(day: SymbolDay) -> Matrix:
    return compute_features(day, INTERVALS, fitted())


def one_row_early(day: SymbolDay) -> Matrix:
    """A planted leak: every row shows what only the next one knows."""
    found = of_day(day)
    return np.concatenate([found[1:], found[-1:]])


def looks_ahead(compute: Compute, day: SymbolDay, now: int) -> bool:
    """Whether features up to an instant change with what comes after it, or when it is cut off."""
    later, traded_later = day.times_ns > now, day.trade_times_ns > now
    other = replace(
        day,
        bid_price=np.where(later[:, None], 5.0, day.bid_price),
        ask_shares=np.where(later[:, None], 7.0, day.ask_shares),
        traded_notional=np.where(later, 1e6, day.traded_notional),
        trade_price=np.where(traded_later, 11.0, day.trade_price),
        trade_sign=np.where(traded_later, -day.trade_sign, day.trade_sign).astype(np.int8),
        outside=replace(day.outside, value=np.where(day.outside.usable_ns > now, 99.0, day.outside.value)),
    )
    whole, changed, known = compute(day), compute(other), compute(day_until(day, now))
    return any(not np.array_equal(bits(whole[~later]), bits(one)) for one in (changed[~later], known))


@settings(deadline=None)
@given(odd_days(), st.data())
def test_changing_what_comes_later_changes_no_feature(day: SymbolDay, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, day.rows - 1))
    assert not looks_ahead(of_day, day, int(day.times_ns[cut]))


def test_a_planted_leak_is_caught() -> None:
    day = day_of([(0.0, 9.9, 5.0, 10.1, 5.0), (1.0, 9.9, 5.0, 10.1, 5.0), (2.0, 9.8, 5.0, 10.1, 9.0)])
    assert looks_ahead(one_row_early, day, NS)
    assert not looks_ahead(of_day, day, NS)


def test_plain_python_computes_the_same_bits(tmp_path: Path) -> None:
    rows = np.random.default_rng(5)
    days = []
    for levels in (1, 5, 10):
        mid = 10.0 + 0.01 * np.cumsum(rows.integers(-1, 2, 150))
        seconds = np.cumsum(rows.choice([0.0, 0.25, 3.0, 40.0], 150)) + np.where(np.arange(150) > 80, 5_500.0, 0.0)
        sizes = rows.integers(1, 900, (2, 150)).astype(float)
        asks = np.where(rows.random(150) < 0.05, NAN, mid + 0.01)
        book = list(zip(seconds, mid - 0.01, sizes[0], asks, sizes[1], strict=True))
        trades = [
            (float(at), float(price), 5.0, sign)
            for at, price, sign in zip(seconds, mid, rows.integers(-1, 2, 150), strict=True)
        ]
        days.append(day_of(book, trades if levels != 5 else None, levels=levels, traded=[(4.0, 40.1)] * 150))
    (tmp_path / "days.pickle").write_bytes(pickle.dumps(days))
    program = (
        "import pickle, sys; from features.engine import compute_features as of;"
        "from tests.features.books import INTERVALS, fitted; days = pickle.load(open(sys.argv[1], 'rb'));"
        "pickle.dump([of(day, INTERVALS, fitted()) for day in days], open(sys.argv[2], 'wb'))"
    )
    subprocess.run(
        [sys.executable, "-c", program, tmp_path / "days.pickle", tmp_path / "found.pickle"],
        check=True, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    plain = pickle.loads((tmp_path / "found.pickle").read_bytes())  # noqa: S301  our own file
    for day, found in zip(days, plain, strict=True):
        assert np.array_equal(bits(compute_features(day, INTERVALS, fitted())), bits(found))


@settings(max_examples=30, deadline=None)
@given(odd_days())
def test_no_feature_is_infinite(day: SymbolDay) -> None:
    assert not np.isinf(compute_features(day, INTERVALS, fitted())).any()


def test_rows_that_go_back_in_time_are_refused() -> None:
    day = day_of([(2.0, 9.0, 1.0, 10.0, 1.0), (1.0, 9.0, 1.0, 10.0, 1.0)])
    with pytest.raises(ContractError, match=r"1000000000 after 2000000000 at row 1"):
        compute_features(day, INTERVALS)
    state = FeatureState.start(1, INTERVALS)
    best = (day.bid_price[0], day.bid_shares[0], day.ask_price[0], day.ask_shares[0])
    state.on_book(2 * NS, *best)
    with pytest.raises(ContractError, match="event goes back in time"):
        state.on_book(1 * NS, *best)


def test_a_new_trading_interval_starts_anew_and_a_first_row_has_no_flow() -> None:
    rows = [(590.0, 9.9, 5.0, 10.1, 5.0), (600.0, 9.9, 9.0, 10.1, 5.0), (6000.0, 7.9, 50.0, 8.1, 5.0)]
    found = compute_features(day_of(rows), INTERVALS)
    flow, trend = (found[:, FEATURE_NAMES.index(name)] for name in ("ofi_1_60s", "mid_trend_bps_60s"))
    assert np.isnan(flow).tolist() == [True, False, True]
    assert np.isnan(trend).tolist() == [True, False, True]
