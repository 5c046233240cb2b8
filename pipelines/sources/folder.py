"""Which files of a folder may be taken: regular files directly in it, with names that read as they look.

A name from outside is not trusted. A symbolic link may point at anything on the machine; a control character or a
letter that only looks like a Latin one (Cyrillic а, full-width ａ) makes two names out of one. Names of those files
that a source would take are therefore held to ASCII letters, digits, dot, hyphen, underscore, `=` and space; files
with other suffixes are left alone, because a folder may serve several sources.

    >>> is_plain_name("trades_2026-11-20.csv"), is_plain_name("tr\u0430des_2026-11-20.csv"), is_plain_name("a/b.csv")
    (True, False, False)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from infra.errors import SourceError

PLAIN_NAME = re.compile(r"[A-Za-z0-9._= -]{1,200}", re.ASCII)


def is_plain_name(name: str) -> bool:
    """Whether a file's name is one that reads as it looks and names nothing but a file of this folder."""
    return PLAIN_NAME.fullmatch(name) is not None and name.strip(". ") != ""


def has_suffix(name: str, suffixes: Sequence[str]) -> bool:
    """Whether a name ends so, or looks as if it did (`.CSV`, full-width letters)."""
    return unicodedata.normalize("NFKC", name).casefold().endswith(tuple(suffixes))


def require_plain(path: Path) -> None:
    """Raises SourceError when the name does not read as it looks, or the path is a symbolic link."""
    if is_plain_name(path.name) and not path.is_symlink():
        return
    raise SourceError(
        "file is not taken",
        which=ascii(str(path))[1:-1],
        found="a symbolic link" if path.is_symlink() else "a name with other than plain ASCII characters",
        allowed="a regular file, with letters A to Z, digits, '.', '-', '_', '=' and space in its name",
        next_step="rename the file, or deliver the file itself",
    )


def plain_files(data: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files directly in `data` whose names end in one of `suffixes`, by name.

    Raises SourceError when the folder is missing, or for such a name that is not plain or is a symbolic link.
    """
    if not data.is_dir():
        raise SourceError(
            "folder is missing",
            which=data,
            found="no such folder",
            allowed="a folder of recorded or delivered files",
            next_step="name the folder with --data",
        )
    named = sorted(path for path in data.iterdir() if has_suffix(path.name, suffixes))
    for path in named:
        require_plain(path)
    return named
