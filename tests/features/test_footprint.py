"""Adding an own order to a day changes no market feature, once the day is read without us."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine import compute_features
from features.footprint import OwnOrders, without_own
from features.market_day import SymbolDay
from tests.features.books import INTERVALS, NS, day_of, fitted
from tests.features.test_engine import bits


def quiet_day(levels: int = 6) -> SymbolDay:
    """Forty rows, a second apart; the last level is kept free, so that an own level never pushes one out of view."""
    random = np.random.default_rng(4)
    bid = 10.0 + 0.01 * np.cumsum(random.integers(-1, 2, 40))
    sizes = random.integers(1, 9, (2, 40)) * 100.0
    rows = list(zip(range(40), bid, sizes[0], bid + 0.05, sizes[1], strict=True))
    prints = [(place + 0.5, float(bid[place]), 40.0, -1) for place in range(0, 40, 3)]
    day = day_of(rows, prints, levels=levels)
    for price, shares in ((day.bid_price, day.bid_shares), (day.ask_price, day.ask_shares)):
        price[:, -1], shares[:, -1] = np.nan, 0.0
    return day


def put_in(day: SymbolDay, row: int, price: float, shares: float) -> None:
    """Our bid as the recorder shows it: on its level, or as a level of its own."""
    prices, sizes = day.bid_price[row], day.bid_shares[row]
    for level in range(len(prices)):
        if abs(prices[level] - price) < 1e-6:
            sizes[level] += shares
            return
        if np.isnan(prices[level]) or prices[level] < price:
            prices[level + 1 :], sizes[level + 1 :] = prices[level:-1].copy(), sizes[level:-1].copy()
            prices[level], sizes[level] = price, shares
            return


def with_own_bid(
    day: SymbolDay, price: float, start: int, end: int, filled_at: int | None
) -> tuple[SymbolDay, OwnOrders]:
    """The day with a bid of 300 of ours in rows start to end - 1, of which 120 fill half a second after a row."""
    shown = replace(day, bid_price=day.bid_price.copy(), bid_shares=day.bid_shares.copy())
    for row in range(start, end):
        put_in(shown, row, price, 300.0 if filled_at is None or row <= filled_at else 180.0)
    fills = [] if filled_at is None else [(filled_at * NS + NS // 2, price, 120.0)]
    if filled_at is not None:
        place = int(np.searchsorted(shown.trade_times_ns, fills[0][0]))
        added = {"trade_times_ns": fills[0][0], "trade_price": price, "trade_shares": 120.0, "trade_sign": -1}
        shown = replace(shown, **{name: np.insert(getattr(shown, name), place, one) for name, one in added.items()})
    own = OwnOrders(
        np.array([start * NS]), np.array([end * NS]), np.array([1]), np.array([price]), np.array([300.0]),
        np.zeros(len(fills), np.int64), np.array([one[0] for one in fills], np.int64),
        np.array([one[1] for one in fills]), np.array([one[2] for one in fills]),
    )  # fmt: skip
    return shown, own


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 20), st.integers(1, 15), st.sampled_from([-2, 0, 1, 3]), st.booleans())
def test_an_own_order_changes_no_feature(start: int, length: int, ticks: int, is_filled: bool) -> None:
    day = quiet_day()
    price = round(float(day.bid_price[start, 0]) + 0.01 * ticks, 2)
    shown, own = with_own_bid(day, price, start, start + length, start if is_filled and length > 1 else None)
    assert not np.array_equal(shown.bid_shares, day.bid_shares)
    cleared = without_own(shown, own)
    assert np.array_equal(
        bits(compute_features(cleared, INTERVALS, fitted())), bits(compute_features(day, INTERVALS, fitted()))
    )


def test_our_fill_is_taken_off_the_print_and_off_the_row_s_total() -> None:
    day = day_of(
        [(0.0, 9.9, 5.0, 10.1, 5.0), (2.0, 9.9, 5.0, 10.1, 5.0)],
        [(1.0, 10.1, 7.0, 1)],
        traded=[(0.0, 0.0), (7.0, 70.7)],
    )
    own = OwnOrders(
        np.array([NS]), np.array([NS]), np.array([1]), np.array([10.1]), np.array([3.0]), np.array([0]),
        np.array([NS + 1_000]), np.array([10.1]), np.array([3.0]),
    )  # fmt: skip
    cleared = without_own(day, own)
    assert cleared.trade_shares.tolist() == [4.0]
    assert cleared.traded_shares.tolist() == [0.0, 4.0]
    assert np.allclose(cleared.traded_notional, [0.0, 40.4])


def test_a_print_at_another_price_or_time_is_another_s() -> None:
    day = day_of([(0.0, 9.9, 5.0, 10.1, 5.0), (9.0, 9.9, 5.0, 10.1, 5.0)], [(1.0, 10.1, 7.0, 1), (8.0, 10.0, 7.0, 1)])
    own = OwnOrders(
        np.array([NS]), np.array([NS]), np.array([1]), np.array([10.0]), np.array([3.0]), np.array([0]),
        np.array([NS]), np.array([10.0]), np.array([3.0]),
    )  # fmt: skip
    assert without_own(day, own).trade_shares.tolist() == [7.0, 7.0]


def test_a_day_without_own_orders_is_the_same_day() -> None:
    day, nothing = quiet_day(), np.empty(0)
    none = OwnOrders(
        *(nothing.astype(np.int64),) * 3, nothing, nothing, *(nothing.astype(np.int64),) * 2, nothing, nothing
    )
    assert without_own(day, none) is day
