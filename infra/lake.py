"""The only door to Delta: read days (as of a version), replace days, and say whether anything changed.

Tables are partitioned by (market, trade_date), one content-addressed file a day (`infra/lake_files.py`), and
committed by delta-rs from the process that holds the table's lock. Spark and any other Delta reader can open
them. Rows never pass through the JVM (ten times faster, see `benchmarks/`).

    >>> lake = Lake(Path("/srv/fillwise/lake"))                     # doctest: +SKIP
    >>> lake.read(SILVER["trades"], "sample", [date(2026, 11, 20)])  # doctest: +SKIP
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from infra.lake_files import (
    DayFile,
    raise_if_disk_is_full,
    read_day_file,
    read_inputs,
    table_folder,
    verify_day_file,
    write_day_file,
)
from infra.lake_log import record_commits, require_known_format, stamp_format
from infra.locks import held
from infra.open_tables import OpenTables, at_version
from infra.tables.columns import Table

TABLE_LOCK_SECONDS = 60.0
TABLE_PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    "delta.checkpointInterval": "1000000",
}


@dataclass(frozen=True)
class Commit:
    """What a write left: the table's version afterwards, the rows of the days written, and whether anything changed."""

    table: str
    version: int
    rows: int
    is_unchanged: bool


class Lake:
    """All Delta tables below one folder. Raises LakeError when a newer version of Fillwise made it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tables = OpenTables()
        require_known_format(root)

    def _open(self, table: Table, version: int | None = None) -> Any:
        folder = table_folder(self.root, table)
        if version is None:
            return self._tables.latest(folder, table.name)
        return at_version(folder, table.name, version)

    def _create(self, table: Table) -> Any:
        from deltalake import DeltaTable, Schema

        folder = table_folder(self.root, table)
        folder.mkdir(parents=True, exist_ok=True)
        schema = pa.schema([pa.field(column.name, column.arrow_type) for column in table.columns])
        return DeltaTable.create(
            folder,
            Schema.from_arrow(schema),
            partition_by=list(table.partition_by),
            configuration=TABLE_PROPERTIES,
            description=table.meaning,
            mode="ignore",
        )

    def _writable(self, table: Table) -> Any:
        from deltalake import Field, Schema

        opened = self._open(table) or self._create(table)
        stamp_format(self.root)
        present = {field.name for field in opened.schema().fields}
        added = [column for column in table.columns if column.name not in present]
        if added:
            fresh = Schema.from_arrow(pa.schema([pa.field(column.name, column.arrow_type) for column in added]))
            fields: list[Field] = list(fresh.fields)
            opened.alter.add_columns(fields)
            opened = self._open(table)
        return opened

    def version(self, table: Table) -> int | None:
        """Latest version, None for a table that was never written."""
        opened = self._open(table)
        return None if opened is None else int(opened.version())

    def day_files(
        self, table: Table, market: str, days: Sequence[date] | None = None, version: int | None = None
    ) -> dict[date, tuple[Path, ...]]:
        """Active files by day, days ascending."""
        opened = self._open(table, version)
        wanted = None if days is None else {str(day) for day in days}
        found: dict[date, list[Path]] = {}
        for action in [] if opened is None else pa.table(opened.get_add_actions(flatten=True)).to_pylist():
            day = str(action["partition.trade_date"])
            if action["partition.market"] == market and (wanted is None or day in wanted):
                path = table_folder(self.root, table) / action["path"]
                found.setdefault(date.fromisoformat(day), []).append(path)
        return {day: tuple(sorted(found[day])) for day in sorted(found)}

    def active_files(self, table: Table, version: int | None = None) -> set[Path]:
        """Every file that a version (None: the latest) is made of, of all markets and days, there or not."""
        opened, folder = self._open(table, version), table_folder(self.root, table)
        actions = [] if opened is None else pa.table(opened.get_add_actions(flatten=True)).to_pylist()
        return {folder / action["path"] for action in actions}

    def files_on_disk(self, table: Table) -> set[Path]:
        """Every finished file in the table's folder, whether any version names it or not."""
        return {path for path in table_folder(self.root, table).glob("market=*/trade_date=*/[!.]*.parquet")}

    def days(self, table: Table, market: str) -> tuple[date, ...]:
        """Days that were written, ascending; a day without rows counts once it was written."""
        return tuple(self.day_files(table, market))

    def count(self, table: Table, market: str, days: Sequence[date]) -> int:
        """Rows of the days, from the log alone."""
        opened, wanted = self._open(table), {str(day) for day in days}
        actions = [] if opened is None else pa.table(opened.get_add_actions(flatten=True)).to_pylist()
        return sum(
            int(action["num_records"])
            for action in actions
            if action["partition.market"] == market and str(action["partition.trade_date"]) in wanted
        )

    def inputs(self, table: Table, market: str, days: Sequence[date]) -> dict[date, str | None]:
        """What each written day was made from: a step whose inputs are the same need not run."""
        found = self.day_files(table, market, days)
        return {day: read_inputs(paths[0]) for day, paths in found.items() if len(paths) == 1}

    def read(
        self,
        table: Table,
        market: str,
        days: Sequence[date] | None = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
    ) -> pa.Table:
        """Rows of the days (all when None), days ascending, each sorted by `table.sort_by`."""
        names = [column.name for column in table.columns if columns is None or column.name in columns]
        schema = pa.schema([pa.field(name, table.column(name).arrow_type) for name in names])
        parts = [schema.empty_table()]
        for day, paths in self.day_files(table, market, days, version).items():
            for path in paths:
                rows = read_day_file(path, table, None if columns is None else list(columns))
                for name, value in (("market", market), ("trade_date", day)):
                    if name in names:
                        constant = pa.repeat(pa.scalar(value, table.column(name).arrow_type), rows.num_rows)
                        rows = rows.append_column(name, constant)
                parts.append(rows.select(names))
        return pa.concat_tables(parts)

    def read_day(self, table: Table, market: str, day: date, columns: Sequence[str] | None = None) -> pa.Table:
        return self.read(table, market, [day], columns)

    def commit_days(self, table: Table, market: str, files: Mapping[date, DayFile]) -> Commit:
        """Make written files the content of their days, all in one transaction; unchanged days are left alone."""
        lock = self.root / ".locks" / f"{table.name}.lock"
        with held(lock, f"writer of {table.name}", TABLE_LOCK_SECONDS):
            opened = self._writable(table)
            before = self.day_files(table, market, list(files))
            changed = {
                day: file
                for day, file in files.items()
                if [path.name for path in before.get(day, ())] != [f"{file.sha256}.parquet"]
            }
            if changed:
                self._commit(table, market, opened, changed)
            record_commits(table_folder(self.root, table))
            version = self.version(table)
        rows = sum(file.rows for file in files.values())
        return Commit(table.name, -1 if version is None else version, rows, not changed)

    def _commit(self, table: Table, market: str, opened: Any, files: Mapping[date, DayFile]) -> None:
        from deltalake.exceptions import DeltaError
        from deltalake.transaction import AddAction, CommitProperties

        adds = [
            AddAction(
                file.path,
                file.size,
                {"market": market, "trade_date": str(day)},
                int((table_folder(self.root, table) / file.path).stat().st_mtime * 1000),
                True,
                json.dumps({"numRecords": file.rows}),
            )
            for day, file in files.items()
        ]
        try:
            opened.create_write_transaction(
                adds,
                mode="overwrite",
                schema=opened.schema(),
                partition_by=list(table.partition_by),
                partition_filters=[("market", "=", market), ("trade_date", "in", [str(day) for day in files])],
                commit_properties=CommitProperties(
                    custom_metadata={f"fillwise.sha256.{day}": file.sha256 for day, file in files.items()}
                ),
            )
        except (DeltaError, OSError) as error:
            raise_if_disk_is_full(error, table_folder(self.root, table))
            raise

    def replace_days(self, table: Table, market: str, rows: Mapping[date, pa.Table]) -> Commit:
        """Write and commit in one go: after it, each day holds exactly these rows."""
        files = {day: write_day_file(self.root, table, market, day, found) for day, found in rows.items()}
        return self.commit_days(table, market, files)

    def fingerprint(self, table: Table, market: str, day: date) -> str:
        """Content hash of the day, bytes read again and compared; 'absent' when it was never written."""
        paths = self.day_files(table, market, [day]).get(day, ())
        return "+".join(verify_day_file(path)[:16] for path in paths) or "absent"
