"""A log of FIX messages is split, and every message is whole or named with the rule that it breaks."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.fix import LINE_LIMIT_BYTES, Fault, Message, integrity, read_messages
from tests.pipelines.made_fix import SOH, fix, log_of, new, summed


def messages_of(payload: bytes) -> list[Message | Fault]:
    return list(read_messages([payload]))


def rules(payload: bytes) -> list[tuple[int, str]]:
    return [(one.number, one.rule if isinstance(one, Fault) else "sound") for one in messages_of(payload)]


@pytest.mark.parametrize("separator", [SOH, b"|", b";", b"^A"])
@pytest.mark.parametrize("prefix", [b"", b"2018/02/23 15:00:01.5 ", b"20180223-15:00:01.500 : in <- "])
@pytest.mark.parametrize("version", ["FIX.4.2", "FIX.4.4", "FIXT.1.1"])
def test_every_separator_prefix_and_version_gives_the_same_message(
    separator: bytes, prefix: bytes, version: str
) -> None:
    sent = new("A", version=version)
    (found,) = messages_of(log_of(sent, separator=separator, prefix=prefix))
    assert isinstance(found, Message)
    assert (found.body, found.prefix.encode()) == (sent, prefix)
    assert (found.get(8), found.get(11), found.get(38), found.get(999)) == (version, "A", "100", None)
    assert found.pairs[-1] == (10, sent[-4:-1])


def test_tags_keep_their_order_and_the_first_of_a_repeated_one_is_given() -> None:
    (found,) = messages_of(fix("D", "11=A|453=2|448=X|448=Y|55=AAA"))
    assert isinstance(found, Message)
    assert [value for tag, value in found.pairs if tag == 448] == [b"X", b"Y"]
    assert found.get(448) == "X"


def test_a_value_may_hold_an_equals_sign_and_another_log_s_separator() -> None:
    (found,) = messages_of(fix("8", "11=A|17=17=1"))
    assert found.get(17) == "17=1"
    (piped,) = messages_of(summed("FIX.4.4", b"35=8\x0134=1\x0149=V\x0156=D\x0152=20180223-15:00:00\x0148=|\x01"))
    assert isinstance(piped, Message)
    assert piped.get(48) == "|"


def test_a_data_field_may_hold_the_separator() -> None:
    (found,) = messages_of(fix("B", "95=5|96=a\x01b=c|58=end"))
    assert isinstance(found, Message)
    assert dict(found.pairs)[96] == b"a\x01b=c"
    assert (found.get(96), found.get(58)) == ("a\\x01b=c", "end")


def test_several_messages_on_a_line_and_a_last_separator_that_is_missing() -> None:
    payload = new("A") + new("B") + b"\r\n\n" + new("C")[:-1]
    assert rules(payload) == [(0, "sound"), (1, "sound"), (3, "sound")]


def test_messages_on_one_line_share_its_prefix() -> None:
    assert [one.prefix for one in messages_of(b"15:00 " + new("A") + new("B")) if isinstance(one, Message)] == [
        "15:00 ",
        "15:00 ",
    ]


SOUND = new("A")
BROKEN = {
    "fix_checksum_matches": SOUND.replace(b"38=100", b"38=900"),
    "fix_length_matches": SOUND.replace(b"38=100", b"38=1000"),
    "fix_message_is_whole": SOUND[:-9],
    "fix_line_holds_message": b"20180223-15:00:00 session created",
    "fix_version_is_known": new("A", version="FIX.9.9"),
    "fix_header_tag_is_once": fix("D", "11=A|49=OTHER"),
    "fix_header_is_whole": summed("FIX.4.4", b"35=D\x0149=DESK\x0156=VENUE\x0152=20180223-15:00:00\x01"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_line_is_named_and_its_neighbours_stay(rule: str) -> None:
    assert rules(log_of(SOUND, BROKEN[rule], SOUND)) == [(0, "sound"), (1, rule), (2, "sound")]


@pytest.mark.parametrize("field", ["nothing", "=1", "58=", "x=1", " 58=1", "+58=1", "058=1", "5_8=1"])
def test_a_field_that_is_not_tag_and_value_is_named(field: str) -> None:
    assert rules(fix("D", f"11=A|{field}|55=AAA")) == [(0, "fix_field_has_tag_and_value")]


def test_the_message_says_which_sum_is_wrong() -> None:
    (longer,) = messages_of(BROKEN["fix_length_matches"])
    (other,) = messages_of(BROKEN["fix_checksum_matches"])
    assert isinstance(longer, Fault)
    assert isinstance(other, Fault)
    assert longer.text.startswith("9=89, counted 90: 8=FIX.4.4|9=89|35=D|34=1")
    assert other.found == f"10={SOUND[-4:-1].decode()}, counted {integrity(other.body).counted_checksum}"


@pytest.mark.parametrize("end", [b"10=1", b"10=", b"10", b""])
def test_a_message_cut_inside_its_end_is_not_whole(end: bytes) -> None:
    assert rules(SOUND[:-7] + end) == [(0, "fix_message_is_whole")]


def test_what_follows_a_message_on_its_line_is_not_lost() -> None:
    assert rules(SOUND + b" trailing words") == [(0, "sound"), (1, "fix_line_holds_message")]


def test_a_line_over_the_limit_is_named_and_not_kept() -> None:
    (found, after) = messages_of(b"8=FIX.4.4|" + b"x" * (2 * LINE_LIMIT_BYTES) + b"\n" + SOUND)
    assert isinstance(found, Fault)
    assert (found.rule, len(found.body), after.number) == ("fix_line_is_short_enough", 2000, 1)


def test_a_line_of_spaces_over_the_limit_hides_nothing() -> None:
    assert rules(b" " * (LINE_LIMIT_BYTES + 5) + SOUND) == [(0, "fix_line_is_short_enough")]


HEAD = b"35=B\x0134=1\x0149=V\x0156=D\x0152=20180223-15:00:00\x01"


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        (b"1=2\x01" * 200_000, "sound"),
        (SOH * 900_000, "fix_field_has_tag_and_value"),
        (b"95=900000\x0196=" + SOH * 900_001, "sound"),
        (b"95=9000000\x0196=" + SOH * 900_001, "fix_field_has_tag_and_value"),
        (b"95=3\x0196=" + SOH * 900_001, "fix_field_has_tag_and_value"),
    ],
)
def test_a_long_line_takes_linear_time(fields: bytes, rule: str) -> None:
    start = time.process_time()
    assert rules(summed("FIX.4.4", HEAD + fields)) == [(0, rule)]
    assert time.process_time() - start < 20


def test_passwords_are_not_shown_and_control_characters_do_nothing() -> None:
    (logon,) = messages_of(fix("A", "553=user|554=secret|925=later"))
    (strange,) = messages_of(fix("B", "58=\x1b[31m\u202e<b>|1=\x00"))
    assert isinstance(logon, Message)
    assert isinstance(strange, Message)
    assert "553=user|554=***|925=***|10=" in logon.text
    assert "58=\\x1b[31m\\u202e<b>|1=\\x00|" in strange.text


@given(
    st.lists(st.sampled_from([SOUND, SOUND[:40], b"8=FIX.4.4", b"|", SOH, b"^A", b"\n", b"10=1", b"\xff="])),
    st.binary(),
)
def test_no_bytes_end_in_an_error(parts: list[bytes], noise: bytes) -> None:
    found = messages_of(b"".join(parts) + noise)
    assert [one.number for one in found] == sorted({one.number for one in found})
    assert all(one.text.isprintable() for one in found)


@given(
    st.lists(st.sampled_from([SOUND, SOUND[:40], b"\n", b"\n\n", b"\r\n", b"8=FIX.4.4|"]), max_size=8),
    st.integers(1, 50),
)
def test_where_a_log_is_cut_into_blocks_changes_nothing(parts: list[bytes], size: int) -> None:
    payload = b"".join(parts)
    blocks = [payload[start : start + size] for start in range(0, len(payload), size)]
    assert list(read_messages(blocks)) == messages_of(payload)


def test_a_line_over_the_limit_is_never_held_whole() -> None:
    blocks = (b"x" * 65_536 for _ in range(20 * LINE_LIMIT_BYTES // 65_536))
    tracemalloc.start()
    (found,) = read_messages(blocks)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found, Fault)
    assert peak_bytes < 4 * LINE_LIMIT_BYTES
