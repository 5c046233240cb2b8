"""The rows of one day, checked: which are good, which are refused by which rule, which came twice. Pure.

Order of judgement: the declaration (`infra/refusals.py`), the day's rules of a noun (`pipelines/rules/prices.py`), the
rules that look at several nouns (`pipelines/rules/across.py`; only `check_day` has them all at hand), then the key. A
row that came twice with the same content is dropped and counted; rows that share a key and differ are all refused,
because nothing tells which of them is right. For every noun and day

    rows in = good + refused + duplicates

holds by construction and is checked, and each refused row stands in quarantine once, under the first rule it broke.

Rows that a person took back in (`released`) skip that one rule and no other. So do the rows of a symbol whose split was
announced: a previous close that the vendor did not adjust says nothing against them. `CheckedRows.as_declared` is what
is left without them, since they break the declaration and were let in knowingly.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from infra.markets import Market
from infra.refusals import Refusal, kept_rows, refusals
from infra.tables import NOUNS, QUARANTINE
from infra.tables.book_rules import NEAR_CLOSE
from infra.tables.nouns import PROVENANCE
from pipelines.rules.across import cross_refusals
from pipelines.rules.catalog import RULES
from pipelines.rules.overnight import OvernightStep, overnight_steps
from pipelines.rules.prices import day_refusals
from pipelines.rules.releases import NONE, Mask, Released, released_mask

Long = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CheckedRows:
    """`good`: rows of bronze that passed, provenance included. `refused`: row numbers by rule, each row once.

    `is_taken_in`: (good) true for good rows that break a rule of the declaration and were let in knowingly.
    """

    noun: str
    arrived: pa.Table
    good: pa.Table
    refused: tuple[Refusal, ...]
    duplicates: int
    is_taken_in: Mask = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @property
    def as_declared(self) -> pa.Table:
        return self.good.filter(pa.array(~self.is_taken_in)) if self.is_taken_in.any() else self.good

    @property
    def refused_count(self) -> int:
        return sum(len(refusal.rows) for refusal in self.refused)

    @property
    def refused_share(self) -> float:
        return self.refused_count / self.arrived.num_rows if self.arrived.num_rows else 0.0

    @property
    def by_rule(self) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for refusal in self.refused:
            counts[refusal.rule] += len(refusal.rows)
        return dict(counts)


@dataclass(frozen=True)
class _Judged:
    """A noun between two judges: what is left, whose row numbers among all that arrived these are."""

    noun: str
    arrived: pa.Table
    rows: pa.Table
    numbers: Long
    refused: tuple[Refusal, ...]
    taken_in: Long

    def without(self, found: Sequence[Refusal]) -> _Judged:
        if not found:
            return self
        named = tuple(Refusal(one.rule, one.because, self.numbers[one.rows]) for one in found)
        mask = kept_rows(self.rows.num_rows, list(found))
        return replace(
            self, rows=self.rows.filter(pa.array(mask)), numbers=self.numbers[mask], refused=(*self.refused, *named)
        )


def repeated_keys(key: list[str], rows: pa.Table, ignored: list[str]) -> tuple[Long, Long]:
    """Row numbers to drop (same key and content as an earlier row) and in conflict (same key, other content).

    `ignored` columns are no content. Both ascending.
    """
    if rows.group_by(key).aggregate([]).num_rows == rows.num_rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    content = [name for name in rows.column_names if name not in ignored]
    numbered = rows.select(content).append_column("row", pa.array(np.arange(rows.num_rows)))
    distinct = numbered.group_by(content).aggregate([("row", "min")])
    per_key = distinct.group_by(key).aggregate([("row_min", "count")])
    several = per_key.filter(pc.greater(per_key["row_min_count"], 1)).select(key)
    conflict = numbered.select([*key, "row"]).join(several, key, join_type="left semi")["row"].to_numpy()
    dropped = np.setdiff1d(np.arange(rows.num_rows), distinct["row_min"].to_numpy())
    return np.setdiff1d(dropped, conflict), np.sort(conflict)


def _let_in(noun: str, rows: pa.Table, rule: str, released: Released, excused: Sequence[str]) -> Mask:
    mask = released_mask(noun, rule, rows, released)
    if excused and rule == NEAR_CLOSE.name:
        mask |= pc.is_in(rows["symbol"], value_set=pa.array(excused)).to_numpy()
    return mask


def _declared(noun: str, rows: pa.Table, released: Released, excused: Sequence[str]) -> tuple[list[Refusal], Long]:
    """What the declaration refuses, and the rows that it would have refused under a rule that they may skip."""
    table = NOUNS[noun]
    found, taken_in = refusals(table, rows), np.empty(0, np.int64)
    for place, one in enumerate(found):
        if one.rule in RULES and RULES[one.rule].is_releasable and (released or excused):
            skips = _let_in(noun, rows.take(pa.array(one.rows)), one.rule, released, excused)
            found[place], taken_in = replace(one, rows=one.rows[~skips]), np.append(taken_in, one.rows[skips])
    found = [one for one in found if len(one.rows)]
    if len(taken_in):
        others = replace(table, rules=tuple(rule for rule in table.rules if rule.name not in RULES))
        again = refusals(others, rows.take(pa.array(taken_in)))
        found += [replace(one, rows=taken_in[one.rows]) for one in again]
        taken_in = taken_in[kept_rows(len(taken_in), again)]
    return found, taken_in


def _judged(
    noun: str, arrived: pa.Table, market: Market, day: date, released: Released = NONE, excused: Sequence[str] = ()
) -> _Judged:
    found, taken_in = _declared(noun, arrived, released, excused)
    judged = _Judged(noun, arrived, arrived, np.arange(arrived.num_rows), (), taken_in).without(found)
    return judged.without(day_refusals(noun, judged.rows, market, day, released))


def _keyed(judged: _Judged, day: date) -> CheckedRows:
    """The last judge, the key, and the sum that must hold."""
    noun, table = judged.noun, NOUNS[judged.noun]
    key = [name for name in table.key if name not in table.partition_by]
    dropped, conflict = repeated_keys(key, judged.rows, [column.name for column in PROVENANCE])
    rule = RULES["duplicate_key_conflict"]
    left = judged.without([Refusal(rule.name, rule.because, conflict)] if len(conflict) else [])
    is_kept = ~np.isin(left.numbers, judged.numbers[dropped])
    good = left.rows if is_kept.all() else left.rows.filter(pa.array(is_kept))
    is_taken_in = np.isin(left.numbers[is_kept], judged.taken_in)
    checked = CheckedRows(noun, judged.arrived, good, left.refused, len(dropped), is_taken_in)
    if good.num_rows + checked.refused_count + checked.duplicates != judged.arrived.num_rows:
        raise AssertionError(f"{noun} {day}: rows do not add up")
    return checked


def check_rows(noun: str, arrived: pa.Table, market: Market, day: date) -> CheckedRows:
    """Judge rows of `bronze.<noun>` of one day. Never raises on bad rows: how much is too much is asked elsewhere."""
    return _keyed(_judged(noun, arrived, market, day), day)


def night_steps(nouns: Mapping[str, pa.Table], previous: Mapping[str, float]) -> tuple[OvernightStep, ...]:
    """What happened between yesterday's last mids (`overnight_rules.last_mids`) and the books as they arrived."""
    books = nouns.get("book_snapshots")
    return overnight_steps(books, nouns.get("symbol_events"), previous) if books is not None else ()


