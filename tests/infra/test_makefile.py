"""The Makefile, with a `fillwise` that only says what it was called with."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.settings import PROJECT

SAYS = '#!/bin/bash\nprintf "%s\\n" "$(basename "$0")" "$@" "home $FILLWISE_HOME" "${MARKET-unset}"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "check out"
    for name in ("Makefile", "requirements.lock", "pyproject.toml", "infra/deploy/setup.sh", "infra/deploy/jars.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, folder / name)
    (folder / "infra/deploy/setup.sh").write_text("#!/bin/bash\necho setting up\n")
    for name in ("fillwise", "python", "ruff", "mypy", "lint-imports"):
        tool = folder / ".venv" / "bin" / name
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(SAYS)
        tool.chmod(0o755)
    return folder


def make(folder: Path, *words: str, cwd: Path | None = None) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FILLWISE_", "MAKE"))}
    where = cwd or folder
    done = subprocess.run(
        ["make", "--no-print-directory", "-C", str(folder), *words], env={**environment, "PWD": str(where)}, cwd=where,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_make_alone_names_every_target(checkout: Path) -> None:
    told = "\n".join(make(checkout))
    for target in ("setup", "nightly", "test", "check", "bench", "up", "status", "lock", "clean"):
        assert f"  make {target} " in told
    assert "setting up" not in told


def test_the_first_command_sets_up_and_the_second_does_not(checkout: Path) -> None:
    assert make(checkout, "status")[0] == "setting up"
    assert make(checkout, "status")[0] == "fillwise"
    os.utime(checkout / "requirements.lock", (9e9, 9e9))
    assert make(checkout, "status")[0] == "setting up"


def test_a_night_goes_to_the_sample_market_and_one_home_below_the_checkout(checkout: Path) -> None:
    make(checkout, "setup")
    home = f"home {checkout / '.fillwise'}"
    assert make(checkout, "nightly") == ["fillwise", "nightly", "--market", "sample", home, "unset"]


def test_a_folder_of_files_is_relative_to_where_make_was_called(checkout: Path, tmp_path: Path) -> None:
    make(checkout, "setup")
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    told = make(checkout, "nightly", "MARKET=ashare", "DATA=my data", "DAY=2026-11-20", cwd=elsewhere)
    assert told[:-2] == [
        "fillwise", "nightly", "--market", "ashare", "--day", "2026-11-20", "--data", str(elsewhere / "my data"),
    ]  # fmt: skip


def test_what_is_typed_is_never_run(checkout: Path, tmp_path: Path) -> None:
    make(checkout, "setup")
    told = make(checkout, "nightly", f"DAY=; touch {tmp_path}/run", f"DATA=`touch {tmp_path}/run`; x")
    assert told[3:6] == ["sample", "--day", f"; touch {tmp_path}/run"]
    assert not (tmp_path / "run").exists()


def test_check_looks_at_everything_and_runs_no_tests(checkout: Path) -> None:
    make(checkout, "setup")
    told = make(checkout, "check")
    tools = [line for line in told if line in ("ruff", "mypy", "lint-imports", "python", "fillwise")]
    assert tools == ["ruff", "ruff", "mypy", "lint-imports"]


def test_what_decides_whether_a_change_lands_is_what_a_developer_types() -> None:
    run = (PROJECT / ".ci" / "run").read_text()
    assert run.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in run
    assert [line for line in run.splitlines() if line.startswith("make")] == ["make check", "make test"]
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)
