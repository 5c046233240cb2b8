"""A way of doing a piece of work as a warm child process: wall time, CPU time and memory of all its processes.

Ways wait side by side and are told in turn to run once, so that a busy machine slows all of them alike. CPU time is
that of the child and everything it started (JVM, workers). Memory is the peak of their proportional set size, so that
pages shared by forked workers count once; what warming up left behind is in it.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import psutil  # type: ignore[import-untyped]

SAMPLE_SECONDS = 0.1
MIB = 2.0**20
Work = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class Taken:
    """What one run took."""

    rows: int
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float

    @property
    def rows_a_second(self) -> float:
        return self.rows / self.wall_seconds

    @property
    def rows_a_cpu_second(self) -> float:
        return self.rows / self.cpu_seconds


def _processes(pid: int) -> list[Any]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, its children, theirs, and those that were waited for."""
    found = 0.0
    for process in _processes(pid):
        try:
            found += sum(process.cpu_times()[:4])
        except psutil.Error:
            continue
    return found


def memory_mib(pid: int) -> float:
    """Proportional set size of a process and all below it."""
    found = 0.0
    for process in _processes(pid):
        try:
            found += process.memory_full_info().pss / MIB
        except psutil.Error:
            continue
    return found


class _Peak:
    """Samples the memory of a process tree while its block runs."""

    def __init__(self, pid: int) -> None:
        self.pid, self.mib, self._done = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._done.is_set():
            self.mib = max(self.mib, memory_mib(self.pid))
            self._done.wait(SAMPLE_SECONDS)

    def __enter__(self) -> "_Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


class Child:
    """`python -m MODULE ARGUMENTS`, which serves with `serve` below."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._name = f"{module} {arguments[0]}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer("ready")

    def _answer(self, key: str) -> Any:
        for line in self._process.stdout or ():
            if line.startswith("{"):
                return json.loads(line)[key]
        raise SystemExit(f"{self._name} ended with status {self._process.wait()} before it said {key}")

    def run(self, words: Sequence[str]) -> Taken:
        """Let it work once on `words`."""
        assert self._process.stdin is not None  # noqa: S101
        print(json.dumps(list(words)), file=self._process.stdin, flush=True)
        self._answer("start")
        with _Peak(self._process.pid) as peak:
            cpu, wall = cpu_seconds(self._process.pid), time.perf_counter()
            rows = self._answer("rows")
            wall, cpu = time.perf_counter() - wall, cpu_seconds(self._process.pid) - cpu
        return Taken(int(rows), wall, cpu, peak.mib)

    def close(self) -> None:
        """Let it end and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=120)


@contextmanager
def children(module: str, ways: Sequence[Sequence[str]]) -> Iterator[list[Child]]:
    """One warm child for each list of arguments."""
    with ExitStack() as stack:
        made = []
        for arguments in ways:
            made.append(Child(module, *arguments))
            stack.callback(made[-1].close)
        yield made


def serve(way: AbstractContextManager[tuple[Callable[[], object], Work]]) -> None:
    """The child's side: prepare (`way`), then for each line of words clear what the last run left, and work."""

    def say(key: str, value: int) -> None:
        print(json.dumps({key: value}), flush=True)

    with way as (clear, work):
        say("ready", 0)
        for line in sys.stdin:
            clear()
            say("start", 0)
            say("rows", work(json.loads(line)))
