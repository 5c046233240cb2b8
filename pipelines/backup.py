"""`fillwise backup` and `restore`: lake, registry, drops, keys, routing and ledger as one set, while no step can write.

A backup is a folder with the files as they are and `backup.json`, which names each with its SHA-256; it appears at
once, by a rename, so whoever finds it finds all of it. Restored onto an empty machine it gives the same fingerprints:
every byte is checked against its digest, MLflow's absolute paths are pointed at the new place, the ledger's chain is
verified. The ledger is copied last: whatever routing, stop files and cards name is in it, and a stop that it does not
know is recorded by the next evening. Pages, logs and caches are made anew and are not in it, nor is what a running desk
says of itself. It holds the keys: keep it as you keep keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from infra.errors import LakeError, UsageError
from infra.markets import MARKETS
from infra.registry_files import copy_database, relocate
from infra.settings import Settings
from pipelines.ledger.saved import put_back, require_empty_server, save_entries, soundness
from pipelines.runner import market_lock

KINDS = ("lake", "registry", "drops", "keys", "plans", "validation", "alerts", "desks", "routing", "ledger")
OF_RUNNING_DESKS = ("desks", "reserve")
"""Folders of a market's routing that belong to processes: reports of desks that are no more would be waited for."""
SCRATCH = (".db-wal", ".db-shm", ".db-journal")
"""What SQLite keeps beside a file while somebody writes; the copy is made by SQLite itself and needs none of it."""
MANIFEST, DATABASE = "backup.json", "registry/mlflow.db"
FORMAT = 2


def _files(home: Path) -> Iterator[Path]:
    """Every file of the set, relative to the state folder; locks and half-written files left out."""
    for kind in KINDS:
        for path in sorted((home / kind).rglob("*")):
            parts = path.relative_to(home).parts
            is_scratch = any(part.startswith(".") for part in parts) or path.suffix in SCRATCH
            is_scratch |= kind == "routing" and len(parts) > 2 and parts[2] in OF_RUNNING_DESKS
            if path.is_file() and not path.is_symlink() and not is_scratch:
                yield path.relative_to(home)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _copied(home: Path, fresh: Path) -> list[Path]:
    """Copy every file of the set; those that were still there. A stop that is lifted meanwhile may vanish."""
    found = []
    for name in _files(home):
        with suppress(FileNotFoundError):
            _copy(home / name, fresh / name)
            found.append(name)
    return found


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".db":
        _copy_database(source, target)
        shutil.copymode(source, target)
    else:
        shutil.copy2(source, target)


def _copy_database(source: Path, target: Path) -> None:
    try:
        copy_database(source, target)
    except sqlite3.DatabaseError as error:
        raise LakeError(
            "a database is damaged", which=source, found=error, allowed="a SQLite file that can be read",
            next_step="keep it elsewhere as evidence, put the last backup's in its place, then repeat",
        ) from error  # fmt: skip


def backup(settings: Settings, target_name: str) -> int:
    """Copy the set into a new folder. Raises UsageError when it is there already, BusyError when a step runs."""
    target = Path(target_name).expanduser().resolve()
    if target.exists():
        raise UsageError(
            "backup would overwrite something",
            which=target,
            found="a file or folder",
            allowed="a name that is not there yet",
            next_step="name another folder with --to",
        )
    fresh = target.with_name(f".{target.name}.writing")
    shutil.rmtree(fresh, ignore_errors=True)
    with ExitStack() as locks:
        for market in MARKETS:
            locks.enter_context(market_lock(settings, market, "fillwise backup"))
        names = [*_copied(settings.home, fresh), *save_entries(settings, fresh)]
    files = {str(name): _digest(fresh / name) for name in names}
    fresh.mkdir(parents=True, exist_ok=True)
    told = {"format": FORMAT, "home": str(settings.home), "files": files}
    (fresh / MANIFEST).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    fresh.chmod(0o700)
    os.replace(fresh, target)
    size = sum((target / name).stat().st_size for name in names)
    is_sound, words = soundness(settings)
    print(f"backup: {len(names):,} files, {size / 1e6:,.1f} MB in {target}{'; ' if words else ''}{words}")
    return 0 if is_sound else 1


def _read_manifest(origin: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((origin / MANIFEST).read_bytes())
        if int(found["format"]) <= FORMAT and isinstance(found["files"], dict):
            return found
        problem = f"format {found['format']}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise LakeError(
        "not a backup that can be read",
        which=origin / MANIFEST,
        found=problem,
        allowed=f"a folder made by fillwise backup, format {FORMAT} or older",
        next_step="name the right folder with --from, or update Fillwise",
    )


def _require_empty(settings: Settings) -> None:
    there = [kind for kind in KINDS if (settings.home / kind).is_dir() and any(_files(settings.home))]
    if there:
        raise UsageError(
            "restore would overwrite a state folder",
            which=settings.home,
            found=f"{', '.join(there)} with files in it",
            allowed="a state folder that is not there yet, or empty",
            next_step="name another FILLWISE_HOME, or move this one away",
        )
    require_empty_server(settings)


def _checked_copy(origin: Path, fresh: Path, files: dict[str, str]) -> None:
    for name, expected in files.items():
        source = (origin / name).resolve()
        if not source.is_relative_to(origin) or not source.is_file() or _digest(source) != expected:
            raise LakeError(
                "backup is damaged",
                which=origin / name,
                found="nothing there" if not source.is_file() else "other bytes than were saved",
                allowed=f"sha256 {expected[:16]}",
                next_step="restore from another backup; nothing was changed",
            )
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, fresh / name)


def restore(settings: Settings, origin_name: str) -> int:
    """Bring a backup into an empty state folder: all of it, or nothing when a file is not the one that was saved."""
    origin = Path(origin_name).expanduser().resolve()
    manifest = _read_manifest(origin)
    _require_empty(settings)
    fresh = settings.home / ".restoring"
    shutil.rmtree(fresh, ignore_errors=True)
    _checked_copy(origin, fresh, manifest["files"])
    if (fresh / DATABASE).exists():
        relocate(fresh / DATABASE, Path(manifest["home"]), settings.home)
    for kind in KINDS:
        if (fresh / kind).exists():
            shutil.rmtree(settings.home / kind, ignore_errors=True)
            os.replace(fresh / kind, settings.home / kind)
    shutil.rmtree(fresh)
    (settings.home / "keys").mkdir(exist_ok=True)
    (settings.home / "keys").chmod(0o700)
    put_back(settings)
    is_sound, words = soundness(settings)
    print(f"restored {len(manifest['files']):,} files into {settings.home}{'; ' if words else ''}{words}")
    return 0 if is_sound else 1
