"""The ledger's entries and the chain that ties them: pure, no database.

    hash = sha256(previous hash, newline, canonical JSON of the entry)

Both times of an entry are in its hash: `at`, which the writer gave, and `recorded_at`, the database's own clock, so
that an entry that was dated back shows. Sequence and chain are global over all streams: of a chain a stream, a whole
rollout or its tail could vanish unseen. Whoever holds a head (`fillwise ledger export`) can tell a rewritten chain from
the one that was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from infra.signing import canonical

FIRST_HASH = "0" * 64


@dataclass(frozen=True)
class Draft:
    """What is to be appended: kind and payload, JSON's own types."""

    kind: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One entry. sequence: its place in the ledger, from 1. stream_sequence: its place in the stream, from 1.

    at: when it happened, by its writer. recorded_at: when the database took it; empty in ledgers of before that.
    """

    sequence: int
    stream: str
    stream_sequence: int
    at: str
    actor: str
    kind: str
    payload: Mapping[str, Any]
    previous_hash: str
    hash: str
    recorded_at: str = ""


@dataclass(frozen=True)
class Head:
    """The last entry's place and hash; (0, zeros) of an empty ledger."""

    sequence: int
    hash: str


@dataclass(frozen=True)
class Verification:
    """Whether a ledger is what it was. first_bad: sequence of the first entry that is not, None when all are."""

    is_sound: bool
    entries: int
    head: Head
    first_bad: int | None
    reason: str


@dataclass(frozen=True)
class Row:
    """An entry as it is stored: the payload as text, so that nothing depends on writing it again in the same way."""

    sequence: int
    stream: str
    stream_sequence: int
    at: str
    actor: str
    kind: str
    payload: str
    previous_hash: str
    hash: str
    recorded_at: str = ""

    def to_entry(self) -> Entry:
        """The same with the payload read."""
        told = {name: getattr(self, name) for name in Row.__dataclass_fields__}
        return Entry(**{**told, "payload": json.loads(self.payload)})


def hash_of(row: Row) -> str:
    """The hash that a row should have; none for a row that no writer of ours made, with bytes where text should be."""
    told = [row.sequence, row.stream, row.stream_sequence, row.at, row.actor, row.kind, row.payload]
    told += [row.recorded_at] if row.recorded_at else []
    try:
        return hashlib.sha256(f"{row.previous_hash}\n{canonical(told)}".encode()).hexdigest()
    except (TypeError, ValueError):
        return ""


def chained(
    head: Head, stream: str, stream_sequence: int, at: str, actor: str, drafts: Iterable[Draft], recorded_at: str = ""
) -> list[Row]:
    """Rows that follow a head. Raises ValueError for a payload that JSON cannot hold, NaN among it."""
    found, last = [], head
    for place, draft in enumerate(drafts, start=1):
        row = Row(
            last.sequence + 1, stream, stream_sequence + place, at, actor, draft.kind, _text(draft.payload),
            last.hash, "", recorded_at,
        )  # fmt: skip
        row = replace(row, hash=hash_of(row))
        found.append(row)
        last = Head(row.sequence, row.hash)
    return found


def _text(payload: Mapping[str, Any]) -> str:
    """The payload as it is stored. Raises ValueError for NaN, and for half a character (a lone surrogate)."""
    told = canonical(payload)
    told.encode()
    return told


def _fault(row: Row, last: Head, places: Mapping[str, int]) -> str | None:
    """Why a row does not follow what came before, None when it does."""
    if row.sequence != last.sequence + 1:
        return f"entry {last.sequence + 1} is missing, {row.sequence} follows {last.sequence}"
    if row.previous_hash != last.hash:
        return f"entry {row.sequence} does not follow entry {last.sequence}: another one was here"
    if row.hash != hash_of(row):
        return f"entry {row.sequence} was altered ({row.kind} in {row.stream}, at {row.at})"
    if row.stream_sequence != places.get(row.stream, 0) + 1:
        return f"entry {row.sequence}: place {row.stream_sequence} in stream {row.stream} is not the next one"
    return None


def verify_rows(rows: Iterable[Row], heads: Iterable[Head] = ()) -> Verification:
    """Recompute the chain, and hold it against heads that were exported. The first bad entry is named."""
    last, places, wanted = Head(0, FIRST_HASH), dict[str, int](), dict[int, set[str]]()
    for head in heads:
        wanted.setdefault(head.sequence, set()).add(head.hash)
    for row in rows:
        fault = _fault(row, last, places)
        if fault is not None:
            return Verification(False, last.sequence, last, last.sequence + 1, fault)
        places[row.stream], last = row.stream_sequence, Head(row.sequence, row.hash)
        if wanted.pop(row.sequence, {row.hash}) != {row.hash}:
            fault = f"entry {row.sequence} has another hash than the exported head: everything up to it was rewritten"
            return Verification(False, last.sequence, last, row.sequence, fault)
    wanted.pop(0, None)
    if wanted:
        reason = f"the tail is missing: {last.sequence} entries, a head of {max(wanted)} was exported"
        return Verification(False, last.sequence, last, last.sequence + 1, reason)
    return Verification(True, last.sequence, last, None, f"{last.sequence} entries, one chain, head {last.hash[:16]}")
