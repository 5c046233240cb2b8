"""Which code is running: git revision, whether the tree was edited, digest of the lock file and of source files.

And who changed it: `changes_since`. What git calls an author is what a committer typed, no proof; whoever must know
signs commits and checks them where they are merged.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.settings import PROJECT


@dataclass(frozen=True)
class Revision:
    """`commit` is 'unknown' outside a git checkout; `is_dirty` is then True, because nobody can say."""

    commit: str
    is_dirty: bool
    lock_sha256: str


@dataclass(frozen=True)
class Change:
    """One commit's author, or co-author, as git tells."""

    commit: str
    name: str
    email: str


COMMIT = re.compile(r"[0-9a-f]{7,64}|HEAD")
CO_AUTHOR = re.compile(r"(?P<name>.*?)\s*<(?P<email>[^>]*)>")
FIELDS = "%H%x00%an%x00%ae%x00%(trailers:key=Co-authored-by,valueonly,separator=%x1f)%x00"
"""Fields end with the one character that no commit can hold."""


def _git(*words: str, folder: Path = PROJECT) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def source_digest(folders: Sequence[str]) -> str:
    """SHA-256 over the Python files of these packages: what a recipe's code is."""
    total = hashlib.sha256()
    for path in sorted(found for folder in folders for found in (PROJECT / folder).rglob("*.py")):
        total.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _authors(commit: str, name: str, email: str, others: str) -> list[Change]:
    found = [Change(commit.strip(), name, email)]
    for other in filter(None, others.split("\x1f")):
        told = CO_AUTHOR.fullmatch(other.strip())
        found.append(Change(commit.strip(), told["name"] if told else other.strip(), told["email"] if told else ""))
    return found


def changes_since(commit: str | None, head: str = "HEAD", folder: Path = PROJECT) -> tuple[Change, ...] | None:
    """Authors and co-authors of the commits in which the two revisions differ, either way; of all up to `head` without
    `commit`. None where git cannot tell: no checkout, a shallow one, or a revision that is not there.
    """
    if not all(COMMIT.fullmatch(word) for word in (commit or "HEAD", head)):
        return None
    span = head if commit is None else f"{commit}...{head}"
    if commit is None and _git("rev-parse", "--is-shallow-repository", folder=folder) != "false":
        return None
    told = _git("log", f"--format={FIELDS}", span, "--", folder=folder)
    if told is None:
        return None
    words = told.split("\0")[:-1]
    return tuple(change for place in range(0, len(words), 4) for change in _authors(*words[place : place + 4]))


def current_revision(lock: Path = PROJECT / "requirements.lock") -> Revision:
    """The checkout's revision. Untracked files do not count as edits."""
    commit, edits = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    lock_sha256 = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else "missing"
    return Revision(commit or "unknown", commit is None or bool(edits), lock_sha256)
