"""Every process that a command started, directly or not, ends with it.

A process group is not enough: schedulers start workers in sessions of their own. A *subreaper* (Linux, prctl(2)
PR_SET_CHILD_SUBREAPER) becomes the parent of every orphan below it, so that its descendants stay a tree that
can be read from `/proc` and ended.

    >>> descendants(os.getpid())
    ()
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.1


def become_reaper() -> None:
    """Let orphans below this process become its children. Raises OSError when the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def _parent(stat: Path) -> tuple[int, str]:
    """Parent's pid and the state letter; the name in brackets may hold spaces and brackets itself."""
    words = stat.read_text().rpartition(")")[2].split()
    return int(words[1]), words[0]


def _living() -> dict[int, int]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent, state = _parent(folder / "stat")
            except (OSError, IndexError, ValueError):
                continue
            if state != "Z":
                found[int(folder.name)] = parent
    return found


def descendants(pid: int) -> tuple[int, ...]:
    """Pids of everything that lives below `pid`, itself left out, ascending."""
    parents = _living()
    found, fresh = set[int](), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return tuple(sorted(found))


def _collect() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def kill_all(pids: Iterable[int], which: signal.Signals) -> None:
    """Send a signal to each; one that has ended meanwhile is no error."""
    for pid in pids:
        try:
            os.kill(pid, which)
        except ProcessLookupError:
            continue


def end_descendants(patience_seconds: float) -> tuple[int, ...]:
    """Ask every descendant to end, insist after `patience_seconds`; the pids that had to be told so at all.

    Call it when nothing else waits for children any more: it collects all of them.
    """
    told = descendants(os.getpid())
    deadline, which = time.monotonic() + patience_seconds, signal.SIGTERM
    while left := descendants(os.getpid()):
        if time.monotonic() > deadline:
            which = signal.SIGKILL
        kill_all(left, which)
        time.sleep(POLL_SECONDS)
        _collect()
    _collect()
    return told
