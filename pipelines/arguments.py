"""Turns `--market`, `--day`, `--from`, `--to` and `--data` into a `Run`. The one place that reads the clock."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

from infra import calendar
from infra.errors import SourceError, UsageError
from infra.markets import MARKETS, Market
from infra.settings import Settings
from pipelines.runner import Run


def market_named(name: str) -> Market:
    """The market. Raises UsageError naming those that exist."""
    if name not in MARKETS:
        raise UsageError("unknown market", which=name, found=name, allowed=", ".join(MARKETS), next_step="use --market")
    return MARKETS[name]


def _date(raw: str, option: str) -> date:
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise UsageError(
            "cannot read a date", which=option, found=repr(raw), allowed="YYYY-MM-DD", next_step="type the date again"
        ) from None


def _latest(market: Market, data: Path | None) -> date:
    if market.name == "ashare":
        from pipelines.sources.ashare import market_days

        return market_days(_required(data), market)[-1]
    return calendar.latest_closed_session(market, datetime.now(UTC))


def _required(data: Path | None) -> Path:
    if data is None:
        raise UsageError(
            "the market needs a folder of recorded files",
            which="--data",
            found="nothing",
            allowed="a folder",
            next_step="name it with --data FOLDER",
        )
    return data


def _folder(raw: str | None) -> Path | None:
    if not raw:
        return None
    folder = Path(raw).expanduser().resolve()
    if not folder.is_dir():
        raise SourceError(
            "source folder does not exist",
            which=folder,
            found="nothing there",
            allowed="a readable folder",
            next_step="mount or name the folder with --data",
        )
    return folder


def run_from(settings: Settings, arguments: argparse.Namespace) -> Run:
    """The run that the arguments name. Raises UsageError, SessionError or SourceError."""
    market, data = market_named(arguments.market), _folder(arguments.data)
    if (arguments.first is None) != (arguments.last is None):
        raise UsageError(
            "a range has two ends",
            which="--from/--to",
            found="one of them",
            allowed="both or neither",
            next_step="name the other end, or use --day",
        )
    if arguments.first is not None:
        found = calendar.sessions(market, _date(arguments.first, "--from"), _date(arguments.last, "--to"))
        if not found:
            raise UsageError(
                "range holds no session",
                which=f"{arguments.first} to {arguments.last}",
                found="0 sessions",
                allowed="1 or more",
                next_step="widen the range",
            )
        return Run(settings, market, found, data)
    day = _date(arguments.day, "--day") if arguments.day else _latest(market, data)
    return Run(settings, market, (calendar.require_session(market, day),), data)
