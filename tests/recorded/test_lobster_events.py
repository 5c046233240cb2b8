"""The recorded LOBSTER day: each book follows from the one before, and how soon messages alone go wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from infra.markets import MARKETS
from pipelines.sources.lobster import read_day

pytestmark = pytest.mark.recorded


def test_every_book_follows_and_levels_that_come_into_view_are_counted(recorded_data: Path) -> None:
    files = read_day(recorded_data / "lobster_events", MARKETS["lobster"], date(2012, 6, 21))
    rows = {file.noun: file.rows.num_rows for file in files}
    assert rows == {"book_events": 147_916, "book_snapshots": 147_916, "trades": 11_678}
    (note,) = [note for file in files for note in file.notes]
    assert "147,915 books follow" in note
    assert "2,913,849 levels known and equal, 0 different" in note
    assert "44,451 came into view in 44,451 rows" in note
    assert note.endswith("1 226, 2 222, 3 213, 4 211, 5 204, 6 203, 7 111, 8 69, 9 65, 10 64")
