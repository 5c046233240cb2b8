"""A notice ends with the command that works the day again; typed as printed, it means this day of this folder."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from infra.lake import Lake
from infra.markets import MARKETS, Market
from infra.settings import Settings
from pipelines import ingest
from pipelines.__main__ import build_parser
from pipelines.arguments import run_from
from pipelines.runner import Run
from pipelines.step import DeliveryTerms, StepContext
from tests.builders import FRIDAY
from tests.pipelines.made_drops import a_context, drop, good_day
from tests.pipelines.sources.test_b3 import BOUGHT, HEADER, SOLD

RECORDED = date(2025, 4, 7)
CORRECTION = DeliveryTerms(datetime(2027, 1, 4, tzinfo=UTC), True, "ann", "vendor resent the day")


def typed(settings: Settings, notice: str) -> Run:
    """The run that a person starts who types what stands behind `next:`."""
    program, *words = shlex.split(notice.partition("next: ")[2])
    assert (program, words[0]) == ("fillwise", "backfill")
    return run_from(settings, build_parser().parse_args(words))


def recorded(folder: Path, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "PETR4_07042025.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return folder


def test_the_command_names_the_folder_of_a_market_that_needs_one(tmp_path: Path) -> None:
    settings, market, folder = Settings(home=tmp_path / "home"), MARKETS["b3"], tmp_path / "files of April"
    context = StepContext(settings, market, (RECORDED,), Lake(settings.lake), recorded(folder, SOLD))
    ingest.run(context)
    recorded(folder, SOLD, BOUGHT)
    (notice, *_) = [
        note for note in ingest.run(replace(context, terms=CORRECTION)).notes if note.startswith("restatement")
    ]
    assert typed(settings, notice) == Run(settings, market, (RECORDED,), folder)


def test_the_command_names_no_folder_where_none_is_needed(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    drop(tmp_path, good_day())
    ingest.run(context)
    (tmp_path / "drops" / "sample" / str(FRIDAY)).rename(tmp_path / "before")
    drop(tmp_path, good_day(rows=6))
    (notice,) = ingest.run(replace(context, terms=CORRECTION)).notes
    sample: Market = MARKETS["sample"]
    assert typed(context.settings, notice) == Run(context.settings, sample, (FRIDAY,))
