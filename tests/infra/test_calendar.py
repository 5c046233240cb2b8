from datetime import UTC, date, datetime

import pytest

from infra import calendar
from infra.errors import SessionError
from infra.markets import MARKETS

NEW_YORK, SHANGHAI = MARKETS["sample"], MARKETS["ashare"]
HOUR = 3600 * 10**9


def hours(day: date) -> list[float]:
    return [(end - start) / HOUR for start, end in calendar.session_intervals_ns(NEW_YORK, day)]


def test_a_saturday_is_no_session_and_the_error_names_the_nearest_ones() -> None:
    with pytest.raises(SessionError, match="2026-11-20 or 2026-11-23"):
        calendar.require_session(NEW_YORK, date(2026, 11, 21))


def test_thanksgiving_is_a_weekday_without_a_session() -> None:
    assert not calendar.is_session(NEW_YORK, date(2026, 11, 26))


def test_the_day_after_thanksgiving_closes_early() -> None:
    assert hours(date(2026, 11, 20)) == [6.5]
    assert hours(date(2026, 11, 27)) == [3.5]


def test_opening_hours_follow_daylight_saving() -> None:
    assert calendar.open_at(NEW_YORK, date(2026, 3, 6)) == datetime(2026, 3, 6, 14, 30, tzinfo=UTC)
    assert calendar.open_at(NEW_YORK, date(2026, 3, 9)) == datetime(2026, 3, 9, 13, 30, tzinfo=UTC)


def test_shanghai_trades_in_two_intervals() -> None:
    assert len(calendar.session_intervals_ns(SHANGHAI, date(2024, 1, 2))) == 2


def test_a_session_counts_as_closed_only_once_its_files_are_known() -> None:
    close = calendar.close_at(NEW_YORK, date(2026, 11, 20))
    assert calendar.latest_closed_session(NEW_YORK, close) == date(2026, 11, 19)
    assert calendar.latest_closed_session(NEW_YORK, calendar.known_at(NEW_YORK, close.date())) == date(2026, 11, 20)


def test_a_day_beyond_the_calendar_is_refused_with_the_last_day_known() -> None:
    with pytest.raises(SessionError, match="update the package exchange-calendars"):
        calendar.sessions(SHANGHAI, date(2030, 1, 1), date(2030, 1, 2))
