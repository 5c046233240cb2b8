"""A real PostgreSQL on a port of the loopback interface, in a temporary folder, as a user who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin")


def program(name: str) -> str:
    """Path of one of PostgreSQL's programs. Fails, naming the package, when it is not installed."""
    found = sorted((path for pattern in FOLDERS for path in Path("/").glob(f"{pattern[1:]}/{name}")), key=str)
    where = str(found[-1]) if found else shutil.which(name)
    if where is None:
        raise AssertionError(f"{name} is not there: install the package postgresql (make setup does, as root)")
    return where


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _plain_user() -> dict[str, int]:
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

    def _run(self, words: Sequence[str]) -> None:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
        done = subprocess.run(
            list(words), env=environment, cwd=self.folder, capture_output=True, text=True, check=False, **_plain_user()
        )
        if done.returncode:
            raise AssertionError(f"{words[0]} failed: {done.stderr or done.stdout}")

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        user = _plain_user()
        if user:
            os.chown(self.folder, user["user"], user["group"])
        words = [
            program("initdb"),
            "-D",
            str(self.folder / "data"),
            "-U",
            "fillwise",
            "--auth=trust",
            "-E",
            "UTF8",
            "-N",
        ]
        self._run(words)

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
