"""A time that somebody wrote, or none; and a time as we write it.

>>> aware_time("2026-11-20T22:30:00+00:00").isoformat(), aware_time("2026-11-20 22:30"), aware_time("soon")
('2026-11-20T22:30:00+00:00', None, None)
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

WRITTEN = "ISO 8601 with a zone, for example 2026-11-20T22:30:00+00:00"


def aware_time(text: str) -> datetime | None:
    """The time; None when it cannot be read, or has no zone: a local time may exist twice, or never."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found


def seconds_since(text: str, now: datetime) -> float:
    """Seconds since a time that somebody wrote; infinite where it is none."""
    found = aware_time(text)
    return math.inf if found is None else (now - found).total_seconds()


def stamp(at: datetime) -> str:
    """The time as it is written: in UTC, with microseconds, ending in Z, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
