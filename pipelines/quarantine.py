"""`fillwise quarantine`: refused rows by rule with the first examples, and the way back in for those that were right.

A rule that judges (a fat finger, a price far from the day before) may be wrong about a row; a person looks, and takes
it back in with a reason. The release is recorded in `quarantine.releases`, and the next `validate` of the day lets
the row pass that rule. A rule of the declaration (no number, outside its bounds) is never wrong, and never released.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from infra.errors import UsageError
from infra.lake import Lake
from infra.tables import QUARANTINE, RELEASES
from pipelines.next_command import backfill_command
from pipelines.rules.catalog import rule_named
from pipelines.runner import Run, market_lock
from pipelines.stale import days_resting_on
from pipelines.step import DeliveryTerms

EXAMPLES = 3
LONGEST = 160


@dataclass(frozen=True)
class Selection:
    """Which refused rows; None: any."""

    rule: str | None = None
    noun: str | None = None
    source_file: str | None = None
    source_row: int | None = None

    def of(self, rows: pa.Table) -> pa.Table:
        """Those of the rows that are meant."""
        for name in ("rule", "noun", "source_file", "source_row"):
            wanted = getattr(self, name)
            if wanted is not None:
                rows = rows.filter(pc.equal(rows[name], wanted))
        return rows


def _plain(text: str) -> str:
    """Text of somebody's file on one printable line."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def _meaning(noun: str, rule: str) -> str:
    found = rule_named(noun, rule)
    if found is None:
        return "could not be read; never released"
    return f"{found.because}; {'may be released after a look' if found.is_releasable else 'never released'}"


def _print_rule(noun: str, rule: str, rows: pa.Table) -> None:
    print(f"  {noun}: {rows.num_rows:,} rows refused by {rule} ({_meaning(noun, rule)})")
    for row in rows.slice(0, EXAMPLES).to_pylist():
        print(f"    {_plain(row['source_file'])} row {row['source_row']}: {_plain(row['row_json'])}")


def print_quarantine(run: Run, chosen: Selection) -> int:
    """List each day's refused rows by noun and rule."""
    lake = Lake(run.settings.lake)
    for day in run.days:
        rows = chosen.of(lake.read_day(QUARANTINE, run.market.name, day))
        print(f"{run.market.name} {day}: {rows.num_rows:,} rows in quarantine")
        for pair in rows.group_by(["noun", "rule"]).aggregate([]).sort_by("noun").to_pylist():
            _print_rule(pair["noun"], pair["rule"], Selection(**pair).of(rows))
    return 0


def _require_releasable(rows: pa.Table, chosen: Selection, day: date) -> None:
    pairs = rows.group_by(["noun", "rule"]).aggregate([]).to_pylist()
    rules = {pair["rule"]: rule_named(pair["noun"], pair["rule"]) for pair in pairs}
    fixed = sorted(name for name, rule in rules.items() if rule is None or not rule.is_releasable)
    if rows.num_rows == 0 or fixed:
        raise UsageError(
            "no row was chosen" if not fixed else "rule is never wrong, so nothing is released",
            which=f"{day} {chosen}",
            found=", ".join(fixed) or "0 rows in quarantine",
            allowed="rows refused by a rule that judges (`fillwise quarantine` says which)",
            next_step="choose rows with --rule, --noun, --file, --row; correct the file where a rule is never wrong",
        )


def _release_day(lake: Lake, market: str, day: date, chosen: Selection, terms: DeliveryTerms) -> None:
    rows = chosen.of(lake.read_day(QUARANTINE, market, day))
    _require_releasable(rows, chosen, day)
    kept = [name for name in RELEASES.arrow_schema.names if name not in ("person", "reason")]
    told = [{**row, "person": terms.person, "reason": terms.reason} for row in rows.select(kept).to_pylist()]
    present = lake.read_day(RELEASES, market, day).to_pylist()
    found = {json.dumps([row[name] for name in kept], default=str): row for row in (*told, *present)}
    lake.replace_days(RELEASES, market, {day: pa.Table.from_pylist(list(found.values()), RELEASES.arrow_schema)})
    print(f"{market} {day}: {rows.num_rows:,} rows may pass ({terms.person}: {terms.reason})")


def release(run: Run, chosen: Selection, terms: DeliveryTerms) -> int:
    """Record that the chosen rows may pass; `validate` and what follows must run again for them to count."""
    lake, market = Lake(run.settings.lake), run.market.name
    for day in run.days:
        with market_lock(run.settings, market, f"fillwise quarantine release {day}"):
            _release_day(lake, market, day, chosen, terms)
        print(f"next: {backfill_command(run.market, days_resting_on(lake, run.market, day), run.data)}")
    return 0
