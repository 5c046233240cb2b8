"""The features step (read Delta, every feature, write Delta) beside the bare kernel, Polars and Spark SQL windows.

Four questions, answered in one run on the same books (`books.py`: recorded A-shares where they are at hand):

* rows a second of the step, of the same features in Polars (Parquet to Parquet) and in Spark SQL windows, all warm and
  in turns; the share of the bare kernel's speed, and where the rest goes;
* whether the peers compute the same: share of rows on which each of their features equals ours;
* microseconds and allocations of one live event;
* growth of CPU time and memory at x1, x5 and x20.

`python -m benchmarks.bench_features [--sessions N] [--full]`. Without `--full` growth starts from a fourth of the
sessions, because x20 of all recorded rows takes some ten minutes more.
"""

import argparse
import platform
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks.agreement import agreement
from benchmarks.books import BOOKS, Books, books
from benchmarks.feature_profile import shares
from benchmarks.feature_ways import KERNEL_SESSIONS, sources_of
from benchmarks.growth import growth
from benchmarks.live import live
from benchmarks.measured import Child, Taken, children
from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from infra import calendar
from infra.lake import Lake
from infra.settings import Settings
from pipelines import build_features
from pipelines.symbol_days import symbol_rows

MODULE = "benchmarks.feature_ways"
TURNS, SIZES = 3, (1, 5, 20)
SPARK_SESSIONS = (1, 4)
"""Its planning is taken off as the difference of these two, which leaves the rate of long tables."""
LIBRARIES = ("numba", "numpy", "pyarrow", "deltalake", "polars", "pyspark", "delta-spark")
NAMES = {
    "kernel": "bare kernel, arrays in memory, one core",
    "one_process": "ours, one process",
    "workers": "ours, handed out by Spark",
    "polars": "Polars, Parquet to Parquet",
    "spark": "Spark SQL windows, planning taken off",
}
Words = Sequence[str]


def in_turns(made: Mapping[str, Child], words: Mapping[str, Words], turns: int) -> dict[str, list[Taken]]:
    """Runs by way, each turn one after the other."""
    found: dict[str, list[Taken]] = {name: [] for name in made}
    for _ in range(turns):
        for name, child in made.items():
            found[name].append(child.run(words[name]))
    return found


def best(runs: Sequence[Taken]) -> Taken:
    """The run least disturbed, with the highest peak of all."""
    quickest = min(runs, key=lambda one: one.wall_seconds)
    cpu = min(one.cpu_seconds for one in runs)
    return Taken(quickest.rows, quickest.wall_seconds, cpu, max(one.peak_mib for one in runs))


def difference(long: Taken, short: Taken) -> Taken:
    """What the further rows took."""
    return Taken(
        long.rows - short.rows,
        long.wall_seconds - short.wall_seconds,
        long.cpu_seconds - short.cpu_seconds,
        long.peak_mib,
    )


def table(taken: Mapping[str, Taken], kernel: Taken, ours: str) -> None:
    """One line a way. Ratios are ours over its own, by the wall and by CPU time: a busy machine moves the first."""
    heads = ("wall s", "CPU s", "M rows/s", "M/CPU s", "of kernel", "x wall", "x CPU", "peak MiB")
    print(f"{'way':40}{'rows':>12}" + "".join(f"{head:>10}" for head in heads))
    floor, first = kernel.rows_a_cpu_second, taken[ours]
    for name, one in taken.items():
        figures = (
            f"{one.wall_seconds:.2f}",
            f"{one.cpu_seconds:.2f}",
            f"{one.rows_a_second / 1e6:.3f}",
            f"{one.rows_a_cpu_second / 1e6:.3f}",
            f"{one.rows_a_cpu_second / floor:.1%}",
            f"{first.rows_a_second / one.rows_a_second:.1f}",
            f"{first.rows_a_cpu_second / one.rows_a_cpu_second:.1f}",
            f"{one.peak_mib:,.0f}",
        )
        print(f"{NAMES[name]:40}{one.rows:>12,}" + "".join(f"{figure:>10}" for figure in figures), flush=True)


