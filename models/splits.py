"""Walk-forward splits in sessions: train on the past, leave a gap, test on the next few, move on.

    train | purge + embargo | test          the gap lies before each test block; nothing after it is ever trained on

Purge: sessions that the longest label or order may reach past its own session. Here labels and orders end with their
session, so whole sessions purge by construction and `purge` is 0; `purge_sessions` gives it for those that do not.
Embargo: one session, because volatility and flow carry over from one session to the next. Both after López de Prado
(2018), Advances in Financial Machine Learning, sections 7.4.1 and 7.4.2. Never random: rows of one session are nearly
the same row.

    >>> from datetime import date
    >>> days = [date(2026, 1, number) for number in range(1, 10)]
    >>> [(len(fold.train_days), len(fold.test_days)) for fold in walk_forward(days, test_sessions=4, fold_sessions=2)]
    [(4, 2), (6, 2)]
"""

from __future__ import annotations

import math
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


def purge_sessions(horizon_seconds: float, session_seconds: float, *, ends_with_session: bool) -> int:
    """Sessions to drop so that no label or order of `horizon_seconds` made in training still runs in a test session."""
    return 0 if ends_with_session else math.ceil(horizon_seconds / session_seconds)


def walk_forward(
    days: Sequence[date], test_sessions: int, fold_sessions: int, embargo: int = EMBARGO_SESSIONS, purge: int = 0
) -> tuple[Fold, ...]:
    """Folds that test the last `test_sessions` of `days`, `fold_sessions` at a time; fewer when history is short.

    A short history gives up test sessions before training sessions. Raises EvidenceError when not one is left.
    """
    ordered = sorted(set(days))
    gap = embargo + purge
    room = len(ordered) - gap - MIN_TRAIN_SESSIONS
    count = min(test_sessions, room)
    if count < 1:
        raise EvidenceError(
            "history is too short to walk forward",
            which=f"{len(ordered)} sessions",
            found=f"{max(0, room)} left to test on",
            allowed=f"{gap + MIN_TRAIN_SESSIONS + 1} sessions or more",
            next_step="run fillwise bootstrap, or raise FILLWISE_HISTORY_SESSIONS",
        )
    first = len(ordered) - count
    starts = range(first, len(ordered), fold_sessions)
    return tuple(Fold(tuple(ordered[: start - gap]), tuple(ordered[start : start + fold_sessions])) for start in starts)
