"""`fillwise status`: what state the system is in, on one screen, from files alone (standard library only)."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from infra.markets import MARKETS
from infra.settings import Settings
from pipelines.alerts import open_alerts
from pipelines.report_inputs import StepLine, read_steps, stopped_at
from pipelines.steps import STEPS

HISTORY_FOLDER = ("silver", "book_snapshots")
IDLE = "nothing is running"


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


def market_lines(settings: Settings, market: str) -> list[str]:
    """The lines of one market, without its name."""
    nights = _nights(settings, market)
    lines = [f"production: {market}.execution/0 (benchmark policy TWAP, no candidate has been promoted)"]
    lines += [_history_line(settings, market)]
    running = _holder(settings, market)
    if not nights:
        return [*lines, "last night: none yet", running]
    steps = read_steps(nights[-1], own="")
    lines += [f"alert: {words}" for words in open_alerts(settings, market)]
    return [*lines, _night_line(steps, nights[-1].name, running), *_gate_lines(steps), running]


def _used_gigabytes(home: Path) -> float:
    return sum(entry.stat().st_size for entry in home.rglob("*") if entry.is_file() and not entry.is_symlink()) / 1e9


def print_status(settings: Settings) -> int:
    """Print one screen; an empty home says what to do first."""
    if not settings.home.is_dir():
        print(f"home {settings.home}: not there yet; run `make nightly`")
        return 0
    used, free = _used_gigabytes(settings.home), shutil.disk_usage(settings.home).free / 1e9
    print(f"home {settings.home}: {used:.1f} GB used, {free:.0f} GB free")
    for market in MARKETS:
        print(f"{market}")
        for line in market_lines(settings, market):
            print(f"  {line}")
    return 0
