"""The bytes of a delivered file, read once: whole, or block by block where only a part of them is kept.

The digest is of the very bytes that were handed out, so digest and rows belong together even where somebody writes to
the file meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from infra.errors import SourceError

MAX_FILE_BYTES = 2 * 1024**3
BLOCK_BYTES = 1024**2


def _require_readable(path: Path) -> None:
    if not path.is_file():
        raise SourceError(
            "file is missing",
            which=path,
            found="nothing there",
            allowed="a Parquet or CSV file",
            next_step="deliver the file, or name the right folder",
        )
    size = path.stat().st_size
    if not 0 < size <= MAX_FILE_BYTES:
        raise SourceError(
            "file is empty" if size == 0 else "file is too large",
            which=path,
            found=f"{size:,} bytes",
            allowed=f"1 to {MAX_FILE_BYTES:,} bytes",
            next_step="deliver the file again, split by day",
        )


def read_payload(path: Path, sha256: str | None = None) -> tuple[bytes, str]:
    """Bytes of a file and their SHA-256. Raises SourceError when missing, empty, too large or not of this digest."""
    _require_readable(path)
    payload = path.read_bytes()
    digest = hashlib.sha256(payload).hexdigest()
    if sha256 is not None and digest != sha256:
        raise SourceError(
            "file is not the one its manifest names",
            which=path,
            found=f"sha256 {digest}",
            allowed=f"sha256 {sha256}",
            next_step="deliver the file and its manifest again",
        )
    return payload, digest


class Blocks:
    """A file's bytes as blocks, to be gone through once. Raises SourceError when missing, empty or too large."""

    def __init__(self, path: Path) -> None:
        _require_readable(path)
        self._path, self._hash = path, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as handle:
            while block := handle.read(BLOCK_BYTES):
                self._hash.update(block)
                yield block

    @property
    def sha256(self) -> str:
        """Of the bytes handed out so far."""
        return self._hash.hexdigest()
