"""A recorded day: what its features say about the feed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from features.engine import FEATURE_NAMES, compute_features
from features.market_day import SymbolDay, symbol_day
from infra.calendar import session_intervals_ns
from infra.markets import MARKETS
from pipelines.sources.ashare import read_day, session_of

pytestmark = pytest.mark.recorded

ASHARE = MARKETS["ashare"]
DAY = session_of(ASHARE, 20)
INTERVALS = session_intervals_ns(ASHARE, DAY)
SYMBOLS = ("SYM00", "SYM03", "SYM07")


@pytest.fixture(scope="module")
def days(recorded_data: Path) -> list[SymbolDay]:
    (source,) = read_day(recorded_data / "ashare_l5_snapshots", ASHARE, DAY)
    rows = source.rows.sort_by([("symbol", "ascending"), ("event_at_ns", "ascending"), ("sequence", "ascending")])
    found = []
    for symbol in SYMBOLS:
        book = rows.filter(pc.equal(rows["symbol"], symbol)).combine_chunks()
        found.append(symbol_day(symbol, book, None, 5))
    return found


def test_the_feed_signs_its_money_by_the_last_price_and_shows_no_ten_levels(days: list[SymbolDay]) -> None:
    values = compute_features(days[0], INTERVALS)
    null_share = dict(zip(FEATURE_NAMES, np.isnan(values).mean(axis=0), strict=True))
    not_given = {"imbalance_10", "news_sentiment", "seconds_since_news", "seconds_to_auction"}
    not_known_yet = {
        name for name in FEATURE_NAMES if name.endswith("_probability") or name.startswith("microprice_adj")
    }
    never = not_given | not_known_yet
    assert {name for name, share in null_share.items() if share == 1.0} == never
    assert null_share["trade_flow_60s"] < 0.01
    assert all(share < 0.1 for name, share in null_share.items() if name not in never)
