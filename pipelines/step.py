"""What a step is given and what it answers.

A step is a module with `run(context) -> StepReport`: read, one pure call, write. It takes one session or a range,
may be run again at any time, and touches only the days it was given.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from infra.lake import Commit, Lake
from infra.markets import Market
from infra.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class StepReport:
    """What a step did, in counts. `is_unchanged`: everything was already there, and nothing was written."""

    rows_in: int
    rows_out: int
    rows_refused: int = 0
    tables: tuple[Commit, ...] = ()
    is_unchanged: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeliveryTerms:
    """How the files of one `ingest` are taken in. The nightly run has none of it.

    known_at: since when they are known, None: as each file says. is_restatement: files that came before with other
    content are corrections; then `person` and `reason` say who takes them in and why.
    """

    known_at: datetime | None = None
    is_restatement: bool = False
    person: str | None = None
    reason: str | None = None


NO_TERMS = DeliveryTerms()


@dataclass(frozen=True)
class StepContext:
    """What a step works on: `days` are sessions, ascending; the last one is tonight."""

    settings: Settings
    market: Market
    days: tuple[date, ...]
    lake: Lake
    data: Path | None = None
    terms: DeliveryTerms = NO_TERMS

    @property
    def night(self) -> date:
        return self.days[-1]

    @property
    def drop_root(self) -> Path:
        return self.settings.drops / self.market.name

    def page_folder(self, day: date) -> Path:
        folder = self.settings.pages / self.market.name / str(day)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def progress(self, items: Iterable[T], label: str) -> Iterator[T]:
        """`items` with a progress bar on a terminal, or one line every few seconds in a log."""
        from tqdm import tqdm

        is_terminal = sys.stderr.isatty()
        yield from tqdm(
            items,
            desc=label,
            unit="",
            leave=False,
            mininterval=0.5 if is_terminal else 10.0,
            ascii=not is_terminal,
            dynamic_ncols=is_terminal,
            file=sys.stderr,
        )
