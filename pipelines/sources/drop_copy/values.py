"""Values of FIX fields as times, dates and numbers, and the few that need two fields or a market.

A UTCTimestamp is `20180223-19:14:25.171` with up to nine digits behind the point (FIX 4.2 volume 1, "data types"); a
leap second (`:60`) is the first of the next minute. Numbers have neither exponent nor spaces. What cannot be read is
None, never zero.

Receive time: what a log's prefix says, as `2018/02/23 19:14:25.174454` or `20180223-19:14:25.174 : `. Without a zone
it is taken as UTC if it lies within PREFIX_SECONDS of SendingTime(52), else it is unknown.

    >>> utc_ns("20180223-19:14:25.171"), as_number("99.50"), as_number("1e5"), as_number("nan")
    (1519413265171000000, 99.5, None, None)
    >>> received_ns("2018-02-23T14:14:25-05:00 ", "20180223-19:14:24") == utc_ns("20180223-19:14:25")
    True
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from math import isfinite
from typing import Protocol
from zoneinfo import ZoneInfo

from infra.markets import Market

NS = 1_000_000_000
PREFIX_SECONDS = 10 * 60
"""Because clocks of two machines differ by seconds, and zones by at least a quarter of an hour."""

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?", re.ASCII)
_NUMBER = re.compile(r"-?(?:\d{1,20}(?:\.\d*)?|\.\d+)", re.ASCII)
_PREFIX = re.compile(
    r"(\d{4})[-/]?(\d\d)[-/]?(\d\d)[ T-](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)


class HasFields(Protocol):
    """A message, or what can be made out of a broken one."""

    def get(self, tag: int) -> str | None: ...


def utc_ns(value: str | None) -> int | None:
    """A UTCTimestamp as nanoseconds since 1970."""
    found = _TIME.fullmatch(value or "")
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    try:
        start = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
    if not 1970 <= year < 2262 or second > 60:
        return None
    return (int(start.timestamp()) + second) * NS + int((found[7] or "0").ljust(9, "0"))


def as_number(value: str | None) -> float | None:
    """A FIX float or int."""
    found = float(value) if value and _NUMBER.fullmatch(value) else None
    return found if found is not None and isfinite(found) else None


def positive(value: str | None) -> float | None:
    """A FIX number above zero."""
    found = as_number(value)
    return found if found is not None and found > 0 else None


def instant(at_ns: int) -> datetime:
    """Nanoseconds since 1970 as a time in UTC, cut to microseconds."""
    return datetime.fromtimestamp(at_ns // NS, UTC) + timedelta(microseconds=at_ns % NS // 1000)


def event_ns(message: HasFields) -> int | None:
    """TransactTime(60), else SendingTime(52), in nanoseconds since 1970."""
    found = utc_ns(message.get(60))
    return found if found is not None else utc_ns(message.get(52))


def sent_ns(message: HasFields) -> int:
    """SendingTime(52), else TransactTime(60), else 0."""
    return utc_ns(message.get(52)) or utc_ns(message.get(60)) or 0


def trade_date(message: HasFields, market: Market) -> date | None:
    """TradeDate(75), else the date in the market's zone on which `event_ns` falls."""
    said, at = utc_ns(f"{message.get(75)}-00:00:00"), event_ns(message)
    if said is not None:
        return datetime.fromtimestamp(said // NS, UTC).date()
    return None if at is None else datetime.fromtimestamp(at // NS, ZoneInfo(market.zone)).date()


def received_ns(prefix: str, sending_time: str | None) -> int | None:
    """Receive time in a log's prefix, nanoseconds since 1970; None without one, or when its zone cannot be told."""
    found = _PREFIX.search(prefix)
    if found is None:
        return None
    at, zone = utc_ns("{}{}{}-{}:{}:{}.{}".format(*found.groups("0")[:7])), found[8]
    if at is None or zone == "Z":
        return at
    if zone:
        return at - int(f"{zone[0]}1") * (int(zone[1:3]) * 60 + int(zone[-2:])) * 60 * NS
    sent = utc_ns(sending_time)
    return at if sent is not None and abs(at - sent) <= PREFIX_SECONDS * NS else None
