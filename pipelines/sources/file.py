"""One file of one noun, read safely: the door through which every row of every source comes.

A file is Parquet or CSV, chosen by its suffix, with the columns of the noun as `infra/tables/nouns.py` declares
them (`fillwise tables` prints them; `pipelines/sources/columns.py` says what may differ). Its bytes are read once,
hashed, and parsed from memory, so that digest and rows belong together.

A flipped bit in a file of somebody else is found when a digest came with it or the file carries page checksums,
otherwise only as far as parsing and the range rules of `pipelines/validate.py` reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from infra.errors import ContractError, SourceError
from infra.markets import Market
from infra.tables import NOUNS, Table
from pipelines.sources.columns import completed_rows, conform_rows, first_line
from pipelines.sources.payload import read_payload

MAX_UNPACKED_BYTES, MAX_RATIO, HARMLESS_BYTES = 8 * 1024**3, 1000, 64 * 1024**2
"""A file is held in memory whole, unpacked: 8 GiB is what a machine of the recommended size has to give. A thousandfold
is beyond what sorted market data packs to; below 64 MiB nobody is hurt by it."""
CELL_BYTES = 8
MAX_LINE_BYTES = 1024**2
"""A row of 60 columns has some 1,000 bytes; a line of a megabyte is no row."""


@dataclass(frozen=True)
class SetAside:
    """A row (message, line) of a file that does not become a row of its noun: where it stood, which rule says so."""

    source_row: int
    rule: str
    text: str


@dataclass(frozen=True)
class SourceFile:
    """One file of one noun, of one session.

    rows: every declared column, `market` and `trade_date` included, in the file's order. source_rows: place in the
    file of each of `rows`, from 0; None where every row of the file is one of `rows`. refused: rows that cannot be
    read as the noun, each with its rule; they go to quarantine. duplicates: rows that say that they came before, or
    are known to have come. Rows in the file = rows + refused + duplicates, always. notes: what the source checked.
    """

    noun: str
    name: str
    sha256: str
    known_at: datetime
    rows: pa.Table
    source_rows: npt.NDArray[np.int64] | None = None
    refused: tuple[SetAside, ...] = ()
    duplicates: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows_in(self) -> int:
        return self.rows.num_rows + len(self.refused) + len(self.duplicates)


def _unreadable(path: Path, kind: str, error: Exception) -> SourceError:
    return SourceError(
        f"cannot read {kind}",
        which=path,
        found=first_line(error),
        allowed=f"a complete {kind} file",
        next_step="deliver the file again",
    )


def _sound(rows: pa.Table) -> pa.Table:
    """The rows, once offsets and text (names and cells in UTF-8) were checked. Raises ArrowInvalid or ValueError."""
    rows.validate(full=True)
    if not all(name.isprintable() for name in rows.column_names):
        raise ValueError("a column name with control characters")
    return rows


def _flat_text(metadata: pq.FileMetaData) -> list[str]:
    """Columns that may hold one long value many times: text, one value a row."""
    columns = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    return [one.name for one in columns if one.physical_type == "BYTE_ARRAY" and one.path == one.name]


def _spelt_out(path: Path, rows: pa.Table) -> pa.Table:
    """Rows whose text was read as numbers of a dictionary, as text. Raises SourceError when that is too much."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type) and not pa.types.is_primitive(field.type.value_type):
            column = rows.column(place)
            size = sum(_letters(chunk) for chunk in column.chunks)
            if size > MAX_UNPACKED_BYTES:
                raise _unpacks_to_too_much(path, f"{size:,} bytes of text in {field.name!r}")
            rows = rows.set_column(place, field.name, column.cast(field.type.value_type))
    return rows


def _letters(chunk: pa.DictionaryArray) -> int:
    return int(pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0)


def _unpacks_to_too_much(path: Path, found: str) -> SourceError:
    return SourceError(
        "file unpacks to too much",
        which=path,
        found=found,
        allowed=f"{MAX_UNPACKED_BYTES:,} bytes; above {HARMLESS_BYTES:,} also {MAX_RATIO} times its size",
        next_step="deliver the file again, split by day or symbol",
    )


