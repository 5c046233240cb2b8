"""Step `validate`: rows of bronze are checked; good ones go to silver, refused ones to quarantine with their rule.

`pipelines/check_rows.py` judges every row of every day by the rules of `pipelines/rules/catalog.py`; a row that a
person took back in (`quarantine.releases`) skips the rule that had refused it. Splits and swapped symbols show against
the last mids of the session before, as silver has them. Great Expectations then asserts the same declaration on what
passed, and draws Data Docs into `<home>/pages/<market>/<day>/data_docs/`; of a range only the last day gets that,
because it takes some ten seconds a day to say again what the predicates have just enforced on every row.

A day on which more rows are refused than a table allows, or on which a table that must not be empty is, stops the
night: its silver stays as it was, its quarantine and its health are written, so that a person can look, and days
before it in the range are finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from infra import calendar
from infra.errors import QualityError, SourceError
from infra.lake import Commit
from infra.lake_files import DayFile, write_day_file
from infra.tables import BRONZE, NOUNS, QUARANTINE, RELEASES, SILVER
from pipelines.batches import day_batches, merged
from pipelines.bronze import known_rows
from pipelines.check_rows import CheckedRows, check_day, quarantine_rows
from pipelines.day_health import health_rows, reason_to_stop
from pipelines.health import HealthRow, record_health_days
from pipelines.rules.overnight import LEVEL_COLUMNS, last_mids
from pipelines.rules.releases import released_rows
from pipelines.step import StepContext, StepReport
from pipelines.step_rows import with_other_steps

STEP = "validate"
BOOKS = "book_snapshots"
PAGES = "data_docs"
DAYS_IN_MEMORY = 5
"""Because a day of the sample market is 60 MB in six nouns, held as it arrived and as it passed."""
DAYS_A_COMMIT = 20
"""Because every commit makes every later opening of its table dearer, and a killed run repeats no more than a month."""


@dataclass(frozen=True)
class CheckedDay:
    """One day's nouns, checked, and what they amount to. `stop`: why the night stops, None when it goes on."""

    nouns: Mapping[str, CheckedRows]
    health: list[HealthRow]
    stop: QualityError | None

    def silver(self, noun: str) -> pa.Table:
        return self.nouns[noun].good.select([column.name for column in SILVER[noun].columns])

    @property
    def quarantine(self) -> pa.Table:
        rows = pa.concat_tables([quarantine_rows(checked) for checked in self.nouns.values()])
        place = rows.column_names.index("step")
        return rows.set_column(place, "step", pa.repeat(pa.scalar(STEP), rows.num_rows))


def _require_ingested(context: StepContext, days: Sequence[date]) -> None:
    needed = [BRONZE[noun] for noun, table in NOUNS.items() if table.stopped_by_empty]
    for table in needed:
        missing = sorted(set(days) - set(context.lake.day_files(table, context.market.name, days)))
        if missing:
            raise SourceError(
                "day was not ingested",
                which=f"{table.name} {context.market.name} {missing[0]}",
                found="no such day",
                allowed="a day that step ingest has brought in",
                next_step=f"fillwise ingest --market {context.market.name} --day {missing[0]}",
            )


def _asserted(context: StepContext, day: date, checked: Mapping[str, CheckedRows]) -> HealthRow:
    """Great Expectations' word on the good rows that nobody let in against the declaration, and its pages."""
    from infra.quality import assert_and_draw

    days = [
        (SILVER[noun], found.as_declared.select(SILVER[noun].arrow_schema.names))
        for noun, found in checked.items()
        if found.as_declared.num_rows or not found.good.num_rows
    ]
    at = calendar.known_at(context.market, day)
    results = assert_and_draw(days, context.page_folder(day) / PAGES, str(day), at)
    failed = [f"{result.table}: {words}" for result in results for words in result.failed]
    return HealthRow(
        "great_expectations",
        "silver",
        "fail" if failed else "pass",
        float(len(failed)),
        0.0,
        "a failed expectation on rows that passed means that predicates and declaration disagree",
        "; ".join(failed[:3]) or f"{sum(result.evaluated for result in results)} expectations hold",
    )


