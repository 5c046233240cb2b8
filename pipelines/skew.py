"""Step `skew`: did the desk see what the night computes? Every vector that it logged, recomputed, bit by bit.

The commonest way in which a model that was good last night trades badly today is that the desk computes a feature a
little differently. So each row of `served_features` is compared with what the night's path makes of the day's silver
rows at that instant, with the fits that the desk had: the same book row, and the same 32 bits of every feature. A
difference of one bit is a failed check, and the gate holds or fails with it. What cannot be compared is never passed:
vectors of other definitions, or of fits that the lake does not hold, hold; a day on which nothing was served is a note.

    >>> differing(np.float32([1.0, np.nan]), np.float32([1.0, np.nan])).tolist()
    [False, False]
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.engine import FEATURE_NAMES, catalog_digest, compute_features
from features.fits import FITS_TABLE
from features.point_in_time import latest_rows
from infra import calendar
from infra.tables import SILVER
from pipelines.health import HealthRow, Verdict, record_health
from pipelines.step import StepContext, StepReport
from pipelines.symbol_days import DaySources, SymbolRows, day_sources, known_before, symbol_rows

log = logging.getLogger("fillwise")

STEP, CHECK = "skew", "skew"
BECAUSE = "a model must be served exactly what it was trained on; one bit tells of another definition"
SHOWN = 5
SERVED = SILVER["served_features"]

Row = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Difference:
    """One value that the desk and the night see differently."""

    symbol: str
    at: str
    feature: str
    desk: str
    night: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.at} {self.feature}: desk {self.desk}, night {self.night}"


@dataclass(frozen=True)
class Skew:
    """What the comparison found. `uncompared`: vectors that could not be recomputed, with the reason."""

    vectors: int
    values: int
    different: int
    first: tuple[Difference, ...]
    uncompared: int = 0
    why_uncompared: str = ""
    night_fit: date | None = None
    desk_fit: date | None = None

    @property
    def verdict(self) -> Verdict:
        if self.different:
            return "fail"
        if self.uncompared or self.desk_fit != self.night_fit:
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
        if self.desk_fit != self.night_fit:
            parts.append(f"the desk had fits through {self.desk_fit}, the night reads those through {self.night_fit}")
        return "; ".join(parts)


def differing(desk: Row, night: Row) -> npt.NDArray[np.bool_]:
    """(k) whether the bits differ; null equals null."""
    same = np.isnan(desk) & np.isnan(night)
    return ~same & (desk.view(np.uint32) != night.view(np.uint32))


def vector_of(text: str) -> Row:
    """The vector of a row, in the order of the catalog; a feature that the text lacks is null."""
    told = json.loads(text)
    return np.array([np.nan if told.get(name) is None else told[name] for name in FEATURE_NAMES], np.float32)


def _compared(rows: Sequence[dict[str, Any]], night: SymbolRows, values: Row) -> Iterator[Difference]:
    """Differences of one symbol's vectors from the batch path's `values` (n, k) of its book rows."""
    at_ns = np.array([row["event_at_ns"] for row in rows], np.int64)
    last = latest_rows(night.day.times_ns, at_ns)
    for row, place in zip(rows, last.tolist(), strict=True):
        at = row["event_at"].isoformat()
        seen = int(night.day.times_ns[place]) if place >= 0 else -1
        if seen != row["book_event_at_ns"]:
            yield Difference(night.symbol, at, "book row", f"{row['book_event_at_ns']} ns", f"{seen} ns")
            continue
        desk = vector_of(row["features"])
        for feature in np.flatnonzero(differing(desk, values[place])).tolist():
            pair = (str(desk[feature]), str(values[place][feature]))
            yield Difference(night.symbol, at, FEATURE_NAMES[feature], *pair)


def _sources_as_served(context: StepContext, sources: DaySources, fit_day: date | None) -> DaySources | None:
    """The day's files with the fits that the desk had; None when the lake does not hold them."""
    if fit_day is None:
        return replace(sources, fits=())
    held = context.lake.day_files(FITS_TABLE, context.market.name, [fit_day])
    return replace(sources, fits=held[fit_day]) if fit_day in held else None


def _night_fit(context: StepContext) -> date | None:
    earlier = [day for day in context.lake.days(FITS_TABLE, context.market.name) if day < context.night]
    return earlier[-1] if earlier else None


def compare(context: StepContext, served: pa.Table) -> Skew:
    """Every vector of the night's session against the night's path. `served`: rows of `silver.served_features`."""
    night_fit, none = _night_fit(context), Skew(0, 0, 0, ())
    if served.num_rows == 0:
        return none
    sources = day_sources(context.lake, context.market, [context.night]).get(context.night)
    fit_day = pc.max(served["fit_day"]).as_py()
    usable = served.filter(pc.equal(served["definitions"], catalog_digest()[:16]))
    as_served = None if sources is None else _sources_as_served(context, sources, fit_day)
    if as_served is None or usable.num_rows == 0:
        why = "other definitions than this checkout's" if usable.num_rows == 0 else f"no books, or no fits of {fit_day}"
        return replace(none, uncompared=served.num_rows, why_uncompared=why, night_fit=night_fit, desk_fit=fit_day)
    found, before = list[Difference](), known_before(as_served)
    intervals, books = calendar.session_intervals_ns(context.market, context.night), set[str]()
    for night in symbol_rows(as_served):
        books.add(night.symbol)
        rows = usable.filter(pc.equal(usable["symbol"], night.symbol)).to_pylist()
        if rows:
            found += _compared(rows, night, compute_features(night.day, intervals, before(night.symbol)))
    strange = usable.filter(pc.invert(pc.is_in(usable["symbol"], pa.array(sorted(books), pa.string()))))
    uncompared = served.num_rows - usable.num_rows + strange.num_rows
    vectors = served.num_rows - uncompared
    why = "other definitions, or a symbol without books" if uncompared else ""
    first = tuple(found[:SHOWN])
    return Skew(vectors, vectors * len(FEATURE_NAMES), len(found), first, uncompared, why, night_fit, fit_day)


def run(context: StepContext) -> StepReport:
    """Compare the night's vectors and record the verdict; the night goes on whatever it is, the gate does not."""
    served = context.lake.read_day(SERVED, context.market.name, context.night)
    skew = compare(context, served)
    figure = float(skew.different) if skew.vectors else None
    row = HealthRow(CHECK, SERVED.name, skew.verdict, figure, 0.0, BECAUSE, skew.reason)
    commit = record_health(context, STEP, context.night, [row])
    if skew.verdict == "fail":
        log.error("%s; next: compare the desk's definitions and feed with those of the night", skew.reason)
    return StepReport(served.num_rows, 1, 0, (commit,), commit.is_unchanged, (f"{skew.verdict}: {skew.reason}",))
