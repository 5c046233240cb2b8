"""How a rule's masks become refusals: each row under the first rule that it breaks, unless a person took it back in.

A release names one row of one file under one rule. It holds for the bytes that the person looked at: when the file is
delivered again with other bytes, the same row number is another row, and `released_rows` leaves the release out.

    >>> rows = pa.table({"source_file": ["a", "a"], "source_row": [0, 1]})
    >>> released_mask("trades", "fat_finger", rows, frozenset({("trades", "fat_finger", "a", 1)})).tolist()
    [False, True]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from infra.refusals import Refusal
from pipelines.rules.catalog import RULES

Mask = npt.NDArray[np.bool_]
ReleasedRow = tuple[str, str, str, int]
"""Noun, rule, source_file, source_row."""
Released = frozenset[ReleasedRow]
NONE: Released = frozenset()


def released_rows(releases: pa.Table, arrived: Mapping[str, pa.Table]) -> Released:
    """Of `quarantine.releases`, those whose file has still the bytes that were looked at (`source_sha256`)."""
    bytes_of = {
        (noun, file, digest)
        for noun, rows in arrived.items()
        for file, digest in _distinct(rows.select(["source_file", "source_sha256"]))
    }
    return frozenset(
        (row["noun"], row["rule"], row["source_file"], row["source_row"])
        for row in releases.to_pylist()
        if (row["noun"], row["source_file"], row["source_sha256"]) in bytes_of
    )


def _distinct(rows: pa.Table) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in rows.group_by(rows.column_names).aggregate([]).to_pylist()]


def released_mask(noun: str, rule: str, rows: pa.Table, released: Released) -> Mask:
    """(n,) true for the rows that a person took back in under that rule."""
    mask = np.zeros(rows.num_rows, dtype=bool)
    by_file: dict[str, list[int]] = {}
    for of_noun, of_rule, file, row in released:
        if (of_noun, of_rule) == (noun, rule):
            by_file.setdefault(file, []).append(row)
    for file, numbers in by_file.items():
        is_file = pc.fill_null(pc.equal(rows["source_file"], file), False).to_numpy()
        mask |= is_file & np.isin(rows["source_row"].to_numpy(), numbers)
    return mask


def taken_back_in(noun: str, rows: pa.Table, released: Released) -> Mask:
    """(n,) true for the rows that a person took back in under any rule that allows it."""
    mask = np.zeros(rows.num_rows, dtype=bool)
    for rule in {rule for of_noun, rule, _, _ in released if of_noun == noun and rule in RULES}:
        if RULES[rule].is_releasable:
            mask |= released_mask(noun, rule, rows, released)
    return mask


def refused_by(
    noun: str, rows: pa.Table, masks: Iterable[tuple[str, Mask]], released: Released = NONE
) -> list[Refusal]:
    """Refusals of the catalog's rules by name, in order: a row stands under the first rule that it breaks."""
    free = np.ones(rows.num_rows, dtype=bool)
    found: list[Refusal] = []
    for name, bad in masks:
        rule = RULES[name]
        fresh = bad & free
        if rule.is_releasable and fresh.any():
            fresh &= ~released_mask(noun, name, rows, released)
        if fresh.any():
            found.append(Refusal(name, rule.because, np.flatnonzero(fresh)))
            free &= ~fresh
    return found
