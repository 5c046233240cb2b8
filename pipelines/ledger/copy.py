"""`gold.ledger`, the copy of a market's entries for analysis: made from the ledger, held against it, put back.

The ledger is the truth and the copy follows, with one exception: where an entry that was copied differs from the
ledger's, one of the two was altered, and only a head that was given out (`heads.py`) can tell which. Without such a
head, or with one that the ledger does not hold any more, nothing is put back, because the copy may be the last witness.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from infra.errors import LedgerError
from infra.lake import Lake
from infra.ledger import Entry, Head, Ledger
from infra.markets import Market
from infra.settings import Settings
from infra.signing import canonical
from infra.tables import LEDGER
from infra.times import aware_time
from pipelines.ledger.heads import export_head, exported_heads, require_sound

Rows = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Reconciliation:
    """Whether the copy equals the ledger. head: the last entry of the market. first_other: first sequence that differs.

    entries: of the market in the ledger. behind: of them not copied yet. days: partitions that are to be written.
    """

    is_equal: bool
    entries: int
    head: Head
    behind: int
    first_other: int | None
    days: tuple[date, ...]

    def words(self) -> str:
        """In one line."""
        if self.is_equal:
            return f"the copy equals the ledger: {self.entries} entries, head {self.head.hash[:16]}"
        other = "" if self.first_other is None else f", entry {self.first_other} differs"
        return f"the copy is not the ledger: {self.behind} of {self.entries} entries are missing{other}"


def _row(market: Market, entry: Entry) -> dict[str, Any]:
    at = aware_time(entry.at)
    if at is None:
        raise LedgerError(
            "an entry has no time", which=f"entry {entry.sequence}", found=repr(entry.at), allowed="ISO 8601 in UTC",
            next_step="fillwise ledger verify",
        )  # fmt: skip
    return {
        "market": market.name, "trade_date": at.astimezone(ZoneInfo(market.zone)).date(), "sequence": entry.sequence,
        "stream_sequence": entry.stream_sequence, "at": at, "recorded_at": aware_time(entry.recorded_at),
        "actor": entry.actor, "kind": entry.kind, "payload": canonical(entry.payload),
        "previous_hash": entry.previous_hash, "hash": entry.hash,
    }  # fmt: skip


def _copied(lake: Lake, market: Market) -> Rows:
    names = [column.name for column in LEDGER.columns]
    return {row["sequence"]: row for row in lake.read(LEDGER, market.name, columns=names).to_pylist()}


def _compared(there: Rows, wanted: Rows) -> Reconciliation:
    other = sorted(place for place, row in there.items() if row != wanted.get(place))
    missing = set(wanted) - set(there)
    days = {wanted[place]["trade_date"] for place in missing}
    days |= {rows[place]["trade_date"] for place in other for rows in (there, wanted) if place in rows}
    last = max(wanted, default=0)
    head = Head(last, wanted[last]["hash"] if wanted else "")
    first = other[0] if other else None
    return Reconciliation(not days, len(wanted), head, len(missing), first, tuple(sorted(days)))


def reconcile(lake: Lake, ledger: Ledger, market: Market) -> Reconciliation:
    """Hold the copy against the ledger, every entry in every column."""
    return _compared(_copied(lake, market), _wanted(ledger, market))


def _wanted(ledger: Ledger, market: Market) -> Rows:
    return {entry.sequence: _row(market, entry) for entry in ledger.entries(market.name)}


def _require_witness(ledger: Ledger, place: int, heads: Iterable[Head]) -> None:
    """The ledger holds a head from behind an entry that differs. Raises LedgerError otherwise."""
    known = tuple(heads)
    require_sound(ledger, known)
    if max((head.sequence for head in known), default=0) < place:
        raise LedgerError(
            "copy and ledger differ, and nothing says which was altered", which=f"entry {place}",
            found="no exported head from behind it", allowed="one that the ledger still holds",
            next_step="find a head that was copied elsewhere and verify: `fillwise ledger verify --head FILE`",
        )  # fmt: skip


def copy_ledger(lake: Lake, ledger: Ledger, market: Market, heads: Iterable[Head] = ()) -> Reconciliation:
    """Make the copy equal to the ledger; what it was like before. Raises LedgerError where the ledger may be the one
    that was altered.
    """
    wanted = _wanted(ledger, market)
    before = _compared(_copied(lake, market), wanted)
    if before.first_other is not None:
        _require_witness(ledger, before.first_other, heads)
    schema = pa.schema([pa.field(column.name, column.arrow_type) for column in LEDGER.columns])
    days = {
        day: pa.Table.from_pylist([row for row in wanted.values() if row["trade_date"] == day], schema)
        for day in before.days
    }
    if days:
        lake.replace_days(LEDGER, market.name, days)
    return before


def bear_witness(settings: Settings, lake: Lake, ledger: Ledger, market: Market, at: datetime) -> str:
    """What an evening does last: copy the market's entries, then give out the head of the day; in words.

    Raises LedgerError for a ledger that is not what it was, after which nothing should be decided by it.
    """
    heads = exported_heads(settings)
    require_sound(ledger, heads)
    copy_ledger(lake, ledger, market, heads)
    path = export_head(settings, ledger, at)
    return f"{reconcile(lake, ledger, market).words()}; given out as {path.name}"
