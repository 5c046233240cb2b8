"""A recorded day: the recorder's own labels as the answer key, and one definition on every path."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.engine import FEATURE_NAMES, compute_features
from features.labels import DIRECTION_BANDS, direction_labels
from features.market_day import SymbolDay, symbol_day
from infra.calendar import session_intervals_ns
from infra.markets import MARKETS
from pipelines.sources.ashare import read_day, session_of
from tests.features.test_engine import bits, event_by_event
from tests.features.test_reference import assert_same_bits

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


def test_directions_equal_the_recorder_s_own_labels_on_every_row_that_can_be_computed(recorded_data: Path) -> None:
    compared = mismatched = 0
    for ordinal in (0, 20, 41):
        raw = pq.read_table(recorded_data / "ashare_l5_snapshots" / f"date={ordinal:02d}.parquet").to_pandas()
        for _, rows in raw.groupby(["sym", "session"], sort=False):
            for snapshots in DIRECTION_BANDS:
                found = direction_labels(rows["n_midprice"].to_numpy(), snapshots)
                known = found >= 0
                compared += int(known.sum())
                mismatched += int((found[known] != rows[f"label_{snapshots}"].to_numpy()[known]).sum())
    assert compared > 500_000
    assert mismatched == 0


def test_the_day_and_the_desk_compute_the_same_bits(days: list[SymbolDay]) -> None:
    for day in days:
        assert np.array_equal(bits(compute_features(day, INTERVALS)), bits(event_by_event(day, INTERVALS)))


def test_recorded_books_equal_the_slow_reference_bit_by_bit(days: list[SymbolDay]) -> None:
    for day in days:
        books = {
            name: getattr(day, name)[1_950:2_100] for name in ("bid_price", "bid_shares", "ask_price", "ask_shares")
        }
        nothing = np.full(150, np.nan)
        part = replace(
            day, times_ns=day.times_ns[1_950:2_100], sequence=day.sequence[1_950:2_100], traded_shares=nothing,
            traded_notional=nothing, **books,
        )  # fmt: skip
        assert assert_same_bits(part, INTERVALS) > 3_000


def test_the_feed_signs_its_money_by_the_last_price_and_shows_no_ten_levels(days: list[SymbolDay]) -> None:
    values = compute_features(days[0], INTERVALS)
    null_share = dict(zip(FEATURE_NAMES, np.isnan(values).mean(axis=0), strict=True))
    assert null_share["imbalance_10"] == 1.0
    assert null_share["trade_flow_60s"] < 0.01
    assert all(share < 0.1 for name, share in null_share.items() if name != "imbalance_10")
