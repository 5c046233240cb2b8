from pathlib import Path

import pytest

from infra.errors import LakeError
from infra.version_files import read_version, version_folder, write_version

FILES = {"policy.json": b"{}", "signal_30s.ubj": b"trees"}


def test_a_version_comes_back_by_its_digest(tmp_path: Path) -> None:
    digest, _ = write_version(tmp_path, "sample", FILES, {"recipe_id": "abc"})
    found = read_version(tmp_path, "sample", digest)
    assert found.files == FILES
    assert found.manifest["recipe_id"] == "abc"


def test_the_same_files_and_facts_have_the_same_digest(tmp_path: Path) -> None:
    assert write_version(tmp_path, "sample", FILES, {"a": 1}) == write_version(tmp_path, "sample", FILES, {"a": 1})
    assert (
        write_version(tmp_path, "sample", FILES, {"a": 2})[0] != write_version(tmp_path, "sample", FILES, {"a": 1})[0]
    )


@pytest.mark.parametrize("name", ["policy.json", "manifest.json"])
def test_an_altered_file_is_named_and_not_loaded(tmp_path: Path, name: str) -> None:
    digest, _ = write_version(tmp_path, "sample", FILES, {})
    path = version_folder(tmp_path, "sample", digest) / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(LakeError, match=f"{name}.*will not be loaded"):
        read_version(tmp_path, "sample", digest)
