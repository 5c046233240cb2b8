"""The only door to `simplefix`: logs of FIX sessions, split into messages and each message checked.

A FIX message is `tag=value` fields, each ended by SOH (0x01). BodyLength(9) counts the bytes behind its own field up to
the SOH before CheckSum(10), which it includes; CheckSum is the sum of all bytes before its own field modulo 256, as
three digits (FIX 4.2 and FIXT 1.1, "message format"). simplefix checks neither, so this file does, over the bytes with
SOH put back where the log shows `|`, `;` or `^A`. The separator is what stands behind BeginString(8), so a `|` inside
a value of a log with SOH stays what it is.

    >>> body = b"8=FIX.4.2|9=49|35=0|34=2|49=KOD|56=BON|52=20180223-19:14:55.188|10=161|"
    >>> (found,) = read_messages([b"2018/02/23 19:14:55.193935 ", body])
    >>> found.prefix, found.get(35), found.get(52)
    ('2018/02/23 19:14:55.193935 ', '0', '20180223-19:14:55.188')

What it does not do: session logic (gap fill, resend, sequence numbers), encryption, FIXML, FAST or SBE, the repeating
groups and required fields of a data dictionary (of a repeated tag, `get` gives the first), conversion of other
encodings than UTF-8 (such bytes and control characters are shown as `\\xNN`), values with a line break in them (both
halves are refused), values that hold the separator of a log that shows another one than SOH (the sum tells).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simplefix import FixParser
from simplefix.errors import ParsingError

LINE_LIMIT_BYTES = 1024**2
"""Because the longest messages of venues (security lists, mass quotes) have some hundred kilobytes."""

SHOWN_BYTES = 2000
"""Because a page of refused lines is read by people, and the file itself is kept."""

VERSIONS = frozenset(
    {"FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3", "FIX.4.4", "FIX.5.0", "FIX.5.0SP1", "FIX.5.0SP2", "FIXT.1.1"}
)
HEADER = (8, 9, 35, 34, 49, 52, 56)
ONCE = frozenset({*HEADER, 10, 43, 97, 122})
NOT_BUSINESS = frozenset({8, 9, 10, 34, 43, 49, 50, 52, 56, 57, 97, 115, 116, 122, 128, 129, 369})
SOH = b"\x01"
_SECRETS = re.compile(rb"(?<![0-9])(554|925|1402|1404)=[^\x01]*")
_START = re.compile(rb"8=FIX[A-Z0-9.]{0,12}(\x01|\||;|\^A)")
_TRAILER = {mark: re.compile(rb"%s10=.*?(?:%s|$)" % ((re.escape(mark),) * 2)) for mark in (SOH, b"|", b";", b"^A")}
_LAST = re.compile(rb"\x0110=([^\x01]*)\x01\Z")
_LENGTH = re.compile(rb"8=[^\x01]*\x019=(\d{1,9})\x01")
_NOT_BLANK = re.compile(rb"\S")


def shown(body: bytes) -> str:
    """A message for people and tables: fields separated by `|`, passwords as `***`, nothing that does not print."""
    return printable(_SECRETS.sub(rb"\1=***", body).rstrip(SOH).replace(SOH, b"|"))


def printable(value: bytes) -> str:
    """UTF-8 as text; other bytes, control characters and invisible or reordering ones as an escape."""
    text = value.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


Pairs = tuple[tuple[int, bytes], ...]


def _value(body: bytes, tag: int) -> str | None:
    mark = b"\x01%d=" % tag
    start = 0 if body.startswith(mark[1:]) else body.find(mark) + 1
    return printable(body[start + len(mark) - 1 : body.find(SOH, start)]) if start or tag == 8 else None


@dataclass(frozen=True, slots=True)
class Message:
    """One message that passed every check. `number`: place in the log, from 0; `body`: its bytes, with SOH.

    Only the bytes are held, and `kept` where a data field has SOH in it: as objects, fields take ten times the memory.
    """

    number: int
    prefix: str
    body: bytes
    kept: Pairs = ()

    def get(self, tag: int) -> str | None:
        """Value of the first field with this tag."""
        if self.kept:
            return next((printable(value) for found, value in self.kept if found == tag), None)
        return _value(self.body, tag)

    @property
    def pairs(self) -> Pairs:
        """Tags and values, in their order."""
        fields = (field.partition(b"=") for field in self.body.split(SOH)[:-1]) if not self.kept else ()
        return self.kept or tuple((int(tag), value) for tag, _, value in fields)

    @property
    def text(self) -> str:
        return shown(self.body)

    @property
    def content(self) -> bytes:
        """Digest of what the message says, without what a second sending changes (sequence, times, flags, sums)."""
        said = b"\x01".join(b"%d=%s" % pair for pair in self.pairs if pair[0] not in NOT_BUSINESS)
        return hashlib.blake2b(said, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Fault:
    """One message or line that did not: the rule that says so, and what was found."""

    number: int
    rule: str
    found: str
    body: bytes

    def get(self, tag: int) -> str | None:
        """What stands behind `tag=` all the same: a hint, since the message is not to be trusted."""
        return _value(self.body, tag)

    @property
    def text(self) -> str:
        return f"{self.found}: {shown(self.body[:SHOWN_BYTES])}"


@dataclass(frozen=True)
class Integrity:
    """What a message declares of itself, and what its bytes are."""

    declared_length: int | None
    counted_length: int
    declared_checksum: str
    counted_checksum: str


def integrity(body: bytes) -> Integrity:
    """Length and checksum, declared and counted, of a message that ends in CheckSum(10)."""
    length, last = _LENGTH.match(body), _LAST.search(body)
    end = last.start() + 1 if last else len(body)
    return Integrity(
        int(length[1]) if length else None,
        end - length.end() if length else 0,
        printable(last[1]) if last else "",
        f"{sum(body[:end]) % 256:03d}",
    )


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of a log that comes in blocks, each cut to one byte more than is allowed."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest[: LINE_LIMIT_BYTES + 1] + block).split(b"\n")
        yield from (line[: LINE_LIMIT_BYTES + 1] for line in whole)
    if rest:
        yield rest[: LINE_LIMIT_BYTES + 1]


def _pieces(line: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(prefix, message with SOH) of a line; a rest without BeginString comes back as a prefix without a message."""
    at, prefix = 0, b""
    while _NOT_BLANK.search(line, at):
        start = _START.search(line, at)
        if start is None:
            yield line[at:], b""
            return
        prefix = line[at : start.start()] or prefix
        end = _TRAILER[start[1]].search(line, start.end() - len(start[1]))
        at = end.end() if end else len(line)
        body = line[start.start() : at].replace(start[1], SOH)
        yield prefix, body if body.endswith(SOH) else body + SOH


