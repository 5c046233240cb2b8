from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import EvidenceError
from models.splits import purge_sessions, walk_forward

DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(100)]


@given(st.integers(4, 100), st.integers(1, 60), st.integers(1, 10), st.integers(0, 3), st.integers(0, 3))
def test_no_training_session_touches_a_test_session_of_its_fold(
    count: int, test: int, fold_sessions: int, embargo: int, purge: int
) -> None:
    days = DAYS[:count]
    if count < embargo + purge + 3:
        with pytest.raises(EvidenceError):
            walk_forward(days, test, fold_sessions, embargo, purge)
        return
    folds = walk_forward(days, test, fold_sessions, embargo, purge)
    tested = [day for fold in folds for day in fold.test_days]
    assert tested == days[-len(tested) :]
    assert len(tested) == min(test, count - embargo - purge - 2)
    for fold in folds:
        first = days.index(fold.test_days[0])
        assert fold.train_days == tuple(days[: first - embargo - purge])
        assert len(fold.train_days) >= 2
        assert 1 <= len(fold.test_days) <= fold_sessions


def test_days_may_come_unsorted_and_twice() -> None:
    assert walk_forward([*reversed(DAYS[:9]), DAYS[0]], 4, 2) == walk_forward(DAYS[:9], 4, 2)


def test_too_short_a_history_says_how_many_sessions_are_needed() -> None:
    with pytest.raises(EvidenceError, match="4 sessions or more"):
        walk_forward(DAYS[:3], 20, 5)


@pytest.mark.parametrize(("horizon", "ends", "sessions"), [(300.0, True, 0), (300.0, False, 1), (23_401.0, False, 2)])
def test_what_may_run_past_its_session_is_purged(horizon: float, ends: bool, sessions: int) -> None:
    assert purge_sessions(horizon, 23_400.0, ends_with_session=ends) == sessions
