"""A recorded order book comes in event by event, each book held against the one before, or the day is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from infra.errors import SourceError
from infra.markets import MARKETS
from pipelines.sources.file import SourceFile
from pipelines.sources.lobster import check_session, market_days, read_day, recordings

LOBSTER = MARKETS["lobster"]
DAY = date(2012, 6, 21)
NAME = "GOOG_2012-06-21_34200000_57600000_{}_2.csv"
ZIP = "LOBSTER_SampleFile_GOOG_2012-06-21_2.zip"
NO_ASK, NO_BID = "9999999999,0", "-9999999999,0"
Row = tuple[str, str]
SESSION: tuple[Row, ...] = (
    ("34200.000000001,1,11,100,1000000,1", f"{NO_ASK},1000000,100,{NO_ASK},{NO_BID}"),
    ("34200.000000001,1,12,70,1010000,-1", f"1010000,70,1000000,100,{NO_ASK},{NO_BID}"),
    ("34200.25,1,13,40,999000,1", f"1010000,70,1000000,100,{NO_ASK},999000,40"),
    ("34201,4,11,30,1000000,1", f"1010000,70,1000000,70,{NO_ASK},999000,40"),
    ("34202,5,0,5,1005000,-1", f"1010000,70,1000000,70,{NO_ASK},999000,40"),
    ("34203,2,12,20,1010000,-1", f"1010000,50,1000000,70,{NO_ASK},999000,40"),
    ("34204,3,11,70,1000000,1", f"1010000,50,999000,40,{NO_ASK},990000,900"),
)
"""Two levels a side. The last message deletes the best bid of a full side: 99.00 comes into view, told of by nobody."""


def written(folder: Path, *rows: Row) -> Path:
    for part, column in (("message", 0), ("orderbook", 1)):
        (folder / NAME.format(part)).write_text("".join(f"{row[column]}\n" for row in rows))
    return folder


def read(folder: Path, *rows: Row) -> dict[str, SourceFile]:
    return {file.noun: file for file in read_day(written(folder, *rows), LOBSTER, DAY)}


def zipped(folder: Path, rows: tuple[Row, ...] = SESSION, **more: bytes) -> Path:
    path = folder / ZIP
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, column in (("message", 0), ("orderbook", 1)):
            archive.writestr(NAME.format(part), "".join(f"{row[column]}\n" for row in rows))
        for name, payload in more.items():
            archive.writestr(name, payload)
    return path


def changed(row: int, message: str | None = None, book: str | None = None) -> tuple[Row, ...]:
    old = SESSION[row]
    return (*SESSION[:row], (message or old[0], book or old[1]), *SESSION[row + 1 :])


def test_every_message_becomes_an_event_with_its_place_and_nanosecond(tmp_path: Path) -> None:
    events = read(tmp_path, *SESSION)["book_events"].rows
    assert events["kind"].to_pylist() == ["add", "add", "add", "execute", "execute_hidden", "reduce", "delete"]
    assert events["sequence"].to_pylist() == list(range(7))
    open_ns = int(datetime(2012, 6, 21, 13, 30, tzinfo=UTC).timestamp()) * 10**9
    times = [at - open_ns for at in events["event_at_ns"].to_pylist()]
    assert times[:4] == [1, 1, 250_000_000, 1_000_000_000]
    first, hidden = events.slice(0, 1).to_pylist()[0], events.slice(4, 1).to_pylist()[0]
    assert (first["order_id"], first["side"], first["price"], first["shares"]) == ("11", "bid", 100.0, 100.0)
    assert (hidden["order_id"], hidden["side"], hidden["price"]) == (None, "ask", 100.5)


def test_executions_are_trades_signed_against_the_resting_side(tmp_path: Path) -> None:
    trades = read(tmp_path, *SESSION)["trades"]
    rows = [(row["price"], row["shares"], row["aggressor_side"]) for row in trades.rows.to_pylist()]
    assert rows == [(100.0, 30.0, -1), (100.5, 5.0, 1)]
    assert trades.source_rows is not None
    assert trades.source_rows.tolist() == trades.rows["sequence"].to_pylist() == [3, 4]


def test_books_come_in_as_recorded_and_a_level_that_is_not_there_is_null(tmp_path: Path) -> None:
    rows = read(tmp_path, *SESSION)["book_snapshots"].rows.to_pylist()
    assert [rows[0][name] for name in ("ask_price_1", "ask_shares_1", "bid_price_2")] == [None, None, None]
    last = rows[-1]
    assert (last["bid_price_1"], last["bid_shares_2"], last["ask_price_2"]) == (99.9, 900.0, None)


def test_a_level_that_comes_into_view_is_counted_and_unknown_until_then(tmp_path: Path) -> None:
    (recording,) = recordings(written(tmp_path, *SESSION))
    check = check_session(recording, LOBSTER).check
    assert (check.transitions, check.levels_different, check.levels_revealed, check.rows_revealing) == (6, 0, 1, 1)
    assert check.levels_equal == check.levels_compared == 6 * 4 - 1
    assert check.known_levels.tolist()[-1] == [1, 1]
    assert check.rows_to_first_difference == (7, 6)


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (changed(3, book=f"1010000,70,1000000,71,{NO_ASK},999000,40"), 3),
        (changed(4, book=f"1010000,70,1000000,70,{NO_ASK},998000,40"), 4),
        (changed(5, book="1010000,50,1000000,70,1020000,5,999000,40"), 5),
        (changed(3, message="34201,4,11,300,1000000,1"), 3),
        (changed(3, message="34201,3,99,30,1000500,1", book=SESSION[2][1]), 3),
        (changed(6, book=f"1010000,50,{NO_BID},{NO_ASK},990000,900"), 6),
    ],
    ids=["shares", "deeper price", "level from nowhere", "more than was there", "level that was not there", "hole"],
)
def test_a_book_that_does_not_follow_stops_the_day_and_names_its_row(
    tmp_path: Path, rows: tuple[Row, ...], place: int
) -> None:
    with pytest.raises(SourceError, match=rf"orderbook_2\.csv, row {place}; found .* 0 differences"):
        read(tmp_path, *rows)


def test_halts_and_crosses_change_no_book_and_have_no_order(tmp_path: Path) -> None:
    book = SESSION[-1][1]
    told = ["34300,7,0,0,-1,-1", "34400,7,0,0,0,-1", "34500,7,0,0,1,-1", "34600,6,-1,500,1000000,-1"]
    found = read(tmp_path, *SESSION, *((message, book) for message in told))
    rows = found["book_events"].rows.slice(7).to_pylist()
    assert [row["kind"] for row in rows] == ["halt", "resume_quotes", "resume", "cross"]
    assert {row["order_id"] for row in rows} == {row["side"] for row in rows} == {None}
    assert [(row["price"], row["shares"]) for row in rows] == [(None, None)] * 3 + [(100.0, 500.0)]
    assert found["trades"].rows.num_rows == 2


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("later,5,0,5,1005000,-1", "lobster_message_is_readable"),
        ("34202,5,0,5,1005000", "lobster_message_is_readable"),
        ("34202,5,0,5,1005000,0", "lobster_message_is_readable"),
        ("34202,8,0,5,1005000,1", "lobster_kind_is_known"),
        ("34202,7,0,0,5,-1", "lobster_halt_is_known"),
    ],
)
def test_a_message_that_cannot_be_read_is_refused_with_its_book_and_all_adds_up(
    tmp_path: Path, message: str, rule: str
) -> None:
    found = read(tmp_path, *changed(4, message=message))
    events, books = found["book_events"], found["book_snapshots"]
    assert [(one.source_row, one.rule, one.text) for one in events.refused] == [(4, rule, message)]
    assert [(one.source_row, one.rule) for one in books.refused] == [(4, "lobster_book_has_its_message")]
    assert events.rows["sequence"].to_pylist() == books.rows["sequence"].to_pylist() == [0, 1, 2, 3, 5, 6]
    assert events.rows_in == books.rows_in == 7
    assert found["trades"].rows_in == 1


def test_a_book_that_cannot_be_read_is_refused_and_its_message_stays(tmp_path: Path) -> None:
    found = read(tmp_path, *changed(4, book="1010000,70,x"))
    assert [(one.source_row, one.rule) for one in found["book_snapshots"].refused] == [(4, "lobster_book_is_readable")]
    assert (found["book_events"].rows.num_rows, found["trades"].rows.num_rows) == (7, 2)


def test_a_corrected_message_file_is_another_delivery_of_the_books_too(tmp_path: Path) -> None:
    first = read(tmp_path, *SESSION)
    second = read(tmp_path, *changed(0, message="34200.000000000,1,11,100,1000000,1"))
    assert all(first[noun].sha256 != second[noun].sha256 for noun in first)
    assert {noun: file.name for noun, file in first.items()} == {noun: file.name for noun, file in second.items()}


def test_days_are_those_of_the_files_and_a_missing_one_is_said(tmp_path: Path) -> None:
    assert market_days(tmp_path, LOBSTER) == ()
    written(tmp_path, *SESSION)
    (tmp_path / "readme.txt").write_text("somebody else's")
    assert market_days(tmp_path, LOBSTER) == (DAY,)
    with pytest.raises(SourceError, match=r"day was not recorded: lobster 2012-06-22; found 1 sessions .*2012-06-21"):
        read_day(tmp_path, LOBSTER, date(2012, 6, 22))
    with pytest.raises(SourceError, match="folder is missing"):
        read_day(tmp_path / "nowhere", LOBSTER, DAY)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / NAME.format("orderbook")).unlink(), "found 2 levels, message; allowed: message and"),
        (lambda folder: (folder / NAME.format("orderbook")).write_text("1,1,1,1\n"), "found 7 messages, 1 books"),
        (lambda folder: (folder / "GOOG_2012-13-45_1_2_message_2.csv").write_text("x"), "2012-13-45, which is no date"),
        (lambda folder: (folder / "gоog.csv").write_text("x"), r"file is not taken: .*g\\u043eog\.csv"),
        (zipped, "a second time.*keep the archive or the unpacked files"),
    ],
    ids=["half", "rows differ", "no date", "look-alike", "twice"],
)
def test_a_recording_that_is_not_whole_is_refused(tmp_path: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(written(tmp_path, *SESSION))
    with pytest.raises(SourceError, match=says):
        read_day(tmp_path, LOBSTER, DAY)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    written(tmp_path, *SESSION)
    (tmp_path / "more.csv").symlink_to("/etc/hostname")
    with pytest.raises(SourceError, match="found a symbolic link"):
        read_day(tmp_path, LOBSTER, DAY)


def test_an_archive_brings_the_same_rows_names_and_digests_as_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain = read(tmp_path / "a", *SESSION)
    zipped(tmp_path / "b", **{"ReadMe.txt": b"free text"})
    packed = {file.noun: file for file in read_day(tmp_path / "b", LOBSTER, DAY)}
    for noun, file in plain.items():
        assert file.rows.equals(packed[noun].rows)
        assert (file.name, file.sha256) == (packed[noun].name, packed[noun].sha256)
    assert isinstance(plain["trades"].rows, pa.Table)
