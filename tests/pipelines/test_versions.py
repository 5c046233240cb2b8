"""Registered versions that this checkout can serve, and those that it cannot."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from features.catalog import FEATURES
from infra.errors import LakeError, OtherFeaturesError
from infra.registry import RegisteredVersion
from infra.settings import Settings
from infra.version_files import version_folder, write_version
from models.policy import SIGNAL
from models.signal import fit_signal
from pipelines.versions import load_servable, load_version
from tests.models.test_signal import QUICK, rows_of

TODAY = [(feature.name, feature.full_version) for feature in FEATURES.values()]


@pytest.fixture(scope="module")
def signal_files() -> dict[str, bytes]:
    return fit_signal(rows_of(), QUICK, seed=7, threads=2).to_files()


def registered(
    settings: Settings, number: int, features: list[tuple[str, int]], files: dict[str, bytes]
) -> RegisteredVersion:
    recipe, policy = json.dumps({"features": features}).encode(), json.dumps(asdict(SIGNAL)).encode()
    whole = {**files, "recipe.json": recipe, "policy.json": policy}
    digest, _ = write_version(settings.registry, "sample", whole, {"number": number})
    return RegisteredVersion("sample", number, digest, "2026-11-19", "recipe", "run", f"key-{number}")


def test_a_version_comes_back_as_the_policy_that_was_registered(tmp_path: Path, signal_files: dict[str, bytes]) -> None:
    settings = Settings(home=tmp_path)
    found = load_version(settings, registered(settings, 3, TODAY, signal_files))
    assert (found.version, found.parameters) == ("sample.execution/3", SIGNAL)
    assert found.signal is not None


def test_a_version_trained_before_a_feature_changed_is_left_out_by_name_and_stops_nothing(
    tmp_path: Path, signal_files: dict[str, bytes]
) -> None:
    settings = Settings(home=tmp_path)
    changed = [(TODAY[0][0], f"2{TODAY[0][1]}"), *TODAY[1:]]
    old, new = registered(settings, 1, changed, signal_files), registered(settings, 2, TODAY, signal_files)
    served, left_out = load_servable(settings, [new, old])
    assert [policy.version for policy in served] == ["sample.execution/2"]
    assert len(left_out) == 1
    assert left_out[0].startswith("sample.execution/1 is not scored again: version was trained on other features")
    with pytest.raises(OtherFeaturesError, match="next: check out the version's code revision"):
        load_version(settings, old)


def test_an_altered_file_is_never_loaded_and_never_passed_over(tmp_path: Path, signal_files: dict[str, bytes]) -> None:
    settings = Settings(home=tmp_path)
    version = registered(settings, 1, TODAY, signal_files)
    path = version_folder(settings.registry, "sample", version.digest) / "signal_30s.ubj"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(LakeError, match=r"a version's file was altered: .*signal_30s\.ubj"):
        load_servable(settings, [version])
