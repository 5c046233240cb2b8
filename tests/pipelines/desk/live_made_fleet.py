"""Eight desks of one session as processes, their venue as another, and what can be read of them from outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from infra.desk_reports import DeskReport, desk_reports
from infra.environment import quiet_environment
from infra.settings import PROJECT, Settings
from pipelines.desk.live_day import Share, live_day
from pipelines.desk.live_fleet import warm_kernels
from pipelines.desk.live_journal import Line, journal_path
from pipelines.desk.live_parents import parents_of
from pipelines.desk.venue_process import port_file
from tests.conftest import SCRATCH
from tests.pipelines.desk.live_made import DAY

POLL_SECONDS = 0.02


def waited(what: Callable[[], bool], seconds: float, words: str) -> float:
    """Wait until it holds; when it did. Fails with the words after so many seconds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {words}"
        time.sleep(POLL_SECONDS)
    return time.time()


def seconds_of(text: str) -> float:
    """An instant of a journal or a report as seconds of the wall clock."""
    return datetime.fromisoformat(text).timestamp()


@dataclass
class Fleet:
    """Desks 1 to `of` on one venue. latency: one way, market seconds; lost: share of reports."""

    home: Path
    of: int = 8
    pace: float = 30.0
    orders: int = 200
    latency: tuple[float, float] = (0.3, 4.5)
    lost: float = 0.05
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _read: dict[str, tuple[int, list[Line]]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, sample_symbols=self.of)

    def share(self, number: int) -> Share:
        return Share("sample", DAY, number, self.of, self.orders)

    def start(self, numbers: Iterable[int] | None = None) -> None:
        """Start desks and wait until each reports."""
        compiled = Path(quiet_environment(Settings(home=SCRATCH))["NUMBA_CACHE_DIR"]).parent
        own = self.home / "cache" / "numba"
        if not own.exists():
            warm_kernels(self.settings, self.share(1))
            own.parent.mkdir(parents=True, exist_ok=True)
            own.symlink_to(compiled)
        since = time.time()
        for number in numbers or range(1, self.of + 1):
            self._start(number)
        wanted = {self.share(number).desk for number in numbers or range(1, self.of + 1)}
        waited(lambda: self._fresh(since) >= wanted, 180.0, f"reports of {', '.join(sorted(wanted))}; {self.said()}")

    def _start(self, number: int) -> None:
        given = {
            "PATH": os.environ["PATH"], "HOME": str(self.home / "empty"), "FILLWISE_HOME": str(self.home),
            "FILLWISE_SAMPLE_SYMBOLS": str(self.of), "FILLWISE_THREADS": "1",
        }  # fmt: skip
        low, high = map(str, self.latency)
        words = [
            "desk", "--day", str(DAY), "--number", str(number), "--of", str(self.of), "--pace", str(self.pace),
            "--orders", str(self.orders), "--venue-latency", low, high, "--lost", str(self.lost),
        ]  # fmt: skip
        log = self.home / "said" / f"desk-{number}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self.processes[f"desk-{number}"] = subprocess.Popen(
                [sys.executable, "-m", "pipelines", *words], env=given, cwd=PROJECT, stdout=out, stderr=out
            )

    def said(self) -> str:
        """The last lines of every desk's output."""
        return "; ".join(path.read_text()[-300:] for path in sorted((self.home / "said").glob("*.log")))

    def _fresh(self, since: float) -> set[str]:
        return {report.desk for report in self.reports() if seconds_of(report.at) >= since}

    def reports(self) -> tuple[DeskReport, ...]:
        return desk_reports(self.settings, "sample")

    def report(self, desk: str) -> DeskReport:
        return next(report for report in self.reports() if report.desk == desk)

    def lines(self, kind: str, desk: str | None = None) -> list[Line]:
        """Lines of the journals, desk after desk; each is read once."""
        shares = [self.share(number) for number in range(1, self.of + 1)]
        found = [line for share in shares if desk in (None, share.desk) for line in self._journal(share)]
        return [line for line in found if line["kind"] == kind]

    def _journal(self, share: Share) -> list[Line]:
        path = journal_path(self.settings, share)
        at, lines = self._read.get(share.desk, (0, []))
        with path.open("rb") as told:
            told.seek(at)
            whole = told.read().rpartition(b"\n")[0]
        lines += [json.loads(text) for text in whole.split(b"\n") if text]
        self._read[share.desk] = (at + len(whole) + (1 if whole else 0), lines)
        return lines

    def parent_lots(self, number: int) -> dict[str, int]:
        """Lots that clients ordered from one desk."""
        parents = parents_of(live_day(self.settings, self.share(number)))
        return {name: parent.facts.lots for name, parent in parents.items()}

    def send(self, desk: str, which: signal.Signals) -> None:
        """A signal to one desk."""
        self.processes[desk].send_signal(which)

    def end(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        return [process.wait(timeout=60) for process in self.processes.values()]

    def kill(self) -> None:
        """Whatever still runs, the venue too: nothing is left behind."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        path = port_file(self.settings, "sample", DAY)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)
