"""Every step is run the same way: locked, logged, timed, recorded."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.errors import BusyError, SourceError
from infra.locks import held
from infra.markets import MARKETS
from infra.settings import Settings
from pipelines import runner
from pipelines.runner import Run, run_step
from pipelines.step import StepContext, StepReport
from pipelines.steps import Step
from tests.builders import FRIDAY


def a_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """Install a step module made of `body`, as a new row of STEPS would."""
    (tmp_path / "a_step.py").write_text(
        "from pipelines.step import StepReport\nfrom infra.errors import SourceError\ndef run(context):\n" + body
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "a_step", raising=False)
    monkeypatch.setattr(runner, "step_named", lambda _: Step("ingest", "a_step", "a step of a test"))


def a_run(tmp_path: Path, wait: float = 0.0) -> Run:
    return Run(Settings(home=tmp_path / "home", lock_wait_seconds=wait), MARKETS["sample"], (FRIDAY,))


def record(run: Run) -> dict[str, object]:
    found: dict[str, object] = json.loads((run.log_folder / "ingest.json").read_text())
    return found


def test_a_finished_step_leaves_its_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a_step(monkeypatch, tmp_path, "    return StepReport(rows_in=3, rows_out=2, rows_refused=1, notes=('seen',))\n")
    run = a_run(tmp_path)
    assert run_step("ingest", run) == StepReport(3, 2, 1, notes=("seen",))
    assert {key: record(run)[key] for key in ("state", "rows_in", "rows_refused", "last_day")} == {
        "state": "done", "rows_in": 3, "rows_refused": 1, "last_day": "2026-11-20",
    }  # fmt: skip
    assert "3 rows in, 2 out, 1 refused" in (run.log_folder / "ingest.log").read_text()


def test_a_stopped_step_leaves_its_sentence_and_frees_the_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = "SourceError('cannot read', which='f', found='x', allowed='y', next_step='z')"
    a_step(monkeypatch, tmp_path, f"    raise {error}\n")
    run = a_run(tmp_path)
    for _ in range(2):
        with pytest.raises(SourceError):
            run_step("ingest", run)
    assert (record(run)["state"], record(run)["error"]) == ("failed", "cannot read: f; found x; allowed: y; next: z")
    assert "Traceback" not in (run.log_folder / "ingest.log").read_text()


def test_a_second_night_on_the_market_is_told_who_is_running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a_step(monkeypatch, tmp_path, "    return StepReport(0, 0)\n")
    run = a_run(tmp_path)
    with (
        held(run.settings.home / "locks" / "sample.lock", "fillwise train 2026-11-20", 0),
        pytest.raises(BusyError, match="sample; found held by fillwise train 2026-11-20"),
    ):
        run_step("ingest", run)


def test_progress_passes_every_item_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from infra.lake import Lake

    context = StepContext(Settings(home=tmp_path), MARKETS["sample"], (FRIDAY,), Lake(tmp_path / "lake"))
    assert list(context.progress([1, 2, 3], "days")) == [1, 2, 3]
    capsys.readouterr()


def test_a_step_started_by_airflow_dies_with_its_parent() -> None:
    child = "import time, infra.parent as p; p.die_with_parent(); print('ready', flush=True); time.sleep(60)"
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE, start_new_session=True)\n"
        "child.stdout.readline(); print(child.pid, flush=True); child.wait()"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 5
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