def compare(made_books: Books, home: Path, days: tuple[date, ...]) -> None:
    """Ours and the peers at x1 and x5, and whether they compute the same."""
    market = made_books.market.name
    words = [str(day) for day in days]
    count = len(made_books.first_days)
    ways = ("kernel", "one_process", "workers", "polars", "spark")
    with children(MODULE, [(name, str(home), market) for name in ways]) as started:
        made = dict(zip(ways, started, strict=True))
        of = {name: words[-count:] for name in ways} | {"kernel": words[-min(count, KERNEL_SESSIONS) :]}
        small = in_turns({name: made[name] for name in ways[:-1]}, of, TURNS)
        few, many = (made["spark"].run(words[-sessions:]) for sessions in SPARK_SESSIONS)
        taken = {name: best(runs) for name, runs in small.items()} | {"spark": difference(many, few)}
        table(taken, taken["kernel"], "workers")
        print(f"Spark SQL before that: {few.wall_seconds:.1f} s for {few.rows:,} rows, {many.wall_seconds:.1f} s for "
              f"{many.rows:,}, session warm and one session's statement run before")  # fmt: skip
        agreement(home, made_books.market, words[-1])
        of = {name: words[-5 * count :] for name in ways} | {"kernel": of["kernel"]}
        print("x5")
        five = in_turns({name: made[name] for name in ("kernel", "workers", "polars")}, of, TURNS - 1)
        table({name: best(runs) for name, runs in five.items()}, best(five["kernel"]), "workers")


def where_it_goes(settings: Settings, made_books: Books, words: Words) -> None:
    lake, market = Lake(settings.lake), made_books.market
    sources = sources_of(lake, market, words)

    def work() -> None:
        files = {one.day: build_features.build_day(one) for one in sources}
        lake.commit_days(FEATURES_TABLE, market.name, files)

    build_features.build_day(sources[0])
    parts = shares(work)
    print(f"where the time goes, one process, {len(words)} sessions: " + ", ".join(
        f"{part} {share:.0%}" for part, share in parts.items()))  # fmt: skip


def one_event(settings: Settings, made_books: Books, word: str) -> None:
    lake, market = Lake(settings.lake), made_books.market
    (sources,) = sources_of(lake, market, [word])
    found = live(next(iter(symbol_rows(sources))), calendar.session_intervals_ns(market, date.fromisoformat(word)))
    print(
        f"{len(FEATURE_NAMES)} features for one live book event: {found.median_us:.1f} us median, "
        f"{found.p99_us:.1f} us p99 over {found.events:,} events (reading the clock: {found.clock_us:.2f} us; allowed "
        f"5 and 20); blocks kept {found.blocks_kept}, at most {found.peak_bytes:,} bytes held for a moment"
    )


def grow(made_books: Books, home: Path, words: Words, sessions: int) -> None:
    """Our step at x1, x5 and x20 of so many sessions, a warm process each."""
    market = made_books.market.name
    with children(MODULE, [("workers", str(home), market)] * len(SIZES)) as started:
        made = dict(zip(map(str, SIZES), started, strict=True))
        for child in started:
            child.run(words[-sessions:])
        found = in_turns(made, {str(times): words[-sessions * times :] for times in SIZES}, TURNS)
    runs = {times: found[str(times)] for times in SIZES}
    for times, taken in runs.items():
        walls = " ".join(f"{one.wall_seconds:.2f}" for one in taken)
        cpus = " ".join(f"{one.cpu_seconds:.2f}" for one in taken)
        print(f"x{times:<3}{taken[0].rows:>12,} rows   wall {walls} s   CPU {cpus} s")
    print(growth(runs).words)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sessions", type=int, help="sessions of x1; default: all that were recorded")
    asked.add_argument("--full", action="store_true", help="growth from all sessions, not from a fourth of them")
    given = asked.parse_args()
    made_books = books(given.sessions)
    count = len(made_books.first_days)
    base = count if given.full else max(1, count // 4)
    print(", ".join(f"{name} {version(name)}" for name in LIBRARIES))
    print(f"{platform.processor() or platform.machine()}, {made_books.words}, {len(FEATURE_NAMES)} features ours")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        rows = made_books.fill(settings, max(5, -(-base * SIZES[-1] // count)))
        days = Lake(settings.lake).days(BOOKS, made_books.market.name)
        words = [str(day) for day in days]
        print(f"{rows:,} rows in {len(days)} trade dates; x1 is the last {count}", flush=True)
        one_event(settings, made_books, words[-1])
        where_it_goes(settings, made_books, words[-min(count, KERNEL_SESSIONS) :])
        compare(made_books, settings.home, days)
        grow(made_books, settings.home, words, base)


if __name__ == "__main__":
    main()
