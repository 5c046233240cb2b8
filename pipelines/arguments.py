"""Turns `--market`, `--day`, `--from`, `--to` and `--data` into a `Run`. The one place that reads the clock."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC, date, datetime
from pathlib import Path

from infra import calendar
from infra.errors import SourceError, UsageError
from infra.markets import MARKETS, Market
from infra.settings import Settings
from infra.times import WRITTEN, aware_time
from pipelines.runner import Run
from pipelines.step import DeliveryTerms


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


def _latest(settings: Settings, market: Market, data: Path | None) -> date:
    """The latest session that has closed; of a market that comes in files, the latest of which there are any."""
    from pipelines.sources.catalog import Folders, delivered_days, needs_folder

    if not needs_folder(market):
        return calendar.latest_closed_session(market, datetime.now(UTC))
    days = delivered_days(Folders(data, settings.drops / market.name), market)
    if not days:
        raise SourceError(
            "folder holds no session of the market",
            which=f"{market.name} {data}",
            found="no file whose name says a day",
            allowed="files named as `fillwise tables` says",
            next_step="name the right folder with --data, or the day with --day",
        )
    return days[-1]


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


def time_from(raw: str | None, option: str) -> datetime | None:
    """An aware time, None when nothing was typed. Raises UsageError for a time that cannot be read or has no zone."""
    if not raw:
        return None
    found = aware_time(raw)
    if found is None:
        raise UsageError(
            "cannot read a time",
            which=option,
            found=repr(raw),
            allowed=WRITTEN,
            next_step="type the time again",
        )
    return found


def terms_from(arguments: argparse.Namespace) -> DeliveryTerms:
    """Who does something outside the nightly run, and why. Raises UsageError when the reason is missing."""
    is_restatement = bool(getattr(arguments, "restate", False))
    needs_reason = is_restatement or getattr(arguments, "action", None) == "release"
    reason = (getattr(arguments, "reason", None) or "").strip() or None
    if needs_reason and reason is None:
        raise UsageError(
            "a reason is missing",
            which="--restate" if is_restatement else "quarantine release",
            found="no --reason",
            allowed="a few words that somebody will understand in a year",
            next_step="add --reason '…'",
        )
    known_at = time_from(getattr(arguments, "known_at", None), "--known-at")
    person = getattr(arguments, "person", None) or getpass.getuser()
    is_by_hand = needs_reason or known_at is not None
    return DeliveryTerms(known_at, is_restatement, person if is_by_hand else None, reason)


def run_from(settings: Settings, arguments: argparse.Namespace) -> Run:
    """The run that the arguments name. Raises UsageError, SessionError or SourceError."""
    market, data, terms = market_named(arguments.market), _folder(arguments.data), terms_from(arguments)
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
        return Run(settings, market, found, data, terms)
    day = _date(arguments.day, "--day") if arguments.day else _latest(settings, market, data)
    return Run(settings, market, (calendar.require_session(market, day),), data, terms)
