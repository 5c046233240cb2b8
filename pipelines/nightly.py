"""`make nightly`: bootstrap, then the DAG through Airflow in one process, then what happened and where to look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.environment import process_environment
from pipelines.report_inputs import StepLine, read_steps, stopped_at
from pipelines.runner import Run, read_records
from pipelines.steps import STEPS

SCRIPTS = Path(sys.executable).parent
NAMES = [step.name for step in STEPS]
POLL_SECONDS = 0.5
VERDICT_STEP, PAGE_STEP = "gate", "report"
"""The page step writes no table; its page shows the seconds of the latest run."""
HEADER = f"{'step':20}{'state':12}{'rows in':>12}{'rows out':>12}{'refused':>12}{'seconds':>9}  tables"


def dag_of(market: str) -> str:
    """DAG of a market."""
    return f"nightly_retraining_{market}"


def _step_line(step: StepLine) -> str:
    counts = "".join(f"{count:>12,}" for count in (step.rows_in, step.rows_out, step.rows_refused))
    return f"{step.name:20}{step.state:12}{counts}{step.seconds:>9.1f}  {', '.join(step.tables)}"


@dataclass(frozen=True)
class NightTimes:
    """Wall seconds of a night: all of it, and the part that brought in missing history before it."""

    whole: float
    bootstrap: float

    def sentence(self, working: float) -> str:
        rest = self.whole - self.bootstrap - working
        return (
            f"{self.whole:.1f} s in all: {self.bootstrap:.1f} s looking for history and bringing it in, "
            f"{working:.1f} s inside steps, {rest:.1f} s ({rest / self.whole:.0%}) orchestration and start-up"
        )


def _print_stop(stopped: StepLine) -> None:
    why = stopped.error or "the process was killed; run the same command again"
    print(f"\n{stopped.name} stopped: {why}\nits log: {stopped.log}")


def print_night(run: Run, times: NightTimes | None = None) -> None:
    """The table of steps, the sentence of the step that stopped, and where to look."""
    day, market = run.days[-1], run.market.name
    steps = read_steps(run.log_folder, own="")
    print(f"\nNight of {day}, market {market}: {run.market.orders}\n{HEADER}")
    for step in steps:
        print(_step_line(step))
    for step in steps:
        for note in step.notes if step.name in (VERDICT_STEP, PAGE_STEP) else ():
            print(f"  {note}")
    stopped = stopped_at(steps)
    if stopped is not None:
        _print_stop(stopped)
    if all(step.state == "unchanged" for step in steps if step.name != PAGE_STEP):
        print("Nothing changed: every table already held this night's result.")
    if times is not None:
        print(times.sentence(sum(step.seconds for step in steps)))
    print(f"page:    {run.settings.pages / market / str(day) / 'index.html'}")
    print(f"lake:    {run.settings.lake}\nlogs:    {run.log_folder}\nlook at: make up   (Airflow, MLflow, pages)")


def _tell_step(run: Run, name: str) -> None:
    line = next(step for step in read_steps(run.log_folder, own="") if step.name == name)
    print(_step_line(line), flush=True)


def _run_dag(run: Run, environment: dict[str, str], before: dict[str, Any]) -> int:
    """Run the DAG in one Airflow process; its chatter goes to a log, each finished step is told as it ends."""
    conf = json.dumps({"day": str(run.days[-1]), "data": str(run.data) if run.data else ""})
    words = [str(SCRIPTS / "airflow"), "dags", "test", dag_of(run.market.name), "--conf", conf]
    told: set[str] = set()
    with (run.log_folder / "airflow.log").open("ab") as out:
        airflow = subprocess.Popen(words, env=environment, stdout=out, stderr=out)
        try:
            while True:
                status = airflow.poll()
                for record in _fresh_records(run, before):
                    if record["state"] != "running" and record["step"] not in told:
                        told.add(record["step"])
                        _tell_step(run, record["step"])
                if status is not None:
                    return status
                time.sleep(POLL_SECONDS)
        finally:
            airflow.terminate()


def _bootstrap(run: Run) -> int:
    words = ["bootstrap", "--market", run.market.name, "--day", str(run.days[-1])]
    words += ["--data", str(run.data)] if run.data else []
    environment = {**process_environment(run.settings), "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run([str(SCRIPTS / "fillwise"), *words], env=environment, check=False).returncode


def nightly(run: Run) -> int:
    """Exit status of the night. Airflow prepares its database while the history is brought in."""
    started = time.monotonic()
    environment = process_environment(run.settings)
    run.log_folder.mkdir(parents=True, exist_ok=True)
    with (run.log_folder / "airflow.log").open("ab") as out:
        migrate = subprocess.Popen([str(SCRIPTS / "airflow"), "db", "migrate"], env=environment, stdout=out, stderr=out)
        status = _bootstrap(run)
        bootstrapped = time.monotonic() - started
        migrated = migrate.wait()
    if status:
        return status
    if migrated:
        print(f"airflow db migrate failed, see {run.log_folder / 'airflow.log'}", file=sys.stderr)
        return migrated
    before = {record["step"]: record.get("started_at") for record in read_records(run, NAMES)}
    print(f"airflow dags test {dag_of(run.market.name)}, day {run.days[-1]}\n{HEADER}", flush=True)
    status = _run_dag(run, environment, before)
    print_night(run, NightTimes(time.monotonic() - started, bootstrapped))
    return status or _unfinished(run, before)


def _fresh_records(run: Run, before: dict[str, Any]) -> list[dict[str, Any]]:
    """Records that a step has written since `before` was read."""
    return [record for record in read_records(run, NAMES) if record.get("started_at") != before.get(record["step"])]


def _unfinished(run: Run, before: dict[str, Any]) -> int:
    """1 when a step of tonight left no fresh finished record, whatever Airflow's own exit status says."""
    done = {record["step"] for record in _fresh_records(run, before) if record["state"] == "done"}
    missing = [name for name in NAMES if name not in done]
    if missing:
        print(f"not finished: {', '.join(missing)}; see {run.log_folder / 'airflow.log'}", file=sys.stderr)
    return 1 if missing else 0
