"""Locks that the kernel frees when their holder dies: `flock` on a file that names who holds it.

>>> import tempfile; from pathlib import Path
>>> with held(Path(tempfile.mkdtemp()) / "day.lock", "fillwise validate", wait_seconds=0): pass
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.errors import BusyError

POLL_SECONDS = 0.2
log = logging.getLogger("fillwise")


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text())
        return f"{found['who']} (process {found['pid']})"
    except (OSError, ValueError, KeyError):
        return "another process"


def _acquire(descriptor: int, path: Path, wait_seconds: float) -> None:
    deadline, is_told = time.monotonic() + wait_seconds, False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _holder(path)
            if time.monotonic() >= deadline:
                raise BusyError(
                    "already running",
                    which=path.stem,
                    found=f"held by {holder}",
                    allowed=f"one at a time (waited {wait_seconds:g} s)",
                    next_step="wait for it to end, then repeat",
                ) from None
            if not is_told:
                log.warning("waiting: %s is held by %s", path.stem, holder)
                is_told = True
            time.sleep(POLL_SECONDS)


@contextmanager
def held(path: Path, who: str, wait_seconds: float) -> Iterator[None]:
    """Hold the lock at `path`. Raises BusyError, naming the holder, after `wait_seconds`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, path, wait_seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"who": who, "pid": os.getpid()}).encode(), 0)
        yield
    finally:
        os.close(descriptor)
