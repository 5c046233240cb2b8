"""`fillwise up`: several programs as one, and none of them left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.errors import BusyError, SettingsError
from infra.locks import held
from infra.settings import Settings
from pipelines.up import require_free_ports, services, up

FILLWISE = Path(sys.executable).parent / "fillwise"
TOGETHER = """
    import os, sys
    from pathlib import Path
    from pipelines.up_manager import run_together
    home = Path(sys.argv[1])
    commands = {name: command for name, command in zip(sys.argv[2::2], sys.argv[3::2])}
    print("ended:", run_together(commands, os.environ, home, lambda: (home / "started").touch(), 2.0))
"""


def wait_for(what: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (is_so := what()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_so


def marked(home: Path) -> list[str]:
    """Command lines of living processes that carry this home in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if f"FILLWISE_HOME={home}\0".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def start(home: Path, *commands: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "FILLWISE_HOME": str(home)}
    words = [sys.executable, "-c", textwrap.dedent(TOGETHER), str(home), *commands]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_of_them_the_deaf_and_the_hidden_too(tmp_path: Path, which: signal.Signals) -> None:
    deaf = "bash -c 'trap \"\" TERM; echo ready; while :; do sleep 0.2; done'"
    hidden = "bash -c 'setsid sleep 60 & echo ready; wait'"
    with start(tmp_path, "deaf", deaf, "hidden", hidden, "plain", "sleep 60") as together:
        logs = [tmp_path / "deaf.log", tmp_path / "hidden.log"]
        assert wait_for(lambda: all(log.exists() and "ready" in log.read_text() for log in logs), 20)
        assert (tmp_path / "started").exists()
        together.send_signal(which)
        out, _ = together.communicate(timeout=30)
    assert out == "ended: None\n"
    assert marked(tmp_path) == []


def test_one_that_ends_by_itself_stops_the_others_and_is_named(tmp_path: Path) -> None:
    with start(tmp_path, "steady", "sleep 60", "brief", "bash -c 'echo going; exit 3'") as together:
        out, _ = together.communicate(timeout=30)
    assert out == "ended: brief\n"
    assert "going" in (tmp_path / "brief.log").read_text()
    assert "brief stopped (rc=3)" in (tmp_path / "system.log").read_text()
    assert marked(tmp_path) == []


def test_kill_nine_of_the_manager_leaves_nothing_running(tmp_path: Path) -> None:
    with start(tmp_path, "one", "sleep 60", "two", "bash -c 'exec sleep 61'") as together:
        assert wait_for(lambda: {"sleep 60 ", "sleep 61 "} <= set(marked(tmp_path)), 20)
        together.kill()
        together.wait()
    assert wait_for(lambda: marked(tmp_path) == [], 10), marked(tmp_path)


def test_a_taken_port_is_named_with_the_variable_that_moves_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        airflow, pages = free_ports(2)
        with pytest.raises(SettingsError) as told:
            up(Settings(home=tmp_path, airflow_port=airflow, mlflow_port=port, pages_port=pages))
    assert told.value.which == f"MLflow, port {port}"
    assert told.value.next_step == f"stop what listens there, or set FILLWISE_MLFLOW_PORT={port + 1}"
    assert told.value.found == "Address already in use"


def test_two_parts_may_not_share_a_port(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="two parts share a port: Airflow, port 5000"):
        require_free_ports(services(Settings(home=tmp_path, airflow_port=5000)))


def test_a_second_up_on_the_same_home_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with (
        held(tmp_path / "locks" / "up.lock", "fillwise up", 0),
        pytest.raises(BusyError, match=f"process {os.getpid()}"),
    ):
        up(Settings(home=tmp_path))


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def get(address: str, **body: str) -> str:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(address, data=data, headers={"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as reply:
        return str(reply.read().decode())


def test_airflow_mlflow_and_the_pages_start_together_and_stop_cleanly(tmp_path: Path) -> None:
    airflow, mlflow, pages = free_ports(3)
    given = {
        "FILLWISE_HOME": tmp_path, "FILLWISE_AIRFLOW_PORT": airflow, "FILLWISE_MLFLOW_PORT": mlflow,
        "FILLWISE_PAGES_PORT": pages,
    }  # fmt: skip
    environment = {**os.environ, **{name: str(value) for name, value in given.items()}}
    out = tmp_path / "out"
    with out.open("w") as written, subprocess.Popen(
        [FILLWISE, "up"], env=environment, stdout=written, stderr=written, cwd="/", start_new_session=True
    ) as running:  # fmt: skip
        try:
            assert wait_for(lambda: "stop: Ctrl-C" in out.read_text() or running.poll() is not None, 200), (
                out.read_text()
            )
            assert "does not answer" not in out.read_text()
            password = out.read_text().partition("login: admin  password: ")[2].split()[0]
            rita = out.read_text().partition("rita: password ")[2].split()[0]
            assert "access_token" in get(f"http://127.0.0.1:{airflow}/auth/token", username="admin", password=password)
            assert "access_token" in get(f"http://127.0.0.1:{airflow}/auth/token", username="rita", password=rita)
            assert "<title>MLflow</title>" in get(f"http://127.0.0.1:{mlflow}/")
            assert "make nightly" in get(f"http://127.0.0.1:{pages}/")
        finally:
            running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 0
    assert out.read_text().endswith("stopped\n")
    assert marked(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} >= {"airflow", "keys", "ledger", "logs", "registry"}
