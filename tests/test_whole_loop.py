"""A whole night on a small built-in market, undisturbed and killed: the tables must come out equal."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.settings import Settings
from pipelines.steps import STEPS
from tests.conftest import SCRATCH

DAY = "2026-11-20"
SCRIPTS = Path(sys.executable).parent
SMALL = {
    "FILLWISE_SAMPLE_SYMBOLS": "2",
    "FILLWISE_HISTORY_SESSIONS": "5",
    "FILLWISE_BACKTEST_SESSIONS": "2",
    "FILLWISE_FOLD_SESSIONS": "2",
    "FILLWISE_LOCK_WAIT_SECONDS": "120",
}
ROLLOUTS_OWN = ("limit_events", "shadow_children", "shadow_decisions")
NOT_IN_A_DROP = ("book_events", "order_changes", "order_messages", "signals", "symbol_events", *ROLLOUTS_OWN)
NEVER_IN_A_SAMPLE_NIGHT = {"gold.restatements", "quarantine.releases", *(f"bronze.{noun}" for noun in NOT_IN_A_DROP)}
KILLED_STEPS = [step.name for step in STEPS]


def environment(home: Path) -> dict[str, str]:
    """An empty home folder, and compiled kernels shared with the other tests."""
    kernels = SCRATCH / "cache" / "numba"
    kernels.mkdir(parents=True, exist_ok=True)
    (home / "cache").mkdir(parents=True, exist_ok=True)
    if not (home / "cache" / "numba").exists():
        (home / "cache" / "numba").symlink_to(kernels)
    return {"PATH": os.environ["PATH"], "HOME": str(home / "empty"), "FILLWISE_HOME": str(home), **SMALL}


def fillwise(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [SCRIPTS / "fillwise", *words, "--day", DAY],
        env=environment(home), capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def fingerprint(home: Path) -> str:
    return fillwise(home, "fingerprint").stdout


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    home = tmp_path_factory.mktemp("undisturbed")
    done = fillwise(home, "night")
    return home, done.stdout


@pytest.fixture(scope="module")
def wanted(undisturbed: tuple[Path, str]) -> str:
    found = fingerprint(undisturbed[0])
    absent = {line.split()[0] for line in found.splitlines() if line.endswith("absent")}
    assert absent == NEVER_IN_A_SAMPLE_NIGHT
    return found


def test_a_night_prints_its_steps_the_verdict_and_where_to_look(undisturbed: tuple[Path, str]) -> None:
    home, printed = undisturbed
    assert all(f"\n{step.name} " in printed for step in STEPS)
    assert "sample.execution/1: hold" in printed
    page = home / "pages" / "sample" / DAY / "index.html"
    assert str(page) in printed
    assert "sample.execution/1" in page.read_text()


def test_the_same_night_again_changes_nothing_and_says_so(undisturbed: tuple[Path, str], wanted: str) -> None:
    home, _ = undisturbed
    again = fillwise(home, "night").stdout
    assert "Nothing changed: every table already held this night's result." in again
    assert fingerprint(home) == wanted


def test_below_twenty_sessions_nothing_is_called_better(undisturbed: tuple[Path, str]) -> None:
    evidence = json.loads((undisturbed[0] / "pages" / "sample" / DAY / "evidence.json").read_text())
    compared = evidence["backtest"]["comparisons"]
    assert {one["fill_bound"] for one in compared} == {"touch", "trade_through"}
    assert all(one["low_bps"] is None and "an interval needs 20" in one["why_no_interval"] for one in compared)


def test_nothing_is_written_into_the_users_home(undisturbed: tuple[Path, str]) -> None:
    assert not (undisturbed[0] / "empty").exists()


def kill_in_the_middle(home: Path, step: str, after_seconds: float) -> None:
    """Start the step, wait until it says that it runs, kill -9 its process a moment later."""
    record = home / "logs" / "sample" / DAY / f"{step}.json"
    record.unlink(missing_ok=True)
    process = subprocess.Popen(
        [SCRIPTS / "fillwise", step, "--day", DAY], env=environment(home),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not record.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(after_seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def kill_spark_in_the_middle(home: Path) -> None:
    """Bring history in, and kill -9 the driver once Spark's JVM hands out days."""
    log = home / "cache" / "spark" / "jvm.log"
    process = subprocess.Popen(
        [SCRIPTS / "fillwise", "bootstrap", "--day", DAY], env=environment(home),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while not log.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert log.exists()
    time.sleep(4.0)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_kill_9_in_the_middle_of_each_step_and_the_same_command_again_gives_equal_tables(
    tmp_path: Path, wanted: str
) -> None:
    kill_spark_in_the_middle(tmp_path)
    fillwise(tmp_path, "bootstrap")
    for number, step in enumerate(KILLED_STEPS):
        kill_in_the_middle(tmp_path, step, after_seconds=0.05 + 0.35 * (number % 3))
        fillwise(tmp_path, step)
    assert fingerprint(tmp_path) == wanted


def steps_running(home: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"FILLWISE_HOME={home}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def test_kill_9_of_airflow_leaves_no_step_behind_and_the_night_can_be_run_again(tmp_path: Path, wanted: str) -> None:
    nightly = subprocess.Popen(
        [SCRIPTS / "fillwise", "nightly", "--day", DAY], env=environment(tmp_path), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    record = tmp_path / "logs" / "sample" / DAY / "train.json"
    deadline = time.monotonic() + 400
    while not record.exists() and nightly.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert record.exists()
    os.killpg(nightly.pid, signal.SIGKILL)
    nightly.wait()
    deadline = time.monotonic() + 15
    while (left := steps_running(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    assert "not there" not in fillwise(tmp_path, "nightly").stdout
    assert fingerprint(tmp_path) == wanted


def test_two_nights_on_one_day_at_once_give_the_tables_of_one(undisturbed: tuple[Path, str], wanted: str) -> None:
    home, _ = undisturbed
    command = [SCRIPTS / "fillwise", "validate", "--day", DAY]
    both = [
        subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(2)
    ]
    said = "".join(process.communicate(timeout=200)[1] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert "waiting: sample is held by fillwise validate" in said
    assert fingerprint(home) == wanted


def test_settings_of_the_small_market_are_settings() -> None:
    names = {f"FILLWISE_{name.upper()}" for name in Settings.__dataclass_fields__}
    assert set(SMALL) <= names
