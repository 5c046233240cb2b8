"""Book rows to measure on: recorded A-shares where they are at hand, else eight generated random walks.

`FILLWISE_TEST_DATA` names the folder of recorded data (default `../shared/data`). More rows than there are come from
the same sessions again under earlier trade dates, so that every feature does its usual work: x5 is every session five
times.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from infra import calendar
from infra.lake import Lake
from infra.lake_files import write_day_file
from infra.markets import MARKETS, Market
from infra.settings import PROJECT, Settings
from infra.tables import SILVER
from pipelines import fit_features
from pipelines.sources import ashare
from pipelines.step import StepContext

SYMBOLS = tuple(f"SYM{number}" for number in range(8))
ROWS, LEVELS, STEP_NS = 4_680, 10, 5_000_000_000
GENERATED_SESSIONS = 24
LAST_DAY = date(2026, 11, 20)
BOOKS = SILVER["book_snapshots"]


def book_rows(day: date, seed: int) -> pa.Table:
    """Silver book rows of one session: eight random walks on a one-cent grid, ten levels."""
    random, (start, _) = (
        np.random.default_rng(seed),
        calendar.session_intervals_ns(MARKETS["sample"], day)[0],
    )
    parts = []
    for symbol in SYMBOLS:
        bid = 100.0 + 0.01 * np.cumsum(random.integers(-1, 2, ROWS))
        times = start + STEP_NS * np.arange(ROWS)
        columns: dict[str, object] = {"symbol": [symbol] * ROWS, "event_at_ns": times, "event_at": times // 1000}
        for level in range(1, LEVELS + 1):
            columns[f"bid_price_{level}"] = np.round(bid - 0.01 * (level - 1), 2)
            columns[f"ask_price_{level}"] = np.round(bid + 0.01 * level, 2)
            columns[f"bid_shares_{level}"] = 100.0 * random.integers(1, 40, ROWS)
            columns[f"ask_shares_{level}"] = 100.0 * random.integers(1, 40, ROWS)
        shares = 100.0 * random.integers(0, 9, ROWS)
        columns |= {"traded_shares": shares, "traded_notional": shares * bid, "known_at": times // 1000}
        columns |= {"sequence": np.zeros(ROWS, np.int64), "currency": ["USD"] * ROWS}
        fields = [column for column in BOOKS.columns if column.name not in ("market", "trade_date")]
        arrays = [
            pa.array(columns[field.name]).cast(field.arrow_type) if field.name in columns
            else pa.nulls(ROWS, field.arrow_type)
            for field in fields
        ]  # fmt: skip
        parts.append(pa.table(arrays, names=[field.name for field in fields]))
    return pa.concat_tables(parts)


def recorded_rows(folder: Path, day: date) -> pa.Table:
    """Silver book rows of one recorded session, in the table's order; every row that the recorder wrote."""
    (file,) = ashare.read_day(folder, MARKETS["ashare"], day)
    known_at = pa.repeat(pa.scalar(file.known_at, BOOKS.column("known_at").arrow_type), file.rows.num_rows)
    rows = file.rows.append_column("known_at", known_at).drop_columns(["market", "trade_date"])
    return rows.sort_by([(name, "ascending") for name in BOOKS.sort_by])


def moved(rows: pa.Table, shift_ns: int) -> pa.Table:
    """The same rows that much later: `event_at_ns`, `event_at` and `known_at`."""
    for name, unit_ns in (("event_at_ns", 1), ("event_at", 1_000), ("known_at", 1_000)):
        place, column = rows.column_names.index(name), rows.column(name)
        later = pa.array(column.cast(pa.int64()).to_numpy() + shift_ns // unit_ns).cast(column.type)
        rows = rows.set_column(place, name, later)
    return rows


@dataclass(frozen=True)
class Books:
    """Sessions of one market to measure on. `folder` None: generated."""

    market: Market
    folder: Path | None
    sessions: int

    @property
    def words(self) -> str:
        return "generated random walks" if self.folder is None else "recorded A-share snapshots, five levels"

    @cached_property
    def first_days(self) -> tuple[date, ...]:
        """The sessions as they were recorded or are generated."""
        if self.folder is not None:
            return ashare.market_days(self.folder, self.market)[: self.sessions]
        return calendar.sessions_until(self.market, LAST_DAY, self.sessions)

    def days(self, times: int) -> tuple[date, ...]:
        """Trade dates of the sessions repeated `times` times."""
        return calendar.sessions_until(self.market, LAST_DAY, len(self.first_days) * times)

    def _rows(self, seed: int, day: date) -> pa.Table:
        return book_rows(day, seed) if self.folder is None else recorded_rows(self.folder, day)

    def _repeated(self, times: int) -> Iterator[tuple[date, pa.Table]]:
        days, count = self.days(times), len(self.first_days)
        for seed, first in enumerate(self.first_days):
            rows, (start, _) = self._rows(seed, first), calendar.session_intervals_ns(self.market, first)[0]
            for day in days[seed::count]:
                yield day, moved(rows, calendar.session_intervals_ns(self.market, day)[0][0] - start)

    def fill(self, settings: Settings, times: int) -> int:
        """Write silver books with the sessions repeated `times` times, and the fit that all but the first read; rows.

        Rows go in as the recorder or the generator wrote them: what step `validate` would refuse is in them.
        """
        lake, name = Lake(settings.lake), self.market.name
        files = {day: write_day_file(lake.root, BOOKS, name, day, rows) for day, rows in self._repeated(times)}
        rows = lake.commit_days(BOOKS, name, dict(sorted(files.items()))).rows
        fit_features.run(StepContext(settings, self.market, lake.days(BOOKS, name)[:1], lake))
        return rows


def books(sessions: int | None) -> Books:
    """What is at hand: recorded sessions, at most so many, or generated ones."""
    data = Path(os.environ.get("FILLWISE_TEST_DATA") or PROJECT.parent / "shared" / "data") / "ashare_l5_snapshots"
    if data.is_dir():
        return Books(MARKETS["ashare"], data, sessions or len(ashare.market_days(data, MARKETS["ashare"])))
    return Books(MARKETS["sample"], None, sessions or GENERATED_SESSIONS)
