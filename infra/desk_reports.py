"""What each running desk says of itself: the read-back. Unsigned, one small file a desk, replaced whole.

    <home>/routing/<market>/desks/<desk>.json

A snapshot or a stop is in force where a desk says that it obeys it, not where somebody wrote it. A desk whose last
word is older than `STALE_SECONDS` is not known to obey anything; one that ended says so (`is_ended`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.errors import DiskFullError
from infra.settings import Settings
from infra.times import seconds_since
from infra.whole_files import replace_file

STALE_SECONDS = 10.0
"""Desks report each second; ten of silence are a desk that hangs, not one that is busy."""
log = logging.getLogger("fillwise")


@dataclass(frozen=True)
class Residual:
    """A parent order that a kill left open: what a person must take over. why: names the stop that handed it over."""

    parent_order_id: str
    account: str
    symbol: str
    side: str
    shares: float
    why: str = ""


@dataclass(frozen=True)
class DeskReport:
    """One desk at one time. By version: last child sent, last cancel acknowledged, open children, cancels not yet
    acknowledged, exposure in currency, parents in flight. versions: version -> digest in hand. stops: those obeyed.
    symbol_children: open children by symbol, None of a desk that does not say.
    """

    desk: str
    market: str
    pid: int
    epoch: int
    versions: Mapping[str, str]
    stops: tuple[str, ...]
    last_child_at: Mapping[str, str]
    last_cancel_at: Mapping[str, str]
    open_children: Mapping[str, int]
    unacknowledged: Mapping[str, int]
    exposure_notional: Mapping[str, float]
    in_flight: Mapping[str, int]
    at: str
    is_ended: bool = False
    why: str | None = None
    residuals: tuple[Residual, ...] = field(default=())
    symbol_children: Mapping[str, int] | None = None

    def silence(self, now: datetime) -> float:
        """Seconds since its last word; infinite where that is no time."""
        return seconds_since(self.at, now)

    def is_silent(self, now: datetime) -> bool:
        """Whether its last word is too old to know what it obeys."""
        return self.silence(now) > STALE_SECONDS


def desks_folder(settings: Settings, market: str) -> Path:
    """Where the desks of a market report."""
    return settings.home / "routing" / market / "desks"


def report_desk(settings: Settings, report: DeskReport) -> bool:
    """Put a desk's report in the place of its last one; False where the disk does not take it.

    A desk goes on obeying when it cannot say so: it is then missing in every read-back.
    """
    text = json.dumps(asdict(report), sort_keys=True)
    try:
        replace_file(desks_folder(settings, report.market) / f"{Path(report.desk).name}.json", text.encode())
    except (DiskFullError, OSError) as error:
        log.warning("%s cannot report: %s", report.desk, error)
        return False
    return True


def _report(told: Mapping[str, Any]) -> DeskReport:
    residuals = tuple(Residual(**one) for one in told["residuals"])
    return DeskReport(**{**told, "stops": tuple(told["stops"]), "residuals": residuals})


def _read(path: Path) -> DeskReport | None:
    try:
        return _report(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def desk_reports(settings: Settings, market: str) -> tuple[DeskReport, ...]:
    """The last report of every desk, by name; a file that cannot be read is left out: `unread_desks` names it."""
    found = (_read(path) for path in sorted(desks_folder(settings, market).glob("*.json")))
    return tuple(report for report in found if report is not None)


def unread_desks(settings: Settings, market: str) -> tuple[str, ...]:
    """Desks whose report cannot be read: nobody knows what they obey."""
    paths = sorted(desks_folder(settings, market).glob("*.json"))
    return tuple(path.stem for path in paths if _read(path) is None and path.exists())


def forget_desk(settings: Settings, market: str, desk: str) -> None:
    """A desk that will not come back is no longer waited for."""
    (desks_folder(settings, market) / f"{Path(desk).name}.json").unlink(missing_ok=True)
