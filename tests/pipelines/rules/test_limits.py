"""A locked limit is the market; an empty side anywhere else is worth a look."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from infra.markets import MARKETS
from pipelines.rules.limits import empty_side_findings, limit_price
from tests.pipelines.made_books import books

ASHARE, SAMPLE = MARKETS["ashare"], MARKETS["sample"]


def one_sided(missing: str, price: float, previous_close: float | None = 10.05, count: int = 4) -> pa.Table:
    """Two-sided books around 10.05 whose second row has one side only, at `price`."""
    other = "bid" if missing == "ask" else "ask"
    values: dict[str, list[float | None]] = {
        f"{other}_price_1": [10.05, price, 10.05, 10.05],
        f"{missing}_price_1": [10.06 if missing == "ask" else 10.04, None, 10.06, 10.06],
    }
    return books(count, previous_close_price=previous_close, **values)


def found(rows: pa.Table, market: object = ASHARE) -> list[tuple[str, float]]:
    return [(one.rule, one.figure) for one in empty_side_findings(rows, market)]


def test_limits_are_rounded_to_the_tick_halves_up() -> None:
    closes = np.array([10.05, 1.15, 9.99, 10.0])
    assert limit_price(closes, 0.10, 0.01).tolist() == [11.06, 1.27, 10.99, 11.0]
    assert limit_price(closes, -0.10, 0.01).tolist() == [9.05, 1.04, 8.99, 9.0]


@pytest.mark.parametrize(("missing", "limit", "off"), [("ask", 11.06, 11.05), ("bid", 9.05, 9.06)])
def test_a_side_is_empty_at_the_limit_or_it_is_not(missing: str, limit: float, off: float) -> None:
    assert found(one_sided(missing, limit)) == [("side_empty_at_limit", 1.0)]
    assert found(one_sided(missing, off)) == [("side_empty", 0.25)]


def test_the_wrong_side_at_a_limit_is_no_lock() -> None:
    assert found(one_sided("bid", 11.06)) == [("side_empty", 0.25)]


def test_without_a_limit_or_a_previous_close_nothing_explains_an_empty_side() -> None:
    assert found(one_sided("ask", 11.06), SAMPLE) == [("side_empty", 0.25)]
    assert found(one_sided("ask", 11.06, None)) == [("side_empty", 0.25)]


def test_two_sided_books_are_not_mentioned_even_at_the_limit() -> None:
    assert found(books(3, previous_close_price=90.92)) == []


def test_the_words_say_which_side() -> None:
    (one,) = empty_side_findings(one_sided("ask", 11.05), ASHARE)
    assert one.words == "1 rows without an ask and 0 without a bid away from a limit: 25.00% of the day"
