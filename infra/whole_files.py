"""Files that are there whole or not at all: written beside their place, synced, then linked or renamed into it.

    replace_file    takes the place of another      readers see the old one or the new one, never half of one
    write_new       only where nothing is yet       of two writers at once one wins, the other is told

A full disk leaves what was there as it was and no scratch file. Standard library only.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "a"
    >>> write_new(place, b"first"), write_new(place, b"second"), place.read_bytes()
    (True, False, b'first')
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from infra.errors import DiskFullError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_all(descriptor: int, payload: bytes) -> None:
    """Every byte, then on the disk. A nearly full disk takes a part and says so only by a number."""
    view = memoryview(payload)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Let names that came or went survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def raise_if_full(error: OSError, path: Path) -> None:
    """Raises DiskFullError when that is what the error says."""
    if error.errno in FULL:
        raise DiskFullError(
            "disk is full", which=path, found=error.strerror or "no room", allowed="room for a few kilobytes",
            next_step="make room (`fillwise maintain` says what may go), then repeat; what was there is as it was",
        ) from error  # fmt: skip


def _scratch(path: Path, payload: bytes, mode: int) -> Path:
    """The payload in a file beside its place, synced. Raises DiskFullError or OSError, and leaves nothing then."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            write_all(descriptor, payload)
        finally:
            os.close(descriptor)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise_if_full(error, path)
        raise
    return fresh


def write_new(path: Path, payload: bytes, mode: int = 0o644) -> bool:
    """Write a file that is not there yet; False when it is there. Raises DiskFullError or OSError."""
    fresh = _scratch(path, payload, mode)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise_if_full(error, path)
        raise
    finally:
        fresh.unlink()
    sync_folder(path.parent)
    return True


def replace_file(path: Path, payload: bytes, mode: int = 0o644) -> None:
    """Put a file in the place of another. Raises DiskFullError or OSError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise_if_full(error, path)
        raise
    fresh = _scratch(path, payload, mode)
    try:
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise_if_full(error, path)
        raise
    sync_folder(path.parent)
