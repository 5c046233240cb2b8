"""A time that somebody wrote, or none.

>>> aware_time("2026-11-20T22:30:00+00:00").isoformat(), aware_time("2026-11-20 22:30"), aware_time("soon")
('2026-11-20T22:30:00+00:00', None, None)
"""

from __future__ import annotations

from datetime import datetime

WRITTEN = "ISO 8601 with a zone, for example 2026-11-20T22:30:00+00:00"


def aware_time(text: str) -> datetime | None:
    """The time; None when it cannot be read, or has no zone: a local time may exist twice, or never."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found
