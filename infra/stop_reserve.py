"""Room for stop files on a full disk: a few files whose blocks are already taken. Standard library only.

    <home>/routing/<market>/reserve/<n>     RESERVED_BYTES of zeros each, made while there is room

A stop that finds no room is written over such a file, which takes no new block, synced, cut to its length, and renamed
into the folder of stops. That holds on file systems that write in place (ext4, xfs, tmpfs), not on those that write
elsewhere first (btrfs, ZFS), and not on a disk that can only be read: there the desks' processes must be ended.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from infra.settings import Settings
from infra.whole_files import sync_folder, write_all, write_new

RESERVED_BYTES = 8_192
"""A stop with a reason of two thousand letters takes less than seven thousand bytes."""
RESERVED_FILES = 4
"""A rollback, a kill, and two more in the minutes before somebody makes room."""


def reserve_folder(settings: Settings, market: str) -> Path:
    """Where a market's reserve lies."""
    return settings.home / "routing" / market / "reserve"


def keep_reserve(settings: Settings, market: str) -> int:
    """Fill the reserve up; how many files it holds. Raises DiskFullError or OSError."""
    folder = reserve_folder(settings, market)
    (folder.parent / "stops").mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    for number in range(RESERVED_FILES):
        path = folder / str(number)
        if not path.exists():
            write_new(path, bytes(RESERVED_BYTES))
    return RESERVED_FILES


def _claimed(folder: Path, target: Path) -> Path | None:
    """One file of the reserve under a name that is ours alone, None when there is none left."""
    for number in range(RESERVED_FILES):
        mine = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            os.rename(folder / str(number), mine)
        except OSError:
            continue
        return mine
    return None


def write_reserved(path: Path, payload: bytes) -> bool:
    """Write a stop into a file of the reserve of its market; False when that was not possible either."""
    mine = _claimed(path.parent.parent / "reserve", path) if len(payload) <= RESERVED_BYTES else None
    if mine is None:
        return False
    try:
        descriptor = os.open(mine, os.O_WRONLY | os.O_CLOEXEC)
        try:
            write_all(descriptor, payload)
            os.ftruncate(descriptor, len(payload))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(mine, path)
        sync_folder(path.parent)
    except OSError:
        mine.unlink(missing_ok=True)
        return False
    return True
