"""One command of the command line, as data: each part brings rows of these, `pipelines/commands.py` gathers them.

A part with commands of its own has `COMMANDS` in a module that imports nothing heavy; what a command does is imported
when it is called, so that help, status, rollback and kill answer at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from infra.settings import Settings
from pipelines.options import run_options

Call = Callable[[Settings, argparse.Namespace], int]
AddOptions = Callable[[argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Command:
    """One command: name, help line, what it calls, and what may be typed behind it."""

    name: str
    help: str
    call: Call
    options: tuple[AddOptions, ...] = (run_options,)


def on_run(module: str, function: str) -> Call:
    """A command that is one function of the run that was typed; its module is imported when it is called."""

    def call(settings: Settings, arguments: argparse.Namespace) -> int:
        from infra.environment import apply

        apply(settings)
        from pipelines.arguments import run_from

        return int(getattr(import_module(module), function)(run_from(settings, arguments)))

    return call


def on_words(module: str, function: str) -> Call:
    """A command that is one function of the settings and of what was typed; imported when it is called."""

    def call(settings: Settings, arguments: argparse.Namespace) -> int:
        return int(getattr(import_module(module), function)(settings, arguments))

    return call
