"""What a person writes by hand comes in as it is meant, and what a stranger sends does no harm."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.errors import ContractError, SourceError
from infra.markets import MARKETS
from infra.tables import NOUNS
from pipelines.describe import example_csv
from pipelines.sources import file as door
from pipelines.sources.file import SourceFile
from pipelines.sources.files import market_days, read_day
from tests.builders import FRIDAY, THURSDAY

OWN = MARKETS["own"]
TRADES = "symbol,event_at,price,shares,aggressor_side\nAAA,2026-11-20T14:30:00Z,100.01,300,1\n"


def write(folder: Path, name: str, text: str | bytes = TRADES) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, day: date = FRIDAY) -> list[SourceFile]:
    return read_day(folder, OWN, day)


@pytest.mark.parametrize("noun", sorted(NOUNS))
def test_the_printed_example_of_every_noun_comes_in_as_it_is(tmp_path: Path, noun: str) -> None:
    write(tmp_path, f"{noun}_2026-11-20.csv", example_csv(noun))
    (found,) = read(tmp_path)
    assert (found.noun, found.rows.num_rows, found.refused) == (noun, 2, ())
    assert found.rows.schema.names == [column.name for column in NOUNS[noun].columns]


def test_a_file_is_found_by_its_name_or_by_its_folder_and_only_on_its_day(tmp_path: Path) -> None:
    write(tmp_path, "trades_2026-11-20.csv")
    write(tmp_path, "trades_2026-11-20_late.csv", TRADES.replace("AAA", "BBB"))
    write(tmp_path, "2026-11-19/trades.csv", TRADES.replace("11-20T", "11-19T"))
    write(tmp_path, "orders.log", "somebody else's")
    assert [file.name for file in read(tmp_path)] == ["trades_2026-11-20.csv", "trades_2026-11-20_late.csv"]
    assert [file.name for file in read(tmp_path, THURSDAY)] == ["trades.csv"]
    assert market_days(tmp_path, OWN) == (THURSDAY, FRIDAY)


def test_what_may_be_left_out_has_one_possible_value(tmp_path: Path) -> None:
    write(tmp_path, "trades_2026-11-20.csv")
    (row,) = read(tmp_path)[0].rows.to_pylist()
    at = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert (row["event_at"], row["event_at_ns"]) == (at, int(at.timestamp()) * 10**9)
    assert (row["sequence"], row["currency"], row["received_at"]) == (0, "USD", None)


def test_two_rows_of_one_time_need_a_sequence(tmp_path: Path) -> None:
    write(tmp_path, "trades_2026-11-20.csv", TRADES + TRADES.splitlines()[1] + "\n")
    with pytest.raises(ContractError, match="missing 'sequence'"):
        read(tmp_path)


def test_a_required_column_is_never_made_up(tmp_path: Path) -> None:
    write(tmp_path, "trades_2026-11-20.csv", "symbol,event_at,price,shares\nAAA,2026-11-20T14:30:00Z,100.01,300\n")
    with pytest.raises(ContractError, match="missing 'aggressor_side'"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("trade_2026-11-20.csv", "found noun 'trade'; .*next: did you mean trades?"),
        ("trades.csv", "found another name; .*next: did you mean trades?"),
        ("trades_2026-13-40.csv", "2026-13-40, which is no date"),
        ("2026-11-20/trades_of_today.csv", "found noun 'trades_of_today'"),
        ("trades_2026-11-20_ТЕСТ.csv", "file name is not understood"),
        ("trades_2026-11-20.CSV", "found another name"),
        ("trades_2026-11-20.ｃｓｖ", "found another name"),
        ("trades_2026-11-20\x1b[2J.csv", r"\\x1b\[2J"),
    ],
)
def test_a_misspelt_or_hostile_name_is_an_error_and_loses_no_day(tmp_path: Path, name: str, says: str) -> None:
    write(tmp_path, name)
    with pytest.raises(SourceError, match=says):
        read(tmp_path)


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "elsewhere", "secret.csv")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "trades_2026-11-20.csv").symlink_to(secret)
    with pytest.raises(SourceError, match="found a symbolic link"):
        read(tmp_path / "data")


def test_a_folder_or_a_file_beside_a_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "elsewhere", "trades.csv")
    data = tmp_path / "data"
    data.mkdir()
    (data / "2026-11-20").symlink_to(secret.parent)
    with pytest.raises(SourceError, match="found a symbolic link"):
        read(data)
    (data / "2026-11-20").unlink()
    write(data, "trades_2026-11-20.csv")
    for name in ("trades_2026-11-20.csv.sha256", "trades_2026-11-20.csv.known_at"):
        (data / name).symlink_to(secret)
        with pytest.raises(SourceError, match=r"file beside a file is not taken: .*found a symbolic link") as told:
            read(data)
        assert "AAA" not in str(told.value)
        (data / name).unlink()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("fills_2026-11-20.csv.sha256", "00", "found no file of that name beside it"),
        ("trades_2026-11-20.csv.sha256", "0" * 64 + "  other.csv", r"found a digest of 'other\.csv'"),
        ("trades_2026-11-20.csv.known_at", "2" * 5000, "found 5,000 bytes"),
    ],
)
def test_a_file_beside_a_file_speaks_of_that_file_and_is_short(tmp_path: Path, name: str, text: str, says: str) -> None:
    write(tmp_path, "trades_2026-11-20.csv")
    write(tmp_path, name, text)
    with pytest.raises(SourceError, match=says):
        read(tmp_path)


def test_a_flipped_bit_is_found_when_a_digest_came_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "trades_2026-11-20.csv")
    write(tmp_path, "trades_2026-11-20.csv.sha256", f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    assert len(read(tmp_path)) == 1
    path.write_text(TRADES.replace("100.01", "100.11"))
    with pytest.raises(SourceError, match="file is not the one its manifest names"):
        read(tmp_path)
    write(tmp_path, "trades_2026-11-20.csv.sha256", "no digest")
    with pytest.raises(SourceError, match="cannot read a digest"):
        read(tmp_path)


def test_a_file_may_say_since_when_it_is_known(tmp_path: Path) -> None:
    write(tmp_path, "trades_2026-11-20.csv")
    assert read(tmp_path)[0].known_at == datetime(2026, 11, 20, 21, 15, tzinfo=UTC)
    write(tmp_path, "trades_2026-11-20.csv.known_at", "2026-11-23T09:00:00+00:00\n")
    assert read(tmp_path)[0].known_at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    write(tmp_path, "trades_2026-11-20.csv.known_at", "yesterday")
    with pytest.raises(SourceError, match="since when a file is known"):
        read(tmp_path)


@pytest.mark.parametrize("symbol", ["АAPL", "=cmd|' /C calc'!A0", "A\x1b[31m", "<script>", "A" * 33])
def test_a_symbol_that_is_not_plain_is_quarantined_and_its_neighbours_pass(tmp_path: Path, symbol: str) -> None:
    text = TRADES + f'"{symbol}",2026-11-20T14:30:01Z,100.01,300,1\nBRK.B,2026-11-20T14:30:02Z,100.01,300,1\n'
    write(tmp_path, "trades_2026-11-20.csv", text)
    (found,) = read(tmp_path)
    assert found.rows["symbol"].to_pylist() == ["AAA", "BRK.B"]
    assert found.source_rows is not None
    assert found.source_rows.tolist() == [0, 2]
    (refused,) = found.refused
    assert (refused.source_row, refused.rule) == (1, "symbol_is_plain_ascii")
    assert refused.text.isprintable()
    assert refused.text.isascii()
    assert found.rows_in == 3


def test_a_new_symbol_is_held_to_the_same_letters(tmp_path: Path) -> None:
    text = "symbol,event_at,kind,new_symbol\nAAA,2026-11-20T14:30:00Z,ticker_change,\u0410BC\n"
    write(tmp_path, "symbol_events_2026-11-20.csv", text)
    (found,) = read(tmp_path)
    assert [one.rule for one in found.refused] == ["symbol_is_plain_ascii"]


def test_a_line_of_megabytes_is_refused_by_its_number(tmp_path: Path) -> None:
    write(tmp_path, "trades_2026-11-20.csv", TRADES + "x" * (door.MAX_LINE_BYTES + 1) + "\n")
    with pytest.raises(SourceError, match=r"line is too long: .*, line 3; found 1,048,577 bytes"):
        read(tmp_path)


def test_a_csv_that_ends_in_the_middle_of_a_line_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "trades_2026-11-20.csv", TRADES + "AAA,2026-11-20T14:30:05Z,10")
    with pytest.raises(SourceError, match="cannot read CSV"):
        read(tmp_path)


@pytest.mark.parametrize(("text", "says"), [("", "file is empty"), (TRADES.splitlines()[0] + "\n", None)])
def test_an_empty_file_is_refused_and_one_with_a_header_alone_has_no_rows(
    tmp_path: Path, text: str, says: str | None
) -> None:
    write(tmp_path, "trades_2026-11-20.csv", text)
    if says is None:
        assert read(tmp_path)[0].rows.num_rows == 0
    else:
        with pytest.raises(SourceError, match=says):
            read(tmp_path)


def test_a_parquet_file_that_unpacks_to_a_thousand_times_its_size_is_refused(tmp_path: Path) -> None:
    count = 3_000_000
    zeros = pa.array(np.zeros(count))
    path = tmp_path / "trades_2026-11-20.parquet"
    names = ("price", "shares", "a", "b")
    pq.write_table(pa.table({name: zeros for name in names}), path, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 90_000
    with pytest.raises(SourceError, match="file unpacks to too much"):
        read(tmp_path)


def test_statistics_that_lie_change_no_row(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "symbol": ["AAA", "AAA"],
            "event_at": pa.array([datetime(2026, 11, 20, 14, 30, n, tzinfo=UTC) for n in (0, 1)]),
            "price": [100.25, 900.5],
            "shares": [1.0, 2.0],
            "aggressor_side": pa.array([1, -1], pa.int32()),
        }
    )
    path = tmp_path / "trades_2026-11-20.parquet"
    pq.write_table(rows, path, use_dictionary=False, compression="none")
    payload, truth, lie = path.read_bytes(), np.float64(900.5).tobytes(), np.float64(101.0).tobytes()
    footer = len(payload) - 8 - int.from_bytes(payload[-8:-4], "little")
    assert truth in payload[footer:]
    path.write_bytes(payload[:footer] + payload[footer:].replace(truth, lie))
    assert pq.read_metadata(path).row_group(0).column(2).statistics.max == 101.0
    assert read(tmp_path)[0].rows["price"].to_pylist() == [100.25, 900.5]


def by_hand(**columns: object) -> pa.Table:
    at = int(datetime(2026, 11, 20, 14, 30, tzinfo=UTC).timestamp()) * 10**9 + 123
    plain = {"symbol": ["AAA"], "event_at": pa.array([at], pa.timestamp("ns", "UTC")), "price": [10.0], "shares": [5.0]}
    return pa.table({**plain, "aggressor_side": pa.array([1], pa.int32()), **columns})


def test_nanoseconds_of_a_parquet_time_are_kept_to_the_last_digit(tmp_path: Path) -> None:
    pq.write_table(by_hand(), tmp_path / "trades_2026-11-20.parquet")
    (row,) = read(tmp_path)[0].rows.to_pylist()
    assert row["event_at_ns"] % 1000 == 123
    assert row["event_at"] == datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def test_a_short_file_of_one_long_word_a_million_times_is_refused(tmp_path: Path) -> None:
    count = 2_000_000
    word = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array(["A" * 5000]))
    path = tmp_path / "trades_2026-11-20.parquet"
    pq.write_table(pa.table({"symbol": word}), path, compression="zstd")
    assert path.stat().st_size < 10_000
    with pytest.raises(SourceError, match=r"unpacks to too much: .*found 10,000,000,000 bytes of text in 'symbol'"):
        read(tmp_path)


def test_a_short_file_of_very_many_cells_is_refused_by_its_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "MAX_UNPACKED_BYTES", 8_000_000)
    pq.write_table(pa.table({"price": np.zeros(1_000_001)}), tmp_path / "trades_2026-11-20.parquet")
    with pytest.raises(SourceError, match=r"unpacks to too much: .*found 1,000,001 cells of 8 bytes"):
        read(tmp_path)
