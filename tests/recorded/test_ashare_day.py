"""One recorded day of A-shares, from its file to what the checks say of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from infra.errors import ContractError, SourceError
from infra.markets import MARKETS
from pipelines.bronze import bronze_rows
from pipelines.check_rows import check_rows
from pipelines.rules.prices import silence, stuck
from pipelines.sources.ashare import market_days, read_day, session_of
from pipelines.sources.file import SourceFile

pytestmark = pytest.mark.recorded

ASHARE = MARKETS["ashare"]
DAY = session_of(ASHARE, 20)


@pytest.fixture(scope="module")
def books(recorded_data: Path) -> SourceFile:
    (found,) = read_day(recorded_data / "ashare_l5_snapshots", ASHARE, DAY)
    return found


def whole(values: pa.ChunkedArray, unit: float) -> bool:
    scaled = values.drop_null().to_numpy() / unit
    return bool(np.abs(scaled - np.rint(scaled)).max() < 1e-6)


def test_there_are_fifty_six_consecutive_sessions(recorded_data: Path) -> None:
    days = market_days(recorded_data / "ashare_l5_snapshots", ASHARE)
    assert (len(days), str(days[0]), str(days[-1])) == (56, "2024-01-02", "2024-03-27")


def test_prices_are_whole_ticks_and_sizes_whole_shares(books: SourceFile) -> None:
    for side in ("bid", "ask"):
        for level in range(1, 6):
            assert whole(books.rows[f"{side}_price_{level}"], 0.01)
            assert whole(books.rows[f"{side}_shares_{level}"], 1.0)
    assert books.rows["bid_price_6"].null_count == books.rows.num_rows == 39_980


def test_the_recorder_s_mid_is_the_mid_of_what_came_back(recorded_data: Path, books: SourceFile) -> None:
    raw = pq.read_table(recorded_data / "ashare_l5_snapshots" / "date=20.parquet", columns=["n_midprice"])
    mid = pc.divide(pc.add(books.rows["bid_price_1"], books.rows["ask_price_1"]), 2.0)
    back = pc.subtract(pc.divide(mid, books.rows["previous_close_price"]), 1.0)
    apart = pc.abs(pc.subtract(back, raw["n_midprice"])).drop_null().to_numpy()
    assert len(apart) > 39_000
    assert apart.max() < 1e-9


def test_every_row_of_the_day_passes_every_check(books: SourceFile) -> None:
    checked = check_rows("book_snapshots", bronze_rows([books]), ASHARE, DAY)
    assert (checked.good.num_rows, checked.by_rule, checked.duplicates) == (39_980, {}, 0)
    assert silence(checked.good, ASHARE, DAY).seconds == 3.0
    assert stuck(checked.good, ASHARE, DAY).seconds < 600
    first = checked.good["event_at"][0].as_py()
    assert first == datetime(2024, 1, 30, 1, 40, 3, tzinfo=UTC)


def test_a_truncated_or_renamed_recording_is_refused(recorded_data: Path, tmp_path: Path) -> None:
    source = recorded_data / "ashare_l5_snapshots" / "date=20.parquet"
    payload = source.read_bytes()
    (tmp_path / source.name).write_bytes(payload[: len(payload) // 2])
    with pytest.raises(SourceError, match=r"cannot read Parquet: .*date=20\.parquet"):
        read_day(tmp_path, ASHARE, DAY)
    (tmp_path / source.name).write_bytes(payload)
    (tmp_path / source.name).rename(tmp_path / "date=21.parquet")
    with pytest.raises(ContractError, match="file holds another day"):
        read_day(tmp_path, ASHARE, session_of(ASHARE, 21))
