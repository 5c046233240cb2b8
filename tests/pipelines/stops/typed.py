"""The command line as a user has it, with the commands that stop; in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pipelines.__main__ as command_line
from pipelines.command import Command
from pipelines.stops.commands import COMMANDS


def main(words: Sequence[str] | None = None) -> int:
    """`fillwise …` in this process."""
    before: tuple[Command, ...] = vars(command_line)["COMMANDS"]
    known = {command.name for command in before}
    vars(command_line)["COMMANDS"] = (*before, *(one for one in COMMANDS if one.name not in known))
    return command_line.main(words)


def fillwise(home: Path, *words: str, code: str = "", **environment: str) -> subprocess.Popen[str]:
    """Type a command, as a process. code: what runs in it first."""
    run = f"import sys; from tests.pipelines.stops.typed import main\n{code}\nsys.exit(main())"
    told = {**os.environ, "FILLWISE_HOME": str(home), **environment}
    return subprocess.Popen(
        [sys.executable, "-c", run, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=told,
        cwd=Path.cwd(),
    )  # fmt: skip
