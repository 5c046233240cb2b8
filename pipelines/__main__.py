"""The command line: `fillwise <step> --market M --day D`. What a DAG's task runs is what a person types.

Exit status: 0 done; 1 stopped, a person must act; 2 typed wrongly; 75 busy or unreachable, try again;
99 (`session` only) the exchange is closed today.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from infra.errors import FillwiseError
from infra.settings import Settings, read_settings
from pipelines.commands import COMMANDS
from pipelines.options import delivery_options, explain_option, run_options
from pipelines.steps import STEPS, step_named

log = logging.getLogger("fillwise")


def build_parser() -> argparse.ArgumentParser:
    """The parser of every command; nothing heavy is imported to show help."""
    parser = argparse.ArgumentParser(
        prog="fillwise", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for step in STEPS:
        added = commands.add_parser(step.name, help=step.help, description=step.help)
        run_options(added)
        if step.takes_delivery:
            delivery_options(added)
        if step.explains:
            explain_option(added)
    for command in COMMANDS:
        added = commands.add_parser(command.name, help=command.help, description=command.help)
        for add_options in command.options:
            add_options(added)
    return parser


def _run_step_command(settings: Settings, arguments: argparse.Namespace) -> int:
    from infra.environment import apply

    apply(settings)
    from pipelines.arguments import run_from
    from pipelines.recorded import recorded, tell_left_out
    from pipelines.runner import run_step

    run = recorded(run_from(settings, arguments))
    if getattr(arguments, "explain", False):
        return int(import_module(step_named(arguments.command).explains).explain(run))
    run_step(arguments.command, run)
    tell_left_out(arguments.command, run)
    return 0


def dispatch(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the command that was named."""
    for command in COMMANDS:
        if command.name == arguments.command:
            return command.call(settings, arguments)
    return _run_step_command(settings, arguments)


def main(words: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)
    if os.environ.get("FILLWISE_DIE_WITH_PARENT") == "1":
        from infra.parent import die_with_parent

        die_with_parent()
    arguments = build_parser().parse_args(words)
    try:
        return dispatch(arguments, read_settings(os.environ))
    except FillwiseError as error:
        if not error.is_told:
            print(f"fillwise {arguments.command}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"fillwise {arguments.command}: interrupted; run the same command again", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
