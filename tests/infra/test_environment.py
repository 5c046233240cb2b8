"""Processes get homes of their own, and compiled kernels that fit the code."""

import os
import time
from pathlib import Path

import pytest

from infra import environment
from infra.environment import apply, kernels_folder
from infra.settings import Settings

DAY = 86_400.0


@pytest.fixture(autouse=True)
def unchanged_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.quiet_environment(Settings()):
        monkeypatch.setenv(name, os.environ.get(name, ""))


def an_older_folder(settings: Settings, name: str, days: float) -> Path:
    folder = settings.cache / "numba" / name
    folder.mkdir(parents=True)
    os.utime(folder, (time.time() - days * DAY,) * 2)
    return folder


def test_kernels_of_changed_code_are_compiled_into_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kernels_folder(Settings(home=tmp_path))
    monkeypatch.setattr(environment, "COMPILED", ("features",))
    assert kernels_folder(Settings(home=tmp_path)) != before
    assert before.parent == tmp_path / "cache" / "numba"


def test_kernels_that_nobody_used_for_a_month_are_removed_and_younger_ones_kept(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    old, young = an_older_folder(settings, "old", 40.0), an_older_folder(settings, "young", 20.0)
    apply(settings)
    assert (old.exists(), young.exists(), kernels_folder(settings).exists()) == (False, True, True)
    assert os.environ["NUMBA_CACHE_DIR"] == str(kernels_folder(settings))
