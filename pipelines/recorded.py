"""A range of sessions, less those that nobody recorded.

An operator who backfills a month wants the days that are there worked and the others named. So of a range that is
worked from a folder (`--data`), sessions of which the folder has no file at all are left out and named at the end, and
the command ends with 0. A range with no file at all stops, so does a session that has a file which cannot be taken, and
so does a single session (`--day`) without a file: a night that got nothing must never look like a night that went well.

    >>> from infra.markets import MARKETS
    >>> from infra.settings import Settings
    >>> unrecorded_days(Run(Settings(), MARKETS["sample"], (date(2026, 11, 19), date(2026, 11, 20))))
    ()
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date

from infra.errors import SourceError
from pipelines.runner import Run
from pipelines.sources.catalog import Folders, delivered_days, needs_folder

log = logging.getLogger("fillwise")


def unrecorded_days(run: Run) -> tuple[date, ...]:
    """Sessions of a range of which the folder of `--data` has no file; none without a range or without a folder."""
    if len(run.days) == 1 or run.data is None or not needs_folder(run.market):
        return ()
    offered = delivered_days(Folders(run.data, run.settings.drops / run.market.name), run.market)
    return tuple(day for day in run.days if day not in offered)


def recorded(run: Run) -> Run:
    """The run without sessions that were not recorded; they stand in `unrecorded`. Raises SourceError for all of it."""
    missing = unrecorded_days(run)
    if missing == run.days:
        raise SourceError(
            "range was not recorded",
            which=f"{run.market.name} {missing[0]} to {missing[-1]}",
            found=f"no file of any of {len(missing)} sessions in {run.data}",
            allowed="a file of at least one session",
            next_step="name the right folder with --data, or another range with --from and --to",
        )
    days = tuple(day for day in run.days if day not in missing)
    return replace(run, days=days, unrecorded=missing) if missing else run


def tell_left_out(name: str, run: Run) -> None:
    """Name the sessions that were left out as the last thing that a person reads."""
    if run.left_out:
        log.warning("%s: %s", name, run.left_out)
