"""First task of the night: which trade date is tonight's, or none."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from infra import calendar
from infra.errors import SessionError
from infra.markets import Market
from infra.settings import Settings
from pipelines.arguments import market_named, run_from, time_from

NO_SESSION = 99


def session_at(market: Market, due: datetime) -> date | None:
    """The session that a night due at `due` works on: that day's in the exchange's own zone, None when it was closed.

    A night that starts late still works on the day it was due for. Raises SessionError when that day's files are not
    known yet at `due`, because half a session must never be taken for a whole one.
    """
    day = due.astimezone(ZoneInfo(market.zone)).date()
    if not calendar.is_session(market, day):
        return None
    known = calendar.known_at(market, day)
    if known > due:
        raise SessionError(
            "session has not closed yet",
            which=f"{market.name} ({market.calendar}) {day}",
            found=f"{due.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            allowed=f"{known:%Y-%m-%d %H:%M} UTC or later",
            next_step=f"wait until then, or name an earlier session, for example "
            f"--day {calendar.latest_closed_session(market, due)}",
        )
    return day


def print_session(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the day as the last line: the one named with `--day`, else that of a night due at `--at`."""
    if arguments.day:
        print(run_from(settings, arguments).days[-1])
        return 0
    market, due = market_named(arguments.market), time_from(arguments.at, "--at") or datetime.now(UTC)
    day = session_at(market, due)
    if day is None:
        closed = due.astimezone(ZoneInfo(market.zone)).date()
        print(f"no session today: {market.calendar} is closed on {closed:%A} {closed}")
        return NO_SESSION
    print(day)
    return 0
