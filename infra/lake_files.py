"""One day of one table as one Parquet file, named by its own SHA-256.

Writing the same rows twice gives the same bytes, hence the same name: that is how a day run twice leaves the same
tables, and how damage is found. Pages carry checksums. Parquet commits are not checked against a table's
declaration by Delta, so `conform` does it here. Safe to call from Spark's workers: the folder is all they share.
"""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from infra.errors import ContractError, DiskFullError, LakeError
from infra.tables.columns import Column, Table

COMPRESSION = "lz4"
ROW_GROUP_ROWS = 65_536
INPUTS_KEY = b"fillwise.inputs"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_IN_WORDS = ("No space left on device", "Disk quota exceeded", "File too large")


@dataclass(frozen=True)
class DayFile:
    """A written file, not yet part of the table. `path` is relative to the table's folder."""

    path: str
    sha256: str
    rows: int
    size: int


def table_folder(root: Path, table: Table) -> Path:
    """Where a table lives below the lake's root."""
    layer, name = table.name.split(".")
    return root / layer / name


def _refuse(table: Table, column: str, found: object, allowed: object) -> ContractError:
    return ContractError(
        "rows do not fit the declared table",
        which=f"{table.name}.{column}",
        found=found,
        allowed=allowed,
        next_step="correct the step that makes them, or the declaration in infra/tables",
    )


