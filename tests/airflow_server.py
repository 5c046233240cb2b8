"""A real Airflow in a temporary home: API server, scheduler and DAG processor on SQLite, spoken to as its users.

Starting it costs half a minute of two cores, so one serves a module's tests: fixture `airflow` of the module that asks.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.environment import process_environment
from infra.settings import Settings
from pipelines.airflow_users import keep_users, password_of

SCRIPTS = Path(sys.executable).parent
PROGRAMS = (("api-server",), ("scheduler", "--skip-serve-logs"), ("dag-processor",))
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
START_SECONDS, STEP_SECONDS, CALL_SECONDS = 300.0, 300.0, 180.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(what: Callable[[], Any], seconds: float, told: Callable[[], str]) -> Any:
    """What `what` answers once it is something. Fails with what `told` says when it never is."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, told()
        time.sleep(0.3)
    return found


@dataclass
class AirflowServer:
    """One running Airflow. `ask` speaks REST as one of its users."""

    settings: Settings
    tokens: dict[str, str] = field(default_factory=dict)
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill(self) -> None:
        """kill -9 of every program and whatever it has started."""
        for one in self.programs:
            os.killpg(one.pid, signal.SIGKILL)
            one.wait()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.settings.airflow_port}"

    def token(self, user: str) -> str:
        if user not in self.tokens:
            told = {"username": user, "password": password_of(self.settings, user)}
            status, found = self.call("POST", "/auth/token", told)
            assert status == 201, found
            self.tokens[user] = str(found["access_token"])
        return self.tokens[user]

    def call(self, method: str, path: str, body: object = None, token: str | None = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)  # noqa: S310
        try:
            with OPENER.open(request, timeout=CALL_SECONDS) as reply:
                return reply.status, json.loads(reply.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            return error.code, text

    def ask(self, user: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """REST below /api/v2 as a user: status and answer."""
        return self.call(method, f"/api/v2{path}", body, self.token(user))

    def trigger(self, dag_id: str, conf: dict[str, str], run_id: str) -> str:
        body = {"dag_run_id": run_id, "conf": conf, "logical_date": None}
        status, found = self.ask("admin", "POST", f"/dags/{dag_id}/dagRuns", body)
        assert status == 200, found
        return run_id

    def state(self, dag_id: str, run_id: str, task_id: str) -> str | None:
        status, found = self.ask("admin", "GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")
        return found["state"] if status == 200 else None

    def wait_state(self, dag_id: str, run_id: str, task_id: str, *wanted: str) -> str:
        """The task's state once it is one of these. Fails with its log when it never is."""

        def told() -> str:
            found = self.ask("admin", "GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")[1]
            states = {one["task_id"]: one["state"] for one in found["task_instances"]}
            return f"wanted {wanted} of {task_id}, found {states}\n{self.log(dag_id, run_id, task_id)}"

        def reached() -> str | None:
            found = self.state(dag_id, run_id, task_id)
            return found if found in wanted else None

        return str(wait_for(reached, STEP_SECONDS, told))

    def wait_asked(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Wait until a task asks and the scheduler has noted it.

        Airflow 3.3 loses an answer given between the two, in the tenth of a second that no person is quick enough for:
        it takes the worker's end for that of the task which the answer has just queued, and asks again as a retry.
        """
        self.wait_state(dag_id, run_id, task_id, "awaiting_input")
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        number = self.ask("admin", "GET", path)[1]["try_number"]
        names = f"dag_id='{dag_id}', task_id='{task_id}', run_id='{run_id}', try_number={number}"
        noted = f"executor event with state success for task instance TaskInstanceKey({names}"
        told = self.settings.logs / "up" / "scheduler.log"
        wait_for(lambda: noted in told.read_text(errors="replace"), STEP_SECONDS, lambda: f"not in {told}: {noted}")

    def log(self, dag_id: str, run_id: str, task_id: str) -> str:
        """What the task's tries have logged."""
        folder = self.settings.logs / "airflow" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        return "\n".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*.log")))


def _environment(settings: Settings) -> dict[str, str]:
    quick = {
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "1",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "FILLWISE_AIRFLOW_PORT": str(settings.airflow_port),
        "PYTHONWARNINGS": "ignore",
    }
    names = [name for name in os.environ if name.startswith(("FILLWISE_", "AIRFLOW__"))]
    kept = {name: value for name, value in process_environment(settings).items() if name not in names}
    from infra.environment import airflow_environment, quiet_environment

    return {**kept, **quiet_environment(settings), **airflow_environment(settings), **quick}


def _is_ready(server: AirflowServer, dag_ids: tuple[str, ...]) -> bool:
    try:
        status, _ = server.call("GET", "/api/v2/monitor/health")
        return status == 200 and all(server.ask("admin", "GET", f"/dags/{one}")[0] == 200 for one in dag_ids)
    except OSError:
        return False


@contextmanager
def running_airflow(
    home: Path, users: dict[str, str], dag_ids: tuple[str, ...], settings: Settings | None = None
) -> Iterator[AirflowServer]:
    """An Airflow with these users (name -> role) until the block ends; nothing of it is left running."""
    settings = replace(settings or Settings(home=home), airflow_port=free_port())
    keep_users(settings, users)
    environment, logs = _environment(settings), settings.logs / "up"
    logs.mkdir(parents=True, exist_ok=True)
    airflow = str(SCRIPTS / "airflow")
    with (logs / "migrate.log").open("wb") as out:
        subprocess.run([airflow, "db", "migrate"], env=environment, stdout=out, stderr=out, check=True)
    started = []
    for words in PROGRAMS:
        out = (logs / f"{words[0]}.log").open("wb")
        started.append(
            subprocess.Popen([airflow, *words], env=environment, stdout=out, stderr=out, start_new_session=True)
        )
        out.close()
    server = AirflowServer(settings, programs=started)
    try:
        wait_for(lambda: _is_ready(server, dag_ids), START_SECONDS, lambda: _tails(logs))
        yield server
    finally:
        for one in started:
            _end(one)


def _tails(logs: Path) -> str:
    return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in sorted(logs.glob("*")))


def _end(program: subprocess.Popen[bytes]) -> None:
    """End a program and whatever it has started in its session."""
    for which in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(program.pid, which)
            program.wait(timeout=10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    program.wait()
