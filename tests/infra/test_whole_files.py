"""Files that are there whole or not at all, on a full disk and under kill -9 too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.errors import DiskFullError
from infra.whole_files import replace_file, write_new
from tests.infra.full_disk import fill, needs_root, small_disk

DIES_AT = (
    "import os, signal, sys; from pathlib import Path; from infra import whole_files\n"
    "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
    "setattr(os, sys.argv[2], die)\n"
    "whole_files.replace_file(Path(sys.argv[1]), b'new' * 50_000)\n"
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_second_writer_of_a_new_file_is_told_and_changes_nothing(tmp_path: Path) -> None:
    assert write_new(tmp_path / "a", b"first")
    assert not write_new(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert names(tmp_path) == ["a"]


def test_a_file_takes_the_place_of_another_with_its_own_mode(tmp_path: Path) -> None:
    replace_file(tmp_path / "deep" / "a", b"first")
    replace_file(tmp_path / "deep" / "a", b"second", 0o600)
    assert (tmp_path / "deep" / "a").read_bytes() == b"second"
    assert (tmp_path / "deep" / "a").stat().st_mode & 0o777 == 0o600
    assert names(tmp_path / "deep") == ["a"]


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_kill_9_between_any_two_steps_leaves_the_old_file(tmp_path: Path, call: str) -> None:
    path = tmp_path / "snapshot.json"
    replace_file(path, b"old")
    killed = subprocess.run([sys.executable, "-c", DIES_AT, str(path), call], check=False, cwd=Path.cwd())
    assert killed.returncode == -9
    assert path.read_bytes() == b"old"
    assert len(names(tmp_path)) == 2, "the killed writer's scratch file lies beside it"
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"


@needs_root
@pytest.mark.parametrize("write", [replace_file, write_new])
def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path, write: object) -> None:
    with small_disk(tmp_path / "disk") as folder:
        place = folder / "a" if write is replace_file else folder / "b"
        replace_file(folder / "a", b"old")
        fill(folder)
        with pytest.raises(DiskFullError, match="disk is full"):
            write(place, bytes(100_000))  # type: ignore[operator]
        assert names(folder) == ["a", "filler"]
        assert (folder / "a").read_bytes() == b"old"


@needs_root
def test_a_disk_that_takes_a_part_of_a_file_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder, pytest.raises(DiskFullError):
        replace_file(folder / "a", bytes(3_000_000))
