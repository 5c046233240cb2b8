"""One file of a noun comes in whole and as declared, or the message says what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv

from infra.errors import ContractError, SourceError
from infra.markets import MARKETS
from pipelines.sources.columns import accepts
from pipelines.sources.file import SourceFile, read_noun_file
from tests.builders import FRIDAY
from tests.pipelines.made_books import KNOWN_AT, books, write


def read(path: Path, market: str = "sample", sha256: str | None = None, noun: str = "book_snapshots") -> SourceFile:
    return read_noun_file(path, noun, MARKETS[market], FRIDAY, KNOWN_AT, sha256)


def test_a_file_comes_in_whole_with_its_digest(tmp_path: Path) -> None:
    path = write(tmp_path, books(3))
    found = read(path)
    assert found.rows.equals(books(3))
    assert (found.noun, found.name, found.known_at) == ("book_snapshots", "books.parquet", KNOWN_AT)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_partition_columns_may_be_in_the_file_and_must_then_agree(tmp_path: Path) -> None:
    pq.write_table(books(2), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").rows.num_rows == 2
    pq.write_table(books(2, trade_date=FRIDAY.replace(day=19)), tmp_path / "b.parquet")
    with pytest.raises(ContractError, match="column 'trade_date'; found 2026-11-19; allowed: 2026-11-20"):
        read(tmp_path / "b.parquet")


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.999])
def test_a_truncated_parquet_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = write(tmp_path, books(500))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(
        SourceError, match=r"cannot read Parquet: .*books\.parquet; found .*next: deliver the file again"
    ):
        read(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "file is missing: .*nothing there"),
        (b"", "file is empty: .*found 0 bytes"),
        (b"PAR1", "cannot read Parquet"),
    ],
)
def test_a_missing_or_empty_file_is_refused(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "books.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=words):
        read(path)


def test_a_file_that_is_not_the_one_of_its_manifest_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, books(2))
    with pytest.raises(SourceError, match="allowed: sha256 00ff"):
        read(path, sha256="00ff")


def test_a_flipped_bit_is_found_where_the_writer_left_page_checksums(tmp_path: Path) -> None:
    path = tmp_path / "books.parquet"
    pq.write_table(books(500), path, write_page_checksum=True, compression="none", use_dictionary=False)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 4] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(SourceError, match="cannot read Parquet"):
        read(path)


def renamed(old: str, new: str) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: rows.rename_columns([new if name == old else name for name in rows.column_names])


def retyped(name: str, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: rows.set_column(rows.column_names.index(name), name, rows[name].cast(kind))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop_columns(["currency"]), "missing 'currency'"),
        (lambda rows: rows.append_column("venue", rows["symbol"]), "unknown 'venue'"),
        (renamed("bid_price_1", "Bid_Price_1"), "'Bid_Price_1' differs from 'bid_price_1' by case"),
        (renamed("traded_notional", "traded_notionel"), "did you mean 'traded_notional' by 'traded_notionel'"),
        (lambda rows: rows.append_column("symbol", rows["symbol"]), "found repeated 'symbol'; allowed"),
        (retyped("ask_price_1", pa.string()), r"column 'ask_price_1'; found type string; allowed: a number \(double\)"),
        (retyped("sequence", pa.float64()), "column 'sequence'; found type double; allowed: whole numbers"),
        (retyped("event_at", pa.timestamp("us")), "found type timestamp.us.; allowed: a time with a zone"),
        (retyped("event_at", pa.string()), "column 'event_at'; found type string"),
    ],
)
def test_other_columns_than_declared_are_named(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], words: str
) -> None:
    path = tmp_path / "books.parquet"
    pq.write_table(change(books(2)), path)
    with pytest.raises(ContractError, match=words):
        read(path)


def test_whole_numbers_and_other_encodings_of_text_become_the_declared_types(tmp_path: Path) -> None:
    rows = books(2, last_price=100.0, ask_shares_1=200.0)
    for name, kind in (("ask_shares_1", pa.int32()), ("symbol", pa.large_string()), ("last_price", pa.float32())):
        rows = retyped(name, kind)(rows)
    rows = rows.set_column(rows.column_names.index("currency"), "currency", rows["currency"].dictionary_encode())
    pq.write_table(rows, tmp_path / "books.parquet")
    assert read(tmp_path / "books.parquet").rows.equals(books(2, last_price=100.0, ask_shares_1=200.0))


def test_a_cast_that_would_change_a_value_is_refused(tmp_path: Path) -> None:
    rows = retyped("ask_shares_1", pa.int64())(books(1)).set_column(0, "market", pa.array(["sample"]))
    rows = rows.set_column(rows.column_names.index("ask_shares_1"), "ask_shares_1", pa.array([2**53 + 1]))
    pq.write_table(rows, tmp_path / "books.parquet")
    with pytest.raises(ContractError, match="ask_shares_1"):
        read(tmp_path / "books.parquet")


def test_levels_that_the_market_does_not_show_may_be_left_out(tmp_path: Path) -> None:
    deep = [
        f"{side}_{what}_{level}" for side in ("bid", "ask") for what in ("price", "shares") for level in range(6, 11)
    ]
    path = write(tmp_path, books(2).drop_columns(deep))
    assert read(path, market="ashare").rows["bid_price_6"].null_count == 2
    with pytest.raises(ContractError, match="missing 'bid_price_6', 'bid_shares_6', 'ask_price_6'"):
        read(path, market="sample")


def test_a_csv_file_comes_in_as_the_same_rows(tmp_path: Path) -> None:
    rows = books(3, ask_price_1=[100.01, None, 100.01], ask_shares_1=[200.0, None, 200.0])
    csv.write_csv(rows, tmp_path / "books.csv")
    assert read(tmp_path / "books.csv").rows.equals(rows)


@pytest.mark.parametrize(
    ("cell", "word"), [("abc", "double: invalid value 'abc'"), ("1e", "invalid value"), ("2,5", "Expected")]
)
def test_a_csv_cell_that_is_no_number_is_named(tmp_path: Path, cell: str, word: str) -> None:
    csv.write_csv(books(2, last_price=[100.0, 77.75]), tmp_path / "books.csv")
    text = (tmp_path / "books.csv").read_text().replace("77.75", cell)
    (tmp_path / "books.csv").write_text(text)
    with pytest.raises((ContractError, SourceError), match=word):
        read(tmp_path / "books.csv")


def test_a_csv_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    csv.write_csv(books(1), tmp_path / "books.csv")
    text = (tmp_path / "books.csv").read_text()
    assert "2026-11-20 14:30:00.000000Z" in text
    (tmp_path / "books.csv").write_text(text.replace("14:30:00.000000Z", "14:30:00"))
    with pytest.raises(ContractError, match="zone"):
        read(tmp_path / "books.csv")


def test_text_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    broken = pa.array([b"\xff\xfe", b"AAA"]).view(pa.string())
    pq.write_table(books(2).set_column(2, "symbol", broken), tmp_path / "books.parquet")
    with pytest.raises(SourceError, match=r"cannot read Parquet: .*UTF8"):
        read(tmp_path / "books.parquet")


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "books.xlsx").write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"found \.xlsx; allowed: \.parquet, \.csv"):
        read(tmp_path / "books.xlsx")


@given(st.binary(max_size=400))
def test_no_bytes_end_in_anything_but_our_own_error(payload: bytes) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        for name in ("books.parquet", "books.csv"):
            path = Path(folder) / name
            path.write_bytes(payload)
            with pytest.raises((SourceError, ContractError)):
                read(path)


def test_accepted_types_keep_every_value() -> None:
    assert accepts("double", pa.int64())
    assert not accepts("long", pa.float64())
    assert not accepts("double", pa.string())
    assert not accepts("boolean", pa.int8())
    assert accepts("string", pa.dictionary(pa.int32(), pa.string()))
    assert not accepts("string", pa.dictionary(pa.int32(), pa.int64()))
    assert accepts("date", pa.null())


def test_nan_and_infinity_come_in_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, books(2, bid_price_1=[float("nan"), float("inf")]))
    assert np.isnan(read(path).rows["bid_price_1"][0].as_py())
