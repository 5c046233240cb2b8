"""Step `skew`: did the desk see what the night computes? Every vector that it logged, recomputed, bit by bit.

The commonest way in which a model that was good last night trades badly today is that the desk computes a feature a
little differently. So each row of `served_features` is compared with what the night's path makes of the day's silver
rows at that instant, with the fits that the desk had: the same book row, and the same 32 bits of every feature. A
difference of one bit is a failed check, and so is a vector that cannot be read; the gate holds or fails with it. What
cannot be compared is never passed: vectors of other definitions, or of fits that the lake does not hold, hold, and so
do decisions without a vector; a day on which nothing was served is a note.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.engine import FEATURE_NAMES, catalog_digest, compute_features
from features.fits import FITS_TABLE
from features.point_in_time import latest_rows
from infra import calendar
from infra.errors import ContractError
from infra.tables import SILVER
from pipelines.arrow_rows import of_symbol
from pipelines.desk.served import vector_of
from pipelines.health import HealthRow, Verdict, record_health_days
from pipelines.leak import look_ahead
from pipelines.step import StepContext, StepReport
from pipelines.symbol_days import DaySources, SymbolRows, day_sources, known_before, newest_fit, symbol_rows
from pipelines.vectors import SHOWN, Difference, Row, differing

log = logging.getLogger("fillwise")

STEP, CHECK = "skew", "skew"
BECAUSE = "a model must be served exactly what it was trained on; one bit tells of another definition"
SERVED, DECIDED = SILVER["served_features"], SILVER["decisions"]


@dataclass(frozen=True)
class Skew:
    """What the comparison found. `uncompared`: vectors that could not be recomputed, with the reason.

    unserved: instants of decisions, once the symbol had a book, at which no vector was logged.
    """

    vectors: int
    values: int
    different: int
    first: tuple[Difference, ...]
    uncompared: int = 0
    why_uncompared: str = ""
    night_fit: date | None = None
    desk_fit: date | None = None
    unserved: int = 0

    @property
    def verdict(self) -> Verdict:
        if self.different:
            return "fail"
        if self.uncompared or self.unserved or self.desk_fit != self.night_fit:
            return "hold"
        return "pass" if self.vectors else "note"

    @property
    def reason(self) -> str:
        """The verdict in words, with the first differences."""
        if not self.vectors and not self.uncompared:
            return "skew: the desk logged no vector, nothing to compare"
        found = f"{self.different:,} of {self.values:,} values differ in {self.vectors:,} vectors"
        shown = "; ".join(map(str, self.first))
        parts = [f"skew: {found}" + (f": {shown}" if shown else "")]
        if self.uncompared:
            parts.append(f"{self.uncompared:,} vectors could not be compared ({self.why_uncompared})")
        if self.unserved:
            parts.append(f"{self.unserved:,} instants of decisions have no vector")
        if self.desk_fit != self.night_fit:
            parts.append(f"the desk had fits through {self.desk_fit}, the night reads those through {self.night_fit}")
        return "; ".join(parts)


def _compared(rows: Sequence[dict[str, Any]], night: SymbolRows, values: Row) -> Iterator[Difference]:
    """Differences of one symbol's vectors from the batch path's `values` (n, k) of its book rows."""
    at_ns = np.array([row["event_at_ns"] for row in rows], np.int64)
    last = latest_rows(night.day.times_ns, at_ns)
    for row, place in zip(rows, last.tolist(), strict=True):
        seen = (int(night.day.times_ns[place]), int(night.day.sequence[place])) if place >= 0 else None
        for feature, desk, found in _pairs(row, seen, values[place]):
            yield Difference(night.symbol, row["event_at"].isoformat(), feature, desk, found)


def _pairs(row: dict[str, Any], seen: tuple[int, int] | None, night: Row) -> Iterator[tuple[str, str, str]]:
    """What differs in one vector: its name, what the desk had, what the night finds."""
    if seen != (row["book_event_at_ns"], row["book_sequence"]):
        told = f"{row['book_event_at_ns']} ns, sequence {row['book_sequence']}"
        yield "book row", told, "none" if seen is None else f"{seen[0]} ns, sequence {seen[1]}"
        return
    try:
        desk = vector_of(row["features"])
    except ContractError as error:
        yield "vector", error.found, error.allowed
        return
    for place in np.flatnonzero(differing(desk, night)).tolist():
        yield FEATURE_NAMES[place], str(desk[place]), str(night[place])


def _sources_as_served(context: StepContext, sources: DaySources, fit_day: date | None) -> DaySources | None:
    """The day's files with the fits that the desk had; None when the lake does not hold them."""
    if fit_day is None:
        return replace(sources, fits=())
    held = context.lake.day_files(FITS_TABLE, context.market.name, [fit_day])
    return replace(sources, fits=held[fit_day]) if fit_day in held else None


