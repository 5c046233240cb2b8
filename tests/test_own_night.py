"""A night on files that a person wrote by hand: no code, no recorded data, from CSV to the page."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from infra import calendar
from infra.environment import kernels_folder
from infra.markets import MARKETS
from infra.settings import Settings
from tests.builders import FRIDAY
from tests.conftest import SCRATCH

FILLWISE = Path(sys.executable).parent / "fillwise"
HEADER = "symbol,event_at,bid_price_1,bid_shares_1,ask_price_1,ask_shares_1,last_price,traded_shares,traded_notional"


def write_books(folder: Path, day: date, start: float, draw: random.Random) -> float:
    """A book every half minute of one symbol, as somebody would type it; the last bid."""
    lines, bid, at = [HEADER], start, datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC)
    for _ in range(780):
        bid = round(bid + draw.choice([-0.01, 0.0, 0.0, 0.01]), 2)
        ask, shares = round(bid + 0.02, 2), draw.choice([0, 0, 100, 300])
        lines.append(
            f"ACME,{at:%Y-%m-%dT%H:%M:%SZ},{bid:.2f},{draw.randint(1, 9) * 100},{ask:.2f},{draw.randint(1, 9) * 100},"
            f"{ask:.2f},{shares},{shares * ask:.2f}"
        )
        at += timedelta(seconds=30)
    (folder / f"book_snapshots_{day}.csv").write_text("\n".join(lines) + "\n")
    return bid


def fillwise(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kernels, own = kernels_folder(Settings(home=SCRATCH)).parent, home / "cache" / "numba"
    if not own.exists():
        own.parent.mkdir(parents=True, exist_ok=True)
        own.symlink_to(kernels)
    given = {
        "PATH": os.environ["PATH"], "HOME": str(home / "empty"), "FILLWISE_HOME": str(home),
        "FILLWISE_BACKTEST_SESSIONS": "2", "FILLWISE_FOLD_SESSIONS": "2",
    }  # fmt: skip
    return subprocess.run(
        [FILLWISE, *words, "--market", "own"], env=given, capture_output=True, text=True, check=False, timeout=300
    )


def test_five_files_written_by_hand_make_a_whole_night(tmp_path: Path) -> None:
    data, home, draw, bid = tmp_path / "data", tmp_path / "home", random.Random(3), 100.0
    data.mkdir()
    for day in calendar.sessions_until(MARKETS["own"], FRIDAY, 5):
        bid = write_books(data, day, bid, draw)
    done = fillwise(home, "night", "--data", str(data))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Night of 2026-11-20, market own: your own files; synthetic orders where you bring none" in done.stdout
    assert "own.execution/1: hold" in done.stdout
    assert (home / "pages" / "own" / "2026-11-20" / "index.html").exists()
    accounts = fillwise(home, "reconcile", "--data", str(data), "--day", "2026-11-20")
    assert accounts.returncode == 0
    assert "every row is accounted for" in accounts.stdout


def test_parent_orders_of_your_own_are_worked_by_nobody_again(tmp_path: Path) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    data.mkdir()
    write_books(data, FRIDAY, 100.0, random.Random(3))
    (data / "parent_orders_2026-11-20.csv").write_text(
        "parent_order_id,account,symbol,side,event_at,instructed_start_at,instructed_end_at,order_shares,benchmark,"
        "urgency,urgency_propensity,participation_rate,is_alpha_in_path\n"
        "o-1,ACC,ACME,buy,2026-11-20T15:00:00Z,2026-11-20T15:00:00Z,2026-11-20T15:30:00Z,500,arrival,1,1.0,0.05,false\n"
    )
    for step in ("trade", "ingest"):
        done = fillwise(home, step, "--data", str(data), "--day", "2026-11-20")
        assert done.returncode == 0, done.stderr
    accounts = fillwise(home, "reconcile", "--data", str(data), "--day", "2026-11-20").stdout
    assert "parent_orders_2026-11-20.csv" in accounts
    assert "parent_orders.parquet" not in accounts
