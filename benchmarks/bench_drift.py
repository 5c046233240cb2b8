"""A year of sessions read and judged for drift: from the daily sketches, and from the rows of `gold.features`.

Made-up features of the sample market's size (8 symbols, a row every 5 s), their level drawn anew each session. The rows
of `ROW_SESSIONS` sessions are stored, read and counted into the same histograms, and that time is scaled to the year;
the sketches of all of them are read. Both once warm, on one thread. `python -m benchmarks.bench_drift`.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from features.catalog import CATALOG, FEATURE_NAMES, FEATURES_TABLE
from infra import calendar
from infra.lake import Lake
from infra.lake_files import write_day_file
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import FEATURE_SKETCHES
from models.drift import judge_drift
from pipelines.sketch_history import feature_history, read_sums
from pipelines.sketches import sketch_rows
from pipelines.step import StepContext

MARKET, LAST = MARKETS["sample"], date(2026, 11, 20)
SESSIONS, ROW_SESSIONS, WINDOW = 251, 10, 60
SYMBOLS, ROWS, SECONDS = 8, 4680, 5
ZONE = ZoneInfo(MARKET.zone)
READ = ["symbol", "event_at", *FEATURE_NAMES]


def feature_rows(day: date) -> pa.Table:
    random = np.random.default_rng(day.toordinal())
    opens = datetime.combine(day, MARKET.sessions[0][0], ZONE).astimezone(UTC)
    times = [opens + timedelta(seconds=SECONDS * number) for number in range(ROWS)] * SYMBOLS
    columns = {
        feature.name: np.clip(random.normal(random.normal(0.0, 0.1), 1.0, ROWS * SYMBOLS), feature.low, feature.high)
        for feature in CATALOG
    }
    return pa.table(
        {
            "symbol": np.repeat([f"S{number}" for number in range(SYMBOLS)], ROWS),
            "event_at": pa.array(times, pa.timestamp("us", "UTC")),
            "event_at_ns": pa.array(times, pa.timestamp("ns", "UTC")).cast(pa.int64()),
            "known_at": pa.array(times, pa.timestamp("us", "UTC")),
            "sequence": np.zeros(ROWS * SYMBOLS, np.int64),
            **{name: values.astype(np.float32) for name, values in columns.items()},
        }
    )


def make_year(lake: Lake, days: Sequence[date]) -> None:
    sketches, stored = {}, {}
    for day in days:
        rows = feature_rows(day)
        sketches[day] = write_day_file(lake.root, FEATURE_SKETCHES, MARKET.name, day, sketch_rows(rows, ZONE))
        if day in days[-ROW_SESSIONS:]:
            stored[day] = write_day_file(lake.root, FEATURES_TABLE, MARKET.name, day, rows)
    lake.commit_days(FEATURE_SKETCHES, MARKET.name, sketches)
    lake.commit_days(FEATURES_TABLE, MARKET.name, stored)


def seconds(work: Callable[[], object]) -> float:
    work()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def count_rows(lake: Lake, days: Sequence[date]) -> None:
    for day in days:
        sketch_rows(lake.read_day(FEATURES_TABLE, MARKET.name, day, READ).combine_chunks(), ZONE)


def main() -> None:
    days = calendar.sessions_until(MARKET, LAST, SESSIONS)
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        context = StepContext(settings, MARKET, days, Lake(settings.lake))
        make_year(context.lake, days)
        read = seconds(lambda: list(read_sums(context, days)))
        sums = list(read_sums(context, days))
        judge = seconds(lambda: judge_drift((feature_history(sums, name) for name in FEATURE_NAMES), WINDOW))
        rows = seconds(lambda: count_rows(context.lake, days[-ROW_SESSIONS:])) * SESSIONS / ROW_SESSIONS
        files = context.lake.day_files(FEATURE_SKETCHES, MARKET.name)
        size = sum(path.stat().st_size for paths in files.values() for path in paths) / 2**20
    print(f"{SESSIONS} sessions, {sum(one.rows for one in sums):,} rows, {len(FEATURE_NAMES)} features")
    print(f"sketches: {size:.0f} MiB, read in {read:.2f} s, judged in {judge:.2f} s")
    print(f"rows: read and counted in {rows:.1f} s, {rows / read:.0f} times as long as reading sketches")


if __name__ == "__main__":
    main()
