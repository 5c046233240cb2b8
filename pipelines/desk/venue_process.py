"""The venue as a process of its own, on the loopback interface: it outlives the desks that trade on it.

Why a process: a desk that is killed leaves its resting orders at a venue in the real world too, where they go on being
filled. So the market of a session lives here and its clock goes on; a desk that comes back says hello, is told of every
child that it ever sent, and takes off what still rests. A second connection of the same desk closes the first
(a stopped process that wakes up again cannot send behind the back of its successor).

`<home>/venue/<market>-<day>.json` says where it listens and the word that a desk must know (mode 0600). One line of
JSON a message, both ways. The process ends when the manager of its desks ends what they left behind, or by itself when
no desk has been connected for `ORPHAN_SECONDS`, or `LEFT_SECONDS` after the last one said that it had ended; everything
that rested is gone with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from infra.settings import Settings
from pipelines.desk.live_day import Share, live_day, live_markets
from pipelines.desk.venue import VenueTerms
from pipelines.desk.venue_books import Seen, VenueBooks, mail_to_json
from pipelines.desk.venue_messages import from_text

LOOPBACK = "127.0.0.1"
ORPHAN_SECONDS = 900.0
"""A quarter of an hour for somebody to start a killed desk again; longer, and an exchange would have called."""
LEFT_SECONDS = 2.0
"""Desks of a session end within a second or two of each other."""
WATCH_SECONDS = 0.5
BAD_REQUEST = (ValueError, KeyError, TypeError)


def port_file(settings: Settings, market: str, day: date) -> Path:
    """Where the venue of a session says where it listens."""
    return settings.home / "venue" / f"{market}-{day}.json"


@dataclass
class _Gateway:
    """One desk at the venue. generation: counts its connections; only the newest may speak."""

    books: VenueBooks
    lock: threading.Lock
    generation: int = 0
    connection: socket.socket | None = None
    has_left: bool = False


class VenueServer(socketserver.ThreadingTCPServer):
    """Holds the gateways. monotonic: the wall clock that paces them."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64
    """Eight desks that look and then connect are sixteen at once, while the first of them compiles its books."""

    def __init__(self, settings: Settings, market: str, day: date, monotonic: Callable[[], float]) -> None:
        self.settings, self.market, self.day, self.monotonic = settings, market, day, monotonic
        self.word, self.connected, self.quiet_since = secrets.token_hex(16), 0, monotonic()
        self.gateways: dict[str, _Gateway] = {}
        self.opening = threading.Lock()
        super().__init__((LOOPBACK, 0), VenueHandler)

    def gateway(self, hello: dict[str, Any], connection: socket.socket) -> tuple[_Gateway, int]:
        """The desk's gateway, opened at its first hello; whoever spoke for it before is cut off."""
        share = Share(self.market, self.day, hello["number"], hello["of"], hello["orders_per_symbol"])
        with self.opening:
            found = self.gateways.get(share.desk)
            if found is None:
                terms = VenueTerms(tuple(hello["latency_seconds"]), hello["lost_share"], hello["seed"])
                markets = live_markets(self.settings, live_day(self.settings, share))
                books = VenueBooks(markets, terms, hello["pace"], self.monotonic())
                found = self.gateways[share.desk] = _Gateway(books, threading.Lock())
        with found.lock:
            if found.connection is not None:
                with contextlib.suppress(OSError):
                    found.connection.shutdown(socket.SHUT_RDWR)
            found.generation, found.connection, found.has_left = found.generation + 1, connection, False
            return found, found.generation

    def is_over(self) -> bool:
        """Whether nobody needs this venue any more."""
        if self.connected > 0:
            return False
        have_left = bool(self.gateways) and all(one.has_left for one in self.gateways.values())
        return self.monotonic() - self.quiet_since > (LEFT_SECONDS if have_left else ORPHAN_SECONDS)


class VenueHandler(socketserver.StreamRequestHandler):
    """One connection: a hello, then exchanges until it closes."""

    server: VenueServer

    def handle(self) -> None:
        with contextlib.suppress(OSError, *BAD_REQUEST):
            hello = json.loads(self.rfile.readline())
            if not secrets.compare_digest(str(hello.get("word", "")), self.server.word):
                return
            self.server.connected += 1
            try:
                self._serve(*self.server.gateway(hello, self.request))
            finally:
                self.server.connected -= 1
                self.server.quiet_since = self.server.monotonic()

    def _serve(self, gateway: _Gateway, generation: int) -> None:
        with gateway.lock:
            self._say(mail_to_json(gateway.books.statement({}, self.server.monotonic())))
        for line in self.rfile:
            told = json.loads(line)
            with gateway.lock:
                if gateway.generation != generation:
                    return
                if told.get("leaves"):
                    gateway.has_left = True
                    return
                self._say(self._answer(gateway.books, told))

    def _answer(self, books: VenueBooks, told: dict[str, Any]) -> dict[str, Any]:
        seen = {symbol: Seen(*counts) for symbol, counts in told["seen"].items()}
        wall = self.server.monotonic()
        if told.get("asks_all"):
            return mail_to_json(books.statement(seen, wall))
        requests = [from_text(text) for text in told["requests"]]
        return mail_to_json(books.exchange(requests, told["until"], seen, wall, told["looked_at"]))

    def _say(self, what: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(what).encode() + b"\n")


def _written(path: Path, server: VenueServer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    told = {"port": server.server_address[1], "word": server.word, "pid": os.getpid()}
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(told))
    fresh.replace(path)


def serve_venue(
    settings: Settings, market: str, day: date, monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> int:
    """Serve until nobody needs it; 0."""
    path = port_file(settings, market, day)
    with VenueServer(settings, market, day, monotonic) as server:
        _written(path, server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            while not server.is_over():
                sleep(WATCH_SECONDS)
        finally:
            if path.exists() and json.loads(path.read_text())["pid"] == os.getpid():
                path.unlink()
            server.shutdown()
    return 0
