"""What becomes of a delivered file: taken in, known already, the same bytes under another name, or a correction.

A file is known by the digest of its bytes, never by its name or its time:

    name new,   bytes new    taken in
    name known, bytes known  known already: nothing changes
    name new,   bytes known  a duplicate: its rows are counted, none is taken in
    name known, bytes new    refused, unless it is delivered as a correction (`--restate --reason …`)

A correction, and any file for a day that a training set already holds, must say since when it is known, and that is
after what came before: otherwise "as known at T" would be answered differently tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from infra.errors import ContractError, UsageError
from pipelines.sources.file import SourceFile
from pipelines.step import DeliveryTerms

Earlier = Mapping[str, Any]


@dataclass(frozen=True)
class Delivery:
    """One file and what is done with it. `is_new`: its rows go to bronze. `is_recorded`: it was delivered before."""

    file: SourceFile
    is_new: bool
    is_recorded: bool = False
    duplicate_of: str | None = None
    restates_sha256: str | None = None
    is_late: bool = False

    @property
    def changes_the_past(self) -> bool:
        return self.is_new and (self.is_late or self.restates_sha256 is not None)

    def account(self, market: str, day: date, terms: DeliveryTerms) -> dict[str, Any]:
        """The delivery as a row of `bronze.deliveries`."""
        file, is_person = self.file, self.changes_the_past
        return {
            "market": market,
            "trade_date": day,
            "noun": file.noun,
            "source_file": file.name,
            "source_sha256": file.sha256,
            "known_at": file.known_at,
            "rows_in": file.rows_in,
            "rows_bronze": file.rows.num_rows if self.is_new else 0,
            "rows_quarantined": len(file.refused) if self.is_new else 0,
            "rows_duplicate": len(file.duplicates) if self.is_new else file.rows_in,
            "duplicate_of": self.duplicate_of,
            "restates_sha256": self.restates_sha256,
            "person": terms.person if is_person else None,
            "reason": terms.reason if is_person else None,
        }


def _refuse_other_content(file: SourceFile, earlier: Earlier, where: str) -> ContractError:
    return ContractError(
        "file was delivered before with other content",
        which=f"{file.name} ({file.noun}) {where}",
        found=f"sha256 {file.sha256[:16]}, {file.rows_in:,} rows",
        allowed=f"sha256 {earlier['source_sha256'][:16]}, {earlier['rows_in']:,} rows, known {earlier['known_at']}",
        next_step="deliver the first file again, or take it in as a correction: "
        "fillwise ingest --restate --reason '…' --known-at TIME",
    )


def _require_later(file: SourceFile, newest: datetime, where: str) -> None:
    if file.known_at <= newest:
        raise UsageError(
            "a correction or late file must say since when it is known",
            which=f"{file.name} ({file.noun}) {where}",
            found=f"known at {file.known_at}",
            allowed=f"later than {newest}, when what is there was known",
            next_step="name the time with --known-at",
        )


def _judge(
    file: SourceFile, before: Sequence[Earlier], terms: DeliveryTerms, learned_at: datetime | None, where: str
) -> Delivery:
    same_name = [one for one in before if one["source_file"] == file.name]
    if any(one["source_sha256"] == file.sha256 for one in same_name):
        return Delivery(file, is_new=False, is_recorded=True)
    twin = next((one for one in before if one["source_sha256"] == file.sha256), None)
    if twin is not None:
        return Delivery(file, is_new=False, duplicate_of=twin["source_file"])
    if same_name and not terms.is_restatement:
        raise _refuse_other_content(file, same_name[-1], where)
    if same_name:
        _require_later(file, same_name[-1]["known_at"], where)
        return Delivery(file, is_new=True, restates_sha256=same_name[-1]["source_sha256"])
    if learned_at is not None:
        _require_later(file, learned_at, where)
    return Delivery(file, is_new=True, is_late=learned_at is not None)


def judge_files(
    files: Iterable[SourceFile],
    before: Sequence[Earlier],
    terms: DeliveryTerms,
    *,
    learned_at: datetime | None,
    where: str,
) -> tuple[Delivery, ...]:
    """What becomes of each file of one day.

    before: rows of `bronze.deliveries` of that day, in order of `known_at`. learned_at: when the first night that
    learned from the day was known, None: nobody has. Raises ContractError (other content under a known name) or
    UsageError (a correction or late file that does not say since when it is known).
    """
    found: list[Delivery] = []
    known: dict[str, list[Earlier]] = {}
    for one in before:
        known.setdefault(one["noun"], []).append(one)
    for file in sorted(files, key=lambda file: (file.noun, file.name)):
        told = file if terms.known_at is None else replace(file, known_at=terms.known_at)
        earlier = known.setdefault(file.noun, [])
        delivery = _judge(told, earlier, terms, learned_at, where)
        found.append(delivery)
        if not delivery.is_recorded:
            earlier.append(delivery.account("", date.min, terms))
    return tuple(found)
