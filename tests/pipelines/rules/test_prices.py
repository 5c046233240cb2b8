"""What only a whole day of a symbol shows: fat fingers, silence, a stuck feed."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from infra.markets import MARKETS
from infra.tables import NOUNS
from pipelines.rules.prices import day_refusals, market_silence, median_distance, silence, stuck
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_books import FIVE_SECONDS, OPEN_NS, books

SAMPLE = MARKETS["sample"]


def session(rows: int, step_ns: int = FIVE_SECONDS, **values: object) -> pa.Table:
    at = OPEN_NS + np.arange(rows) * step_ns
    return books(rows, event_at_ns=at.tolist(), event_at=(at // 1000).tolist(), **values)


def times(rows: int, symbol: str = "AAA", start_ns: int = OPEN_NS, seconds: int = 5) -> pa.Table:
    at = start_ns + np.arange(rows) * seconds * 1_000_000_000
    return pa.table({"symbol": [symbol] * rows, "event_at_ns": at})


def test_each_symbol_has_a_median_of_its_own() -> None:
    prices = np.array([10.0, 10.0, 1000.0, 1000.0, np.nan, 10.0])
    symbols = np.array([0, 0, 1, 1, 1, 1])
    distance = median_distance(prices, symbols)
    assert distance[:4].tolist() == [0, 0, 0, 0]
    assert np.isnan(distance[4])
    assert distance[5] == pytest.approx(np.log(100))


@pytest.mark.parametrize(("price", "is_refused"), [(199.9, False), (200.1, True), (50.1, False), (49.9, True)])
def test_a_factor_of_two_from_the_day_s_median_is_the_line(price: float, is_refused: bool) -> None:
    found = day_refusals("book_snapshots", books(5, last_price=[100.0, 100.0, price, 100.0, 100.0]), SAMPLE, FRIDAY)
    assert [(refusal.rule, refusal.rows.tolist()) for refusal in found] == ([("fat_finger", [2])] if is_refused else [])


def test_a_trade_a_hundred_times_off_is_refused() -> None:
    prices = [10.0, 10.01, 1000.0]
    trades = plain_rows(NOUNS["trades"], 3, price=prices, event_at_ns=OPEN_NS, event_at=OPEN_NS // 1000)
    assert [refusal.rows.tolist() for refusal in day_refusals("trades", trades, SAMPLE, FRIDAY)] == [[2]]


@pytest.mark.parametrize(
    ("market", "day", "first_ns", "last_ns"),
    [
        ("sample", date(2026, 11, 20), 1_795_150_800, 1_795_237_200),  # New York, UTC-5
        ("sample", date(2026, 11, 1), 1_793_505_600, 1_793_595_600),  # 25 hours: daylight saving ends
        ("ashare", date(2024, 1, 2), 1_704_124_800, 1_704_211_200),
    ],
)
def test_a_trade_date_is_the_exchange_s_own_day(market: str, day: date, first_ns: int, last_ns: int) -> None:
    seconds = [first_ns - 1, first_ns, last_ns - 1, last_ns]
    at = {"event_at_ns": [second * 10**9 for second in seconds], "event_at": [second * 10**6 for second in seconds]}
    (refusal,) = day_refusals("book_snapshots", books(4, **at), MARKETS[market], day)
    assert (refusal.rule, refusal.rows.tolist()) == ("wrong_trade_date", [0, 3])


def test_silence_counts_the_edges_of_the_session() -> None:
    whole = times(4681)
    assert silence(whole, SAMPLE, FRIDAY).seconds == 5.0
    late = whole.slice(120)
    found = silence(late, SAMPLE, FRIDAY)
    assert (found.symbol, found.seconds, found.count) == ("AAA", 600.0, 1)
    gap = pa.concat_tables([whole.slice(0, 100), whole.slice(112)])
    assert (silence(gap, SAMPLE, FRIDAY).seconds, silence(gap, SAMPLE, FRIDAY).count) == (65.0, 1)


def test_the_lunch_break_is_no_silence() -> None:
    market, day = MARKETS["ashare"], date(2024, 1, 2)
    morning, afternoon = 1_704_159_600 * 10**9, 1_704_172_200 * 10**9
    halves = [times(2001, start_ns=start, seconds=3) for start in (morning, afternoon)]
    assert silence(pa.concat_tables(halves), market, day).seconds == 3.0


def test_a_book_that_stands_still_over_lunch_is_not_stuck() -> None:
    market, day = MARKETS["ashare"], date(2024, 1, 2)
    at = np.array([1_704_165_540, 1_704_165_597, 1_704_172_203, 1_704_172_260]) * 10**9
    assert stuck(books(4, bid_shares_1=7.0, event_at_ns=at.tolist()), market, day).seconds == 57.0


def test_a_feed_that_repeats_one_book_is_stuck() -> None:
    shares = [100.0 + number for number in range(300)] + [7.0] * 150 + [100.0 + number for number in range(300)]
    found = stuck(session(750, bid_shares_1=shares), SAMPLE, FRIDAY)
    assert (found.symbol, found.seconds, found.count) == ("AAA", 745.0, 1)
    assert stuck(session(300, bid_shares_1=shares[:300]), SAMPLE, FRIDAY).seconds == 0.0


def test_the_worst_symbol_is_named() -> None:
    both = pa.concat_tables([times(4681), times(4000, "BBB")])
    assert silence(both, SAMPLE, FRIDAY).symbol == "BBB"


def test_the_market_is_silent_when_every_symbol_is() -> None:
    first, second = times(4681), times(4681, "BBB")
    gap = pa.concat_tables([first.slice(0, 100), first.slice(150), second.slice(0, 120), second.slice(180)])
    found = market_silence(gap, SAMPLE, FRIDAY)
    assert (found.symbol, found.seconds, found.count) == ("all symbols", 155.0, 1)
    assert silence(gap, SAMPLE, FRIDAY).seconds == 305.0
    assert market_silence(pa.concat_tables([first, gap]), SAMPLE, FRIDAY).seconds == 5.0


@pytest.mark.parametrize(
    ("shares", "is_refused"), [(0.0, True), (-0.0, True), (2.2e-308, True), (1e-9, False), (None, False)]
)
def test_a_level_of_no_shares_is_no_level(shares: float | None, is_refused: bool) -> None:
    found = day_refusals("book_snapshots", books(3, ask_shares_10=[1.0, shares, 1.0]), SAMPLE, FRIDAY)
    assert [(one.rule, one.rows.tolist()) for one in found] == ([("level_without_shares", [1])] if is_refused else [])


def test_a_feed_is_constant_when_no_symbol_moves_and_not_before() -> None:
    still = session(130, bid_shares_1=7.0)
    moving = session(130, symbol="BBB")
    assert [one.rule for one in day_refusals("book_snapshots", still, SAMPLE, FRIDAY)] == ["constant_feed"]
    assert day_refusals("book_snapshots", pa.concat_tables([still, moving]), SAMPLE, FRIDAY) == []
    assert day_refusals("book_snapshots", still.slice(0, 120), SAMPLE, FRIDAY) == []
