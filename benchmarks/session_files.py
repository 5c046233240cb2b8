"""Files of sessions to ingest, one Parquet file each: recorded A-shares where they are at hand, else generated books.

More sessions than were recorded come from the same files again under the ordinals that follow, there and back
(0, 1, 2, 2, 1, 0, 0, 1, ... of three), so that a price never jumps overnight as in a split. The first are the recorded
bytes, in the others only the column `date` is another. Ordinals stand for the exchange's sessions from 2024-01-02
(`pipelines/sources/ashare.py`), and its calendar ends some months ahead: that many sessions there are, and no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import copyfile

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.books import LAST_DAY, book_rows
from infra import calendar
from infra.markets import MARKETS
from pipelines.sources import ashare

RECORDED, GENERATED = MARKETS["ashare"], MARKETS["own"]


@dataclass(frozen=True)
class SessionFiles:
    """What `ingest` is pointed at. `days`, `paths` and `rows` are session by session, ascending.

    source: the reader that takes these files; the market's other one, the desk's drops, is left out.
    """

    market: str
    source: str
    words: str
    days: tuple[date, ...]
    paths: tuple[Path, ...]
    rows: tuple[int, ...]

    def as_nouns(self, count: int, folder: Path) -> tuple[Path, ...]:
        """The first `count` sessions in the columns of `book_snapshots`, for one who cannot read the recorder's."""
        if self.source == "files":
            return self.paths[:count]
        found = []
        for day, path in zip(self.days[:count], self.paths, strict=False):
            (file,) = ashare.read_day(path.parent, RECORDED, day)
            found.append(folder / f"book_snapshots_{day}.parquet")
            pq.write_table(file.rows.drop_columns(["market", "trade_date"]), found[-1])
        return tuple(found)


def _under_ordinal(source: Path, ordinal: int, target: Path) -> None:
    rows = pq.read_table(source)
    place = rows.schema.get_field_index("date")
    column = pa.repeat(pa.scalar(ordinal, rows.schema.field(place).type), rows.num_rows)
    pq.write_table(rows.set_column(place, "date", column), target)


def repeated_files(recorded: Sequence[Path], count: int, folder: Path) -> tuple[Path, ...]:
    """`count` files in `folder`: the recorded ones, then the same there and back under later ordinals."""
    there_and_back, found = [*recorded, *reversed(recorded)], []
    for ordinal in range(count):
        source = there_and_back[ordinal % len(there_and_back)]
        found.append(folder / f"date={ordinal:02d}.parquet")
        if ordinal < len(recorded):
            copyfile(source, found[-1])
        else:
            _under_ordinal(source, ordinal, found[-1])
    return tuple(found)


def recorded_files(data: Path, count: int, folder: Path) -> SessionFiles:
    """`count` sessions made of the recorded ones in `data`."""
    recorded = sorted(data.glob("date=*.parquet"))
    paths = repeated_files(recorded, count, folder)
    days = tuple(ashare.session_of(RECORDED, ordinal) for ordinal in range(count))
    total = sum(pq.read_metadata(path).num_rows for path in recorded)
    words = (
        f"recorded A-share snapshots: {len(recorded)} sessions, {total:,} rows; later ones repeat them there and back"
    )
    rows = tuple(pq.read_metadata(path).num_rows for path in paths)
    return SessionFiles(RECORDED.name, "ashare", words, days, paths, rows)


def generated_files(count: int, folder: Path) -> SessionFiles:
    """`count` sessions of random walks on ten levels."""
    days = calendar.sessions_until(GENERATED, LAST_DAY, count)
    paths = tuple(folder / f"book_snapshots_{day}.parquet" for day in days)
    for seed, (day, path) in enumerate(zip(days, paths, strict=True)):
        pq.write_table(book_rows(day, seed).drop_columns(["known_at"]), path)
    rows = tuple(pq.read_metadata(path).num_rows for path in paths)
    return SessionFiles(GENERATED.name, "files", "generated random walks, ten levels", days, paths, rows)
