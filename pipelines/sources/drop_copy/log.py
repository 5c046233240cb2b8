"""One drop-copy log on one trade date: its messages, what was refused, what had come before.

Trade date of a message: TradeDate(75), else the date in the market's zone of TransactTime(60), else of
SendingTime(52). What breaks a rule of `infra/fix.py` is not to be trusted with a date of its own, unless a sound
message of the log has the same; else it belongs to the day of the last message that has one, the first such when none
came before. So every line belongs to exactly one day.

A possible duplicate (43=Y) is set aside when its sender, target and sequence number, or its ExecID, came before in the
log with the same business content; when they did not, it is the first that we see and stays.

A log is known at its last receive time (the prefix of its lines), or, when a message has none, when the market's files
of the day are: after the close, or after the local day when the exchange is closed or its calendar does not reach.

    >>> from infra.markets import MARKETS
    >>> str(close_of(MARKETS["own"], date(2018, 2, 23))), str(close_of(MARKETS["own"], date(2018, 2, 24)))
    ('2018-02-23 21:00:00+00:00', '2018-02-25 05:00:00+00:00')
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from infra import calendar
from infra.errors import SessionError, SourceError
from infra.fix import Fault, Message, read_messages
from infra.markets import Market
from pipelines.sources.drop_copy.values import event_ns, instant, received_ns, trade_date
from pipelines.sources.file import SetAside, read_payload


@dataclass(frozen=True)
class LogDay:
    """What a log holds of one trade date. `messages` are in the log's order; messages + refused + duplicates is all."""

    name: str
    sha256: str
    known_at: datetime
    messages: tuple[Message, ...]
    refused: tuple[SetAside, ...]
    duplicates: tuple[SetAside, ...]


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
    """What came before in a log, as digests of identity and content."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def came_before(self, message: Message) -> bool:
        content = message.content
        identities = [f"{message.get(49)}\x01{message.get(56)}\x01{message.get(34)}"]
        identities += [f"{message.get(49)}\x01{message.get(17)}"] if message.get(17) else []
        digests = {hashlib.blake2b(one.encode() + content, digest_size=16).digest() for one in identities}
        is_known = not self._digests.isdisjoint(digests)
        self._digests |= digests
        return is_known and message.get(43) == "Y"


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


def _known_at(messages: list[Message], market: Market, day: date) -> datetime:
    received = [received_ns(one.prefix, one.get(52)) for one in messages]
    times = [at for at in received if at is not None]
    if times and len(times) == len(received):
        return instant(max(times))
    return close_of(market, day) + timedelta(minutes=market.close_lag_minutes)


class _Scan:
    """One pass over a log: keeps the messages of one day, and the faults of all until their day is known."""

    def __init__(self, market: Market, day: date) -> None:
        self._market, self._day, self._seen = market, day, _Seen()
        self.messages, self.duplicates, self.faults = list[Message](), list[SetAside](), list[_Faulty]()
        self.sound = dict[date, None]()
        self._last: date | None = None

    def take(self, one: Message | Fault) -> None:
        own = trade_date(one, self._market)
        if isinstance(one, Message) and (own is None or event_ns(one) is None):
            one = Fault(one.number, "fix_message_is_dated", "neither TransactTime nor SendingTime", one.body)
        if isinstance(one, Fault):
            self.faults.append(_Faulty(one, own, self._last))
        elif own is not None:
            self._last = own
            self.sound[own] = None
            self._keep(one, own)

    def _keep(self, message: Message, own: date) -> None:
        is_duplicate = self._seen.came_before(message)
        if own == self._day and is_duplicate:
            self.duplicates.append(SetAside(message.number, "fix_message_is_new", message.text))
        elif own == self._day:
            self.messages.append(message)


def read_log(path: Path, market: Market, day: date) -> LogDay:
    """The day's part of a log. Raises SourceError when it is missing, empty, too large, or has no date at all."""
    payload, digest = read_payload(path)
    scan = _Scan(market, day)
    for one in read_messages(payload):
        scan.take(one)
    days = _days_of(path, scan.faults, list(scan.sound))
    refused = tuple(
        SetAside(one.fault.number, one.fault.rule, one.fault.text)
        for one, own in zip(scan.faults, days, strict=True)
        if own == day
    )
    known_at = _known_at(scan.messages, market, day)
    return LogDay(path.name, digest, known_at, tuple(scan.messages), refused, tuple(scan.duplicates))


def log_days(path: Path, market: Market) -> tuple[date, ...]:
    """Trade dates of the sound messages of a log, ascending."""
    payload, _ = read_payload(path)
    found = {trade_date(one, market) for one in read_messages(payload) if isinstance(one, Message)}
    return tuple(sorted(day for day in found if day is not None))
