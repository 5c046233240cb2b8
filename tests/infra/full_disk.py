"""A small real disk, and filling it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a disk")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Two megabytes of memory as a disk."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Write until not one more byte goes in."""
    with (folder / "filler").open("wb", buffering=0) as handle:
        for block in (65_536, 4_096, 1):
            try:
                while handle.write(bytes(block)) == block:
                    pass
            except OSError:
                continue