class _Held:
    """Days that were checked and are not committed yet: silver files, written already, and what goes beside them."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self.silver: dict[str, dict[date, DayFile]] = {noun: {} for noun in SILVER}
        self.quarantine: dict[date, pa.Table] = {}
        self.health: dict[date, list[HealthRow]] = {}
        self.levels: dict[date, Mapping[str, float]] = {}

    def add(self, found: Mapping[date, CheckedDay]) -> None:
        root, market = self.context.lake.root, self.context.market.name
        for day, checked in found.items():
            self.quarantine[day], self.health[day] = checked.quarantine, checked.health
            if checked.stop is None:
                self.levels = {day: last_mids(checked.nouns[BOOKS].good)}
                for noun, table in SILVER.items():
                    self.silver[noun][day] = write_day_file(root, table, market, day, checked.silver(noun))

    def commit(self) -> list[Commit]:
        """Quarantine and health first, so that a day that stopped can be looked at."""
        context, market = self.context, self.context.market.name
        refused = with_other_steps(context, QUARANTINE, STEP, self.quarantine)
        commits = [context.lake.replace_days(QUARANTINE, market, refused)]
        commits.append(record_health_days(context, STEP, self.health))
        for noun, table in SILVER.items() if any(self.silver.values()) else ():
            commits.append(context.lake.commit_days(table, market, self.silver[noun]))
        return commits


def _levels_before(
    context: StepContext, day: date, found: Mapping[date, CheckedDay], held: _Held
) -> Mapping[str, float]:
    """Last mids of the session before: of this batch, of the one before it, else of silver; empty when none has it."""
    before = calendar.sessions_until(context.market, day, 2)[0]
    if before in found:
        return last_mids(found[before].nouns[BOOKS].good)
    if before in held.levels:
        return held.levels[before]
    return last_mids(context.lake.read_day(SILVER[BOOKS], context.market.name, before, LEVEL_COLUMNS))


def _checked_day(
    context: StepContext, day: date, arrived: Mapping[str, pa.Table], previous: Mapping[str, float]
) -> CheckedDay:
    released = released_rows(context.lake.read_day(RELEASES, context.market.name, day), arrived)
    nouns = check_day(arrived, context.market, day, previous, released)
    health = health_rows(nouns, context.market, day, previous, released)
    if day == context.night and reason_to_stop(health, context.market, day) is None:
        health.append(_asserted(context, day, nouns))
    return CheckedDay(nouns, health, reason_to_stop(health, context.market, day))


def _check_days(
    context: StepContext, days: Sequence[date], counted: Iterator[date], held: _Held
) -> dict[date, CheckedDay]:
    """The batch's days, checked, up to and with the first one that stops the night."""
    arrived = {noun: context.lake.read(table, context.market.name, days) for noun, table in BRONZE.items()}
    found: dict[date, CheckedDay] = {}
    for day in counted:
        of_day = {noun: known_rows(rows.filter(pc.equal(rows["trade_date"], day))) for noun, rows in arrived.items()}
        found[day] = _checked_day(context, day, of_day, _levels_before(context, day, found, held))
        if found[day].stop:
            break
    return found


def _notes(found: Mapping[date, CheckedDay]) -> list[str]:
    return [
        f"{day} {noun}: {count:,} rows refused by {rule}"
        for day, checked in found.items()
        for noun, rows in checked.nouns.items()
        for rule, count in rows.by_rule.items()
    ]


def run(context: StepContext) -> StepReport:
    """Check every day of bronze.

    Raises SourceError (a day was never ingested) or QualityError (too much refused, an empty day, or an expectation
    that fails on rows that passed).
    """
    days, counted = context.days, iter(context.progress(context.days, STEP))
    _require_ingested(context, days)
    commits: list[Commit] = []
    notes: list[str] = []
    rows_in = refused = 0
    held = _Held(context)
    for batch in day_batches(days, DAYS_IN_MEMORY):
        found = _check_days(context, batch, islice(counted, len(batch)), held)
        held.add(found)
        notes += _notes(found)
        checked = [rows for day in found.values() for rows in day.nouns.values()]
        rows_in += sum(rows.arrived.num_rows for rows in checked)
        refused += sum(rows.refused_count for rows in checked)
        stops = [day.stop for day in found.values() if day.stop]
        if stops or len(held.health) >= DAYS_A_COMMIT or batch[-1] == days[-1]:
            commits, levels = commits + held.commit(), held.levels
            held = _Held(context)
            held.levels = levels
        if stops:
            raise stops[0]
    tables = merged(commits)
    rows_out = sum(commit.rows for commit in tables if commit.table.startswith("silver."))
    return StepReport(rows_in, rows_out, refused, tables, all(commit.is_unchanged for commit in tables), tuple(notes))
