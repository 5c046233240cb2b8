"""A webhook that takes JSON over a real socket, or refuses, or never answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook(ThreadingHTTPServer):
    """What it was sent, and how it answers. hangs: it takes the call and says nothing for so many seconds."""

    def __init__(self, status: int, hangs: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.hangs = status, hangs
        self.messages: list[dict[str, Any]] = []
        self.daemon_threads = True

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/hooks/a-secret-path"

    @property
    def titles(self) -> list[str]:
        return [str(one["title"]) for one in self.messages]


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.hangs:
            time.sleep(self.server.hangs)
            return
        self.server.messages.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def webhook(status: int = 200, hangs: float = 0.0) -> Iterator[Webhook]:
    with Webhook(status, hangs) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
