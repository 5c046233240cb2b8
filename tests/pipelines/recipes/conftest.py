"""A few worked sessions, made once for every test of recipes, and a copy of them for each."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.pipelines.recipes.small_market import worked_sessions


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return worked_sessions(tmp_path_factory.mktemp("market") / "home")


@pytest.fixture
def settings(worked: Settings, tmp_path: Path) -> Settings:
    """The same sessions, nothing trained, for one test alone."""
    shutil.copytree(worked.home, tmp_path / "home")
    return replace(worked, home=tmp_path / "home")
