"""A drop: the folder of files in which a day's outcomes come home, `<home>/drops/<market>/<day>/`.

It holds one Parquet file a noun and `manifest.json`, which names each file with its SHA-256 and rows, and says when
the rows could first be known and which policy made them. A drop appears at once (files are written and synced in a
folder beside it, which is then renamed) and never changes: whoever finds one with a manifest finds all of it.

    >>> from datetime import UTC
    >>> known = datetime(2026, 1, 5, 21, 15, tzinfo=UTC)
    >>> DropManifest("sample", date(2026, 1, 5), known, 7, "sample.execution/0", "ab12").to_json()["known_at"]
    '2026-01-05T21:15:00+00:00'
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra.errors import SourceError
from infra.markets import Market
from infra.tables import NOUNS
from pipelines.sources.file import SourceFile, read_noun_file

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class DropFile:
    """One file of a drop, as its manifest names it."""

    sha256: str
    rows: int


@dataclass(frozen=True)
class DropManifest:
    """What a drop says about itself. `known_at` is an aware time; `write_drop` fills in `files` (name -> file)."""

    market: str
    trade_date: date
    known_at: datetime
    seed: int
    policy_version: str
    policy_digest: str
    files: Mapping[str, DropFile] = field(default_factory=dict)

    def rows_of(self, noun: str) -> int:
        """Rows of a noun; 0 where the drop has no file of it."""
        found = self.files.get(f"{noun}.parquet")
        return 0 if found is None else found.rows

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they stand in `manifest.json`."""
        return {
            "market": self.market,
            "trade_date": self.trade_date.isoformat(),
            "known_at": self.known_at.isoformat(),
            "seed": self.seed,
            "policy_version": self.policy_version,
            "policy_digest": self.policy_digest,
            "files": {name: {"sha256": found.sha256, "rows": found.rows} for name, found in sorted(self.files.items())},
        }


def _damaged(which: Path, found: object, allowed: str) -> SourceError:
    return SourceError(
        "drop is damaged",
        which=which,
        found=found,
        allowed=allowed,
        next_step="delete the day's drop folder and run step trade again, or restore it from a backup",
    )


def read_manifest(folder: Path) -> DropManifest:
    """The manifest of a drop. Raises SourceError when it is missing or damaged, or names a file that is not there."""
    path = folder / MANIFEST
    if not path.is_file():
        raise SourceError(
            "drop is missing" if not folder.is_dir() else "drop has no manifest",
            which=folder,
            found=f"no {MANIFEST}",
            allowed=f"a folder with {MANIFEST} and the files that it names",
            next_step="run step trade for this day first" if not folder.is_dir() else "deliver the drop again",
        )
    try:
        found = json.loads(path.read_bytes())
        manifest = DropManifest(
            str(found["market"]),
            date.fromisoformat(found["trade_date"]),
            datetime.fromisoformat(found["known_at"]),
            int(found["seed"]),
            str(found["policy_version"]),
            str(found["policy_digest"]),
            {str(name): DropFile(str(one["sha256"]), int(one["rows"])) for name, one in found["files"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}", "the manifest as `write_drop` makes it") from error
    if manifest.known_at.tzinfo is None:
        raise _damaged(path, f"known_at {found['known_at']}", "a time with its zone")
    _require_files(folder, manifest)
    return manifest


def _require_files(folder: Path, manifest: DropManifest) -> None:
    for name in manifest.files:
        if Path(name).stem not in NOUNS or Path(name).name != name:
            raise _damaged(folder / MANIFEST, f"a file named {name!r}", ", ".join(f"{noun}.parquet" for noun in NOUNS))
        if not (folder / name).is_file():
            raise _damaged(folder / name, "nothing there", "the file that the manifest names")


def read_day(folder: Path, market: Market, day: date) -> list[SourceFile]:
    """The files of a drop, each checked against its digest, in the order of the nouns.

    Raises SourceError naming the file that is missing, damaged, of another day, or not the one of the manifest.
    """
    manifest = read_manifest(folder)
    if (manifest.market, manifest.trade_date) != (market.name, day):
        raise _damaged(
            folder / MANIFEST, f"a drop of {manifest.market} {manifest.trade_date}", f"a drop of {market.name} {day}"
        )
    files = []
    for noun in NOUNS:
        name = f"{noun}.parquet"
        if name in manifest.files:
            listed = manifest.files[name]
            source = read_noun_file(folder / name, noun, market, day, manifest.known_at, listed.sha256)
            if source.rows.num_rows != listed.rows:
                raise _damaged(
                    folder / name, f"{source.rows.num_rows} rows", f"{listed.rows} rows, as the manifest says"
                )
            files.append(source)
    return files


def _synced(path: Path, payload: bytes) -> None:
    with path.open("xb") as handle:
        handle.write(payload)
        handle.flush()
        os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parquet_bytes(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="lz4", write_page_checksum=True, write_statistics=False, store_schema=False)
    payload: bytes = sink.getvalue().to_pybytes()
    return payload


def write_drop(folder: Path, tables: Mapping[str, pa.Table], manifest: DropManifest) -> DropManifest:
    """Write a drop, all or nothing; the manifest as written. A drop that is there with the same content is left alone.

    tables: noun -> rows. Raises SourceError when another drop is there already.
    """
    payloads = {f"{noun}.parquet": _parquet_bytes(rows) for noun, rows in tables.items()}
    rows = {f"{noun}.parquet": found.num_rows for noun, found in tables.items()}
    files = {name: DropFile(hashlib.sha256(payload).hexdigest(), rows[name]) for name, payload in payloads.items()}
    full = replace(manifest, files=files)
    if folder.exists():
        if read_manifest(folder).to_json() == full.to_json():
            return full
        raise _damaged(folder, "a drop with other content", "one drop a day, which never changes")
    fresh = folder.parent / f".{folder.name}.writing"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, payload in payloads.items():
        _synced(fresh / name, payload)
    _synced(fresh / MANIFEST, json.dumps(full.to_json(), indent=1).encode())
    _sync_folder(fresh)
    fresh.rename(folder)
    _sync_folder(folder.parent)
    return full
