"""One drop-copy log on one trade date: its messages, what was refused, what had come before.

Trade date of a message: TradeDate(75), else the date in the market's zone of TransactTime(60), else of
SendingTime(52). What breaks a rule of `infra/fix.py` is not to be trusted with a date of its own, unless a sound
message of the log has the same; else it belongs to the day of the last message that has one, the first such when none
came before. So every line belongs to exactly one day.

A possible duplicate (43=Y) is set aside when its sender, target and sequence number, or its ExecID, came before in the
log with the same business content; when they did not, it is the first that we see and stays.

A log is read block by block; of it are held the messages of the day, those before it of orders that outlive their day
(`carried.py`), every faulty line, and 16 bytes for each other message. What is held of all logs of a folder, the day's
part, has a limit (`Room`).

A log is known at its last receive time (the prefix of its lines), or, when a message has none, when the market's files
of the day are: after the close, or after the local day when the exchange is closed or its calendar does not reach.

    >>> from infra.markets import MARKETS
    >>> str(close_of(MARKETS["own"], date(2018, 2, 23))), str(close_of(MARKETS["own"], date(2018, 2, 24)))
    ('2018-02-23 21:00:00+00:00', '2018-02-25 05:00:00+00:00')
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from infra import calendar
from infra.errors import SessionError, SourceError
from infra.fix import Fault, Message, read_messages
from infra.markets import Market
from pipelines.sources.drop_copy.carried import Earlier
from pipelines.sources.drop_copy.values import event_ns, instant, received_ns, trade_date
from pipelines.sources.file import SetAside
from pipelines.sources.payload import Blocks

MAX_PART_MESSAGES, MAX_PART_BYTES = 1_500_000, 512 * 1024**2
"""Because step `ingest` takes 1,200 bytes a message and four times its bytes, measured; 4 GiB is what it may take."""


@dataclass
class Room:
    """What is held so far of the day's part of all logs of a folder: messages and faulty lines, and their bytes.

    earlier: orders of earlier days in these logs that may still be open.
    """

    messages: int = 0
    bytes: int = 0
    earlier: Earlier = field(default_factory=Earlier)

    def hold(self, path: Path, one: Message | Fault) -> None:
        """Raises SourceError when there is no room for one more."""
        self.messages, self.bytes = self.messages + 1, self.bytes + len(one.body)
        if self.messages > MAX_PART_MESSAGES or self.bytes > MAX_PART_BYTES:
            raise SourceError(
                "a day of FIX logs is too large",
                which=f"{path}, up to its message {one.number:,}",
                found=f"{self.messages:,} messages with {self.bytes:,} bytes",
                allowed=f"{MAX_PART_MESSAGES:,} messages with {MAX_PART_BYTES:,} bytes in all logs of a folder",
                next_step="split the log by session or sender, put the parts into folders of their own, and run "
                "fillwise ingest --data FOLDER for each",
            )


@dataclass(frozen=True)
class LogDay:
    """What a log holds of one trade date. `messages` are in the log's order; messages + refused + duplicates is all.

    earlier: messages of earlier days that belong to orders which outlive their day; no rows of this one.
    """

    name: str
    sha256: str
    known_at: datetime
    messages: tuple[Message, ...]
    refused: tuple[SetAside, ...]
    duplicates: tuple[SetAside, ...]
    earlier: tuple[Message, ...] = ()

    @property
    def has_rows(self) -> bool:
        return bool(self.messages or self.refused or self.duplicates)


def end_of_day(market: Market, day: date) -> datetime:
    """Midnight that ends the day in the market's zone, UTC."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(market.zone)).astimezone(UTC)


def close_of(market: Market, day: date) -> datetime:
    """The session's close; the end of the local day when the exchange is closed or its calendar does not reach."""
    try:
        return calendar.close_at(market, day) if calendar.is_session(market, day) else end_of_day(market, day)
    except SessionError:
        return end_of_day(market, day)


class _Seen:
    """What a log has said so far: 64 bits of digest of each message's content under each of its identities.

    64 bits, because among ten million messages two that differ then agree by chance once in a hundred thousand logs.
    """

    def __init__(self) -> None:
        self._digests = array("Q")

    def add(self, message: Message) -> range:
        """Where the message's digests stand."""
        start, content = len(self._digests), message.content
        identities = [f"{message.get(49)}\x01{message.get(56)}\x01{message.get(34)}"]
        identities += [f"{message.get(49)}\x01{message.get(17)}"] if message.get(17) else []
        for one in identities:
            digest = hashlib.blake2b(one.encode() + content, digest_size=8).digest()
            self._digests.append(int.from_bytes(digest))
        return range(start, len(self._digests))

    def that_came_before(self, asked: Iterable[range]) -> set[int]:
        """Of messages by where their digests stand, the starts of those of which any digest stood there before."""
        ranges, every = list(asked), np.frombuffer(self._digests, np.uint64)
        if not ranges:
            return set()
        places = np.flatnonzero(np.isin(every, every[[place for one in ranges for place in one]]))
        values, first = np.unique(every[places], return_index=True)
        earliest = dict(zip(values.tolist(), places[first].tolist(), strict=True))
        return {one.start for one in ranges if any(earliest[int(every[place])] < one.start for place in one)}


