"""`fillwise up`: Airflow, MLflow and the pages together, until Ctrl-C.

All of them listen on the loopback interface only. One process manager (honcho) starts them and stops them all when
one ends or when it is told to; whatever they leave behind is ended too. Their output goes to `<home>/logs/up/`.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.environment import process_environment
from infra.errors import SettingsError, StopError
from infra.locks import held
from infra.settings import Settings
from pipelines.airflow_users import ADMIN, password_of, prepare_users
from pipelines.page_server import LOOPBACK, nights
from pipelines.up_manager import BOUND, run_together

SCRIPTS = Path(sys.executable).parent
PATIENCE_SECONDS, POLL_SECONDS, ANSWER_SECONDS = 180.0, 1.0, 5.0
ALERT_SECONDS = 60.0
"""Escalation counts in minutes, so a round a minute; with nothing due it reads a few files."""


@dataclass(frozen=True)
class Service:
    """One address that a person opens: how to start what answers there, and how to see that it does."""

    title: str
    setting: str
    port: int
    health: str
    commands: dict[str, tuple[str, ...]]

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


def _airflow_commands() -> dict[str, tuple[str, ...]]:
    airflow = str(SCRIPTS / "airflow")
    return {
        "airflow-api-server": (airflow, "api-server"),
        "airflow-scheduler": (airflow, "scheduler", "--skip-serve-logs"),
        "airflow-dag-processor": (airflow, "dag-processor"),
        "airflow-triggerer": (airflow, "triggerer", "--skip-serve-logs"),
    }


def _mlflow_command(settings: Settings) -> tuple[str, ...]:
    registry, port = settings.registry, settings.mlflow_port
    options = {
        "--backend-store-uri": f"sqlite:///{registry / 'mlflow.db'}",
        "--default-artifact-root": (registry / "artifacts").as_uri(),
        "--host": LOOPBACK,
        "--port": str(port),
        "--workers": "1",
        "--allowed-hosts": f"{LOOPBACK}:{port},localhost:{port}",
    }
    words = (word for pair in options.items() for word in pair)
    return (str(SCRIPTS / "mlflow"), "server", "--no-serve-artifacts", *words)


def services(settings: Settings) -> tuple[Service, ...]:
    """What `up` starts, in the order in which it is printed."""
    port = str(settings.pages_port)
    pages = (sys.executable, "-m", "pipelines.page_server", "--port", port, str(settings.pages))
    alerts = (str(SCRIPTS / "fillwise"), "alerts", "escalate", "--every", f"{ALERT_SECONDS:g}")
    mlflow = {"mlflow": _mlflow_command(settings)}
    return (
        Service("Airflow", "airflow_port", settings.airflow_port, "/api/v2/monitor/health", _airflow_commands()),
        Service("MLflow", "mlflow_port", settings.mlflow_port, "/health", mlflow),
        Service("pages", "pages_port", settings.pages_port, "/", {"pages": pages, "alerts": alerts}),
    )


def require_free_ports(wanted: tuple[Service, ...]) -> None:
    """Raises SettingsError naming the first port that is taken, and the variable that moves it."""
    ports = [service.port for service in wanted]
    for service in wanted:
        variable = f"FILLWISE_{service.setting.upper()}"
        if ports.count(service.port) > 1:
            raise SettingsError(
                "two parts share a port",
                which=f"{service.title}, port {service.port}",
                found="another part of it",
                allowed="one port each",
                next_step=f"set {variable} to another port",
            )
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, service.port))
            except OSError as error:
                raise SettingsError(
                    "port is taken",
                    which=f"{service.title}, port {service.port}",
                    found=error.strerror,
                    allowed="a free port",
                    next_step=f"stop what listens there, or set {variable}={service.port + 1}",
                ) from None


def answers(service: Service) -> bool:
    """Whether the service's health page says 200; proxies are left out, since it is this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(service.address + service.health, timeout=ANSWER_SECONDS) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _last_nights(settings: Settings, pages: Service) -> list[str]:
    lines = [
        f"  last night of {market}: {links[0].day}  {pages.address}/{market}/{links[0].day}/"
        for market, links in nights(settings.pages).items()
    ]
    return lines or ["  no night has run yet; in another terminal: make nightly"]


def announce(settings: Settings, password: str, logs: Path, stopped: threading.Event) -> None:
    """Print each address once it answers, then the login; say so when one does not within `PATIENCE_SECONDS`."""
    wanted = services(settings)
    missing, deadline = list(wanted), time.monotonic() + PATIENCE_SECONDS
    while missing and time.monotonic() < deadline:
        missing = [service for service in missing if not answers(service)]
        if stopped.wait(POLL_SECONDS if missing else 0.0):
            return
    for service in missing:
        print(f"  {service.title} does not answer at {service.address} after {PATIENCE_SECONDS:g} s; see {logs}")
    lines = [f"  {service.title:9}{service.address}" for service in wanted if service not in missing]
    lines[:1] = [f"{line}   login: {ADMIN}  password: {password}" for line in lines[:1] if wanted[0] not in missing]
    lines += [f"  people log in with their own names: fillwise people list; passwords: {settings.keys}"]
    print(
        "\n".join(["", *lines, *_last_nights(settings, wanted[-1]), f"  logs: {logs}   stop: Ctrl-C", ""]), flush=True
    )


def _migrate(environment: dict[str, str], log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        done = subprocess.run(
            [*BOUND.split(), str(SCRIPTS / "airflow"), "db", "migrate"],
            env=environment,
            stdout=out,
            stderr=out,
            check=False,
        )
    if done.returncode:
        raise StopError(
            "Airflow cannot prepare its database",
            which=environment["AIRFLOW_HOME"],
            found=f"exit {done.returncode}",
            allowed="exit 0",
            next_step=f"read {log}",
        )


def up(settings: Settings) -> int:
    """Start everything and stay until told to stop: 0 after Ctrl-C or SIGTERM, 1 when a part ended by itself."""
    wanted, logs = services(settings), settings.logs / "up"
    with held(settings.home / "locks" / "up.lock", "fillwise up", wait_seconds=0):
        require_free_ports(wanted)
        shown = prepare_users(settings, datetime.now(UTC))
        password, stopped = password_of(settings, ADMIN), threading.Event()
        environment = process_environment(settings)
        if shown:
            print("\n".join(["shown once:", *shown]), flush=True)
        (settings.registry / "artifacts").mkdir(parents=True, exist_ok=True)
        print("starting Airflow, MLflow, the pages and the delivery of alerts; about half a minute", flush=True)
        _migrate(environment, logs / "airflow-db.log")
        announcer = threading.Thread(target=announce, args=(settings, password, logs, stopped), daemon=True)
        commands = {name: shlex.join(words) for service in wanted for name, words in service.commands.items()}
        try:
            ended = run_together(commands, environment, logs, on_started=announcer.start)
        finally:
            stopped.set()
        if ended is not None:
            print(f"{ended} ended by itself, so everything was stopped; see {logs / ended}.log", file=sys.stderr)
            return 1
        print("stopped", flush=True)
        return 0
