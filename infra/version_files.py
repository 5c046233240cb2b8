"""A version as a plain directory with a manifest of digests, written once, loaded by digest.

    manifest.json       what it was made from, and the SHA-256 of every other file
    signal_*.ubj        XGBoost's own format
    *.json              calibration, features, policy, recipe

The version's digest is the SHA-256 of `manifest.json`; no file is read unless it has the digest written there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.errors import LakeError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class VersionFiles:
    """A loaded directory: its digest, its manifest, and the bytes of its files by name."""

    digest: str
    manifest: dict[str, Any]
    files: dict[str, bytes]


def version_folder(registry: Path, market: str, digest: str) -> Path:
    """Folder of a version, named by its digest."""
    return registry / "versions" / market / digest[:16]


def write_version(
    registry: Path, market: str, files: Mapping[str, bytes], facts: Mapping[str, Any]
) -> tuple[str, Path]:
    """Write the directory (atomically; an existing one with the same digest is left alone): (digest, folder)."""
    digests = {name: hashlib.sha256(payload).hexdigest() for name, payload in sorted(files.items())}
    manifest = json.dumps({**facts, "files": digests}, indent=1, sort_keys=True, default=str).encode()
    digest = hashlib.sha256(manifest).hexdigest()
    folder = version_folder(registry, market, digest)
    if (folder / MANIFEST).exists():
        return digest, folder
    fresh = folder.with_name(f".writing-{os.getpid()}-{digest[:16]}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, payload in {**files, MANIFEST: manifest}.items():
        with (fresh / name).open("wb") as handle:
            handle.write(payload)
            handle.flush()
            os.fsync(handle.fileno())
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(fresh, folder)
    return digest, folder


def _digest_checked(path: Path, expected: str) -> bytes:
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise LakeError(
            "cannot read a version's file",
            which=path,
            found=str(error),
            allowed="the file as registered",
            next_step="restore the registry from a backup",
        ) from error
    found = hashlib.sha256(payload).hexdigest()
    if found != expected:
        raise LakeError(
            "a version's file was altered",
            which=path,
            found=found[:16],
            allowed=expected[:16],
            next_step="restore the registry from a backup; this version will not be loaded",
        )
    return payload


def read_manifest(registry: Path, market: str, digest: str) -> dict[str, Any]:
    """What a version was made from. Raises LakeError when the manifest is missing or altered."""
    found: dict[str, Any] = json.loads(_digest_checked(version_folder(registry, market, digest) / MANIFEST, digest))
    return found


def read_version(registry: Path, market: str, digest: str) -> VersionFiles:
    """The version's files, each checked against the manifest. Raises LakeError naming the altered file."""
    folder = version_folder(registry, market, digest)
    manifest = read_manifest(registry, market, digest)
    files = {name: _digest_checked(folder / name, expected) for name, expected in manifest["files"].items()}
    return VersionFiles(digest, manifest, files)
