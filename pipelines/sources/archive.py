"""An archive (.zip) from outside, opened without trusting it: a few plain files, of a bounded size.

Refused before a byte is unpacked: more than 8 members, a member whose name has a path in it or does not read as it
looks, a symbolic link or folder, an encrypted member, two of one name, more than `MAX_FILE_BYTES` in all, or a member
that claims to grow by more than a factor of 200 (CSV of numbers grows by 4 to 30). What is unpacked is counted against
what was claimed and against its checksum, in pieces, so a claim that lies costs no more memory than it claimed.

Nothing is ever written to disk, so a member cannot land outside a folder.

    >>> MAX_MEMBERS, MAX_GROWTH
    (8, 200)
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from pathlib import Path

from infra.errors import SourceError
from pipelines.sources.columns import first_line
from pipelines.sources.folder import is_plain_name
from pipelines.sources.payload import MAX_FILE_BYTES

MAX_MEMBERS = 8
MAX_GROWTH = 200
"""Because the recorded books, the most repetitive of our files, grow by 28, and a bomb by 1,000."""
PIECE_BYTES = 1 << 20
ENCRYPTED = 0x1
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, struct.error)


def _refused(path: Path, found: object, allowed: str) -> SourceError:
    return SourceError(
        "archive is not taken",
        which=path,
        found=found,
        allowed=allowed,
        next_step="unpack it where you trust it, and deliver the CSV files",
    )


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(
        "cannot read archive",
        which=path,
        found=first_line(error),
        allowed="a complete .zip file",
        next_step="deliver the archive again",
    )


def _require_plain_member(path: Path, member: zipfile.ZipInfo) -> None:
    name, mode = ascii(member.orig_filename), member.external_attr >> 16
    if not is_plain_name(member.orig_filename):
        raise _refused(path, f"a member named {name}", "plain file names without a path")
    if stat.S_ISLNK(mode) or stat.S_ISDIR(mode) or member.flag_bits & ENCRYPTED:
        raise _refused(path, f"member {name} is a link, a folder or encrypted", "plain files")
    if member.file_size > MAX_GROWTH * max(member.compress_size, 1):
        raise _refused(
            path,
            f"member {name} grows from {member.compress_size:,} to {member.file_size:,} bytes",
            f"at most {MAX_GROWTH} times its packed size",
        )


def members(path: Path) -> dict[str, zipfile.ZipInfo]:
    """Members of an archive by name. Raises SourceError when the archive is damaged or may not be opened."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except DAMAGED as error:
        raise _damaged(path, error) from error
    if len(found) > MAX_MEMBERS:
        raise _refused(path, f"{len(found):,} members", f"at most {MAX_MEMBERS}")
    for member in found:
        _require_plain_member(path, member)
    if len({member.filename for member in found}) < len(found):
        raise _refused(path, "two members of one name", "one member of each name")
    size = sum(member.file_size for member in found)
    if size > MAX_FILE_BYTES:
        raise _refused(path, f"{size:,} bytes when unpacked", f"at most {MAX_FILE_BYTES:,} bytes")
    return {member.filename: member for member in found}


def read_member(path: Path, name: str) -> bytes:
    """Bytes of one member of an archive that `members` accepts. Raises SourceError when they are not what it claims."""
    member = members(path)[name]
    pieces, size = [], 0
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as handle:
            while piece := handle.read(PIECE_BYTES):
                size += len(piece)
                if size > member.file_size:
                    raise zipfile.BadZipFile(f"{name} holds more than the {member.file_size:,} bytes that it claims")
                pieces.append(piece)
    except DAMAGED as error:
        raise _damaged(path, error) from error
    if size != member.file_size or size == 0:
        raise _damaged(path, ValueError(f"{name} holds {size:,} bytes and claims {member.file_size:,}"))
    return b"".join(pieces)
