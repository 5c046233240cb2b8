"""Which code is running: git revision, whether the tree was edited, digest of the lock file and of source files."""

from __future__ import annotations

import hashlib
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


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(PROJECT), *words], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def source_digest(folders: Sequence[str]) -> str:
    """SHA-256 over the Python files of these packages: what a recipe's code is."""
    total = hashlib.sha256()
    for path in sorted(found for folder in folders for found in (PROJECT / folder).rglob("*.py")):
        total.update(str(path.relative_to(PROJECT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def current_revision(lock: Path = PROJECT / "requirements.lock") -> Revision:
    """The checkout's revision. Untracked files do not count as edits."""
    commit, edits = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    lock_sha256 = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else "missing"
    return Revision(commit or "unknown", commit is None or bool(edits), lock_sha256)
