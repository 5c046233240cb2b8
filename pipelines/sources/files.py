"""A user's own files, for every noun, without a line of code.

    <noun>_<YYYY-MM-DD>.csv                    or .parquet; <noun>_<day>_<anything>.csv where there are several
    <YYYY-MM-DD>/<noun>.csv                    the same by folder
    <file>.sha256                              optional, as sha256sum writes it: a flipped bit is found
    <file>.known_at                            optional, one ISO time with a zone: since when the rows are known

`fillwise tables NOUN` prints the columns with an example. Nullable columns, event_at_ns, currency and (where symbol and
time are unique) sequence may be left out. Symbols are letters, digits and . - _ / and space: a look-alike letter or a
formula in a symbol puts its row into quarantine. A file named like none of this is an error, because a typing mistake
in a name must not lose a day; files of other kinds are somebody else's.

What it is not: a parser of other people's column names, nor of times without a zone.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from infra import calendar
from infra.errors import SourceError
from infra.markets import Market
from infra.tables import NOUNS
from infra.times import WRITTEN, aware_time
from pipelines.sources.file import SetAside, SourceFile, read_noun_file
from pipelines.sources.folder import has_suffix

SUFFIXES, SIDECARS = (".csv", ".parquet"), (".sha256", ".known_at")
MAX_SIDECAR_BYTES = 4096
DAY = r"(?P<day>\d{4}-\d{2}-\d{2})"
FLAT = re.compile(rf"(?P<noun>[a-z_]+?)_{DAY}(?:_[A-Za-z0-9_.-]+)?\.(?:csv|parquet)")
IN_FOLDER = re.compile(r"(?P<noun>[a-z_]+?)(?:_\d[A-Za-z0-9_.-]*)?\.(?:csv|parquet)")
SYMBOL, SYMBOL_RULE = r"^[A-Za-z0-9._/ -]{1,32}$", "symbol_is_plain_ascii"


@dataclass(frozen=True)
class _Named:
    """A file and what its name says."""

    path: Path
    noun: str
    day: date


def _wrong_name(path: Path, found: str) -> SourceError:
    near = difflib.get_close_matches(re.split(r"[_.]?\d", path.name)[0], NOUNS, n=1)
    return SourceError(
        "file name is not understood",
        which=ascii(str(path))[1:-1],
        found=found,
        allowed=f"NOUN_YYYY-MM-DD.csv or .parquet; nouns: {', '.join(NOUNS)}",
        next_step=f"did you mean {near[0]}?" if near else "rename the file, or take it out of the folder",
    )


def _as_day(path: Path, raw: str) -> date:
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise _wrong_name(path, f"{raw}, which is no date") from None


def _named(path: Path, pattern: re.Pattern[str], day: str | None) -> _Named:
    if path.is_symlink():
        raise _wrong_name(path, "a symbolic link")
    match = pattern.fullmatch(path.name)
    if match is None or match["noun"] not in NOUNS:
        raise _wrong_name(path, "another name" if match is None else f"noun {match['noun']!r}")
    return _Named(path, match["noun"], _as_day(path, day or match["day"]))


def _files(data: Path) -> Iterator[_Named]:
    for path in _delivered(data):
        if has_suffix(path.name, SUFFIXES):
            yield _named(path, FLAT, None)
        elif path.is_dir() and re.fullmatch(DAY, path.name):
            if path.is_symlink():
                raise _wrong_name(path, "a symbolic link")
            yield from (_named(one, IN_FOLDER, path.name) for one in _delivered(path) if has_suffix(one.name, SUFFIXES))


def _delivered(folder: Path) -> list[Path]:
    """What lies in a folder, by name. Raises SourceError for a sidecar whose file is not there."""
    found = sorted(folder.iterdir())
    names = {path.name for path in found}
    for path in found:
        if path.suffix in SIDECARS and has_suffix(path.stem, SUFFIXES) and path.stem not in names:
            raise _bad_sidecar(path, "no file of that name beside it", "the file that it speaks of")
    return found


def _bad_sidecar(path: Path, found: str, allowed: str) -> SourceError:
    return SourceError(
        "file beside a file is not taken",
        which=ascii(str(path))[1:-1],
        found=found,
        allowed=allowed,
        next_step="deliver both files again, or take this one out of the folder",
    )


def _beside(path: Path, suffix: str) -> str | None:
    sidecar = path.with_name(path.name + suffix)
    if not sidecar.is_symlink() and not sidecar.exists():
        return None
    if sidecar.is_symlink() or not sidecar.is_file():
        raise _bad_sidecar(sidecar, "a symbolic link, or no file", "a regular file")
    if sidecar.stat().st_size > MAX_SIDECAR_BYTES:
        raise _bad_sidecar(sidecar, f"{sidecar.stat().st_size:,} bytes", f"one line, {MAX_SIDECAR_BYTES:,} bytes")
    return sidecar.read_text(encoding="utf-8", errors="replace").strip()


def _digest(path: Path) -> str | None:
    said = _beside(path, ".sha256")
    if said is None:
        return None
    digest = said.split()[0].lower() if said.split() else ""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise SourceError(
            "cannot read a digest",
            which=f"{path}.sha256",
            found=repr(said[:80]),
            allowed="64 hexadecimal digits, as sha256sum writes them",
            next_step="write the digest again, or remove that file",
        )
    named = said[64:].strip().removeprefix("*")
    if named not in ("", path.name):
        raise _bad_sidecar(Path(f"{path}.sha256"), f"a digest of {named!a}", f"one of {path.name}")
    return digest


def _known_at(path: Path, market: Market, day: date) -> datetime:
    said = _beside(path, ".known_at")
    if said is None:
        return calendar.known_at(market, day)
    found = aware_time(said)
    if found is None:
        raise SourceError(
            "cannot read since when a file is known",
            which=f"{path}.known_at",
            found=repr(said[:80]),
            allowed=WRITTEN,
            next_step="write the time again, or remove that file",
        )
    return found


def _plain_symbols_only(file: SourceFile) -> SourceFile:
    symbols = [file.rows[name] for name in ("symbol", "new_symbol") if name in file.rows.column_names]
    matched = [pc.fill_null(pc.match_substring_regex(column, SYMBOL), True).to_numpy() for column in symbols]
    is_plain = np.logical_and.reduce(matched)
    bad = np.flatnonzero(~is_plain)
    if len(bad) == 0:
        return file
    texts = [ascii(str(row)) for row in file.rows.take(bad).to_pylist()]
    refused = tuple(SetAside(int(row), SYMBOL_RULE, text) for row, text in zip(bad, texts, strict=True))
    kept = np.flatnonzero(is_plain)
    return replace(file, rows=file.rows.take(kept), source_rows=kept.astype(np.int64), refused=refused)


def _read(named: _Named, market: Market) -> SourceFile:
    path, known_at = named.path, _known_at(named.path, market, named.day)
    file = read_noun_file(path, named.noun, market, named.day, known_at, _digest(path), is_by_hand=True)
    return _plain_symbols_only(file)


def _folder(data: Path) -> Path:
    if not data.is_dir():
        raise SourceError(
            "folder is missing",
            which=data,
            found="no such folder",
            allowed="a folder of files",
            next_step="name the folder with --data",
        )
    return data


def read_day(data: Path, market: Market, day: date) -> list[SourceFile]:
    """The day's files of every noun, by name; [] where there is none.

    Raises SourceError (a name or a sidecar that is not understood, a damaged file) or ContractError (columns).
    """
    return [_read(named, market) for named in _files(_folder(data)) if named.day == day]


def market_days(data: Path, market: Market) -> tuple[date, ...]:
    """Sessions of which there is any file, ascending."""
    days = {named.day for named in _files(_folder(data))}
    return tuple(sorted(calendar.require_session(market, day) for day in days))
