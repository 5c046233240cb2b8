"""Tests on recorded market data, which lies beside the project and never in it.

`FILLWISE_TEST_DATA` names the folder (default `../shared/data`). Where it is missing, these tests are skipped and
say so: a fresh clone has the built-in market and needs nothing else.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.settings import PROJECT


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "recorded: reads recorded market data (FILLWISE_TEST_DATA or ../shared/data)")


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """The folder of recorded data."""
    folder = Path(os.environ.get("FILLWISE_TEST_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no recorded data at {folder}; set FILLWISE_TEST_DATA")
    return folder
