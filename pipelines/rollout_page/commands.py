"""The command `costs`, as data; `rollout page` and `rollout status` are actions of `rollout`."""

from __future__ import annotations

from argparse import ArgumentParser

from pipelines.command import Command, on_words
from pipelines.options import run_options


def cost_options(parser: ArgumentParser) -> None:
    """Which month, and where to."""
    parser.add_argument("--month", metavar="YYYY-MM", help="month (default: that of the session)")
    parser.add_argument("--out", metavar="FILE", help="write the report as CSV")


COMMANDS: tuple[Command, ...] = (
    Command(
        "costs",
        "what clients paid by account and arm in a month",
        on_words("pipelines.rollout_page.words", "costs"),
        (run_options, cost_options),
    ),
)
