"""Ingest + validate: rows a second, growth and memory at 1, 3 and 10 times the data, beside a floor and a peer.

Data: recorded A-share snapshots where they are at hand (`--data FOLDER`, else `ashare_l5_snapshots` in the folder that
`FILLWISE_TEST_DATA` names, default `../shared/data`), else generated books; the first line says which. x1 is a fourth
of the recorded sessions, so that x10 is two and a half times all that was recorded; `--whole` takes all of them as x1
and measures once, because ten times all of them takes some minutes a turn.

Floor: a bare copy of the same Parquet into Delta by delta-rs, nothing checked. Peer: one plain Great Expectations run
over the rows of x1, already in the noun's columns (between and not null, pandas). CPU time of child processes, in
turns. What one session costs (imports, the page that Great Expectations draws) is taken off everywhere; the exponent
is the slope of log CPU over log rows of what is left.

`python -m benchmarks.bench_ingest [SESSIONS] [--data FOLDER] [--whole]`. SESSIONS: how many x1 is.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from benchmarks.books import books
from benchmarks.growth import growth
from benchmarks.measured import Taken
from benchmarks.session_files import SessionFiles, generated_files, recorded_files

SIZES, TURNS, GENERATED_SESSIONS = (1, 3, 10), 3, 6
LIBRARIES = ("pyarrow", "deltalake", "great-expectations", "pandas")
WRAPPER = """
import json, resource, subprocess, sys
way = [sys.executable, "-m", "benchmarks.ingest_ways", *sys.argv[1:]]
done = subprocess.run(way, stderr=subprocess.PIPE, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.stderr[-2000:]]))
"""
"""A small process in between, because a child's peak memory starts at that of the one who started it."""
Runs = Mapping[tuple[str, int], Sequence[Taken]]


def taken(rows: int, way: str, *words: object) -> Taken:
    """What a child process took that goes one way."""
    started = time.perf_counter()
    command = [sys.executable, "-c", WRAPPER, way, *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    status, cpu_seconds, peak_mib, told = json.loads(done.stdout.splitlines()[-1])
    if status:
        raise SystemExit(told)
    return Taken(rows, time.perf_counter() - started, float(cpu_seconds), float(peak_mib))


def one_turn(files: SessionFiles, nouns: Sequence[Path], sessions: int) -> dict[tuple[str, int], Taken]:
    """Every way at every size, one after the other; size 0 is the one session that is taken off."""
    found = {}
    for times in (0, *SIZES):
        count = 1 + sessions * times
        rows, paths = sum(files.rows[:count]), files.paths[:count]
        with tempfile.TemporaryDirectory() as home:
            words = (files.market, files.source, home, paths[0].parent, *files.days[:count])
            found["product", times] = taken(rows, "product", *words)
        with tempfile.TemporaryDirectory() as home:
            found["floor", times] = taken(rows, "floor", home, *paths)
        if count <= len(nouns):
            found["peer", times] = taken(rows, "peer", *nouns[:count])
    return found


def without_start(runs: Runs) -> dict[tuple[str, int], list[Taken]]:
    """Every run less one session: its rows, and the least CPU time that it took."""
    found = {}
    for (way, times), some in runs.items():
        start = min(runs[way, 0], key=lambda one: one.cpu_seconds)
        found[way, times] = [
            replace(one, rows=one.rows - start.rows, cpu_seconds=one.cpu_seconds - start.cpu_seconds) for one in some
        ]
    return found


def report(runs: Runs) -> None:
    net = without_start(runs)
    least = {key: min(one.cpu_seconds for one in some) for key, some in net.items()}
    for way, times in sorted(key for key in net if key[1]):
        some, seconds, rows = net[way, times], least[way, times], net[way, times][0].rows
        cpus = " ".join(f"{one.cpu_seconds:.2f}" for one in some)
        peak = max(one.peak_mib for one in some)
        print(
            f"{way:8} x{times:<3}{rows:>12,} rows{seconds:9.2f} s CPU{rows / seconds / 1e6:8.3f} M rows/s"
            f"{peak:8,.0f} MiB   (turns: {cpus})"
        )
    print(growth({times: net["product", times] for times in SIZES}).words)
    if len(net["product", 1]) == 1:
        print("one turn: the spread is not known")
    print("beside the floor: " + ", ".join(
        f"x{times} {least['product', times] / least['floor', times]:.1f}" for times in SIZES) + " times its CPU; "
        f"beside the peer: x1 {least['product', 1] / least['peer', 1]:.2f} times its CPU")  # fmt: skip
    starts = {way: min(one.cpu_seconds for one in some) for (way, times), some in runs.items() if not times}
    print("one session, taken off: " + ", ".join(f"{way} {seconds:.1f} s" for way, seconds in starts.items()))


def arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("sessions", type=int, nargs="?", help="sessions of x1")
    asked.add_argument("--data", type=Path, help="folder of recorded A-share snapshots, date=00.parquet and so on")
    asked.add_argument("--whole", action="store_true", help="x1 is everything that was recorded, measured once")
    return asked.parse_args()


def recorded_folder(given: argparse.Namespace) -> Path | None:
    """The folder asked for, else the one at hand; None when there is none and none was asked for."""
    folder: Path | None = given.data or books(None).folder
    if folder is not None and any(folder.glob("date=*.parquet")):
        return folder
    if given.data or given.whole:
        raise SystemExit(
            f"no recorded session: {folder or 'no folder'}; allowed: a folder with date=00.parquet and so on"
        )
    return None


def prepared(given: argparse.Namespace, folder: Path) -> tuple[SessionFiles, int]:
    """The files of every size, written below `folder`, and how many sessions x1 is."""
    data = recorded_folder(given)
    if data is None:
        sessions = given.sessions or GENERATED_SESSIONS
        return generated_files(1 + sessions * SIZES[-1], folder), sessions
    recorded = len(list(data.glob("date=*.parquet")))
    sessions = given.sessions or (recorded if given.whole else -(-recorded // 4))
    return recorded_files(data, 1 + sessions * SIZES[-1], folder), sessions


def main() -> None:
    given = arguments()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          + ", ".join(f"{name} {version(name)}" for name in LIBRARIES))  # fmt: skip
    runs: dict[tuple[str, int], list[Taken]] = {}
    with tempfile.TemporaryDirectory() as folder:
        delivered, nouns = Path(folder) / "delivered", Path(folder) / "nouns"
        delivered.mkdir()
        nouns.mkdir()
        files, sessions = prepared(given, delivered)
        print(f"{files.words}; x1 is {sessions} sessions", flush=True)
        in_nouns = files.as_nouns(1 + sessions, nouns)
        turns = 1 if given.whole else TURNS
        for turn in range(turns):
            print(f"turn {turn + 1} of {turns}", file=sys.stderr, flush=True)
            for key, one in one_turn(files, in_nouns, sessions).items():
                runs.setdefault(key, []).append(one)
    report(runs)


if __name__ == "__main__":
    main()