def _pairs(body: bytes) -> Pairs | None:
    """Fields in their order, or None where a field is not tag=value.

    simplefix is lenient (` 44=`, `+44=`, `044=` are 44 to it), so what it read is written again and compared. It gets
    one field at a time, a data field up to its length, because its time grows with the square of what it must hold.
    """
    parser, found, at = FixParser(), None, 0
    try:
        while at < len(body):
            end, waiting = body.find(SOH, at) + 1, parser.get_buffer()
            _, mark, begun = waiting.partition(b"=")
            if waiting and not mark:
                return None
            end = max(end, at + parser.raw_len - len(begun) + 1) if waiting else end
            parser.append_buffer(body[at:end])
            found, at = parser.get_message(), end
    except ParsingError:
        return None
    if found is None or b"".join(b"%s=%s\x01" % pair for pair in found.pairs) != body:
        return None
    return tuple((int(tag), value) for tag, value in found.pairs)


def _header_fault(pairs: Pairs) -> tuple[str, str] | None:
    tags = [tag for tag, _ in pairs]
    missing = [tag for tag in HEADER if tag not in tags]
    if missing or tags[:3] != [8, 9, 35]:
        return "fix_header_is_whole", f"tags {', '.join(map(str, missing))} missing" if missing else f"tags {tags[:3]}"
    repeated = [tag for tag in ONCE if tags.count(tag) > 1]
    if repeated:
        return "fix_header_tag_is_once", f"tag {repeated[0]} more than once"
    sequence = next(value for tag, value in pairs if tag == 34)
    return None if re.fullmatch(rb"\d{1,15}", sequence) else ("fix_header_is_whole", "34 is no number")


def _sum_fault(body: bytes) -> tuple[str, str] | None:
    made = integrity(body)
    if made.declared_length != made.counted_length:
        return "fix_length_matches", f"9={made.declared_length}, counted {made.counted_length}"
    if made.declared_checksum != made.counted_checksum:
        return "fix_checksum_matches", f"10={made.declared_checksum}, counted {made.counted_checksum}"
    return None


def parse_message(number: int, prefix: bytes, body: bytes) -> Message | Fault:
    """One message, or the first rule that it breaks: whole, known version, fields, header, length, checksum."""
    last, version = _LAST.search(body), printable(body[2 : body.find(SOH)])
    if last is None or not re.fullmatch(rb"\d{3}", last[1]):
        return Fault(number, "fix_message_is_whole", "no CheckSum(10) of three digits at the end", body)
    if version not in VERSIONS:
        return Fault(number, "fix_version_is_known", version, body)
    pairs = _pairs(body)
    if pairs is None:
        return Fault(number, "fix_field_has_tag_and_value", "a field that is not tag=value", body)
    fault = _header_fault(pairs) or _sum_fault(body)
    if fault:
        return Fault(number, *fault, body)
    return Message(number, printable(prefix), body, pairs if len(pairs) != body.count(SOH) else ())


def read_messages(blocks: Iterable[bytes]) -> Iterator[Message | Fault]:
    """Every message and every line that is none, in the log's order. `blocks`: the log's bytes, cut anywhere.

    `number` counts from 0; a blank line takes a number and brings nothing, so that with one message a line it is
    the line's number. Only one block and one line are held at a time.
    """
    number = 0
    for line in _lines(blocks):
        if len(line) > LINE_LIMIT_BYTES:
            yield Fault(number, "fix_line_is_short_enough", f"more than {LINE_LIMIT_BYTES:,} bytes", line[:SHOWN_BYTES])
            number += 1
            continue
        first = number
        for prefix, body in _pieces(line.rstrip(b"\r\t ")):
            nothing = Fault(number, "fix_line_holds_message", "no BeginString(8) with a known separator", prefix)
            yield parse_message(number, prefix, body) if body else nothing
            number += 1
        number = max(number, first + 1)
