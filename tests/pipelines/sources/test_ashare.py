"""Recorded A-shares come back in currency and shares, checked, or the file is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import ContractError, SourceError
from infra.markets import MARKETS
from pipelines.sources.ashare import market_days, read_day, session_of
from pipelines.sources.ashare_scale import SHARE_COUNTS, previous_close_ticks, whole_shares

ASHARE = MARKETS["ashare"]
FIRST = date(2024, 1, 2)
CLOSE_TICKS = {0: 3569, 3: 200}


def recording(symbol: int = 0, count: int = 4, ordinal: int = 0) -> dict[str, list[object]]:
    """Rows as the recorder writes them: best bid at the previous close, one tick a level, 100 shares a level."""
    ticks, shares = CLOSE_TICKS[symbol], 100 / SHARE_COUNTS[symbol]
    rows: dict[str, list[object]] = {
        "date": [ordinal] * count,
        "time": [f"09:40:{3 * (number + 1):02d}" for number in range(count)],
        "sym": [symbol] * count,
        "n_close": [1 / ticks] * count,
        "amount_delta": [35690.0] * count,
    }
    for level in range(1, 6):
        rows[f"n_bid{level}"] = [(1 - level) / ticks] * count
        rows[f"n_bsize{level}"] = [level * shares] * count
        rows[f"n_ask{level}"] = [level / ticks] * count
        rows[f"n_asize{level}"] = [2 * level * shares] * count
    return rows


def record(folder: Path, *rows: dict[str, list[object]], ordinal: int = 0) -> Path:
    path = folder / f"date={ordinal:02d}.parquet"
    pq.write_table(pa.concat_tables([pa.table(found) for found in rows]), path)
    return path


def read(folder: Path) -> pa.Table:
    (found,) = read_day(folder, ASHARE, FIRST)
    return found.rows


def test_prices_come_back_in_ticks_and_sizes_in_shares(tmp_path: Path) -> None:
    record(tmp_path, recording(0), recording(3))
    row = read(tmp_path).to_pylist()[0]
    assert (row["symbol"], row["previous_close_price"], row["last_price"]) == ("SYM00", 35.69, 35.7)
    assert (row["bid_price_1"], row["ask_price_1"], row["bid_price_5"]) == (35.69, 35.7, 35.65)
    assert (row["bid_shares_2"], row["ask_shares_5"], row["currency"]) == (200.0, 1000.0, "CNY")
    assert (row["traded_notional"], row["traded_shares"], row["bid_price_6"]) == (35690.0, None, None)
    assert read(tmp_path).filter(pc.equal(read(tmp_path)["symbol"], "SYM03"))["bid_price_1"][0].as_py() == 2.0


def test_local_times_become_utc_and_the_day_is_known_after_the_close(tmp_path: Path) -> None:
    record(tmp_path, recording())
    (found,) = read_day(tmp_path, ASHARE, FIRST)
    assert found.rows["event_at"][0].as_py() == datetime(2024, 1, 2, 1, 40, 3, tzinfo=UTC)
    assert found.rows["event_at_ns"][0].as_py() == 1_704_159_603_000_000_000
    assert found.known_at == datetime(2024, 1, 2, 7, 15, tzinfo=UTC)
    assert (found.name, found.noun) == ("date=00.parquet", "book_snapshots")


def test_a_side_that_is_not_there_is_null_and_a_price_at_the_previous_close_is_not(tmp_path: Path) -> None:
    rows = recording()
    for level in range(1, 6):
        rows[f"n_ask{level}"][1] = rows[f"n_asize{level}"][1] = 0.0
    record(tmp_path, rows)
    found = read(tmp_path).to_pylist()
    assert (found[1]["ask_price_1"], found[1]["ask_shares_1"], found[1]["ask_price_5"]) == (None, None, None)
    assert (found[1]["bid_price_1"], found[1]["bid_shares_1"]) == (35.69, 100.0)


def test_rows_of_one_time_are_numbered_in_the_file_s_order(tmp_path: Path) -> None:
    rows = recording(count=4)
    rows["time"] = ["09:40:03", "09:40:06", "09:40:03", "09:40:06"]
    record(tmp_path, rows, recording(3, count=1))
    assert read(tmp_path)["sequence"].to_pylist() == [0, 0, 1, 1, 0]


def test_ordinals_are_consecutive_sessions_of_shanghai(tmp_path: Path) -> None:
    record(tmp_path, recording(), ordinal=0)
    record(tmp_path, recording(), ordinal=28)
    assert session_of(ASHARE, 1) == date(2024, 1, 3)
    assert market_days(tmp_path, ASHARE) == (FIRST, date(2024, 2, 19))  # the first one after Spring Festival


@given(ticks=st.integers(120, 40_000), offsets=st.sets(st.integers(-30, 30), min_size=3))
def test_any_previous_close_is_found_from_prices_one_tick_apart(ticks: int, offsets: set[int]) -> None:
    steps = np.array(sorted(offsets | {0, 1}))
    assert previous_close_ticks("date=00", "SYM00", steps / ticks) == ticks


@pytest.mark.parametrize("values", [[0.01], [], [0.0, 0.0100001, 0.0213, 0.03333]])
def test_a_scale_that_does_not_fit_is_refused(values: list[float]) -> None:
    with pytest.raises(
        SourceError, match=r"previous close cannot be recovered: date=00 SYM00; found .* distinct prices"
    ):
        previous_close_ticks("date=00", "SYM00", np.array(values))


@pytest.mark.parametrize("size", [100.4 / SHARE_COUNTS[0], 0.3 / SHARE_COUNTS[0]])
def test_sizes_that_are_no_whole_shares_are_refused(size: float) -> None:
    with pytest.raises(SourceError, match="sizes are no whole shares: date=00 SYM00"):
        whole_shares("date=00", "SYM00", np.array([size]), SHARE_COUNTS[0])


def test_a_missing_folder_or_day_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no recorded session: .*/nowhere; found no such folder; .* --data"):
        read_day(tmp_path / "nowhere", ASHARE, FIRST)
    with pytest.raises(SourceError, match=r"no file date=NN\.parquet"):
        market_days(tmp_path, ASHARE)
    record(tmp_path, recording())
    with pytest.raises(
        SourceError, match=r"day was not recorded: ashare 2024-01-03; found 1 sessions .* --day 2024-01-02"
    ):
        read_day(tmp_path, ASHARE, date(2024, 1, 3))


def test_a_truncated_recording_is_refused(tmp_path: Path) -> None:
    path = record(tmp_path, recording())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceError, match=r"cannot read Parquet: .*date=00\.parquet"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("n_bid1", None, "missing n_bid1"),
        ("n_asize5", ["1", "2", "3", "4"], "'n_asize5' of type string"),
        ("date", [1, 1, 1, 1], "another day .*found .'1'.; allowed: date 0"),
        ("sym", [0, 0, 0, 77], "unknown symbol.*77"),
        ("time", ["09:40:03", "later", "09:40:09", "09:40:12"], "time cannot be read"),
        ("time", ["09:40:03", None, "09:40:09", "09:40:12"], "1 rows without a time"),
        ("n_bid1", [0.0, 1e-5, 0.0, 0.0], "previous close cannot be recovered"),
    ],
)
def test_a_recording_of_another_shape_is_refused(
    tmp_path: Path, column: str, values: list[object] | None, words: str
) -> None:
    rows = recording()
    if values is None:
        rows["n_bid_1"] = rows.pop(column)
    else:
        rows[column] = values
    record(tmp_path, rows)
    with pytest.raises((ContractError, SourceError), match=words):
        read(tmp_path)


def test_a_renamed_recorded_column_is_suggested(tmp_path: Path) -> None:
    rows = recording()
    rows["n_bid_1"] = rows.pop("n_bid1")
    record(tmp_path, rows)
    with pytest.raises(ContractError, match="did you mean 'n_bid1' by 'n_bid_1'"):
        read(tmp_path)
