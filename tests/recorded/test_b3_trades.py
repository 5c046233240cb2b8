"""B3's recorded days: every row counted, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from infra.markets import MARKETS
from pipelines.bronze import bronze_rows
from pipelines.check_rows import check_day
from pipelines.sources.b3 import market_days, read_day

pytestmark = pytest.mark.recorded
B3 = MARKETS["b3"]


def test_every_row_of_every_file_is_a_trade_or_a_quote_and_only_crossed_quotes_are_refused(recorded_data: Path) -> None:
    folder = recorded_data / "b3_trades_l1"
    days = market_days(folder, B3)
    assert (len(days), str(days[0]), str(days[-1])) == (22, "2025-03-05", "2025-04-09")
    rows, refused = Counter[str](), Counter[str]()
    for day in days:
        files = read_day(folder, B3, day)
        assert all(file.rows_in == file.rows.num_rows for file in files)
        nouns = {
            noun: bronze_rows([file for file in files if file.noun == noun]) for noun in ("trades", "book_snapshots")
        }
        for noun, checked in check_day(nouns, B3, day).items():
            rows[noun] += checked.arrived.num_rows
            refused.update(checked.by_rule)
    assert rows == {"trades": 206_750, "book_snapshots": 152_482}
    assert rows.total() == 359_232
    assert refused == {"book_not_crossed": 201}
