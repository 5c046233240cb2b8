"""`fillwise costs --month`: what clients paid by account and arm, in the terminal or as a file for the client."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from infra.errors import EvidenceError, UsageError
from infra.lake import Lake
from infra.settings import Settings
from infra.whole_files import replace_file
from pipelines.arguments import run_from
from pipelines.rollout_page.costs import as_csv, month_costs, text_lines
from pipelines.step import StepContext

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def costs(settings: Settings, arguments: argparse.Namespace) -> int:
    """The command `costs`."""
    run = run_from(settings, arguments)
    month = arguments.month or f"{run.days[-1]:%Y-%m}"
    if not MONTH.fullmatch(month):
        raise UsageError(
            "cannot read a month", which="--month", found=repr(month), allowed="YYYY-MM", next_step="type it again"
        )
    found = month_costs(StepContext(settings, run.market, run.days, Lake(settings.lake)), month)
    if not found:
        raise EvidenceError(
            "nothing was drawn into arms", which=f"{run.market.name} {month}", found="no assignment",
            allowed="a month with a rollout or a hold-out", next_step="fillwise rollout status",
        )  # fmt: skip
    print("\n".join([f"{run.market.name}, {month}: {run.market.orders}", *text_lines(found, run.market.currency)]))
    if arguments.out:
        replace_file(Path(arguments.out).resolve(), as_csv(found, run.market.currency).encode())
    return 0
