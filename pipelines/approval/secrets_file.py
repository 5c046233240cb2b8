"""People's secrets: one file with mode 0600 for the service alone, `<home>/keys/people.json`. Nowhere else.

A secret has 160 random bits, is shown once when it is made, and then only makes codes. It comes in by the terminal
(unseen), by a file that nobody else can read, or by standard input; never as a word of a command, where the history of
the shell and the list of processes would keep it.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.errors import RefusedError
from infra.locks import held
from infra.settings import Settings
from infra.whole_files import replace_file

SECRET_BYTES = 20
WAIT_SECONDS = 10.0
"""Whoever holds the file writes one line of it; ten seconds are a process that hangs."""
OTHERS = 0o077
FILE_VARIABLE = "FILLWISE_SECRET_FILE"


def _file(settings: Settings) -> Path:
    return settings.keys / "people.json"


@contextmanager
def secrets_held(settings: Settings) -> Iterator[None]:
    """Nobody else changes secrets meanwhile. Raises BusyError."""
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    with held(settings.keys / "people.lock", "fillwise people", WAIT_SECONDS):
        yield


def _loose(path: Path, mode: int) -> RefusedError:
    return RefusedError(
        "secret can be read by others", which=path, found=f"mode {mode:04o}", allowed="0600",
        next_step=f"chmod 600 {path}, and fillwise people rotate if others were there",
    )  # fmt: skip


def _read(settings: Settings) -> dict[str, str]:
    path = _file(settings)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except FileNotFoundError:
        return {}
    if mode & OTHERS:
        raise _loose(path, mode)
    found: dict[str, str] = json.loads(text)
    return found


def fresh_secret() -> str:
    """A new secret, not kept yet."""
    return secrets.token_urlsafe(SECRET_BYTES)


def keep_secrets(settings: Settings, fresh: Mapping[str, str]) -> None:
    """Keep these in place of older ones. The caller holds `secrets_held`."""
    replace_file(_file(settings), json.dumps({**_read(settings), **fresh}).encode(), 0o600)


def forget_secrets(settings: Settings, names: set[str]) -> None:
    """These secrets are no longer any. The caller holds `secrets_held`."""
    kept = {name: secret for name, secret in _read(settings).items() if name not in names}
    replace_file(_file(settings), json.dumps(kept).encode(), 0o600)


def secret_of(settings: Settings, name: str) -> str:
    """A person's secret, for the service alone. Raises RefusedError when there is none, or others can read the file."""
    found = _read(settings).get(name)
    if found is None:
        raise RefusedError(
            "person has no secret", which=name, found="none", allowed="one",
            next_step=f"a risk officer types: fillwise people rotate {name}",
        )  # fmt: skip
    return found


def is_secret(settings: Settings, name: str, secret: str) -> bool:
    """Whether it is that person's secret; in constant time."""
    return secrets.compare_digest(secret.strip().encode(), secret_of(settings, name).encode())


def typed_secret(path: str | None, prompt: str) -> str:
    """A secret from a file (`-`: standard input), from that of FILLWISE_SECRET_FILE, or typed unseen at the terminal.

    Raises RefusedError for a file that others can read or that is not there.
    """
    named = path or os.environ.get(FILE_VARIABLE)
    if named == "-":
        return sys.stdin.readline().strip()
    if named is None or not named:
        from getpass import getpass

        return getpass(prompt)
    try:
        found = Path(named)
        mode, is_file = stat.S_IMODE(found.stat().st_mode), found.is_file()
        text = found.read_text().strip()
    except OSError as error:
        raise RefusedError(
            "cannot read a secret", which=named, found=error.strerror, allowed="a file of yours with mode 0600",
            next_step="name it with --secret-file, or type the secret",
        ) from None  # fmt: skip
    if is_file and mode & OTHERS:
        raise _loose(found, mode)
    return text
