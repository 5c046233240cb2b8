"""Do features know the future? Rows of `gold.features`, recomputed from what had happened by then, bit by bit.

A feature that reads ahead is the defect that no backtest shows: it makes every model look good. So at a few instants
of the session the books, trades and outside series after the instant are cut away, the features are computed anew, and
held against the row that models learn from. A difference of one bit fails. The check needs no desk: skew compares two
ways of computing, this one what each may have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.engine import compute_features
from features.point_in_time import day_until, latest_rows
from infra import calendar
from pipelines.arrow_rows import of_symbol
from pipelines.health import HealthRow
from pipelines.step import StepContext
from pipelines.symbol_days import SymbolRows, day_sources, symbol_rows
from pipelines.vectors import SHOWN, Difference, Row, differing

CHECK = "leak"
BECAUSE = "a feature that reads ahead makes every backtest look good and is worth nothing at the desk"
PARTS = (0.1, 0.35, 0.65, 0.9)
"""Parts of a session's book rows after which it is cut: early, where windows are short, and late, where fits weigh."""


@dataclass(frozen=True)
class Leak:
    """What was found. rows: how many were recomputed. missing: rows of features that are not there."""

    rows: int
    different: int
    first: tuple[Difference, ...]
    missing: int = 0

    def to_row(self) -> HealthRow:
        """The verdict: differences fail, nothing or not everything recomputed holds."""
        told = f"leak: {self.different:,} of {self.rows * len(FEATURE_NAMES):,} values change without what came later"
        shown = "; ".join(map(str, self.first))
        said = told + (f": {shown}" if shown else "")
        if self.missing or not self.rows:
            said += f"; {self.missing:,} rows have no features to compare"
        is_whole = self.rows > 0 and self.missing == 0
        verdict = "fail" if self.different else ("pass" if is_whole else "hold")
        figure = float(self.different) if self.rows else None
        return HealthRow(CHECK, FEATURES_TABLE.name, verdict, figure, 0.0, BECAUSE, said)  # type: ignore[arg-type]


def cuts_of(rows: SymbolRows) -> list[int]:
    """Places of book rows after which the session is cut: the last of each instant."""
    times = rows.day.times_ns
    wanted = times[[int(part * (len(times) - 1)) for part in PARTS]] if len(times) else times
    return sorted(set(latest_rows(times, wanted).tolist()))


def _stored(features: pa.Table, rows: SymbolRows, place: int) -> Row | None:
    """The row of `gold.features` of a book row."""
    at_ns, sequence = int(rows.day.times_ns[place]), int(rows.day.sequence[place])
    own = of_symbol(features, rows.symbol)
    is_it = (own["event_at_ns"].to_numpy() == at_ns) & (own["sequence"].to_numpy() == sequence)
    if not is_it.any():
        return None
    found = own.slice(int(np.flatnonzero(is_it)[0]), 1)
    return np.array([found[name][0].as_py() for name in FEATURE_NAMES], np.float32)


def _differences(rows: SymbolRows, place: int, stored: Row, intervals: list[tuple[int, int]]) -> Iterator[Difference]:
    cut = day_until(rows.day, int(rows.day.times_ns[place]))
    now = compute_features(cut, intervals, rows.before)[place]
    at = rows.book.column("event_at")[place].as_py().isoformat()
    for column in np.flatnonzero(differing(now, stored)).tolist():
        yield Difference(rows.symbol, at, FEATURE_NAMES[column], str(now[column]), str(stored[column]), "its past")


def look_ahead(context: StepContext) -> Leak:
    """Recompute a few rows of every symbol of the night's session from its past alone."""
    market, day = context.market, context.night
    sources = day_sources(context.lake, market, [day]).get(day)
    if sources is None:
        return Leak(0, 0, ())
    features = context.lake.read_day(FEATURES_TABLE, market.name, day)
    intervals, found, count, missing = list(calendar.session_intervals_ns(market, day)), list[Difference](), 0, 0
    for rows in symbol_rows(sources):
        for place in cuts_of(rows):
            stored = _stored(features, rows, place)
            if stored is None:
                missing += 1
                continue
            count += 1
            found += _differences(rows, place, stored, intervals)
    return Leak(count, len(found), tuple(found[:SHOWN]), missing)
