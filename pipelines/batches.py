"""Long ranges of sessions, worked in batches, so that memory and the time between commits stay bounded.

>>> [len(batch) for batch in day_batches(tuple(range(23)))]
[10, 10, 3]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from infra.lake import Commit

T = TypeVar("T")

DAYS_A_COMMIT = 10


def day_batches(days: Sequence[T], at_most: int = DAYS_A_COMMIT) -> Iterator[Sequence[T]]:
    """`days` in their order, at most so many at a time."""
    for start in range(0, len(days), at_most):
        yield days[start : start + at_most]


def merged(commits: Iterable[Commit]) -> tuple[Commit, ...]:
    """One commit a table: its last version, all rows, unchanged only when every one of them was."""
    found: dict[str, Commit] = {}
    for commit in commits:
        before = found.get(commit.table, Commit(commit.table, commit.version, 0, True))
        is_unchanged = before.is_unchanged and commit.is_unchanged
        found[commit.table] = Commit(commit.table, commit.version, before.rows + commit.rows, is_unchanged)
    return tuple(found.values())
