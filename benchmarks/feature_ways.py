"""The ways of computing features that `bench_features` compares, each in a warm process of its own.

Every way reads the same silver books and writes its own folder, emptied before each run. Ours commits to Delta, checks
bounds, writes page checksums, names files by digest and flushes them to disk; the peers do none of that.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from benchmarks.measured import Work, serve
from features.catalog import FEATURES_TABLE
from features.engine import compute_features, kernel
from infra import calendar
from infra.lake import Lake
from infra.lake_files import DayFile, table_folder
from infra.markets import MARKETS, Market
from infra.settings import Settings
from infra.spark import each_day, spark_session
from infra.tables import SILVER
from pipelines import build_features
from pipelines.batches import day_batches
from pipelines.symbol_days import DaySources, SymbolRows, day_sources, symbol_rows

BOOKS = SILVER["book_snapshots"]
KERNEL_SESSIONS = 8
"""Because its arrays stay in memory, and a core's speed shows on 0.3 million rows as on two."""
KERNEL_TURNS = 8
"""Because CPU time is told in hundredths of a second, of which one pass takes few."""
PEER_SPARK_MEMORY = "2g"
"""Because with our own 1 GB the peer's windows over a few sessions spill to disk, which would be unfair to it."""
Way = tuple[Callable[[], object], Work]


def sources_of(lake: Lake, market: Market, words: Sequence[str]) -> list[DaySources]:
    """What the step is made of, for these days (ISO dates)."""
    return list(day_sources(lake, market, [date.fromisoformat(word) for word in words]).values())


def _product(lake: Lake, market: Market, build: Callable[[Sequence[DaySources]], list[DayFile]]) -> Way:
    """What the step does once it knows its days: batches of days, built and committed."""

    def work(words: Sequence[str]) -> int:
        rows = 0
        for batch in day_batches(sources_of(lake, market, words)):
            files = dict(zip([task.day for task in batch], build(batch), strict=True))
            rows += lake.commit_days(FEATURES_TABLE, market.name, files).rows
        return rows

    return lambda: shutil.rmtree(table_folder(lake.root, FEATURES_TABLE), ignore_errors=True), work


@contextmanager
def one_process(settings: Settings, market: Market) -> Iterator[Way]:
    kernel()
    yield _product(Lake(settings.lake), market, lambda tasks: [build_features.build_day(task) for task in tasks])


@contextmanager
def workers(settings: Settings, market: Market) -> Iterator[Way]:
    kernel()
    lake = Lake(settings.lake)
    first = sources_of(lake, market, [str(day) for day in lake.days(BOOKS, market.name)[: 2 * settings.threads]])
    with spark_session(settings) as session:
        each_day(session, first, build_features.build_day)
        yield _product(lake, market, lambda tasks: each_day(session, tasks, build_features.build_day))


@contextmanager
def bare_kernel(settings: Settings, market: Market) -> Iterator[Way]:
    kernel()
    lake, held = Lake(settings.lake), dict[str, list[SymbolRows]]()
    for word in [str(day) for day in lake.days(BOOKS, market.name)[-KERNEL_SESSIONS:]]:
        (sources,) = sources_of(lake, market, [word])
        held[word] = list(symbol_rows(sources))

    def work(words: Sequence[str]) -> int:
        for word in [*words] * KERNEL_TURNS:
            intervals = calendar.session_intervals_ns(market, date.fromisoformat(word))
            for rows in held[word]:
                compute_features(rows.day, intervals, rows.before)
        return KERNEL_TURNS * sum(rows.day.rows for word in words for rows in held[word])

    yield (lambda: None), work


@contextmanager
def polars(settings: Settings, market: Market) -> Iterator[Way]:
    from benchmarks import peers_polars

    lake, target = Lake(settings.lake), settings.home / "peers" / "polars"

    def clear() -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)

    def work(words: Sequence[str]) -> int:
        days = lake.day_files(BOOKS, market.name, [date.fromisoformat(word) for word in words])
        return sum(
            peers_polars.build_day(
                path, target / f"{day}.parquet", calendar.session_intervals_ns(market, day), market.book_levels
            )
            for day, (path,) in days.items()
        )

    clear()
    work([str(lake.days(BOOKS, market.name)[0])])
    yield clear, work


@contextmanager
def spark_windows(settings: Settings, market: Market) -> Iterator[Way]:
    from benchmarks import peers_spark

    lake, target = Lake(settings.lake), settings.home / "peers" / "spark"
    with spark_session(settings, java="") as session:

        def work(words: Sequence[str]) -> int:
            days = {day: calendar.session_intervals_ns(market, day) for day in map(date.fromisoformat, words)}
            return peers_spark.build(session, table_folder(lake.root, BOOKS), target, days, market.book_levels)

        work([str(lake.days(BOOKS, market.name)[0])])
        yield (lambda: shutil.rmtree(target, ignore_errors=True)), work


WAYS: dict[str, Callable[[Settings, Market], AbstractContextManager[Way]]] = {
    "kernel": bare_kernel,
    "one_process": one_process,
    "workers": workers,
    "polars": polars,
    "spark": spark_windows,
}


def main() -> None:
    name, home, market = sys.argv[1:]
    settings = Settings(home=Path(home))
    if name == "spark":
        settings = replace(settings, spark_memory=PEER_SPARK_MEMORY)
    serve(WAYS[name](settings, MARKETS[market]))


if __name__ == "__main__":
    main()
