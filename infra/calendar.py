"""The only door to `exchange_calendars`: sessions, opening hours, half days.

Trade dates come from the exchange's calendar, never from weekdays. A calendar ends (Shanghai's a few months
ahead); a day beyond it is refused with the last day known, because guessing a holiday is worse than stopping.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from infra.errors import SessionError
from infra.markets import Market

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

FIRST_DAY = date(2010, 1, 1)
NS = 1_000_000_000


@lru_cache(maxsize=8)
def _calendar(code: str) -> ExchangeCalendar:
    import exchange_calendars

    return exchange_calendars.get_calendar(code, start=FIRST_DAY.isoformat())


def horizon(market: Market) -> date:
    """Last day that the calendar knows."""
    last: date = _calendar(market.calendar).last_session.date()
    return last


def _inside_horizon(market: Market, day: date) -> None:
    if not FIRST_DAY <= day <= horizon(market):
        raise SessionError(
            "day lies beyond the exchange calendar",
            which=f"{market.name} {day}",
            found=day,
            allowed=f"{FIRST_DAY} to {horizon(market)} ({market.calendar})",
            next_step="update the package exchange-calendars",
        )


def sessions(market: Market, first: date, last: date) -> tuple[date, ...]:
    """Trade dates from `first` to `last`, both included, ascending."""
    _inside_horizon(market, first)
    _inside_horizon(market, last)
    found = _calendar(market.calendar).sessions_in_range(first.isoformat(), last.isoformat())
    return tuple(stamp.date() for stamp in found)


def is_session(market: Market, day: date) -> bool:
    """Whether the exchange opens on that day."""
    return bool(sessions(market, day, day))


def require_session(market: Market, day: date) -> date:
    """`day` itself. Raises SessionError naming the nearest sessions when the exchange is closed on it."""
    if is_session(market, day):
        return day
    before, after = sessions(market, day - timedelta(days=15), day), sessions(market, day, day + timedelta(days=15))
    near = " or ".join(str(found) for found in (*before[-1:], *after[:1]))
    raise SessionError(
        "day is no session",
        which=f"{market.name} ({market.calendar}) {day}",
        found=f"{day:%A}, exchange closed",
        allowed=f"a session, for example {near}",
        next_step=f"run with --day {before[-1] if before else after[0]}",
    )


def sessions_until(market: Market, last: date, count: int) -> tuple[date, ...]:
    """The `count` sessions that end with `last` (included when it is one), ascending."""
    span = timedelta(days=count * 2 + 30)
    return sessions(market, max(FIRST_DAY, last - span), last)[-count:]


def session_after(market: Market, day: date) -> date:
    """The session that follows a day. Raises SessionError beyond the calendar."""
    return sessions(market, day + timedelta(days=1), day + timedelta(days=21))[0]


def open_at(market: Market, day: date) -> datetime:
    """Opening time of the session, UTC."""
    found: datetime = _calendar(market.calendar).session_open(day.isoformat()).to_pydatetime()
    return found


def close_at(market: Market, day: date) -> datetime:
    """Closing time of the session, UTC; earlier on half days."""
    found: datetime = _calendar(market.calendar).session_close(day.isoformat()).to_pydatetime()
    return found


def known_at(market: Market, day: date) -> datetime:
    """When a day's files count as known if their source says nothing better: close plus the market's lag."""
    return close_at(market, day) + timedelta(minutes=market.close_lag_minutes)


def latest_closed_session(market: Market, at: datetime) -> date:
    """The last session whose files are known at `at` (an aware time)."""
    local = at.astimezone(ZoneInfo(market.zone)).date()
    recent = sessions(market, local - timedelta(days=30), min(local, horizon(market)))
    closed = [day for day in recent if known_at(market, day) <= at]
    if not closed:
        raise SessionError(
            "no session has closed yet",
            which=market.name,
            found=at.isoformat(),
            allowed="a closed session",
            next_step="name one with --day",
        )
    return closed[-1]


def _ns(day: date, local: time, zone: str) -> int:
    return int(datetime.combine(day, local, ZoneInfo(zone)).timestamp()) * NS


def session_intervals_ns(market: Market, day: date) -> tuple[tuple[int, int], ...]:
    """Intervals in which decisions are taken, UTC nanoseconds; half days shorten or drop them."""
    close = int(close_at(market, day).timestamp()) * NS
    found = [(_ns(day, start, market.zone), min(_ns(day, end, market.zone), close)) for start, end in market.sessions]
    return tuple((start, end) for start, end in found if start < end)


def auctions_ns(market: Market, day: date) -> tuple[int, ...]:
    """When the day's auctions begin, UTC nanoseconds, ascending; earlier on half days, empty where there is none."""
    if market.closing_auction_seconds is None:
        return ()
    return ((int(close_at(market, day).timestamp()) - market.closing_auction_seconds) * NS,)
