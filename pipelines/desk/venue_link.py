"""A desk's line to its venue: finds it or starts it, says hello, and exchanges requests for mail.

The line never guesses: whether a request that was under way when the line broke has arrived is not known, and only the
statement that follows the next hello says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from infra.errors import UnreachableError
from infra.locks import held
from infra.settings import PROJECT, Settings
from pipelines.desk.live_day import Share
from pipelines.desk.venue import VenueTerms
from pipelines.desk.venue_books import Seen
from pipelines.desk.venue_messages import Mail, Request, mail_from, to_text
from pipelines.desk.venue_process import LOOPBACK, port_file

ANSWER_SECONDS = 60.0
"""An answer takes milliseconds; opening eight symbols with kernels still to be compiled takes half a minute."""
START_SECONDS = 120.0
POLL_SECONDS, PROBE_SECONDS = 0.05, 1.0


@dataclass(frozen=True)
class LinkTerms:
    """How a desk's venue behaves. pace: market seconds a wall second, 0 as fast as possible."""

    pace: float
    venue: VenueTerms


def unreachable(which: object, found: object) -> UnreachableError:
    """The error of a venue that does not answer."""
    return UnreachableError(
        "the venue does not answer",
        which=which,
        found=found,
        allowed="a venue of this session on this machine",
        next_step="start the desk again: it asks the venue for every child that it ever sent",
    )


def _listening(settings: Settings, share: Share) -> dict[str, Any] | None:
    """Where the session's venue listens, None when there is none. One that is too busy to answer is one."""
    try:
        told: dict[str, Any] = json.loads(port_file(settings, share.market, share.day).read_text())
        with contextlib.suppress(TimeoutError), socket.create_connection((LOOPBACK, told["port"]), PROBE_SECONDS):
            pass
        return told
    except (OSError, ValueError, KeyError):
        return None


def _start(settings: Settings, share: Share) -> None:
    """Start the venue in a session of its own and as nobody's child, so that it outlives this desk."""
    log = settings.logs / "venue" / f"{share.market}-{share.day}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "FILLWISE_DIE_WITH_PARENT"}
    words = ["venue", "--market", share.market, "--day", str(share.day)]
    with log.open("ab") as out:
        subprocess.run(
            ["setsid", "--fork", sys.executable, "-m", "pipelines", *words],
            env={**environment, "FILLWISE_HOME": str(settings.home)},
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=True,
        )


def require_venue(
    settings: Settings, share: Share, monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> dict[str, Any]:
    """Where the session's venue listens; started when there is none. Raises UnreachableError."""
    lock = port_file(settings, share.market, share.day).with_suffix(".lock")
    with held(lock, f"fillwise desk {share.desk}", wait_seconds=START_SECONDS):
        found = _listening(settings, share)
        if found is not None:
            return found
        _start(settings, share)
        deadline = monotonic() + START_SECONDS
        while found is None and monotonic() < deadline:
            sleep(POLL_SECONDS)
            found = _listening(settings, share)
    if found is None:
        raise unreachable(lock.stem, f"nothing within {START_SECONDS:g} s; see {settings.logs / 'venue'}")
    return found


class VenueLink:
    """One connection. `opened` is the venue's statement at the hello. Raises UnreachableError when it breaks."""

    def __init__(self, share: Share, terms: LinkTerms, where: Mapping[str, Any]) -> None:
        self._which = f"{share.market} {share.day} {share.desk}"
        self._socket = socket.create_connection((LOOPBACK, where["port"]), timeout=ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader: BinaryIO = self._socket.makefile("rb")
        venue = terms.venue
        self.opened = self._asked({
            "word": where["word"], "number": share.number, "of": share.of, "pace": terms.pace, "seed": venue.seed,
            "orders_per_symbol": share.orders_per_symbol, "latency_seconds": venue.latency_seconds,
            "lost_share": venue.lost_share,
        })  # fmt: skip

    def exchange(self, requests: Sequence[Request], until: float, seen: Mapping[str, Seen], looked_at: float) -> Mail:
        """Send requests and get the mail; with pace 0 the market lives on to `until` or to the first mail.

        looked_at: when the desk looked at its stops, on the machine's monotonic clock, which the venue shares.
        """
        counts = {symbol: (one.rows, one.trades) for symbol, one in seen.items()}
        words = [to_text(one) for one in requests]
        return self._asked({"requests": words, "until": until, "seen": counts, "looked_at": looked_at})

    def statement(self, seen: Mapping[str, Seen]) -> Mail:
        """Every child that this desk ever sent, as the venue has it now."""
        return self._asked({"asks_all": True, "seen": {name: (one.rows, one.trades) for name, one in seen.items()}})

    def leave(self) -> None:
        """Say that this desk has ended, and hang up."""
        with contextlib.suppress(OSError):
            self._socket.sendall(b'{"leaves": true}\n')
        self.close()

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def _asked(self, told: Mapping[str, Any]) -> Mail:
        try:
            self._socket.sendall(json.dumps(told).encode() + b"\n")
            line = self._reader.readline()
        except OSError as error:
            self.close()
            raise unreachable(self._which, error) from error
        if not line.endswith(b"\n"):
            self.close()
            raise unreachable(self._which, "the line was closed, or another process speaks for this desk")
        return mail_from(json.loads(line))
