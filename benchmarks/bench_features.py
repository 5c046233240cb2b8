"""Rows a second of the features step (read Delta, 38 features, write Delta) beside the bare kernel on the same arrays.

The bare kernel is the floor: it touches nothing but arrays in memory, on one core. The step is timed in one process and
in Spark's warm workers; a session's start is printed apart. `python -m benchmarks.bench_features [SESSIONS]`.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.engine import FeatureState, compute_features, kernel
from features.market_day import SymbolDay, symbol_day
from infra import calendar
from infra.lake import Lake
from infra.lake_files import DayFile
from infra.markets import MARKETS
from infra.settings import Settings
from infra.spark import each_day, spark_session
from infra.tables import SILVER
from pipelines import build_features

MARKET = MARKETS["sample"]
SYMBOLS = tuple(f"SYM{number}" for number in range(8))
ROWS, LEVELS, STEP_NS = 4_680, 10, 5_000_000_000
REPETITIONS = 3


def book_rows(day: date, seed: int) -> pa.Table:
    """Silver book rows of one session: eight random walks on a one-cent grid, ten levels."""
    random, (start, _) = np.random.default_rng(seed), calendar.session_intervals_ns(MARKET, day)[0]
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
        fields = [column for column in SILVER["book_snapshots"].columns if column.name not in ("market", "trade_date")]
        arrays = [
            pa.array(columns[field.name]).cast(field.arrow_type) if field.name in columns
            else pa.nulls(ROWS, field.arrow_type)
            for field in fields
        ]  # fmt: skip
        parts.append(pa.table(arrays, names=[field.name for field in fields]))
    return pa.concat_tables(parts)


def made_lake(home: Path, days: tuple[date, ...]) -> Lake:
    lake = Lake(Settings(home=home).lake)
    for seed, day in enumerate(days):
        lake.replace_days(SILVER["book_snapshots"], MARKET.name, {day: book_rows(day, seed)})
    return lake


def best_seconds(work: Callable[[], object]) -> float:
    found = []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def commit(lake: Lake, tasks: list[build_features.DayTask], files: list[DayFile]) -> None:
    lake.commit_days(FEATURES_TABLE, MARKET.name, dict(zip([task.day for task in tasks], files, strict=True)))


def live_microseconds(day: SymbolDay, intervals: tuple[tuple[int, int], ...]) -> tuple[float, float]:
    """Median and 99th percentile of one book event through Python."""
    state, taken = FeatureState.start(LEVELS, intervals), []
    for row in range(day.rows):
        event = (
            int(day.times_ns[row]),
            day.bid_price[row],
            day.bid_shares[row],
            day.ask_price[row],
            day.ask_shares[row],
        )
        started = time.perf_counter_ns()
        state.on_book(*event)
        taken.append((time.perf_counter_ns() - started) / 1000.0)
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 99))


def main() -> None:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    print(", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", "pyarrow", "deltalake", "pyspark")))
    with tempfile.TemporaryDirectory() as folder:
        days = calendar.sessions_until(MARKET, date(2026, 11, 20), sessions)
        lake, settings = made_lake(Path(folder), days), Settings(home=Path(folder))
        intervals = calendar.session_intervals_ns(MARKET, days[0])
        first = lake.read_day(SILVER["book_snapshots"], MARKET.name, days[0])
        arrays = [symbol_day(name, first.slice(ROWS * place, ROWS), None, LEVELS) for place, name in enumerate(SYMBOLS)]
        rows, day_rows = ROWS * len(SYMBOLS) * sessions, ROWS * len(SYMBOLS)
        kernel()
        bare = day_rows / best_seconds(lambda: [compute_features(one, intervals) for one in arrays])
        files = lake.day_files(SILVER["book_snapshots"], MARKET.name, days)
        tasks = [build_features.DayTask(lake.root, MARKET, day, paths, ()) for day, paths in files.items()]
        report("bare kernel, arrays in memory, one core", bare, bare)
        here = rows / best_seconds(lambda: commit(lake, tasks, [build_features.build_day(task) for task in tasks]))
        report("read Delta, features, write Delta, one process", here, bare)
        started = time.perf_counter()
        with spark_session(settings) as session:
            each_day(session, tasks[: settings.threads], build_features.build_day)
            start_seconds = time.perf_counter() - started
            handed = rows / best_seconds(
                lambda: commit(lake, tasks, each_day(session, tasks, build_features.build_day))
            )
        report(f"the same, handed out by Spark to {settings.threads} warm workers", handed, bare)
        print(f"Spark's session with its first tasks: {start_seconds:.1f} s")
        median, tail = live_microseconds(arrays[0], intervals)
        print(f"{len(FEATURE_NAMES)} features for one live book event: {median:.1f} us median, {tail:.1f} us p99")


def report(what: str, rows_a_second: float, floor: float) -> None:
    print(f"{what:58}{rows_a_second / 1e6:8.2f} M rows/s{rows_a_second / floor:8.0%} of the kernel")


if __name__ == "__main__":
    main()
