"""One noun's rows of one day, checked: which are good, which are refused by which rule, which came twice. Pure.

Order of judgement: the declaration (`infra/refusals.py`), the day's rules (`pipelines/market_rules.py`), then the
key. A row that came twice with the same content is dropped and counted; rows that share a key and differ are all
refused, because nothing tells which of them is right. For every noun and day

    rows in = good + refused + duplicates

holds by construction and is checked, and each refused row stands in quarantine once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from infra.markets import Market
from infra.refusals import Refusal, kept_rows, refusals
from infra.tables import NOUNS, QUARANTINE
from infra.tables.nouns import PROVENANCE
from pipelines.market_rules import day_refusals

Long = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CheckedRows:
    """`good`: rows of bronze that passed, provenance included. `refused`: row numbers by rule, each row once."""

    noun: str
    arrived: pa.Table
    good: pa.Table
    refused: tuple[Refusal, ...]
    duplicates: int

    @property
    def refused_count(self) -> int:
        return sum(len(refusal.rows) for refusal in self.refused)

    @property
    def refused_share(self) -> float:
        return self.refused_count / self.arrived.num_rows if self.arrived.num_rows else 0.0

    @property
    def by_rule(self) -> dict[str, int]:
        return {refusal.rule: len(refusal.rows) for refusal in self.refused}


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


def _kept(rows: pa.Table, numbers: Long, found: list[Refusal]) -> tuple[pa.Table, Long]:
    """What is left of `rows`, whose numbers among all rows are `numbers`, after these refusals."""
    if not found:
        return rows, numbers
    mask = kept_rows(rows.num_rows, found)
    return rows.filter(pa.array(mask)), numbers[mask]


def _declared(noun: str, rows: pa.Table, _market: Market, _day: date) -> list[Refusal]:
    return refusals(NOUNS[noun], rows)


def check_rows(noun: str, arrived: pa.Table, market: Market, day: date) -> CheckedRows:
    """Judge rows of `bronze.<noun>` of one day. Never raises on bad rows: how much is too much is asked elsewhere."""
    table = NOUNS[noun]
    rows, numbers = arrived, np.arange(arrived.num_rows)
    every: list[Refusal] = []
    for judge in (_declared, day_refusals):
        found = judge(noun, rows, market, day)
        every += [Refusal(refusal.rule, refusal.because, numbers[refusal.rows]) for refusal in found]
        rows, numbers = _kept(rows, numbers, found)
    key = [name for name in table.key if name not in table.partition_by]
    dropped, conflict = repeated_keys(key, rows, [column.name for column in PROVENANCE])
    if len(conflict):
        because = "rows that share a key and differ cannot both be right"
        every.append(Refusal("duplicate_key_conflict", because, numbers[conflict]))
    good = rows.filter(pa.array(kept_rows(rows.num_rows, [Refusal("", "", np.concatenate([dropped, conflict]))])))
    checked = CheckedRows(noun, arrived, good, tuple(every), len(dropped))
    if good.num_rows + checked.refused_count + checked.duplicates != arrived.num_rows:
        raise AssertionError(f"{noun} {day}: rows do not add up")
    return checked


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
