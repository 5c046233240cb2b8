"""`fillwise reconcile`: for every file of a day, what became of its rows, counted in the tables and not remembered.

    file:  rows in = bronze + quarantined + duplicate          the account, and bronze and quarantine counted again
    noun:  bronze, as known now = silver + quarantined + duplicate

A sum that does not hold is a row that was lost or came twice; then the exit status is 1. So it is where silver,
features or labels still rest on rows that were corrected since (`pipelines/stale.py`), because a night would read them.

Of a range, sessions of which nothing was delivered are named at the end. They fail it too, unless `--data` names a
folder that has no file of them, and as long as something was delivered on another day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from infra.lake import Lake
from infra.markets import MARKETS
from infra.tables import BRONZE, DELIVERIES, HEALTH, QUARANTINE, SILVER
from pipelines.bronze import known_rows
from pipelines.next_command import backfill_command
from pipelines.recorded import unrecorded_days
from pipelines.runner import Run
from pipelines.stale import EARLIER_ROWS, by_known_at, days_resting_on, earlier_gold, is_superseded

DUPLICATES = "duplicate_rows"
"""The check of `gold.health` under which `validate` counts what came twice."""
FILE_HEADER = f"{'noun':18}{'file':44}{'bytes':14}{'in':>11}{'bronze':>11}{'quarantined':>12}{'duplicate':>11}"
NOUN_HEADER = f"{'noun':18}{'bronze now':>11}{'silver':>11}{'quarantined':>12}{'duplicate':>11}"


@dataclass(frozen=True)
class Line:
    """One file or one noun: counts in order, and what is wrong with them ('' when they add up)."""

    name: str
    counts: tuple[int, ...]
    problem: str = ""
    remark: str = ""

    def text(self) -> str:
        """The line as it is printed."""
        first, *others = self.counts
        numbers = f"{first:>11,}{others[0]:>11,}" + "".join(
            f"{count:>{width},}" for count, width in zip(others[1:], (12, 11), strict=True)
        )
        return f"{self.name}{numbers}  {self.problem or self.remark}".rstrip()


@dataclass(frozen=True)
class Reconciliation:
    """A day's accounts. `earlier`: tables made from earlier rows. `problems`: in words, empty when all adds up."""

    day: date
    files: tuple[Line, ...]
    nouns: tuple[Line, ...]
    earlier: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        lines = (f"{line.name.strip()}: {line.problem}" for line in (*self.files, *self.nouns) if line.problem)
        return (*lines, *self.earlier)

    @property
    def rests_on_earlier_rows(self) -> bool:
        return bool(self.earlier) or any(line.problem == EARLIER_ROWS for line in self.nouns)


def _counted(rows: pa.Table) -> Counter[tuple[str, str]]:
    """Rows by (file, bytes)."""
    found = rows.group_by(["source_file", "source_sha256"]).aggregate([([], "count_all")]).to_pylist()
    return Counter({(one["source_file"], one["source_sha256"]): one["count_all"] for one in found})


def _wrong_sum(account: Mapping[str, Any], bronze: int, quarantined: int) -> str:
    parts = account["rows_bronze"] + account["rows_quarantined"] + account["rows_duplicate"]
    if parts != account["rows_in"]:
        return f"{parts:,} accounted for, {account['rows_in']:,} came"
    if bronze != account["rows_bronze"]:
        return f"bronze holds {bronze:,}"
    if quarantined != account["rows_quarantined"]:
        return f"quarantine holds {quarantined:,}"
    return ""


def _remark(account: Mapping[str, Any]) -> str:
    if account["duplicate_of"]:
        return f"the bytes of {account['duplicate_of']}"
    return f"restates {account['restates_sha256'][:8]}: {account['reason']}" if account["restates_sha256"] else ""