def _refuse_bomb(path: Path, metadata: pq.FileMetaData, size: int) -> None:
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    cells = sum(group.column(place).num_values for group in groups for place in range(metadata.num_columns))
    if cells * CELL_BYTES > MAX_UNPACKED_BYTES:
        raise _unpacks_to_too_much(path, f"{cells:,} cells of {CELL_BYTES} bytes from {size:,}")
    if unpacked > MAX_UNPACKED_BYTES or (unpacked > HARMLESS_BYTES and unpacked > MAX_RATIO * size):
        raise _unpacks_to_too_much(path, f"{unpacked:,} bytes from {size:,}")


def parse_parquet(path: Path, payload: bytes) -> pa.Table:
    """Rows of a Parquet file in memory, page checksums verified; its statistics are never asked.

    Raises SourceError when it is not whole, or unpacks to too much.
    """
    try:
        metadata = pq.read_metadata(pa.BufferReader(payload))
        _refuse_bomb(path, metadata, len(payload))
        with pq.ParquetFile(
            pa.BufferReader(payload), page_checksum_verification=True, read_dictionary=_flat_text(metadata)
        ) as handle:
            return _sound(_spelt_out(path, handle.read()))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise _unreadable(path, "Parquet", error) from error


def _refuse_long_lines(path: Path, payload: bytes) -> None:
    start, number = 0, 0
    while start < len(payload):
        end = payload.find(b"\n", start)
        end = len(payload) if end < 0 else end
        if end - start > MAX_LINE_BYTES:
            raise SourceError(
                "line is too long",
                which=f"{path}, line {number + 1}",
                found=f"{end - start:,} bytes",
                allowed=f"{MAX_LINE_BYTES:,} bytes",
                next_step="deliver the file again, one row a line",
            )
        start, number = end + 1, number + 1


def _csv(path: Path, payload: bytes, table: Table) -> pa.Table:
    _refuse_long_lines(path, payload)
    header = payload.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
    names = [name.strip('"') for name in header.split(",")]
    known = {column.name: column.arrow_type for column in table.columns}
    options = csv.ConvertOptions(
        column_types={name: known.get(name, pa.string()) for name in names},
        null_values=[""],
        strings_can_be_null=True,
    )
    try:
        return _sound(csv.read_csv(pa.BufferReader(payload), convert_options=options))
    except (pa.ArrowInvalid, ValueError) as error:
        if "conversion error" not in str(error):
            raise _unreadable(path, "CSV", error) from error
        raise ContractError(
            "column has another type",
            which=path,
            found=first_line(error),
            allowed="the columns that `fillwise tables` prints",
            next_step="correct the value, deliver the file again",
        ) from error


def read_noun_file(
    path: Path,
    noun: str,
    market: Market,
    day: date,
    known_at: datetime,
    sha256: str | None = None,
    *,
    is_by_hand: bool = False,
) -> SourceFile:
    """One Parquet or CSV file as a SourceFile.

    known_at: when the rows could first be used, as the source says. sha256: digest that came with the file, if any.
    is_by_hand: columns that have only one possible value may be left out (`pipelines/sources/columns.py`).
    Raises SourceError (missing, empty, truncated, damaged, not the file of the manifest) or ContractError (columns).
    """
    payload, digest = read_payload(path, sha256)
    if path.suffix not in (".parquet", ".csv"):
        raise SourceError(
            "kind of file is unknown",
            which=path,
            found=path.suffix or "no suffix",
            allowed=".parquet, .csv",
            next_step="deliver Parquet or CSV",
        )
    rows = parse_parquet(path, payload) if path.suffix == ".parquet" else _csv(path, payload, NOUNS[noun])
    rows = completed_rows(rows, noun, market) if is_by_hand else rows
    return SourceFile(noun, path.name, digest, known_at, conform_rows(path, rows, noun, market, day))
