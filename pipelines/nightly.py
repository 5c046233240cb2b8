"""`make nightly`: bootstrap, then the DAG through Airflow in one process, then what happened and where to look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from infra.environment import process_environment
from pipelines.runner import Run, read_records
from pipelines.steps import STEPS

SCRIPTS = Path(sys.executable).parent
NAMES = [step.name for step in STEPS]
POLL_SECONDS = 0.5
PAGE_STEP = "report"
"""It writes no table; its page shows the seconds of the latest run."""
HEADER = f"{'step':20}{'state':11}{'rows in':>12}{'rows out':>12}{'refused':>12}{'seconds':>9}  tables"


def dag_of(market: str) -> str:
    """DAG of a market."""
    return f"nightly_retraining_{market}"


def _step_line(record: dict[str, Any]) -> str:
    tables = ", ".join(f"{found['table']}@{found['version']}" for found in record.get("tables", ()))
    state = "unchanged" if record.get("is_unchanged") else record["state"]
    counts = "".join(f"{record.get(name, 0):>12,}" for name in ("rows_in", "rows_out", "rows_refused"))
    return f"{record['step']:20}{state:11}{counts}{record.get('seconds', 0.0):>9.1f}  {tables}"


def print_night(run: Run, seconds: float | None = None) -> None:
    """The table of steps, the sentence of the step that stopped, and where to look."""
    records = read_records(run, NAMES)
    day, market = run.days[-1], run.market.name
    print(f"\nNight of {day}, market {market}")
    print(HEADER)
    for record in records:
        print(_step_line(record))
    for record in records:
        if record["state"] == "failed":
            print(f"\n{record['step']} stopped: {record['error']}\nits log: {record['log']}")
        for note in record.get("notes", ()) if record["step"] in ("gate", "report") else ():
            print(f"  {note}")
    if records and all(record.get("is_unchanged") for record in records if record["step"] != PAGE_STEP):
        print("Nothing changed: every table already held this night's result.")
    if seconds is not None:
        working = sum(record.get("seconds", 0.0) for record in records)
        print(f"{seconds:.1f} s in all, of which {working:.1f} s inside steps, the rest orchestration and start-up")
    print(f"page:    {run.settings.pages / market / str(day) / 'index.html'}")
    print(f"lake:    {run.settings.lake}\nlogs:    {run.log_folder}\nlook at: make up   (Airflow, MLflow, pages)")


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
                        print(_step_line(record), flush=True)
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
        migrated = migrate.wait()
    if status:
        return status
    if migrated:
        print(f"airflow db migrate failed, see {run.log_folder / 'airflow.log'}", file=sys.stderr)
        return migrated
    before = {record["step"]: record.get("started_at") for record in read_records(run, NAMES)}
    print(f"airflow dags test {dag_of(run.market.name)}, day {run.days[-1]}\n{HEADER}", flush=True)
    status = _run_dag(run, environment, before)
    print_night(run, time.monotonic() - started)
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
