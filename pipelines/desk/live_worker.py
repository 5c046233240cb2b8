"""One thread that works for the desk and may be left behind: it never keeps the process from ending.

The standard pool joins its threads at exit, so one that hangs would keep a told-to-stop desk alive for ever.

>>> Worker().submit(lambda: 6 * 7).result(1.0)
42
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Worker:
    """Calls what it is given, one after the other."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """The answer to come."""
        answer: Future[T] = Future()
        self._calls.put((answer, call))
        return answer

    def _work(self) -> None:
        while True:
            answer, call = self._calls.get()
            try:
                answer.set_result(call())
            except Exception as error:
                answer.set_exception(error)
