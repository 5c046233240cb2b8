"""Sends a message to mail, a webhook, a chat or a pager: the one door to apprise.

An address is an apprise URL (`mailto://…`, `json://host/path`, `pagerduty://…`, a hundred more); it often holds a
secret, so it goes to the sender by standard input, and what is told of it is its kind, host and a few digits of its
digest. The sender is a process of its own that is ended when its time is up: a name server that hangs, or a gateway
that answers a byte a minute, keeps nobody.

    >>> shown_address("json://desk:secret@gateway.example/hooks/token")
    'json://gateway.example#be7998'
    >>> address_fault("no address")
    'no address that apprise knows'
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

DIGEST_DIGITS = 6
WORD = re.compile(r"[A-Za-z0-9_.~%+-]{4,}")
ANSWER_SECONDS = 10
"""A gateway that has not taken a few hundred bytes in ten seconds will not; the next try is minutes away."""


@dataclass(frozen=True)
class Sending:
    """What became of one address, as it may be shown. why: '' when the message was taken."""

    address: str
    is_delivered: bool
    why: str = ""


def shown_address(address: str) -> str:
    """An address without what is secret in it."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:DIGEST_DIGITS]
    try:
        parts = urlsplit(address)
        return f"{parts.scheme or 'address'}://{parts.hostname or ''}#{digest}"
    except ValueError:
        return f"address#{digest}"


def address_fault(address: str) -> str:
    """Why apprise cannot use an address, '' when it can."""
    import apprise

    return "" if apprise.Apprise.instantiate(address, suppress_exceptions=True) else "no address that apprise knows"


def _send_one(address: str, title: str, body: str, is_urgent: bool) -> Sending:
    import apprise

    shown = shown_address(address)
    if fault := address_fault(address):
        return Sending(shown, False, fault)
    door = apprise.Apprise()
    door.add(address)
    kind = apprise.NotifyType.FAILURE if is_urgent else apprise.NotifyType.INFO
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as told:
        is_delivered = bool(door.notify(body=body, title=title, notify_type=kind, timeout=ANSWER_SECONDS))
        lines = told.getvalue().strip().splitlines()
    why = hidden(lines[0].strip(), address) if lines else "not taken"
    return Sending(shown, is_delivered, "" if is_delivered else why)


def hidden(words: str, address: str) -> str:
    """Words in which nothing of an address stands but its host.

    >>> hidden("gateway.example refused /hooks/token-1", "json://gateway.example/hooks/token-1")
    'gateway.example refused /****/****'
    """
    scheme, _, rest = address.partition("://")
    host = urlsplit(address).hostname or ""
    for part in sorted(set(WORD.findall(rest)) - set(WORD.findall(f"{scheme} {host}")), key=len, reverse=True):
        words = words.replace(part, "****")
    return words


def _send_all(told: dict[str, object]) -> list[dict[str, object]]:
    addresses = [str(one) for one in told["addresses"]]  # type: ignore[attr-defined]
    words = (str(told["title"]), str(told["body"]), bool(told["is_urgent"]))
    return [asdict(_send_one(address, *words)) for address in addresses]


def send(
    addresses: Sequence[str], title: str, body: str, *, is_urgent: bool, timeout_seconds: float
) -> tuple[Sending, ...]:
    """Send a message to every address; each that was not reached in time, or not at all, with its reason."""
    told = json.dumps({"addresses": list(addresses), "title": title, "body": body, "is_urgent": is_urgent})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "infra.notify"], input=told, capture_output=True, text=True, timeout=timeout_seconds,
            check=True,
        )  # fmt: skip
        return tuple(Sending(**one) for one in json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        why = f"no answer within {timeout_seconds:g} s"
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["no word"]
        why = f"the sender ended: {last[0][:200]}"
    except (ValueError, TypeError) as error:
        why = f"the sender said something else: {type(error).__name__}"
    return tuple(Sending(shown_address(one), False, why) for one in addresses)


if __name__ == "__main__":
    print(json.dumps(_send_all(json.load(sys.stdin))))
