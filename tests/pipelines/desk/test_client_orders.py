"""Client orders: enough of them, never over lunch, within our share of the volume, and honest about it."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from infra.calendar import session_intervals_ns
from infra.lake_files import conform
from infra.markets import MARKETS, Market
from infra.tables import NOUNS
from pipelines.desk.client_orders import Expectation, client_orders, interval_volume

DAY = date(2026, 1, 6)
SAMPLE, ASHARE = MARKETS["sample"], MARKETS["ashare"]
NS = 1_000_000_000
Known = list[Expectation] | None


def known(count: int = 8, shares: float = 2e6) -> list[Expectation]:
    return [Expectation(f"S{number}", np.full(10, shares / 10), 50.0) for number in range(count)]


def orders(
    market: Market = SAMPLE,
    day: date = DAY,
    seed: int = 7,
    expectations: Known = None,
    each: int = 26,
) -> pa.Table:
    intervals = session_intervals_ns(market, day)
    wanted = expectations or known()
    return client_orders(market, day, intervals, wanted, seed, is_alpha_in_path=True, orders_per_symbol=each)


def column(rows: pa.Table, name: str) -> npt.NDArray[Any]:
    found = rows.column(name)
    numbers = found.cast(pa.int64()) if pa.types.is_timestamp(found.type) else found
    return np.asarray(numbers.to_numpy(zero_copy_only=False))


def test_a_session_has_at_least_two_hundred_orders_that_fit_the_declaration() -> None:
    rows = orders()
    assert rows.num_rows >= 200
    assert conform(NOUNS["parent_orders"], "sample", DAY, rows).num_rows == rows.num_rows


def test_the_same_seed_gives_the_same_orders_and_another_one_others() -> None:
    assert orders().equals(orders())
    assert not orders().equals(orders(seed=8))


def test_a_symbols_orders_depend_on_no_other_symbol() -> None:
    two, eight = orders(expectations=known(2)), orders()
    assert two.equals(eight.slice(0, two.num_rows))


@pytest.mark.parametrize("market", [SAMPLE, ASHARE], ids=lambda market: market.name)
def test_every_order_lies_inside_one_interval_on_the_half_minute(market: Market) -> None:
    rows = orders(market)
    start, end = column(rows, "instructed_start_at") * 1000, column(rows, "instructed_end_at") * 1000
    intervals = session_intervals_ns(market, DAY)
    inside = np.any([(start >= opens) & (end <= closes) for opens, closes in intervals], axis=0)
    assert inside.all()
    assert ((start // NS) % 30 == 0).all()
    assert (((end - start) >= 600 * NS) & ((end - start) <= 3600 * NS)).all()
    assert (column(rows, "event_at_ns") == start).all()
    if market is ASHARE:
        assert (start < intervals[0][1]).any()
        assert (start >= intervals[1][0]).any()


def test_participation_is_drawn_around_five_percent_and_is_the_quantity_over_the_expected_volume() -> None:
    days = [date(2026, 1, day) for day in (5, 6, 7, 8, 9)]
    rates = np.concatenate([column(orders(day=day), "participation_rate") for day in days])
    assert 0.045 < np.median(rates) < 0.055
    assert rates.min() > 0.009
    assert rates.max() < 0.21
    rows = orders()
    minutes = (column(rows, "instructed_end_at") - column(rows, "instructed_start_at")) / 60e6
    assert column(rows, "order_shares") == pytest.approx(column(rows, "participation_rate") * 2e6 * minutes / 390)


def test_the_desk_never_wants_more_than_a_fifth_of_a_symbols_volume() -> None:
    rows = orders(each=120)
    shares = column(rows, "order_shares").reshape(8, 120).sum(axis=1)
    assert (shares < 0.16 * 2e6).all()
    assert np.median(column(rows, "participation_rate")) < 0.04


def test_quantities_are_whole_lots_and_at_least_one() -> None:
    shares = column(orders(expectations=known(shares=20_000.0)), "order_shares")
    assert (shares % 100 == 0).all()
    assert shares.min() == 100


def test_volume_is_expected_where_the_buckets_put_it() -> None:
    assert interval_volume(np.array([100.0, 300.0]), 0.5, 1.0) == 300.0
    assert interval_volume(np.array([100.0, 300.0]), 0.25, 0.75) == 200.0


def test_alpha_comes_in_three_kinds_of_stated_size() -> None:
    alpha = np.concatenate([column(orders(seed=seed), "planted_alpha_bps") for seed in range(5)])
    seconds = column(orders(), "planted_alpha_seconds")
    assert [round(float(np.mean(np.sign(alpha) == sign)), 1) for sign in (1, 0, -1)] == [0.4, 0.3, 0.3]
    assert ((np.abs(alpha[alpha != 0]) >= 10) & (np.abs(alpha[alpha != 0]) <= 25)).all()
    assert ((seconds >= 300) & (seconds <= 1200)).all()


def test_urgency_is_drawn_with_the_propensity_that_is_logged() -> None:
    drawn = [orders(seed=seed) for seed in range(10)]
    urgency = np.concatenate([column(rows, "urgency") for rows in drawn])
    propensity = np.concatenate([column(rows, "urgency_propensity") for rows in drawn])
    for level, chance in enumerate((0.25, 0.5, 0.25)):
        assert np.mean(urgency == level) == pytest.approx(chance, abs=0.03)
        assert (propensity[urgency == level] == chance).all()


def test_limits_are_rare_on_the_tick_and_on_the_clients_side() -> None:
    rows = orders()
    limit = column(rows, "limit_price")
    has_limit = ~np.isnan(limit)
    away_bps = np.where(column(rows, "side") == "buy", 1, -1) * (limit / 50.0 - 1.0) * 1e4
    assert 0.05 < has_limit.mean() < 0.3
    assert ((away_bps[has_limit] > 75) & (away_bps[has_limit] < 255)).all()
    assert limit[has_limit] * 100 == pytest.approx(np.rint(limit[has_limit] * 100))


def test_a_session_without_symbols_is_refused() -> None:
    with pytest.raises(ValueError, match="need an interval and a symbol"):
        client_orders(SAMPLE, DAY, session_intervals_ns(SAMPLE, DAY), [], 7, is_alpha_in_path=True)


def test_a_larger_desk_has_more_clients_who_ask_for_no_more_volume_and_know_no_more_together() -> None:
    small, large = orders(each=26), orders(each=208)
    assert len(set(large["account"].to_pylist())) > 4 * len(set(small["account"].to_pylist()))
    assert column(large, "order_shares").sum() < 2.5 * column(small, "order_shares").sum()
    known_of = [float(np.sum(np.square(column(rows, "planted_alpha_bps")))) for rows in (small, large)]
    assert 0.7 < known_of[1] / known_of[0] < 1.4
