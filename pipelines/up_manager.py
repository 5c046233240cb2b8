"""Several programs as one: started together, each with its own log file, stopped together, nothing left behind.

honcho's manager does the work; what is added here: output goes to rotating files, a program dies when the manager
is killed outright, and descendants in sessions of their own are ended as well. (honcho would wait for those for as
long as they hold a program's output open, and for ever when every program is deaf to SIGTERM.)
"""

from __future__ import annotations

import functools
import logging.handlers
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.children import POLL_SECONDS, become_reaper, descendants, end_descendants, kill_all
from infra.parent import die_with_parent

SYSTEM, ENDED, SIGNALLED = "system", " stopped (rc=", " received"
"""How honcho's manager speaks of itself."""
BOUND = "setpriv --pdeathsig TERM"
"""Prefix of a command that is to end when its parent does, even when that is killed outright."""
LOG_BYTES, LOG_FILES = 10_000_000, 3
STOP_SECONDS = 20
"""How long a program may take to end: Airflow's scheduler closes its workers in a few seconds on a quiet machine."""


class LogPrinter:
    """honcho's printer: one rotating log file a program.

    `on_started` is called once, when all have been forked; `on_ending` once, when the first has ended or a signal came.
    """

    def __init__(self, folder: Path, on_started: Callable[[], None], on_ending: Callable[[], None]) -> None:
        self.width = 0
        self._folder, self._on_started, self._on_ending = folder, on_started, on_ending
        self._is_ending = False
        self._files: dict[str, logging.Logger] = {}
        self.first_to_end: str | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def _file(self, name: str) -> logging.Logger:
        if name not in self._files:
            logger = logging.Logger(name)
            handler = logging.handlers.RotatingFileHandler(
                self._folder / f"{name}.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
            )
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            logger.addHandler(handler)
            self._files[name] = logger
        return self._files[name]

    def write(self, message: Any) -> None:
        if not self._files:
            self._on_started()
        text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
        self._file(message.name or SYSTEM).info("%s", text.rstrip("\n"))
        if message.name == SYSTEM and not self._is_ending and (ENDED in text or SIGNALLED in text):
            self.first_to_end = text.partition(ENDED)[0] if ENDED in text else None
            self._is_ending = True
            self._on_ending()

    def close(self) -> None:
        for logger in self._files.values():
            for handler in logger.handlers:
                handler.close()


def _end_stragglers(patience_seconds: float) -> None:
    """After `patience_seconds`, kill what still runs below us, except the processes that pass the output on."""
    time.sleep(patience_seconds)
    while True:
        readers = {child.pid for child in multiprocessing.active_children()}
        kill_all([pid for pid in descendants(os.getpid()) if pid not in readers], signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def _bound(manager: int, run: Callable[..., None], *arguments: Any) -> None:
    die_with_parent()
    if os.getppid() != manager:
        return
    run(*arguments)


def run_together(
    commands: Mapping[str, str],
    environment: Mapping[str, str],
    logs: Path,
    on_started: Callable[[], None],
    patience_seconds: float = STOP_SECONDS,
) -> str | None:
    """Run shell commands until one ends or SIGINT or SIGTERM comes: the name of the one that ended by itself, or None.

    Call it from the main thread, with no other thread running: it forks.
    """
    from honcho import manager as honcho

    become_reaper()
    honcho.KILL_WAIT = patience_seconds
    stragglers = threading.Thread(target=_end_stragglers, args=(patience_seconds,), daemon=True)
    printer = LogPrinter(logs, on_started, on_ending=stragglers.start)
    together = honcho.Manager(printer)
    for name, command in commands.items():
        process = together.add_process(name, f"exec {BOUND} {command}", env=dict(environment), cwd="/")
        process.run = functools.partial(_bound, os.getpid(), process.run)
    try:
        together.loop()
    finally:
        end_descendants(patience_seconds)
        printer.close()
    return printer.first_to_end
