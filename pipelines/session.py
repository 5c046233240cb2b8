"""First task of the night: which trade date is tonight's, or none."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from infra import calendar
from infra.settings import Settings
from pipelines.arguments import market_named, run_from

NO_SESSION = 99


def print_session(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the day as the last line. Without `--day`: today in the exchange's zone, if it was a session."""
    if arguments.day:
        print(run_from(settings, arguments).days[-1])
        return 0
    market = market_named(arguments.market)
    today = datetime.now(UTC).astimezone(ZoneInfo(market.zone)).date()
    if not calendar.is_session(market, today):
        print(f"no session today: {market.calendar} is closed on {today:%A} {today}")
        return NO_SESSION
    print(today)
    return 0
