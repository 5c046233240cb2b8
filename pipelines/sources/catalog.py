"""Which file of this folder brings which market's nouns: a new source is one file here and one row in `READERS`.

A source answers for one session, in the nouns of `infra/tables/nouns.py`, and says of which sessions it has files:

    read_day(folder, market, day) -> list[SourceFile]
    market_days(folder, market) -> tuple[date, ...]

A folder may serve several sources of a market; each takes the files whose names it knows, and answers with an empty
list where a market's other sources may still have something to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path

from infra.errors import UsageError
from infra.markets import Market
from pipelines.sources.file import SourceFile

ReadDay = Callable[[Path, Market, date], list[SourceFile]]


@dataclass(frozen=True)
class Folders:
    """Where files lie: `data` is what `--data` names, `drops` the market's own drop folder."""

    data: Path | None
    drops: Path


@dataclass(frozen=True)
class Reader:
    """One source: the module that holds `read_day`, and whether it reads the desk's drops or the folder of `--data`."""

    module: str
    reads_drops: bool = False

    def read_day(self, folders: Folders, market: Market, day: date) -> list[SourceFile]:
        """The session's files. Raises SourceError or ContractError as the module does, UsageError without `--data`."""
        read: ReadDay = import_module(self.module).read_day
        return read(folders.drops / str(day) if self.reads_drops else _required(folders.data, market), market, day)


def _required(data: Path | None, market: Market) -> Path:
    if data is None:
        raise UsageError(
            "market needs a folder of files",
            which=market.name,
            found="no --data",
            allowed="a folder of recorded or delivered files",
            next_step="name it with --data FOLDER",
        )
    return data


READERS: Mapping[str, Reader] = {
    "sample": Reader("pipelines.sources.sample", reads_drops=True),
    "drop": Reader("pipelines.sources.drop", reads_drops=True),
    "ashare": Reader("pipelines.sources.ashare"),
    "b3": Reader("pipelines.sources.b3"),
    "lobster": Reader("pipelines.sources.lobster"),
    "files": Reader("pipelines.sources.files"),
    "fix": Reader("pipelines.sources.fix"),
}


def _readers(market: Market, *, with_drops: bool) -> list[Reader]:
    found = [READERS[name] for name in market.sources]
    return [reader for reader in found if with_drops or not reader.reads_drops]


def needs_folder(market: Market) -> bool:
    """Whether files of the market come in the folder of `--data`."""
    return bool(_readers(market, with_drops=False))


def read_day(folders: Folders, market: Market, day: date) -> list[SourceFile]:
    """Everything that the market's sources have of one session, source by source."""
    return [file for reader in _readers(market, with_drops=True) for file in reader.read_day(folders, market, day)]


def read_delivered(folders: Folders, market: Market, day: date) -> list[SourceFile]:
    """The same without the desk's own drops: what the desk itself may look at before it trades."""
    return [file for reader in _readers(market, with_drops=False) for file in reader.read_day(folders, market, day)]


def delivered_days(folders: Folders, market: Market) -> tuple[date, ...]:
    """Sessions of which the folder of `--data` has files, ascending; none for a market that needs no folder."""
    days: set[date] = set()
    for reader in _readers(market, with_drops=False):
        find: Callable[[Path, Market], tuple[date, ...]] = import_module(reader.module).market_days
        days.update(find(_required(folders.data, market), market))
    return tuple(sorted(days))
