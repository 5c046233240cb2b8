"""Walk-forward splits in sessions: train on the past, skip an embargo, test on the next few, move on.

Whole sessions are the unit, so no order and no label (minutes long) straddles a split: purging is by construction.
The embargo leaves one session out before each test block, because volatility and flow carry over from one session to
the next (López de Prado 2018, Advances in Financial Machine Learning, section 7.4). Never random: rows of one session
are nearly the same row.

    >>> from datetime import date
    >>> days = [date(2026, 1, number) for number in range(1, 10)]
    >>> [(len(fold.train_days), len(fold.test_days)) for fold in walk_forward(days, test_sessions=4, fold_sessions=2)]
    [(4, 2), (6, 2)]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from infra.errors import EvidenceError

EMBARGO_SESSIONS = 1
MIN_TRAIN_SESSIONS = 2


@dataclass(frozen=True)
class Fold:
    """Sessions to fit on and the later sessions to judge on, both ascending."""

    train_days: tuple[date, ...]
    test_days: tuple[date, ...]


def walk_forward(
    days: Sequence[date], test_sessions: int, fold_sessions: int, embargo: int = EMBARGO_SESSIONS
) -> tuple[Fold, ...]:
    """Folds that test the last `test_sessions` of `days`, `fold_sessions` at a time; fewer when history is short.

    A short history gives up test sessions before training sessions. Raises EvidenceError when not one is left.
    """
    ordered = sorted(set(days))
    room = len(ordered) - embargo - MIN_TRAIN_SESSIONS
    count = min(test_sessions, room)
    if count < 1:
        raise EvidenceError(
            "history is too short to walk forward",
            which=f"{len(ordered)} sessions",
            found=f"{max(0, room)} left to test on",
            allowed=f"{embargo + MIN_TRAIN_SESSIONS + 1} sessions or more",
            next_step="run fillwise bootstrap, or raise FILLWISE_HISTORY_SESSIONS",
        )
    first = len(ordered) - count
    starts = range(first, len(ordered), fold_sessions)
    return tuple(
        Fold(tuple(ordered[: start - embargo]), tuple(ordered[start : start + fold_sessions])) for start in starts
    )
