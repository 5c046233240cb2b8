"""`fillwise status`: what state the system is in, on one screen, from files alone.

Standard library and cryptography only, so that it answers at once; a home too large to be measured in a moment is said
to be larger than what was measured.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from infra.markets import MARKETS
from infra.settings import Settings
from pipelines.production_status import BENCHMARK_ONLY, production_lines
from pipelines.report_inputs import StepLine, read_steps, stopped_at
from pipelines.steps import STEPS

HISTORY_FOLDER = ("silver", "book_snapshots")
IDLE = "nothing is running"
MEASURE_SECONDS = 0.1
"""Status answers at once: a lake of a hundred thousand files is not counted to the end for it."""


def _holder(settings: Settings, market: str) -> str:
    """Who holds the market's lock; asks the kernel, so a dead holder is never named."""
    path = settings.home / "locks" / f"{market}.lock"
    if not path.exists():
        return IDLE
    with path.open("r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = json.loads(path.read_text() or "{}")
            return f"running: {found.get('who', 'a step')} (process {found.get('pid', '?')})"
    return IDLE


def _nights(settings: Settings, market: str) -> list[Path]:
    folder = settings.logs / market
    if not folder.is_dir():
        return []
    return sorted(day for day in folder.iterdir() if any((day / f"{step.name}.json").exists() for step in STEPS))


def _night_line(steps: Sequence[StepLine], name: str, running: str) -> str:
    stopped, done = stopped_at(steps), sum(step.has_finished for step in steps)
    if stopped is not None and stopped.state == "failed":
        return f"last night {name}: stopped at {stopped.name}: {stopped.error}"
    if stopped is not None and running == IDLE:
        return f"last night {name}: killed in {stopped.name}; run the same command again"
    return f"last night {name}: {done} of {len(steps)} steps done"


def _gate_lines(steps: Sequence[StepLine]) -> list[str]:
    notes = next(step.notes for step in steps if step.name == "gate")
    return [f"gate: {note}" for note in notes[:1]]


def _history_line(settings: Settings, market: str) -> str:
    folder = settings.lake.joinpath(*HISTORY_FOLDER, f"market={market}")
    days = sorted(found.name.removeprefix("trade_date=") for found in folder.iterdir()) if folder.is_dir() else []
    return f"history: {len(days)} sessions, {days[0]} to {days[-1]}" if days else "history: empty lake"


def market_lines(settings: Settings, market: str, at: datetime) -> list[str]:
    """The lines of one market, without its name."""
    nights = _nights(settings, market)
    running = _holder(settings, market)
    lines = [*production_lines(settings, market, at), _history_line(settings, market)]
    if not nights:
        return [*lines, "last night: none yet", running]
    steps = read_steps(nights[-1], own="")
    return [*lines, _night_line(steps, nights[-1].name, running), *_gate_lines(steps), running]


def _is_unused(market: str, lines: Sequence[str]) -> bool:
    """Whether nothing has happened there yet: no routing, no history, no night, no alert."""
    return list(lines) == [BENCHMARK_ONLY.format(market=market), "history: empty lake", "last night: none yet", IDLE]


def _used(home: Path, seconds: float) -> tuple[float, bool]:
    """Gigabytes below a folder, and whether all of it was measured in the time."""
    until, folders, used = time.monotonic() + seconds, [str(home)], 0
    while folders:
        if time.monotonic() > until:
            return used / 1e9, False
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        used += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return used / 1e9, True


def print_status(settings: Settings) -> int:
    """Print one screen; an empty home says what to do first."""
    if not settings.home.is_dir():
        print(f"home {settings.home}: not there yet; run `make nightly`")
        return 0
    at, free = datetime.now(UTC), shutil.disk_usage(settings.home).free / 1e9
    used, is_all = _used(settings.home, MEASURE_SECONDS)
    print(f"home {settings.home}: {'' if is_all else 'more than '}{used:.1f} GB used, {free:.0f} GB free")
    unused = []
    for market in MARKETS:
        lines = market_lines(settings, market, at)
        if _is_unused(market, lines):
            unused.append(market)
            continue
        print("\n".join([market, *(f"  {line}" for line in lines)]))
    if unused:
        print(f"nothing yet in {', '.join(unused)}: production there is the benchmark policy")
    return 0