def _file_lines(lake: Lake, market: str, day: date) -> Iterator[Line]:
    accounts = lake.read_day(DELIVERIES, market, day).sort_by("noun").to_pylist()
    provenance = ["source_file", "source_sha256"]
    bronze = {noun: _counted(lake.read_day(BRONZE[noun], market, day, provenance)) for noun in BRONZE}
    refused = lake.read_day(QUARANTINE, market, day)
    refused = refused.filter(pc.equal(refused["step"], "ingest"))
    told = {noun: set[tuple[str, str]]() for noun in BRONZE}
    for one in accounts:
        noun, key = one["noun"], (one["source_file"], one["source_sha256"])
        told[noun].add(key)
        quarantined = _counted(refused.filter(pc.equal(refused["noun"], noun)))[key]
        counts = tuple(one[name] for name in ("rows_in", "rows_bronze", "rows_quarantined", "rows_duplicate"))
        name = f"{noun:18}{one['source_file'][-42:]:44}{one['source_sha256'][:12]:14}"
        yield Line(name, counts, _wrong_sum(one, bronze[noun][key], quarantined), _remark(one))
    for noun, counted in bronze.items():
        for key in sorted(set(counted) - told[noun], key=str):
            name = f"{noun:18}{key[0][-42:]:44}{str(key[1])[:12]:14}"
            yield Line(name, (0, counted[key], 0, 0), "bronze holds rows that no delivery accounts for")


def _noun_line(lake: Lake, market: str, day: date, noun: str, refused: pa.Table, double: int) -> Line:
    name, now = f"{noun:18}", known_rows(lake.read_day(BRONZE[noun], market, day, ["known_at", "source_file"]))
    if not lake.day_files(SILVER[noun], market, [day]):
        words = "not in silver: validate has not run, or stopped the night"
        return Line(name, (now.num_rows, 0, 0, 0), remark=words)
    silver = lake.read_day(SILVER[noun], market, day, ["known_at"])
    judged = refused.filter(pc.equal(refused["noun"], noun))
    missing = now.num_rows - silver.num_rows - judged.num_rows - double
    problem = f"{missing:+,} rows unaccounted for: lost, or bronze has grown since validate ran" if missing else ""
    if is_superseded(by_known_at(now), by_known_at(silver, judged)):
        problem = EARLIER_ROWS
    return Line(name, (now.num_rows, silver.num_rows, judged.num_rows, double), problem)


def _noun_lines(lake: Lake, market: str, day: date) -> Iterator[Line]:
    refused, health = lake.read_day(QUARANTINE, market, day), lake.read_day(HEALTH, market, day)
    refused = refused.filter(pc.equal(pc.fill_null(refused["step"], "validate"), "validate"))
    twice = health.filter(pc.equal(health["check_name"], DUPLICATES))
    duplicates = dict(zip(twice["subject"].to_pylist(), twice["figure"].to_pylist(), strict=True))
    for noun in BRONZE:
        yield _noun_line(lake, market, day, noun, refused, int(duplicates.get(noun, 0)))


def reconcile_day(lake: Lake, market: str, day: date) -> Reconciliation:
    """The accounts of one day of one market."""
    files, nouns = tuple(_file_lines(lake, market, day)), tuple(_noun_lines(lake, market, day))
    return Reconciliation(day, files, nouns, tuple(earlier_gold(lake, MARKETS[market], day)))


def _print_day(run: Run, lake: Lake, found: Reconciliation) -> None:
    print(f"{run.market.name} {found.day}\n{FILE_HEADER}")
    print("\n".join(line.text() for line in found.files) or "  nothing was delivered")
    print(NOUN_HEADER)
    print("\n".join(line.text() for line in found.nouns if any(line.counts)))
    for problem in found.problems:
        print(f"does not add up: {problem}")
    if found.rests_on_earlier_rows:
        days = days_resting_on(lake, run.market, found.day)
        print(f"next: {backfill_command(run.market, days, run.data)}\n")
    if found.files and not found.problems:
        print("every row is accounted for\n")


def _is_excused(run: Run, without: Sequence[date]) -> bool:
    return len(without) < len(run.days) and set(without) <= set(unrecorded_days(run))


def print_reconciliation(run: Run) -> int:
    """Print the accounts of each day; 1 when something does not add up or nothing was delivered that could be."""
    lake = Lake(run.settings.lake)
    without: list[date] = []
    status = 0
    for day in run.days:
        found = reconcile_day(lake, run.market.name, day)
        _print_day(run, lake, found)
        status = status or int(bool(found.problems))
        without += [] if found.files else [day]
    if without and len(run.days) > 1:
        print(f"nothing was delivered on {len(without)} of {len(run.days)} sessions: {', '.join(map(str, without))}")
    return status or int(bool(without) and not _is_excused(run, without))
