"""A real PostgreSQL on a port of the loopback interface, in a temporary folder, as a user who is not root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from infra.ledger_engine import server_engine
from infra.settings import Settings

FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin")


def program(name: str) -> str:
    """Path of one of PostgreSQL's programs. Fails, naming the package, when it is not installed."""
    found = sorted((path for pattern in FOLDERS for path in Path("/").glob(f"{pattern[1:]}/{name}")), key=str)
    where = str(found[-1]) if found else shutil.which(name)
    if where is None:
        raise AssertionError(
            f"{name} is not there: install the package postgresql (`infra/deploy/setup.sh tests` does, as root)"
        )
    return where


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _plain_user() -> dict[str, Any]:
    """Arguments of subprocess that leave root: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    found = pwd.getpwnam("nobody")
    return {"user": found.pw_uid, "group": found.pw_gid}


@dataclass
class PostgresServer:
    """One server. `stop("immediate")` is a crash; `freeze` and `thaw` are a machine that hangs."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://fillwise@127.0.0.1:{self.port}/postgres"

    def _run(self, words: list[str]) -> None:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
        done = subprocess.run(
            words, env=environment, cwd=self.folder, capture_output=True, text=True, check=False, **_plain_user()
        )
        if done.returncode:
            raise AssertionError(f"{words[0]} failed: {done.stderr or done.stdout}")

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        user = _plain_user()
        if user:
            os.chown(self.folder, user["user"], user["group"])
        where = ["-D", str(self.folder / "data"), "-U", "fillwise"]
        self._run([program("initdb"), *where, "--auth=trust", "-E", "UTF8", "-N"])

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        words = ["-D", str(self.folder / "data"), "-o", options, "-l", str(self.folder / "log"), "-w", "start"]
        self._run([program("pg_ctl"), *words])

    def stop(self, mode: str = "fast") -> None:
        self._run([program("pg_ctl"), "-D", str(self.folder / "data"), "-m", mode, "-w", "stop"])

    @property
    def _pid(self) -> int:
        return int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def _signal(self, number: int) -> None:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        for pid in (self._pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def wait(self, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("PostgreSQL did not come up")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests of a process."""
    with tempfile.TemporaryDirectory(prefix="fillwise-postgres-") as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(Path(folder) / "server", free_port())
        server.make()
        server.start()
        yield server
        server.stop("immediate")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_home(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with an empty ledger, on each of the databases."""
    if request.param == "sqlite":
        return Settings(home=tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return emptied(Settings(home=tmp_path, ledger_url=server.url))


def emptied(settings: Settings) -> Settings:
    """The same settings, and no table on the server any more."""
    engine = server_engine(settings.ledger_url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS fillwise CASCADE"))
    engine.dispose()
    return settings
