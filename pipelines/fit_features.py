"""Fit, on the last sessions up to a day, what the features of later days read: microprice adjustment and regimes.

A day's row in `gold.feature_fits` holds what the day taught and the fit through it, symbol by symbol. A day's own
statistics are taken from its books once; the fits of the four sessions after it read them from here. Features of
session D use the newest fit of a session before D, so no fit ever sees the day that it serves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.day_statistics import (
    DayStatistics,
    day_statistics,
    fit_digest,
    fit_symbol,
    numbers,
    statistics_json,
    statistics_of,
)
from features.fits import FIT_SESSIONS, FITS_TABLE
from infra import calendar
from infra.lake import Commit
from infra.lake_files import DayFile, input_digest, write_day_file
from infra.tables import SILVER
from pipelines.batches import day_batches, merged
from pipelines.step import StepContext, StepReport
from pipelines.symbol_days import day_sources, symbol_rows

BOOK = SILVER["book_snapshots"]


@dataclass(frozen=True)
class Lesson:
    """What one session taught: statistics by symbol, when they were known, what they were made from."""

    day: date
    books_digest: str
    known_at: Any
    statistics: dict[str, DayStatistics]


class _Lessons:
    """Lessons of sessions, from the table where the books have not changed since, else from the books."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self.files = context.lake.day_files(BOOK, context.market.name)
        self.code = fit_digest()
        self.found: dict[date, Lesson] = {}

    def window(self, day: date) -> Sequence[date]:
        """The sessions that the fit through `day` learns from, oldest first."""
        return [one for one in self.files if one <= day][-FIT_SESSIONS:]

    def digest(self, day: date) -> str:
        return input_digest(*(path.stem for path in self.files[day]), self.code)

    def inputs(self, day: date) -> str:
        """Digest of all that the fit through `day` is made from."""
        return input_digest(*(self.digest(one) for one in self.window(day)))

    def of(self, day: date) -> Lesson:
        if day not in self.found:
            self.found[day] = self._kept(day) or self._taught(day)
            for old in sorted(self.found)[: -2 * FIT_SESSIONS]:
                del self.found[old]
        return self.found[day]

    def _kept(self, day: date) -> Lesson | None:
        rows = self.context.lake.read_day(FITS_TABLE, self.context.market.name, day).to_pylist()
        if not rows or rows[0]["books_digest"] != self.digest(day):
            return None
        statistics = {row["symbol"]: statistics_of(row["statistics"]) for row in rows}
        return Lesson(day, rows[0]["books_digest"], max(row["known_at"] for row in rows), statistics)

    def _taught(self, day: date) -> Lesson:
        market = self.context.market
        intervals = calendar.session_intervals_ns(market, day)
        rows = list(symbol_rows(day_sources(self.context.lake, market, [day])[day]))
        statistics = {one.symbol: day_statistics(one.day, intervals, market.tick) for one in rows}
        return Lesson(day, self.digest(day), max(pc.max(one.book["known_at"]).as_py() for one in rows), statistics)


def _fit_rows(lessons: _Lessons, day: date) -> pa.Table:
    window, tick = [lessons.of(one) for one in lessons.window(day)], lessons.context.market.tick
    today, rows = window[-1], []
    for symbol, statistics in sorted(today.statistics.items()):
        seen = [one for one in window if symbol in one.statistics]
        fit = fit_symbol([one.statistics[symbol] for one in seen], tick)
        rows.append(
            {
                "symbol": symbol,
                "known_at": max(one.known_at for one in seen),
                "first_day": seen[0].day,
                "sessions": len(seen),
                "books_digest": today.books_digest,
                "statistics": statistics_json(statistics),
                "fit": json.dumps(numbers(fit), separators=(",", ":")),
            }
        )
    names = ("symbol", "known_at", "first_day", "sessions", "books_digest", "statistics", "fit")
    return pa.Table.from_pylist(rows, schema=pa.schema([FITS_TABLE.column(name).arrow_field for name in names]))


def _fitted(lessons: _Lessons, day: date) -> DayFile:
    context = lessons.context
    rows = _fit_rows(lessons, day)
    return write_day_file(context.lake.root, FITS_TABLE, context.market.name, day, rows, inputs=lessons.inputs(day))


def run(context: StepContext) -> StepReport:
    """Fit the days whose books, or the books of the four sessions before, changed."""
    lake, market, lessons = context.lake, context.market.name, _Lessons(context)
    days = [day for day in context.days if day in lessons.files]
    known = lake.inputs(FITS_TABLE, market, days)
    stale = [day for day in days if known.get(day) != lessons.inputs(day)]
    commits: list[Commit] = [] if stale else [lake.commit_days(FITS_TABLE, market, {})]
    for batch in context.progress(list(day_batches(stale)), "fits"):
        commits.append(lake.commit_days(FITS_TABLE, market, {day: _fitted(lessons, day) for day in batch}))
    (commit,) = merged(commits)
    note = f"{len(stale)} of {len(days)} days fitted, each on up to {FIT_SESSIONS} sessions"
    return StepReport(commit.rows, commit.rows, 0, (commit,), commit.is_unchanged, (note,))
