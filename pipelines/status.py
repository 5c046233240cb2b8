"""`fillwise status`: what state the system is in, on one screen, from files alone (standard library only)."""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path
from typing import Any

from infra.markets import MARKETS
from infra.settings import Settings
from pipelines.steps import STEPS

HISTORY_FOLDER = ("silver", "book_snapshots")


def _holder(settings: Settings, market: str) -> str:
    """Who holds the market's lock; asks the kernel, so a dead holder is never named."""
    path = settings.home / "locks" / f"{market}.lock"
    if not path.exists():
        return "nothing is running"
    with path.open("r+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = json.loads(path.read_text() or "{}")
            return f"running: {found.get('who', 'a step')} (process {found.get('pid', '?')})"
    return "nothing is running"


def _nights(settings: Settings, market: str) -> list[Path]:
    folder = settings.logs / market
    if not folder.is_dir():
        return []
    return sorted(day for day in folder.iterdir() if any((day / f"{step.name}.json").exists() for step in STEPS))


def _records(night: Path) -> list[dict[str, Any]]:
    paths = [night / f"{step.name}.json" for step in STEPS]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def _night_line(night: Path) -> str:
    records = _records(night)
    stopped = [record for record in records if record["state"] == "failed" and record["step"] != "report"]
    if stopped:
        return f"last night {night.name}: stopped at {stopped[0]['step']}: {stopped[0]['error']}"
    done = sum(record["state"] == "done" for record in records)
    return f"last night {night.name}: {done} of {len(STEPS)} steps done"


def _gate_lines(night: Path) -> list[str]:
    notes: list[str] = next((record.get("notes", []) for record in _records(night) if record["step"] == "gate"), [])
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
    lines += [_night_line(nights[-1]), *_gate_lines(nights[-1])] if nights else ["last night: none yet"]
    return [*lines, _holder(settings, market)]


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
