"""LOBSTER's files as they lie in a folder: two CSV files a symbol and day, or a zip of both.

A zip is read with care: plain names only, a few members, and no more bytes than are allowed, whatever it says it holds.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

from infra.errors import SourceError
from pipelines.sources.columns import first_line
from pipelines.sources.file import MAX_FILE_BYTES, read_payload

NAME = re.compile(
    r"(?P<symbol>[A-Z.]{1,10})_(?P<day>\d{4}-\d{2}-\d{2})_\d+_\d+_(?P<what>message|orderbook)_(?P<depth>\d+)\.csv"
)
ARCHIVE = re.compile(r"\S*_(?P<symbol>[A-Z.]{1,10})_(?P<day>\d{4}-\d{2}-\d{2})_\d+\.zip")
MOST_MEMBERS, MOST_RATIO = 8, 200
"""An archive of a day has three members, and order-book text packs to a fifteenth."""


@dataclass(frozen=True)
class Member:
    """One of the two files of a day."""

    name: str
    symbol: str
    day: date
    what: str
    depth: int
    payload: bytes


def refused(which: object, what: str, found: object, allowed: str) -> SourceError:
    """An error about one of the files."""
    return SourceError(what, which=which, found=found, allowed=allowed, next_step="deliver the day's files again")


def _member(name: str, payload: bytes) -> Member | None:
    match = NAME.fullmatch(name)
    if match is None:
        return None
    day = date.fromisoformat(match["day"])
    return Member(name, match["symbol"], day, match["what"], int(match["depth"]), payload)


def _unzipped(path: Path) -> list[Member]:
    payload, _ = read_payload(path)
    try:
        with zipfile.ZipFile(BytesIO(payload)) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if len(infos) > MOST_MEMBERS or any("/" in name or "\\" in name or ".." in name for name in names):
                raise refused(
                    path, "archive is not taken", names[:MOST_MEMBERS], f"{MOST_MEMBERS} members, plain names"
                )
            return [found for info in infos if (found := _read_member(path, archive, info)) is not None]
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise refused(path, "cannot read archive", first_line(error), "a complete zip file") from error


def _read_member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member | None:
    if NAME.fullmatch(info.filename) is None:
        return None
    most = min(MAX_FILE_BYTES, MOST_RATIO * max(1, info.compress_size))
    with archive.open(info) as handle:
        payload = handle.read(most + 1)
    if len(payload) > most:
        raise refused(
            f"{path}, {info.filename}", "archive unpacks to too much", f"over {most:,} bytes", f"{most:,} bytes"
        )
    return _member(info.filename, payload)


def members_of(data: Path) -> list[Member]:
    """Every message and orderbook file of the folder and its archives. Raises SourceError when there is none."""
    found: list[Member] = []
    for path in sorted(data.iterdir()) if data.is_dir() else ():
        if path.is_symlink() or not path.is_file():
            continue
        if ARCHIVE.fullmatch(path.name):
            found += _unzipped(path)
        elif NAME.fullmatch(path.name):
            found += [one for one in (_member(path.name, read_payload(path)[0]),) if one is not None]
    if not found:
        raise SourceError(
            "no recorded session",
            which=data,
            found="no message or orderbook file",
            allowed="TICKER_YYYY-MM-DD_START_END_message_LEVEL.csv and …_orderbook_LEVEL.csv, or a zip of both",
            next_step="name the folder with --data",
        )
    return found
