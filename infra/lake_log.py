"""What delta-rs does not check of its own log, and which format a lake has.

A bit flipped in a commit file is read without a word, and a last commit that is empty or gone reads as the version
before. So the digest of every commit file stands in `_fillwise/commits.sha256` beside the log, one line a version,
appended under the table's lock right after the commit; a table is opened only when every recorded commit is there as it
was written. A commit that a killed writer did not record is the newest one, is whole or absent, and is recorded by the
next writer.

Checkpoints are not needed (no commit file is ever cleaned up), but another engine may leave some: a damaged one is set
aside, and the table is read from its commits.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from infra.errors import LakeError

LAKE_FORMAT = 2
"""1: no digests of commits, no `source_sha256` in bronze. An older lake is read as it is and lifted when written."""
LOG, RECORD, STAMP = "_delta_log", Path("_fillwise") / "commits.sha256", "lake.json"
BROKEN = ".broken"
log = logging.getLogger("fillwise")
_seen: dict[Path, tuple[int, int]] = {}
_checked: dict[Path, tuple[Any, ...]] = {}
LogState = tuple[tuple[str, int, int], ...]
"""Name, time in nanoseconds and size of every file of a log, in the order of their names."""


def _commits(folder: Path) -> dict[int, Path]:
    found = ((path.name.removesuffix(".json"), path) for path in (folder / LOG).glob("*.json"))
    return {int(name): path for name, path in found if name.isdigit()}


def _recorded(folder: Path) -> dict[int, str]:
    path = folder / RECORD
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.split() for line in lines if line.count(" ") == 1)
    return {int(version): digest for version, digest in pairs}


def _damaged(path: Path, found: str) -> LakeError:
    return LakeError(
        "commit file was altered",
        which=path,
        found=found,
        allowed="the bytes as they were committed",
        next_step="restore the table's folder from a backup: fillwise restore",
    )


def _state(folder: Path) -> LogState:
    with os.scandir(folder / LOG) as entries:
        found = [(one.name, one.stat()) for one in entries if one.name.endswith(".json")]
    return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in found))


def check_commits(folder: Path) -> LogState:
    """The log's files as they are. Raises LakeError when a recorded commit is missing or was altered."""
    state, record = _state(folder), folder / RECORD
    told = record.stat() if record.exists() else None
    whole = (*state, (RECORD.name, told.st_mtime_ns, told.st_size) if told else ())
    if _checked.get(folder) == whole:
        return state
    present = _commits(folder)
    for version, digest in _recorded(folder).items():
        path = present.get(version)
        if path is None:
            raise _damaged(folder / LOG / f"{version:020}.json", "nothing there")
        stat = path.stat()
        if _seen.get(path) == (stat.st_mtime_ns, stat.st_size):
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise _damaged(path, "other bytes")
        _seen[path] = (stat.st_mtime_ns, stat.st_size)
    _checked[folder] = whole
    return state


def record_commits(folder: Path) -> None:
    """Write down the digests of commits that are not recorded yet. Call it under the table's lock."""
    recorded = _recorded(folder)
    fresh = {version: path for version, path in sorted(_commits(folder).items()) if version not in recorded}
    if not fresh:
        return
    (folder / RECORD).parent.mkdir(exist_ok=True)
    with (folder / RECORD).open("a") as handle:
        for version, path in fresh.items():
            handle.write(f"{version} {hashlib.sha256(path.read_bytes()).hexdigest()}\n")
        handle.flush()
        os.fsync(handle.fileno())


def set_checkpoints_aside(folder: Path) -> bool:
    """Rename checkpoints so that the table is read from its commits; whether there were any, and every commit is."""
    present = _commits(folder)
    found = [*(folder / LOG).glob("*.checkpoint*.parquet"), *(folder / LOG).glob("_last_checkpoint")]
    if not found or sorted(present) != list(range(len(present))):
        return False
    for path in found:
        path.rename(path.with_name(path.name + BROKEN))
    log.warning("%s: a damaged checkpoint was set aside, the table is read from its commits", folder.name)
    return True


def require_known_format(root: Path) -> None:
    """Raises LakeError when a newer version of Fillwise made the lake, or its stamp cannot be read."""
    stamp = root / STAMP
    if not stamp.exists():
        return
    try:
        found = int(json.loads(stamp.read_text())["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(
            "cannot read the lake's format",
            which=stamp,
            found=stamp.read_text()[:80],
            allowed=f'{{"format": {LAKE_FORMAT}}}',
            next_step="restore lake.json from a backup",
        ) from error
    if found > LAKE_FORMAT:
        raise LakeError(
            "lake was made by a newer version",
            which=root,
            found=f"format {found}",
            allowed=f"format {LAKE_FORMAT} or older",
            next_step="update Fillwise, or name another FILLWISE_HOME",
        )


def stamp_format(root: Path) -> None:
    """Say which format the lake has from now on; an older lake is lifted to this one."""
    stamp, wanted = root / STAMP, json.dumps({"format": LAKE_FORMAT})
    if not stamp.exists() or stamp.read_text() != wanted:
        fresh = stamp.with_name(f".{STAMP}.{os.getpid()}")
        fresh.write_text(wanted)
        os.replace(fresh, stamp)
