"""Commands beside the steps. Each imports what it needs when it is called, so that help and status are quick."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from infra.settings import Settings

Call = Callable[[Settings, argparse.Namespace], int]


@dataclass(frozen=True)
class Command:
    """One command: name, help line, what it calls, whether it takes --market, --day and the rest, and --at."""

    name: str
    help: str
    call: Call
    takes_run: bool = True
    takes_due_time: bool = False


def _session(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.session import print_session

    return print_session(settings, arguments)


def _bootstrap(settings: Settings, arguments: argparse.Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.arguments import run_from
    from pipelines.bootstrap import bootstrap

    bootstrap(run_from(settings, arguments))
    return 0


def _night(settings: Settings, arguments: argparse.Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.arguments import run_from
    from pipelines.night import night

    return night(run_from(settings, arguments))


def _nightly(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.arguments import run_from
    from pipelines.nightly import nightly

    return nightly(run_from(settings, arguments))


def _fingerprint(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.arguments import run_from
    from pipelines.fingerprint import print_fingerprint

    return print_fingerprint(run_from(settings, arguments))


def _status(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.status import print_status

    return print_status(settings)


def _tables(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.describe import print_tables

    return print_tables()


def _up(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.up import up

    return up(settings)


COMMANDS: tuple[Command, ...] = (
    Command(
        "session", "print the trade date to work on; exit 99 when the exchange is closed today", _session, True, True
    ),
    Command("bootstrap", "bring in the history that the first night needs, as one range", _bootstrap),
    Command("night", "run every step of the night in this process, without Airflow", _night),
    Command("nightly", "bootstrap, then run the night through Airflow, then print what happened", _nightly),
    Command("fingerprint", "print a content hash of each table's day", _fingerprint),
    Command("status", "what state the system is in, on one screen", _status, takes_run=False),
    Command("tables", "every table: columns, units, what a user's file must hold", _tables, takes_run=False),
    Command("up", "start Airflow, MLflow and the page server together", _up, takes_run=False),
)
