"""What each running desk says of itself: the read-back. Unsigned, one small file a desk, replaced whole.

    <home>/routing/<market>/desks/<desk>.json

A snapshot or a stop is in force where a desk says that it obeys it, not where somebody wrote it. A desk whose last
word is older than `STALE_SECONDS` is not known to obey anything; one that ended says so (`is_ended`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.settings import Settings
from infra.signing import replace_file

STALE_SECONDS = 10.0
"""Desks report each second; ten of silence are a desk that hangs, not one that is busy."""


@dataclass(frozen=True)
class Residual:
    """A parent order that a kill left open: what a person must take over."""

    parent_order_id: str
    account: str
    symbol: str
    side: str
    shares: float


@dataclass(frozen=True)
class DeskReport:
    """One desk at one time. By version: last child sent, last cancel acknowledged, open children, cancels not yet
    acknowledged, exposure in currency, parents in flight. versions: version -> digest in hand. stops: those obeyed.
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


def desks_folder(settings: Settings, market: str) -> Path:
    """Where the desks of a market report."""
    return settings.home / "routing" / market / "desks"


def report_desk(settings: Settings, report: DeskReport) -> None:
    """Put a desk's report in the place of its last one."""
    text = json.dumps(asdict(report), sort_keys=True)
    replace_file(desks_folder(settings, report.market) / f"{Path(report.desk).name}.json", text.encode())


def _report(told: Mapping[str, Any]) -> DeskReport:
    residuals = tuple(Residual(**one) for one in told["residuals"])
    return DeskReport(**{**told, "stops": tuple(told["stops"]), "residuals": residuals})


def desk_reports(settings: Settings, market: str) -> tuple[DeskReport, ...]:
    """The last report of every desk, by name; a file that cannot be read is left out (its desk is then missing)."""
    found = []
    for path in sorted(desks_folder(settings, market).glob("*.json")):
        try:
            found.append(_report(json.loads(path.read_bytes())))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tuple(found)


def forget_desk(settings: Settings, market: str, desk: str) -> None:
    """A desk that will not come back is no longer waited for."""
    (desks_folder(settings, market) / f"{Path(desk).name}.json").unlink(missing_ok=True)
