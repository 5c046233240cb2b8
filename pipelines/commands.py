"""Commands beside the steps. Each imports what it needs when it is called, so that help and status are quick."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from infra.settings import Settings
from pipelines.alerting.commands import COMMANDS as ALERT_COMMANDS
from pipelines.approval.commands import COMMANDS as APPROVAL_COMMANDS
from pipelines.command import Command, on_run
from pipelines.desk.commands import COMMANDS as DESK_COMMANDS
from pipelines.keys import COMMANDS as KEY_COMMANDS
from pipelines.ledger.commands import COMMANDS as LEDGER_COMMANDS
from pipelines.options import (
    backup_options,
    due_option,
    feature_options,
    known_options,
    maintain_options,
    quarantine_options,
    restore_options,
    run_options,
    table_option,
    training_set_options,
    word_options,
)
from pipelines.plan.commands import COMMANDS as PLAN_COMMANDS
from pipelines.recipes.commands import COMMANDS as RECIPE_COMMANDS
from pipelines.rollout.commands import COMMANDS as ROLLOUT_COMMANDS
from pipelines.rollout_page.commands import COMMANDS as PAGE_COMMANDS
from pipelines.stops.commands import COMMANDS as STOP_COMMANDS


def _session(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.session import print_session

    return print_session(settings, arguments)


def _status(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.status import print_status

    return print_status(settings)


def _tables(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.describe import print_tables

    return print_tables(arguments.table)


def _training_set(settings: Settings, arguments: argparse.Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.arguments import run_from
    from pipelines.remake import print_training_set

    return print_training_set(run_from(settings, arguments), arguments)


def _features(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.feature_catalog import print_features, print_page

    if arguments.page:
        from pipelines.arguments import run_from

        return print_page(run_from(settings, arguments))
    return print_features(arguments.feature)


def _up(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.up import up

    return up(settings)


def _known(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.arguments import run_from
    from pipelines.known import print_known

    return print_known(run_from(settings, arguments), arguments.at, arguments.noun, arguments.out)


def _quarantine(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.arguments import run_from, terms_from
    from pipelines.quarantine import Selection, print_quarantine, release

    chosen = Selection(arguments.rule, arguments.noun, arguments.source_file, arguments.source_row)
    run = run_from(settings, arguments)
    return (
        release(run, chosen, terms_from(arguments)) if arguments.action == "release" else print_quarantine(run, chosen)
    )


def _maintain(settings: Settings, arguments: argparse.Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.maintain import maintain

    return maintain(settings, is_applied=arguments.apply, now=time.time())


def _backup(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.backup import backup

    return backup(settings, arguments.target)


def _restore(settings: Settings, arguments: argparse.Namespace) -> int:
    from pipelines.backup import restore

    return restore(settings, arguments.origin)


def _airflow(settings: Settings, arguments: argparse.Namespace) -> int:
    from infra.environment import process_environment

    program = str(Path(sys.executable).parent / "airflow")
    os.execve(program, [program, *arguments.words], process_environment(settings))  # noqa: S606


def _deadline(settings: Settings, arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from pipelines.arguments import market_named, time_from
    from pipelines.deadline import check_deadline

    at = time_from(arguments.at, "--at") or datetime.now(UTC)
    print(f"night of {check_deadline(settings, market_named(arguments.market), at)} is done")
    return 0


ROWS_HELP = (
    "say of every file of a day what became of its rows; exit 1 when they do not add up, or when silver, features or "
    "labels rest on rows that were corrected since"
)
COMMANDS: tuple[Command, ...] = (
    Command(
        "session",
        "print the trade date to work on; exit 99 when the exchange is closed today",
        _session,
        (run_options, due_option),
    ),
    Command(
        "bootstrap",
        "bring in the history that the first night needs, as one range",
        on_run("pipelines.bootstrap", "bootstrap"),
    ),
    Command(
        "backfill",
        "bring a range in and work it up to labels, each step over all of it",
        on_run("pipelines.bootstrap", "backfill"),
    ),
    Command(
        "night", "run every step of the night in this process, without Airflow", on_run("pipelines.night", "night")
    ),
    Command(
        "nightly",
        "bootstrap, then run the night through Airflow, then print what happened",
        on_run("pipelines.nightly", "nightly"),
    ),
    Command(
        "deadline",
        "is the night of the latest session done? exit 1 and an alert when it is not",
        _deadline,
        (run_options, due_option),
    ),
    Command("reconcile", ROWS_HELP, on_run("pipelines.reconcile", "print_reconciliation")),
    Command(
        "known",
        "what was known of a day at a time: rows and content hash of each noun",
        _known,
        (run_options, known_options),
    ),
    Command(
        "quarantine",
        "list refused rows by rule, or take some back in after a look",
        _quarantine,
        (run_options, quarantine_options),
    ),
    Command(
        "maintain",
        "remove what no version or retention holds any more; without --apply only say it",
        _maintain,
        (maintain_options,),
    ),
    Command("backup", "copy lake, registry, drops and keys as one consistent set", _backup, (backup_options,)),
    Command("restore", "bring a backup into an empty state folder", _restore, (restore_options,)),
    Command(
        "fingerprint", "print a content hash of each table's day", on_run("pipelines.fingerprint", "print_fingerprint")
    ),
    Command("status", "what state the system is in, on one screen", _status, ()),
    Command("tables", "every table: columns, units, what a user's file must hold", _tables, (table_option,)),
    Command(
        "features",
        "the catalog of features, one of them in full, or with --page its page of distributions",
        _features,
        (run_options, feature_options),
    ),
    Command(
        "training_set",
        "list the training sets, or make one again exactly and write its rows",
        _training_set,
        (run_options, training_set_options),
    ),
    Command(
        "airflow",
        "Airflow's own command line on this state folder, as in airflow backfill create …",
        _airflow,
        (word_options,),
    ),
    Command("up", "start Airflow, MLflow and the page server together", _up, ()),
    *ALERT_COMMANDS,
    *APPROVAL_COMMANDS,
    *KEY_COMMANDS,
    *LEDGER_COMMANDS,
    *PLAN_COMMANDS,
    *RECIPE_COMMANDS,
    *ROLLOUT_COMMANDS,
    *PAGE_COMMANDS,
    *DESK_COMMANDS,
    *STOP_COMMANDS,
)
