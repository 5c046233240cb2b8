"""A LOBSTER day of three messages, written down row by row, and archives that mean harm."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from infra.errors import SourceError
from infra.markets import MARKETS
from pipelines.sources.file import SourceFile
from pipelines.sources.lobster import market_days, read_day
from pipelines.sources.lobster_book import check_books

LOBSTER = MARKETS["lobster"]
DAY = date(2012, 6, 21)
STEM = "GOOG_2012-06-21_34200000_57600000"
MESSAGES = (
    "34200.000000001,1,11,18,5859400,-1",
    "34200.5,4,12,10,5853300,1",
    "34201.25,5,0,7,5856000,-1",
    "34202.0,3,11,18,5859400,-1",
)
"""Sell 18 at 585.94; sell 10 into the bid at 585.33; a hidden sell order is hit at 585.60; the 18 are taken off."""
BOOKS = (
    "5859400,218,5853300,18,5859800,200,5853000,150",
    "5859400,218,5853300,8,5859800,200,5853000,150",
    "5859400,218,5853300,8,5859800,200,5853000,150",
    "5859400,200,5853300,8,5859800,200,5853000,150",
)


def write(folder: Path, messages: tuple[str, ...] = MESSAGES, books: tuple[str, ...] = BOOKS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{STEM}_message_2.csv").write_text("\n".join(messages) + "\n")
    (folder / f"{STEM}_orderbook_2.csv").write_text("\n".join(books) + "\n")
    return folder


def read(folder: Path) -> dict[str, SourceFile]:
    return {file.noun: file for file in read_day(folder, LOBSTER, DAY)}


def test_each_message_is_an_event_and_executions_are_trades_with_their_aggressor(tmp_path: Path) -> None:
    found = read(write(tmp_path))
    events = found["book_events"].rows
    assert events["kind"].to_pylist() == ["add", "execute", "execute_hidden", "delete"]
    assert events["side"].to_pylist() == ["ask", "bid", "ask", "ask"]
    assert events["order_id"].to_pylist() == ["11", "12", None, "11"]
    assert events["price"].to_pylist() == [585.94, 585.33, 585.6, 585.94]
    trades = found["trades"].rows.to_pylist()
    assert [(row["price"], row["shares"], row["aggressor_side"]) for row in trades] == [(585.33, 10, -1), (585.6, 7, 1)]
    assert found["trades"].rows["sequence"].to_pylist() == [1, 2]


def test_times_are_read_to_the_last_digit_and_books_stand_at_them(tmp_path: Path) -> None:
    found = read(write(tmp_path))
    opening = 1_340_285_400 * 10**9
    assert found["book_snapshots"].rows["event_at_ns"].to_pylist() == [
        opening + 1, opening + 500_000_000, opening + 1_250_000_000, opening + 2_000_000_000,
    ]  # fmt: skip
    first = found["book_snapshots"].rows.to_pylist()[0]
    assert (first["bid_price_1"], first["bid_shares_1"], first["ask_price_2"]) == (585.33, 18.0, 585.98)
    assert first["bid_price_3"] is None


def test_an_empty_level_is_null(tmp_path: Path) -> None:
    books = tuple(row.replace("5853000,150", "-9999999999,0") for row in BOOKS)
    row = read(write(tmp_path, books=books))["book_snapshots"].rows.to_pylist()[0]
    assert (row["bid_price_2"], row["bid_shares_2"]) == (None, None)


def test_the_check_of_the_books_is_told(tmp_path: Path) -> None:
    (note,) = read(write(tmp_path))["book_snapshots"].notes
    assert note.startswith("3 books follow from the one before and their message: 12 levels known and equal, 0 differ")
    assert "0 came into view in 0 rows" in note


def test_a_book_that_does_not_follow_is_an_error_that_names_its_row(tmp_path: Path) -> None:
    books = (BOOKS[0], BOOKS[1].replace(",8,", ",9,"), *BOOKS[2:])
    with pytest.raises(SourceError, match=rf"book does not follow .*{STEM}_orderbook_2\.csv; found row 2, "):
        read_day(write(tmp_path, books=books), LOBSTER, DAY)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("34200.0000000001,1,11,18,5859400,-1", "time cannot be read"),
        ("34200,9,11,18,5859400,-1", r"unknown kind: .*found \[9\]"),
        ("34200,1,x,18,5859400,-1", "cannot read CSV"),
    ],
)
def test_a_message_that_cannot_be_read_is_named(tmp_path: Path, message: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        read_day(write(tmp_path, (message, *MESSAGES[1:])), LOBSTER, DAY)


def test_files_of_different_length_or_without_their_twin_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="found 4 books, 3 messages"):
        read_day(write(tmp_path, MESSAGES[:3]), LOBSTER, DAY)
    (tmp_path / f"{STEM}_orderbook_2.csv").unlink()
    with pytest.raises(SourceError, match="file is missing: GOOG 2012-06-21; found only message"):
        read_day(tmp_path, LOBSTER, DAY)


def test_a_halt_is_an_event_without_price_or_side(tmp_path: Path) -> None:
    halt = ("34200.000000001,7,0,0,-1,-1", *MESSAGES[1:])
    row = read(write(tmp_path, halt))["book_events"].rows.to_pylist()[0]
    assert (row["kind"], row["price"], row["side"], row["shares"]) == ("halt", None, None, None)


def archive(folder: Path, members: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "LOBSTER_GOOG_2012-06-21_2.zip", "w", zipfile.ZIP_DEFLATED) as target:
        for name, payload in members.items():
            target.writestr(name, payload)
    return folder


def both(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in write(folder).iterdir()}


def test_an_archive_of_both_files_gives_the_same_rows(tmp_path: Path) -> None:
    zipped = read(archive(tmp_path / "zipped", both(tmp_path / "plain")))
    plain = read(tmp_path / "plain")
    assert all(zipped[noun].rows.equals(plain[noun].rows) for noun in plain)
    assert market_days(tmp_path / "zipped", LOBSTER) == (DAY,)


@pytest.mark.parametrize("name", ["../evil_message_2.csv", "a/b.csv", "..\\c.csv"])
def test_an_archive_with_paths_is_not_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="archive is not taken"):
        read_day(archive(tmp_path / "zipped", {**both(tmp_path / "plain"), name: b"x"}), LOBSTER, DAY)


def test_an_archive_that_unpacks_to_too_much_is_stopped_while_it_is_read(tmp_path: Path) -> None:
    bomb = {**both(tmp_path / "plain"), f"{STEM}_message_2.csv": b"0" * 30_000_000}
    with pytest.raises(SourceError, match="archive unpacks to too much"):
        read_day(archive(tmp_path / "zipped", bomb), LOBSTER, DAY)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    folder = archive(tmp_path / "zipped", both(tmp_path / "plain"))
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(SourceError, match="cannot read archive"):
        read_day(folder, LOBSTER, DAY)


def test_a_level_that_comes_into_view_is_counted_and_never_held_against_a_message() -> None:
    """One level a side is shown. The best offer is deleted, and the next one comes into view."""
    books = np.array([[[[99, 5]], [[101, 3]]], [[[99, 5]], [[102, 9]]]], np.int64)
    kinds, sides, prices, shares = (np.array([1, value], np.int64) for value in (3, 1, 101, 3))
    check = check_books(kinds, sides, prices, shares, books)
    assert (check.levels_equal, check.levels_different, check.levels_revealed, check.rows_revealing) == (1, 0, 1, 1)
    assert check.rows_to_first_difference == (1,)


def test_an_order_pushes_the_last_level_out_of_view() -> None:
    books = np.array([[[[99, 5]], [[101, 3]]], [[[100, 2]], [[101, 3]]]], np.int64)
    kinds, sides, prices, shares = (np.array([1, value], np.int64) for value in (1, 0, 100, 2))
    check = check_books(kinds, sides, prices, shares, books)
    assert (check.levels_equal, check.levels_different, check.levels_revealed) == (2, 0, 0)
