"""Ingest + validate: rows a second, growth and memory at 1, 3 and 10 times the data, beside a floor and a peer.

Floor: a bare copy of the same Parquet into Delta by delta-rs, nothing checked. Peer: one plain Great Expectations run
over the same rows (between and not null, pandas). CPU time of child processes, repetitions interleaved. What one
session costs (imports, the page that Great Expectations draws) is taken off everywhere; the exponent is the slope
of log CPU over log rows of what is left. `python -m benchmarks.bench_ingest [SESSIONS]`.
"""

import json
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.bench_features import book_rows
from infra import calendar
from infra.markets import MARKETS

OWN = MARKETS["own"]
SIZES, REPETITIONS = (1, 3, 10), 3
LAST = date(2026, 11, 20)
PRODUCT = """
import sys; from pathlib import Path; from datetime import date
from infra.settings import Settings; from infra.lake import Lake; from infra.markets import MARKETS
from pipelines import ingest, validate; from pipelines.step import StepContext
from pipelines.sources import catalog
catalog.READERS = {**catalog.READERS, "drop": catalog.Reader("pipelines.sources.files")}
home, data, days = Path(sys.argv[1]), Path(sys.argv[2]), tuple(map(date.fromisoformat, sys.argv[3:]))
settings = Settings(home=home)
def context(): return StepContext(settings, MARKETS["own"], days, Lake(settings.lake), data)
if days: ingest.run(context()); validate.run(context())
"""
FLOOR = """
import sys; from pathlib import Path; import pyarrow.parquet as pq; from deltalake import write_deltalake
home, data, days = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
for day in days: write_deltalake(home, pq.read_table(data / f"book_snapshots_{day}.parquet"), mode="append")
"""
PEER = """
import sys, warnings; warnings.simplefilter("ignore"); from pathlib import Path
import pyarrow.parquet as pq; import great_expectations as gx
from infra.tables import NOUNS
home, data, days = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
context = gx.get_context(mode="ephemeral"); source = context.data_sources.add_pandas("x"); e = gx.expectations
suite = gx.ExpectationSuite(name="s")
for column in NOUNS["book_snapshots"].columns:
    if column.name in ("market", "trade_date"): continue
    if not column.is_nullable: suite.add_expectation(e.ExpectColumnValuesToNotBeNull(column=column.name))
    if column.low is not None:
        between = e.ExpectColumnValuesToBeBetween(column=column.name, min_value=column.low, max_value=column.high)
        suite.add_expectation(between)
context.suites.add(suite)
batch = source.add_dataframe_asset("b").add_batch_definition_whole_dataframe("d")
definition = gx.ValidationDefinition(name="v", data=batch, suite=suite); context.validation_definitions.add(definition)
for day in days:
    rows = pq.read_table(data / f"book_snapshots_{day}.parquet").to_pandas()
    definition.run(batch_parameters={"dataframe": rows}, result_format="BOOLEAN_ONLY")
"""


def made(folder: Path, days: tuple[date, ...]) -> int:
    """One Parquet file a session; rows of one."""
    count = 0
    for seed, day in enumerate(days):
        rows = book_rows(day, seed)
        pq.write_table(rows.drop_columns(["known_at"]) if "known_at" in rows.column_names else rows,
                       folder / f"book_snapshots_{day}.parquet")  # fmt: skip
        count = rows.num_rows
    return count


def cpu_and_memory(code: str, home: Path, data: Path, days: tuple[date, ...]) -> tuple[float, float]:
    """CPU seconds and peak MiB of a child that runs `code`."""
    wrapper = (
        "import json, resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-c', sys.argv[1], *sys.argv[2:]], stderr=subprocess.PIPE, text=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss, done.stderr[-2000:]]))"
    )
    command = [sys.executable, "-c", wrapper, code, str(home), str(data), *map(str, days)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, seconds, memory, told = json.loads(done.stdout.splitlines()[-1])
    if status:
        raise SystemExit(told)
    return float(seconds), memory / 1024


def main() -> None:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    names = ("pyarrow", "deltalake", "great-expectations", "pandas")
    print(", ".join(f"{name} {version(name)}" for name in names))
    days = calendar.sessions_until(OWN, LAST, 1 + sessions * SIZES[-1])
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        rows = made(data, days)
        for turn in range(REPETITIONS):
            for times in (0, *SIZES):
                for name, code in (("product", PRODUCT), ("floor", FLOOR), ("peer", PEER)):
                    if name == "peer" and (times > 1 or turn > 0):
                        continue
                    home = Path(folder) / f"{name}-{times}-{turn}"
                    taken = cpu_and_memory(code, home, data, days[: 1 + sessions * times])
                    found.setdefault((name, times), []).append(taken)
    report(found, rows * sessions)


def report(found: dict[tuple[str, int], list[tuple[float, float]]], rows: int) -> None:
    start = {name: min(one[0] for one in found[name, 0]) for name in ("product", "floor", "peer")}
    for (name, times), taken in sorted(found.items()):
        if times:
            seconds = min(one[0] for one in taken) - start[name]
            memory = max(one[1] for one in taken)
            speed = rows * times / seconds / 1e6
            counts = f"{rows * times:>11,} rows{seconds:8.2f} s CPU{speed:8.2f} M rows/s"
            print(f"{name:8} x{times:<3}{counts}{memory:8.0f} MiB")
    slopes = []
    for turn in range(REPETITIONS):
        cpu = [found["product", times][turn][0] - start["product"] for times in SIZES]
        slopes.append(float(np.polyfit(np.log(SIZES), np.log(cpu), 1)[0]))
    print(f"growth exponent {np.mean(slopes):.3f}, spread {min(slopes):.3f} to {max(slopes):.3f} (allowed: 1.1)")
    product, floor, peer = (
        min(one[0] for one in found[name, 1]) - start[name] for name in ("product", "floor", "peer")
    )
    print(f"beside the floor: {product / floor:.1f} times its CPU; beside the peer: {product / peer:.2f} times its CPU")
    print("one session, taken off: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in start.items()))


if __name__ == "__main__":
    main()