@dataclass(frozen=True)
class _Faulty:
    fault: Fault
    own: date | None
    last_sound: date | None


def _undatable(path: Path, faults: list[_Faulty]) -> SourceError:
    return SourceError(
        "no message of the log has a date",
        which=path,
        found=f"{len(faults):,} lines, first: {faults[0].fault.rule}" if faults else "blank lines",
        allowed="FIX messages with TradeDate(75), TransactTime(60) or SendingTime(52)",
        next_step="deliver the log again, or take it out of the folder",
    )


def _days_of(path: Path, faults: list[_Faulty], sound: list[date]) -> list[date]:
    """The day that each faulty message or line belongs to. `sound`: days of sound messages in order of appearance."""
    trusted = set(sound) or {one.own for one in faults if one.own}
    found: list[date | None] = []
    for one in faults:
        last = one.last_sound or (found[-1] if found else None)
        found.append(one.own if one.own in trusted else last)
    first = next(iter(sound), None) or next((day for day in found if day), None)
    if first is None:
        raise _undatable(path, faults)
    return [day or first for day in found]


def _known_at(messages: Iterable[Message], market: Market, day: date) -> datetime:
    last = 0
    for one in messages:
        received = received_ns(one.prefix, one.get(52))
        if received is None:
            return close_of(market, day) + timedelta(minutes=market.close_lag_minutes)
        last = max(last, received)
    return instant(last) if last else close_of(market, day) + timedelta(minutes=market.close_lag_minutes)


class _Scan:
    """One pass over a log: keeps the messages of one day, and the faults of all until their day is known."""

    def __init__(self, path: Path, market: Market, day: date, room: Room) -> None:
        self._path, self._market, self._day, self._room, self._seen = path, market, day, room, _Seen()
        self.faults, self.sound = list[_Faulty](), dict[date, None]()
        self._kept, self._doubtful, self.earlier = list[Message](), dict[int, range](), list[Message]()
        self._last: date | None = None

    def take(self, one: Message | Fault) -> None:
        own = trade_date(one, self._market)
        if isinstance(one, Message) and (own is None or event_ns(one) is None):
            one = Fault(one.number, "fix_message_is_dated", "neither TransactTime nor SendingTime", one.body)
        if isinstance(one, Fault):
            self._room.hold(self._path, one)
            self.faults.append(_Faulty(one, own, self._last))
        elif own is not None:
            self._last = own
            self.sound[own] = None
            self._keep(one, own)

    def _keep(self, message: Message, own: date) -> None:
        places = self._seen.add(message)
        if own == self._day:
            self._room.hold(self._path, message)
            self._kept.append(message)
            if message.get(43) == "Y":
                self._doubtful[len(self._kept) - 1] = places
        elif own < self._day and self._room.earlier.takes(message):
            self._room.hold(self._path, message)
            self.earlier.append(message)

    def sorted_out(self) -> tuple[tuple[Message, ...], tuple[SetAside, ...]]:
        """Messages that are new, and those that say that they came before and did."""
        starts = self._seen.that_came_before(self._doubtful.values())
        twice = {number for number, places in self._doubtful.items() if places.start in starts}
        new = tuple(one for number, one in enumerate(self._kept) if number not in twice)
        again = (self._kept[number] for number in sorted(twice))
        return new, tuple(SetAside(one.number, "fix_message_is_new", one.text) for one in again)


def read_log(path: Path, market: Market, day: date, room: Room) -> LogDay:
    """The day's part of a log. `room`: what the logs before it have taken.

    Raises SourceError when it is missing, empty or too large, when its part is, or when it has no date at all.
    """
    blocks, scan = Blocks(path), _Scan(path, market, day, room)
    for one in read_messages(blocks):
        scan.take(one)
    days = _days_of(path, scan.faults, list(scan.sound))
    refused = tuple(
        SetAside(one.fault.number, one.fault.rule, one.fault.text)
        for one, own in zip(scan.faults, days, strict=True)
        if own == day
    )
    messages, duplicates = scan.sorted_out()
    known_at = _known_at(messages, market, day)
    return LogDay(path.name, blocks.sha256, known_at, messages, refused, duplicates, tuple(scan.earlier))


def log_days(path: Path, market: Market) -> tuple[date, ...]:
    """Trade dates of the sound messages of a log, ascending."""
    found = {trade_date(one, market) for one in read_messages(Blocks(path)) if isinstance(one, Message)}
    return tuple(sorted(day for day in found if day is not None))