def check_day(
    nouns: Mapping[str, pa.Table],
    market: Market,
    day: date,
    previous: Mapping[str, float] | None = None,
    released: Released = NONE,
) -> dict[str, CheckedRows]:
    """Judge every noun of `bronze` of one day, each alone and then together.

    previous: yesterday's last mid of each symbol, empty or None when there is no day before. released: rows that a
    person took back in. Never raises on bad rows.
    """
    steps = night_steps(nouns, previous or {})
    excused = [symbol for step in steps if step.rule == "split_announced" for symbol in step.symbols]
    judged = {noun: _judged(noun, rows, market, day, released, excused) for noun, rows in nouns.items()}
    cross = cross_refusals({noun: one.rows for noun, one in judged.items()}, steps, released)
    return {noun: _keyed(one.without(cross.get(noun, [])), day) for noun, one in judged.items()}


def _as_text(value: object) -> object:
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, int | float | str | None) else str(value)


def quarantine_rows(checked: CheckedRows) -> pa.Table:
    """The refused rows as rows of `quarantine.rows`: rule, file, row in the file, and the row as it arrived."""
    provenance = [column.name for column in PROVENANCE]
    rows = []
    for refusal in checked.refused:
        for row in checked.arrived.take(pa.array(refusal.rows)).to_pylist():
            content = {name: _as_text(value) for name, value in row.items() if name not in provenance}
            rows.append(
                {
                    **{name: row[name] for name in ("market", "trade_date", *provenance)},
                    "noun": checked.noun,
                    "rule": refusal.rule,
                    "row_json": json.dumps(content, ensure_ascii=False),
                }
            )
    return pa.Table.from_pylist(rows, schema=QUARANTINE.arrow_schema)
