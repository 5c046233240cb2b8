"""A step that dies with its parent, so that a killed Airflow leaves nothing running behind it.

`kill -9` of Airflow does not reach its tasks' children: they get a new parent and go on. Steps started by a DAG
carry `FILLWISE_DIE_WITH_PARENT=1` and ask the kernel to end them (Linux, prctl(2) PR_SET_PDEATHSIG). A step that
a person starts is left alone, so that it survives the terminal it came from.
"""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; at once if it already has."""
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
