"""Delta tables that were opened, kept open: opening reads every commit of the log again, and a night opens often.

A kept table is handed out again while its log is as it was, led on by the commits that were added to it, and opened
afresh where anything else of the log changed (a restored backup, a table made anew). What is compared is the name, size
and time of every commit file, so another process's commit is seen as well as our own.

    >>> OpenTables().latest(Path("/nowhere/silver.trades"), "silver.trades") is None
    True
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infra.errors import LakeError
from infra.lake_log import LOG, LogState, check_commits, set_checkpoints_aside


class OpenTables:
    """Handles of one process. Pickled without them: another process opens its own."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[LogState, Any]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"_kept": {}}

    def latest(self, folder: Path, name: str) -> Any | None:
        """The table at its latest version, None where there is none. Raises LakeError for a damaged log."""
        if not (folder / LOG).is_dir():
            return None
        state = check_commits(folder)
        before, table = self._kept.pop(folder, ((), None))
        if table is None or not _is_led_on(table, before, state):
            table = opened(folder, name, None)
        if table is not None:
            self._kept[folder] = (state, table)
        return table


def _is_led_on(table: Any, before: LogState, state: LogState) -> bool:
    """Whether the table stands at the log's end, brought there by added commits where needed."""
    from deltalake.exceptions import DeltaError

    if before == state:
        return True
    if state[: len(before)] != before:
        return False
    try:
        table.update_incremental()
    except DeltaError:
        return False
    return True


def at_version(folder: Path, name: str, version: int) -> Any | None:
    """The table as of a version, None where there is no table. Raises LakeError for a damaged log."""
    if not (folder / LOG).is_dir():
        return None
    check_commits(folder)
    return opened(folder, name, version)


def opened(folder: Path, name: str, version: int | None) -> Any | None:
    """The table, read from its log; a damaged checkpoint is set aside."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        return DeltaTable(folder, version=version)
    except TableNotFoundError:
        return None
    except DeltaError as error:
        if set_checkpoints_aside(folder):
            return opened(folder, name, version)
        raise LakeError(
            "cannot open table",
            which=f"{name} version {version if version is not None else 'latest'}",
            found=str(error).splitlines()[0][:200],
            allowed="a readable Delta log",
            next_step="restore the table's folder from a backup",
        ) from error
