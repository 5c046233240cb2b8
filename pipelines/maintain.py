"""`fillwise maintain`: what may go, what must stay and who holds it, what is missing, and what takes how much disk.

The lake writes one content-addressed file a day, so there is nothing to compact. What piles up are files that a later
version of a day superseded. Such a file goes once it is older than `FILLWISE_SUPERSEDED_DAYS` and no registered version
needs it: a version's manifest names the Delta versions that it read, and every file active in one of them is held.
Earlier deliveries are rows of bronze, not superseded files, and never go. Logs and pages go by age alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import Table
from pipelines.fingerprint import every_table
from pipelines.runner import market_lock

DAY_SECONDS = 86_400.0
BUDGET_GB: Mapping[str, float] = {
    "lake": 50.0,
    "registry": 10.0,
    "drops": 20.0,
    "logs": 2.0,
    "pages": 5.0,
    "cache": 5.0,
}
"""A year of the built-in market takes 6 GB of lake and 5 GB of drops; at ten times that somebody should look."""
KEPT = "every version must stay reproducible, so nothing of it goes by itself: give it a larger disk, or another budget"
NEXT_STEP: Mapping[str, str] = {
    "lake": "fillwise maintain --apply; then a smaller FILLWISE_SUPERSEDED_DAYS, or a larger disk",
    "registry": KEPT,
    "drops": KEPT,
    "logs": "fillwise maintain --apply; then a smaller FILLWISE_LOGS_DAYS",
    "pages": "fillwise maintain --apply; then a smaller FILLWISE_PAGES_DAYS",
    "cache": "delete the folder while nothing runs; it is made again",
}


@dataclass(frozen=True)
class Pin:
    """A registered version that needs a table as of a Delta version."""

    model: str
    table: str
    version: int


@dataclass
class Upkeep:
    """What was found. held: file -> version that holds it. missing: (pin, files gone), nobody can make it again."""

    removable: list[Path] = field(default_factory=list)
    held: dict[Path, Pin] = field(default_factory=dict)
    young: int = 0
    missing: list[tuple[Pin, int]] = field(default_factory=list)


def pins(settings: Settings) -> tuple[Pin, ...]:
    """What registered versions need, of all markets; nothing where no registry was made yet."""
    if not (settings.registry / "mlflow.db").exists():
        return ()
    from infra.registry import Registry
    from infra.version_files import read_manifest

    found = []
    for market in MARKETS:
        for version in Registry(settings).versions(market):
            manifest = read_manifest(settings.registry, market, version.digest)
            found += [Pin(version.name, table, number) for table, number in manifest["delta_versions"].items()]
    return tuple(found)


def look_at_table(lake: Lake, table: Table, held: tuple[Pin, ...], oldest: float, upkeep: Upkeep) -> None:
    """Sort the table's superseded files into removable, held and young; say which held ones are gone."""
    on_disk, active = lake.files_on_disk(table), lake.active_files(table)
    holders: dict[Path, Pin] = {}
    for pin in held:
        needed = lake.active_files(table, pin.version)
        gone = len(needed - on_disk)
        if gone:
            upkeep.missing.append((pin, gone))
        holders |= {path: pin for path in needed}
    for path in sorted(on_disk - active):
        if path in holders:
            upkeep.held[path] = holders[path]
        elif path.stat().st_mtime < oldest:
            upkeep.removable.append(path)
        else:
            upkeep.young += 1


def _older(folder: Path, oldest: float) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file() and path.lstat().st_mtime < oldest)


def look(settings: Settings, now: float) -> Upkeep:
    """Everything that may go and everything that is held. `now`: seconds since 1970."""
    lake, upkeep, needed = Lake(settings.lake), Upkeep(), pins(settings)
    oldest = now - settings.superseded_days * DAY_SECONDS
    for table in every_table():
        held = tuple(pin for pin in needed if pin.table == table.name)
        look_at_table(lake, table, held, oldest, upkeep)
    upkeep.removable += [path for path in settings.lake.rglob(".writing-*") if path.stat().st_mtime < now - DAY_SECONDS]
    upkeep.removable += _older(settings.logs, now - settings.logs_days * DAY_SECONDS)
    upkeep.removable += _older(settings.pages, now - settings.pages_days * DAY_SECONDS)
    return upkeep


def _print_budget(settings: Settings) -> None:
    above = []
    for kind, budget in BUDGET_GB.items():
        folder = settings.home / kind
        used = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9
        print(f"  {kind:10}{used:8.2f} of {budget:g} GB")
        words = f"above its budget: {folder}; found {used:.2f} GB; allowed: {budget:g} GB; next: {NEXT_STEP[kind]}"
        above += [words] if used > budget else []
    for words in above:
        print(words)


def _print_removable(settings: Settings, removable: list[Path]) -> None:
    print(f"removable: {len(removable)} files, {sum(path.stat().st_size for path in removable) / 1e6:.1f} MB")
    groups: dict[str, list[Path]] = {}
    for path in removable:
        kind, *inside = path.relative_to(settings.home).parts
        groups.setdefault(".".join((kind, *inside[:2])) if kind == "lake" else kind, []).append(path)
    for name, paths in sorted(groups.items()):
        print(f"  {name:24}{len(paths):>7,} files{sum(path.stat().st_size for path in paths) / 1e6:>12.1f} MB")


def _print_upkeep(upkeep: Upkeep) -> None:
    for pin, gone in upkeep.missing:
        print(f"missing: version {pin.model} needs {pin.table}@{pin.version}, of which {gone} files are gone")
    by_pin: dict[Pin, int] = {}
    for pin in upkeep.held.values():
        by_pin[pin] = by_pin.get(pin, 0) + 1
    for pin, count in sorted(by_pin.items(), key=lambda item: (item[0].table, item[0].model)):
        print(f"held: {count} superseded files of {pin.table}@{pin.version}, by version {pin.model}")
    print(f"young: {upkeep.young} superseded files are not old enough yet")


def maintain(settings: Settings, *, is_applied: bool, now: float) -> int:
    """Print what was found, and remove what may go when asked to. `now`: seconds since 1970.

    Exit status 1 when a version's files are missing.
    """
    with ExitStack() as locks:
        for market in MARKETS:
            locks.enter_context(market_lock(settings, market, "fillwise maintain"))
        upkeep = look(settings, now)
        _print_budget(settings)
        _print_upkeep(upkeep)
        _print_removable(settings, upkeep.removable)
        for path in upkeep.removable if is_applied else ():
            path.unlink(missing_ok=True)
    if upkeep.removable:
        print("removed" if is_applied else "nothing was removed; next: fillwise maintain --apply")
    return 1 if upkeep.missing else 0
