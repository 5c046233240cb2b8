"""Where the time of the features step goes, in one process, by Python's own profiler.

Parts are named by the functions that do them; what lies inside two of them is counted in the inner one. The profiler
adds a few per cent, because the step makes few Python calls for many rows.
"""

import cProfile
import pstats
from collections.abc import Callable, Mapping
from typing import Any

PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "read and decode": (("lake_files.py", "read_day_file"),),
    "arrays": (("market_day.py", "symbol_day"),),
    "kernel": (("engine.py", "compute_features"),),
    "bounds, nulls, order": (("lake_files.py", "conform"),),
    "encode and write": (("parquet/core.py", "write_table"),),
    "digest": (("~", "openssl_sha256"), ("pathlib.py", "read_bytes")),
    "flush to disk": (("~", "fsync"),),
    "commit": (("lake.py", "commit_days"),),
}
"""Each part's functions: end of the file's name ('~' for compiled ones) and end of the function's."""


def _seconds(stats: Mapping[Any, Any], file: str, name: str) -> float:
    """Longest of the functions so called: a wrapper of the same name holds what it wraps."""
    found = [
        entry[3]
        for (path, _, function), entry in stats.items()
        if path.endswith(file) and (function == name or (file == "~" and name in function))
    ]
    return max(found, default=0.0)


def shares(work: Callable[[], object]) -> dict[str, float]:
    """Share of each part in the time of `work`, and of the rest: Arrow columns, known-at, slices, Python."""
    profile = cProfile.Profile()
    profile.runcall(work)
    statistics: Any = pstats.Stats(profile)
    whole = statistics.total_tt
    found = {
        part: sum(_seconds(statistics.stats, file, name) for file, name in functions) / whole
        for part, functions in PARTS.items()
    }
    return {**found, "columns and the rest": 1.0 - sum(found.values())}