def _usable(served: pa.Table, fit_day: date | None) -> pa.Table:
    """Vectors of this checkout's definitions that were made with the fits through `fit_day`."""
    is_of_fit = pc.fill_null(pc.equal(served["fit_day"], pa.scalar(fit_day, pa.date32())), fit_day is None)
    return served.filter(pc.and_(pc.equal(served["definitions"], catalog_digest()[:16]), is_of_fit))


def _unserved(decided: pa.Table, served: pa.Table, night: SymbolRows) -> int:
    """Instants of one symbol's decisions, from its first book row on, that have no vector."""
    asked, logged = (np.unique(of_symbol(rows, night.symbol)["event_at_ns"].to_numpy()) for rows in (decided, served))
    return len(np.setdiff1d(asked[asked >= night.day.times_ns[0]], logged))


def compare(context: StepContext, served: pa.Table) -> Skew:
    """Every vector of the night's session against the night's path. `served`: rows of `silver.served_features`."""
    market, day, none = context.market, context.night, Skew(0, 0, 0, ())
    if served.num_rows == 0:
        return none
    night_fit, _ = newest_fit(context.lake, market, day) or (None, ())
    sources, fit_day = day_sources(context.lake, market, [day]).get(day), pc.max(served["fit_day"]).as_py()
    usable = _usable(served, fit_day)
    as_served = None if sources is None else _sources_as_served(context, sources, fit_day)
    if as_served is None or usable.num_rows == 0:
        why = "other definitions than this checkout's" if usable.num_rows == 0 else f"no books, or no fits of {fit_day}"
        return replace(none, uncompared=served.num_rows, why_uncompared=why, night_fit=night_fit, desk_fit=fit_day)
    decided = context.lake.read_day(DECIDED, market.name, day, ["symbol", "event_at_ns"])
    found, before, unserved = list[Difference](), known_before(as_served), 0
    intervals, books = calendar.session_intervals_ns(market, day), set[str]()
    for night in symbol_rows(as_served):
        books.add(night.symbol)
        unserved += _unserved(decided, served, night)
        rows = of_symbol(usable, night.symbol).to_pylist()
        if rows:
            found += _compared(rows, night, compute_features(night.day, intervals, before(night.symbol)))
    strange = usable.filter(pc.invert(pc.is_in(usable["symbol"], pa.array(sorted(books), pa.string()))))
    uncompared = served.num_rows - usable.num_rows + strange.num_rows
    vectors, first = served.num_rows - uncompared, tuple(found[:SHOWN])
    why = "other definitions, fits of several sessions, or a symbol without books" if uncompared else ""
    values = vectors * len(FEATURE_NAMES)
    return Skew(vectors, values, len(found), first, uncompared, why, night_fit, fit_day, unserved)


def _judged(context: StepContext, day: date) -> HealthRow:
    found = compare(replace(context, days=(day,)), context.lake.read_day(SERVED, context.market.name, day))
    if found.verdict == "fail":
        log.error("%s: %s; next: compare the desk's definitions and feed with those of the night", day, found.reason)
    figure = float(found.different) if found.vectors else None
    return HealthRow(CHECK, SERVED.name, found.verdict, figure, 0.0, BECAUSE, found.reason)


def run(context: StepContext) -> StepReport:
    """Compare each day's vectors and record the verdict; the night goes on whatever it is, the gate does not."""
    judged = {day: [_judged(context, day)] for day in context.days}
    judged[context.night].append(look_ahead(context).to_row())
    served = context.lake.count(SERVED, context.market.name, context.days)
    commit = record_health_days(context, STEP, judged)
    named = {day: f"{day}: " if len(judged) > 1 else "" for day in judged}
    notes = tuple(f"{named[day]}{row.verdict}: {row.reason}" for day, rows in judged.items() for row in rows)
    return StepReport(served, len(judged), 0, (commit,), commit.is_unchanged, notes)
