"""A drop-copy log becomes messages: every line of the day once, sound, refused by name, or known from before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import SourceError
from infra.tables import NOUNS
from pipelines.sources.drop_copy.log import MAX_PART_MESSAGES, Room, read_log
from pipelines.sources.fix import read_day
from tests.pipelines.made_fix import DAY, OWN, SOH, fix, log_of, new, read, refusals, report

NEXT_DAY = date(2018, 2, 24)
HEARTBEAT = fix("0", number=7)


def test_every_message_of_the_day_is_a_row_with_its_place_in_the_log(tmp_path: Path) -> None:
    messages = read(tmp_path, fix("A", "98=0|108=30"), new("A", second=1), HEARTBEAT)["order_messages"]
    rows = messages.rows.to_pylist()
    assert [row["kind"] for row in rows] == ["A", "D", "0"]
    assert [row["order_id"] for row in rows] == [None, "A", None]
    assert [row["symbol"] for row in rows] == [None, "AAA", None]
    assert messages.source_rows is not None
    assert messages.source_rows.tolist() == [0, 1, 2]
    assert messages.rows.schema.names == [column.name for column in NOUNS["order_messages"].columns]
    assert rows[1]["message_id"] == "DESK>VENUE/1@a.log:1"
    assert rows[1]["text"].startswith("8=FIX.4.4|9=")


@pytest.mark.parametrize("name", ["a.log", "a.fix", "a.messages"])
@pytest.mark.parametrize("separator", [SOH, b"|", b";", b"^A"])
def test_each_suffix_and_separator_is_read(tmp_path: Path, name: str, separator: bytes) -> None:
    (tmp_path / name).write_bytes(log_of(new("A"), HEARTBEAT, separator=separator))
    (tmp_path / "notes.txt").write_text("no log")
    messages, *_ = read_day(tmp_path, OWN, DAY)
    assert (messages.name, messages.rows.num_rows, messages.refused) == (name, 2, ())


def test_lines_that_are_no_message_are_refused_and_everything_adds_up(tmp_path: Path) -> None:
    sound = new("A")
    broken = (
        sound.replace(b"38=100", b"38=900"),
        sound.replace(b"38=100", b"38=1000"),
        sound[:-20],
        b"session created",
        fix("D", "11=B|garbage|55=AAA"),
    )
    messages = read(tmp_path, sound, *broken, HEARTBEAT)["order_messages"]
    assert refusals(messages) == [
        (1, "fix_checksum_matches"),
        (2, "fix_length_matches"),
        (3, "fix_message_is_whole"),
        (4, "fix_line_holds_message"),
        (5, "fix_field_has_tag_and_value"),
    ]
    assert (messages.rows.num_rows, messages.rows_in) == (2, 7)


def test_a_message_without_a_time_is_refused(tmp_path: Path) -> None:
    undated = fix("0", at="20181323-15:00:")
    assert refusals(read(tmp_path, HEARTBEAT, undated)["order_messages"]) == [(1, "fix_message_is_dated")]


def test_a_possible_duplicate_that_came_before_is_set_aside(tmp_path: Path) -> None:
    again = new("A", second=9, header="43=Y|122=20180223-15:00:00|", number=1)
    messages = read(tmp_path, new("A", number=1), again)["order_messages"]
    assert [(one.source_row, one.rule) for one in messages.duplicates] == [(1, "fix_message_is_new")]
    assert (messages.rows.num_rows, messages.rows_in) == (1, 2)


def test_an_execution_sent_again_under_another_number_is_known_by_its_id(tmp_path: Path) -> None:
    filled = "11=A|17=E1|150=F|32=10|31=10.5"
    first, again = report(filled, 1, number=5), report(filled, 2, number=6, header="43=Y|")
    files = read(tmp_path, new("A"), first, again)
    assert len(files["order_messages"].duplicates) == 1
    assert files["fills"].rows.num_rows == 1


def test_a_possible_duplicate_that_says_something_else_or_never_came_stays(tmp_path: Path) -> None:
    other = new("A", shares=200, second=9, header="43=Y|", number=1)
    unseen = fix("0", number=9, header="43=Y|")
    messages = read(tmp_path, new("A", number=1), other, unseen)["order_messages"]
    assert messages.rows["is_possible_duplicate"].to_pylist() == [False, True, True]
    assert messages.duplicates == ()


def test_a_day_is_the_market_s_and_each_line_belongs_to_one(tmp_path: Path) -> None:
    evening = fix("0", number=2, at="20180224-04:59:", second=59)
    midnight = fix("0", number=3, at="20180224-05:00:")
    said = fix("8", "11=A|75=20180223|150=0", number=4, at="20180224-12:00:")
    lines = (b"before all", HEARTBEAT, evening, midnight, b"after midnight", said, b"after said")
    today = read(tmp_path, *lines)["order_messages"]
    tomorrow = read(tmp_path, *lines, day=NEXT_DAY)["order_messages"]
    assert today.source_rows is not None
    assert tomorrow.source_rows is not None
    assert (today.source_rows.tolist(), [row for row, _ in refusals(today)]) == ([1, 2, 5], [0, 6])
    assert (tomorrow.source_rows.tolist(), [row for row, _ in refusals(tomorrow)]) == ([3], [4])
    assert today.rows_in + tomorrow.rows_in == len(lines)


def test_a_date_in_a_broken_message_counts_only_where_a_sound_one_has_it(tmp_path: Path) -> None:
    flipped = HEARTBEAT.replace(b"52=2018", b"52=2098")
    assert refusals(read(tmp_path, HEARTBEAT, flipped)["order_messages"]) == [(1, "fix_checksum_matches")]


def test_a_log_of_broken_messages_alone_is_refused_on_the_day_that_they_name(tmp_path: Path) -> None:
    broken = (HEARTBEAT.replace(b"34=7", b"34=8"), b"garbage")
    assert len(refusals(read(tmp_path, *broken)["order_messages"])) == 2
    assert read(tmp_path, *broken, day=NEXT_DAY) == {}


def test_a_log_is_known_when_its_last_line_was_received(tmp_path: Path) -> None:
    prefix = b"2018/02/23 15:00:01.174454 "
    (tmp_path / "a.log").write_bytes(log_of(HEARTBEAT, prefix=prefix))
    (messages,) = read_day(tmp_path, OWN, DAY)
    assert messages.known_at == datetime(2018, 2, 23, 15, 0, 1, 174454, UTC)
    assert messages.rows["received_at"].to_pylist() == [messages.known_at]


@pytest.mark.parametrize("prefix", [b"", b"2018/02/23 10:00:01.174454 ", b"INFO "])
def test_without_a_receive_time_that_can_be_told_it_is_known_after_the_close(tmp_path: Path, prefix: bytes) -> None:
    (tmp_path / "a.log").write_bytes(log_of(HEARTBEAT, prefix=prefix))
    (messages,) = read_day(tmp_path, OWN, DAY)
    assert messages.known_at == datetime(2018, 2, 23, 21, 15, tzinfo=UTC)
    assert messages.rows["received_at"].to_pylist() == [None]


def test_a_prefix_with_a_zone_is_believed(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(log_of(HEARTBEAT, prefix=b"2018-02-23T10:30:00-05:00 "))
    (messages,) = read_day(tmp_path, OWN, DAY)
    assert messages.known_at == datetime(2018, 2, 23, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize("at", ["20180224-15:00:", "19991231-15:00:", "21000101-15:00:"])
def test_a_day_without_a_session_or_beyond_the_calendar_is_read(tmp_path: Path, at: str) -> None:
    day = date(int(at[:4]), int(at[4:6]), int(at[6:8]))
    (messages,) = read(tmp_path, fix("0", at=at), day=day).values()
    assert messages.rows.num_rows == 1


def test_a_folder_without_a_log_of_the_day_brings_nothing(tmp_path: Path) -> None:
    assert read_day(tmp_path, OWN, DAY) == []
    assert read(tmp_path, HEARTBEAT, day=NEXT_DAY) == {}


def test_a_link_an_odd_name_an_empty_or_undatable_log_and_no_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "passwd.log").symlink_to("/etc/passwd")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "a\n.log").write_bytes(HEARTBEAT)
    for name, content in (("empty", b""), ("blank", b"\n\n"), ("words", b"no message\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.log").write_bytes(content)
    expected = {
        "links": r"log is not taken: .*passwd\.log; found a symbolic link",
        "odd": r"a\\n\.log; found a name that does not print",
        "empty": "file is empty",
        "blank": "no message of the log has a date: .*found blank lines",
        "words": "found 1 lines, first: fix_line_holds_message",
        "missing": "folder is missing",
    }
    for name, words in expected.items():
        with pytest.raises(SourceError, match=words):
            read_day(tmp_path / name, OWN, DAY)


def test_a_folder_named_as_a_log_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "old.log").mkdir()
    assert list(read(tmp_path, HEARTBEAT)) == ["order_messages"]


LINES = st.sampled_from(
    [new("A"), new("B", second=1), new("A")[:40], HEARTBEAT, b"garbage", b"35=D|60=20180223", b"\n"]
)


@given(st.lists(LINES, max_size=8), st.binary(max_size=60), st.booleans())
def test_no_bytes_end_in_anything_but_our_error_or_quarantine(parts: list[bytes], noise: bytes, is_first: bool) -> None:
    lines = [noise, *parts] if is_first else [*parts, noise]
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.log").write_bytes(b"\n".join(lines))
        try:
            files = read_day(Path(folder), OWN, DAY)
        except SourceError:
            assert HEARTBEAT not in parts
            return
        for file in files:
            assert file.rows_in == file.rows.num_rows + len(file.refused) + len(file.duplicates)
            places = [] if file.source_rows is None else file.source_rows.tolist()
            places += [one.source_row for one in (*file.refused, *file.duplicates)]
            assert len(places) == len(set(places)) == file.rows_in


def test_a_day_with_more_messages_than_there_is_room_for_is_refused_with_the_figures(tmp_path: Path) -> None:
    (tmp_path / "b.log").write_bytes(log_of(new("A"), new("B", second=1)))
    words = (
        r"a day of FIX logs is too large: .*b\.log, up to its message 1; found 1,500,001 messages with 1,\d+ bytes; "
        r"allowed: 1,500,000 messages with 536,870,912 bytes in all logs of a folder; next: split the log by session"
    )
    with pytest.raises(SourceError, match=words):
        read_log(tmp_path / "b.log", OWN, DAY, Room(MAX_PART_MESSAGES - 1, 1_000))


def test_messages_of_another_day_take_no_room(tmp_path: Path) -> None:
    (tmp_path / "b.log").write_bytes(log_of(new("A"), new("B", second=1)))
    log = read_log(tmp_path / "b.log", OWN, NEXT_DAY, Room(MAX_PART_MESSAGES))
    assert (log.messages, log.refused) == ((), ())