def _checked(table: Table, column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    if values.type != column.arrow_type:
        try:
            values = values.cast(column.arrow_type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise _refuse(table, column.name, values.type, column.arrow_type) from error
    if values.null_count and not column.is_nullable:
        raise _refuse(table, column.name, f"{values.null_count} nulls", "no null")
    is_as_it_arrived = table.name.startswith("bronze.")
    if (
        not is_as_it_arrived
        and pa.types.is_floating(column.arrow_type)
        and not pc.all(pc.is_finite(values), min_count=0).as_py()
    ):
        raise _refuse(table, column.name, "NaN or infinity", "finite numbers, or null")
    _check_bounds(table, column, values)
    return values


def _extremes(values: pa.ChunkedArray) -> dict[str, Any]:
    """Smallest and largest value; NumPy finds them in a third of Arrow's time."""
    if pa.types.is_floating(values.type) and len(values) > values.null_count:
        plain = values.to_numpy()
        return {"min": float(np.fmin.reduce(plain)), "max": float(np.fmax.reduce(plain))}
    return pc.min_max(values).as_py()


def _check_bounds(table: Table, column: Column, values: pa.ChunkedArray) -> None:
    if column.low is not None or column.high is not None:
        found = _extremes(values)
        low = column.low if column.low is not None else float("-inf")
        high = column.high if column.high is not None else float("inf")
        if found["min"] is not None and not (low <= found["min"] and found["max"] <= high):
            raise _refuse(table, column.name, f"{found['min']} to {found['max']}", f"{low:g} to {high:g}")
    if column.allowed:
        strange = set(pc.unique(values).to_pylist()) - {None, *column.allowed}
        if strange:
            raise _refuse(table, column.name, sorted(strange)[:3], ", ".join(column.allowed))


def conform(table: Table, market: str, day: date, rows: pa.Table) -> pa.Table:
    """Rows in declared order and types, sorted, without the partition columns.

    Raises ContractError for a missing or unknown column, a wrong type, a null, a bound, or another day's row.
    """
    declared = [column for column in table.columns if column.name not in table.partition_by]
    unknown = set(rows.column_names) - {column.name for column in table.columns}
    missing = {column.name for column in declared} - set(rows.column_names)
    if unknown or missing:
        raise _refuse(table, "columns", f"missing {sorted(missing)}, unknown {sorted(unknown)}", "the declared columns")
    for name, expected in (("market", market), ("trade_date", day)):
        if name in rows.column_names and name in table.partition_by:
            strange = set(pc.unique(rows.column(name)).to_pylist()) - {expected}
            if strange:
                raise _refuse(table, name, sorted(map(str, strange))[:3], expected)
    arrays = [_checked(table, column, rows.column(column.name)) for column in declared]
    tidy = pa.table(arrays, schema=pa.schema([column.arrow_field for column in declared]))
    order = pc.sort_indices(tidy, sort_keys=[(name, "ascending") for name in table.sort_by])
    is_sorted = pc.all(pc.equal(order, pa.array(np.arange(len(order), dtype=np.uint64))), min_count=0).as_py()
    return tidy.combine_chunks() if is_sorted else tidy.take(order).combine_chunks()


def raise_if_disk_is_full(error: Exception, where: Path) -> None:
    """Raises DiskFullError when that is what the error says, whoever says it."""
    words = str(error)
    if getattr(error, "errno", None) in FULL or any(told in words for told in FULL_IN_WORDS):
        raise DiskFullError(
            "disk is full",
            which=where,
            found=words.splitlines()[0][:160],
            allowed="room for the day's files",
            next_step="make room (`fillwise maintain` says what may go), then run the same command again",
        ) from error


def write_day_file(
    root: Path, table: Table, market: str, day: date, rows: pa.Table, inputs: str | None = None
) -> DayFile:
    """Write one day's rows, checked, sorted and fsynced; the table does not change until they are committed.

    inputs: digest of what the rows were made from, kept in the file's footer (`read_inputs`).
    """
    tidy = conform(table, market, day, rows)
    if inputs is not None:
        tidy = tidy.replace_schema_metadata({INPUTS_KEY: inputs})
    folder = table_folder(root, table) / f"market={market}" / f"trade_date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    texts = [field.name for field in tidy.schema if pa.types.is_string(field.type)]
    fresh = folder / f".writing-{os.getpid()}.parquet"
    try:
        pq.write_table(
            tidy,
            fresh,
            compression=COMPRESSION,
            use_dictionary=texts,
            write_page_checksum=True,
            write_statistics=[name for name in table.sort_by if name in tidy.column_names],
            row_group_size=ROW_GROUP_ROWS,
        )
        payload = fresh.read_bytes()
        digest = hashlib.sha256(payload).hexdigest()
        with fresh.open("rb") as handle:
            os.fsync(handle.fileno())
        final = folder / f"{digest}.parquet"
        os.replace(fresh, final)
    except OSError as error:
        raise_if_disk_is_full(error, folder)
        raise
    finally:
        fresh.unlink(missing_ok=True)
    relative = final.relative_to(table_folder(root, table))
    return DayFile(path=str(relative), sha256=digest, rows=tidy.num_rows, size=len(payload))


def read_day_file(path: Path, table: Table, columns: list[str] | None) -> pa.Table:
    """Rows of one file, page checksums verified; columns that an older file lacks come back null."""
    wanted = [
        column
        for column in table.columns
        if column.name not in table.partition_by and (columns is None or column.name in columns)
    ]
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as handle:
            present = set(handle.schema_arrow.names)
            rows = handle.read([column.name for column in wanted if column.name in present])
    except (OSError, pa.ArrowException) as error:
        raise LakeError(
            "cannot read our own file",
            which=path,
            found=str(error).splitlines()[0],
            allowed="the bytes as written",
            next_step="restore the file from a backup, or delete the day and run its steps again",
        ) from error
    arrays = [
        rows.column(column.name).cast(column.arrow_type)
        if column.name in present
        else pa.nulls(rows.num_rows, column.arrow_type)
        for column in wanted
    ]
    return pa.table(arrays, schema=pa.schema([pa.field(column.name, column.arrow_type) for column in wanted]))


def read_inputs(path: Path) -> str | None:
    """Digest of what the file's rows were made from; None when its writer named nothing."""
    found = (pq.read_schema(path).metadata or {}).get(INPUTS_KEY)
    return None if found is None else found.decode()


def input_digest(*parts: str) -> str:
    """One digest over named inputs, in the order given."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def verify_day_file(path: Path) -> str:
    """SHA-256 of the file. Raises LakeError when it is not the one in its name."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != path.stem:
        raise LakeError(
            "our own file was altered",
            which=path,
            found=digest,
            allowed=path.stem,
            next_step="restore the file from a backup, or delete the day and run its steps again",
        )
    return digest
