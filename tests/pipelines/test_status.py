"""What state the system is in, read from files alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from infra.locks import held
from pipelines.status import market_lines
from pipelines.steps import STEPS
from tests.pipelines.invented_night import invented_context, write_records

REFUSED = "more rows refused than allowed: silver.trades; found 9 %; allowed: 5 %; next: ask the sender again"


def lines_of(home: Path) -> str:
    return "\n".join(market_lines(invented_context(home).settings, "sample"))


def test_a_whole_night_is_counted(tmp_path: Path) -> None:
    write_records(invented_context(tmp_path))
    assert f"last night 2026-11-20: {len(STEPS)} of {len(STEPS)} steps done" in lines_of(tmp_path)
    assert "nothing is running" in lines_of(tmp_path)


def test_a_stopped_night_says_where_and_why_even_when_later_steps_left_older_records(tmp_path: Path) -> None:
    write_records(invented_context(tmp_path), "validate", REFUSED)
    assert f"last night 2026-11-20: stopped at validate: {REFUSED}" in lines_of(tmp_path)


def test_a_killed_night_is_told_from_a_running_one_by_the_lock_that_the_kernel_frees(tmp_path: Path) -> None:
    write_records(invented_context(tmp_path), "train", state="running")
    assert "last night 2026-11-20: killed in train; run the same command again" in lines_of(tmp_path)
    with held(tmp_path / "locks" / "sample.lock", "fillwise train 2026-11-20", 0):
        assert "running: fillwise train 2026-11-20" in lines_of(tmp_path)
        assert "killed" not in lines_of(tmp_path)


def test_status_needs_nothing_but_the_standard_library() -> None:
    heavy = ("numpy", "pyarrow", "deltalake", "mlflow")
    code = f"import sys, pipelines.status; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
