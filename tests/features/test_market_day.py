"""The one door from rows to arrays."""

import numpy as np
import pyarrow as pa
import pytest

from features.market_day import symbol_day
from infra.tables import SILVER
from tests.builders import plain_rows


def rows(**values: object) -> pa.Table:
    return plain_rows(SILVER["book_snapshots"], 3, **values)


def test_money_without_shares_traded_at_the_last_price() -> None:
    day = symbol_day(
        "AAA", rows(traded_shares=[None] * 3, traded_notional=[0.0, 5_000.0, 300.0], last_price=10.0), None, 5
    )
    assert day.traded_shares.tolist() == [0.0, 500.0, 30.0]


def test_shares_that_the_feed_gives_are_kept_and_money_without_a_last_price_stays_unknown() -> None:
    table = rows(traded_shares=[7.0, None, None], traded_notional=[70.0, 70.0, None], last_price=[None, None, 10.0])
    assert symbol_day("AAA", table, None, 5).traded_shares == pytest.approx([7.0, np.nan, np.nan], nan_ok=True)
