"""What a person types, and what they read when it is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

FILLWISE = Path(sys.executable).parent / "fillwise"


def fillwise(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": "/usr/bin:/bin", "FILLWISE_HOME": str(home), "HOME": str(home), **environment}
    return subprocess.run([FILLWISE, *words], env=given, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("ingest", "--market", "nyse"), 2, "unknown market: nyse; found nyse; allowed: sample, ashare"),
        (("ingest", "--day", "20-11-2026"), 2, "cannot read a date: --day; found '20-11-2026'; allowed: YYYY-MM-DD"),
        (("ingest", "--day", "2026-11-21"), 1, "day is no session: sample (XNYS) 2026-11-21"),
        (("ingest", "--from", "2026-11-16"), 2, "a range has two ends"),
        (("ingest", "--from", "2026-11-21", "--to", "2026-11-22"), 2, "range holds no session"),
        (("ingest", "--market", "ashare"), 2, "market needs a folder of files: ashare; found no --data"),
        (("ingest", "--market", "ashare", "--data", "/nowhere"), 1, "source folder does not exist: /nowhere"),
    ],
)
def test_a_wrong_command_says_what_which_found_allowed_next(
    tmp_path: Path, words: tuple[str, ...], status: int, says: str
) -> None:
    done = fillwise(tmp_path / "home", *words)
    assert done.returncode == status
    assert says in done.stderr
    assert "; next: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelt_setting_stops_every_command(tmp_path: Path) -> None:
    done = fillwise(tmp_path, "status", FILLWISE_SAMPEL_SEED="3")
    assert done.returncode == 2
    assert "did you mean FILLWISE_SAMPLE_SEED" in done.stderr


def test_status_of_a_home_that_is_not_there_says_what_to_do_first(tmp_path: Path) -> None:
    done = fillwise(tmp_path / "none", "status")
    assert done.returncode == 0
    assert "run `make nightly`" in done.stdout
    assert not (tmp_path / "none").exists()


def test_tables_prints_every_column_with_its_unit_and_an_example(tmp_path: Path) -> None:
    done = fillwise(tmp_path, "tables")
    assert done.returncode == 0
    assert "silver.parent_orders: what clients want" in done.stdout
    assert "planted_alpha_bps          double     bps" in done.stdout
    one = fillwise(tmp_path, "tables", "trades").stdout
    assert one.startswith("trades: what traded")
    assert "example: trades_2026-11-20.csv" in one
    assert (
        "    symbol,event_at,price,shares,aggressor_side,currency\n    AAA,2026-11-20T14:30:00Z,100.01,300,1,USD" in one
    )
    assert "silver" not in one
    wrong = fillwise(tmp_path, "tables", "quotes")
    assert (wrong.returncode, "unknown table: quotes" in wrong.stderr) == (2, True)


def test_the_session_task_prints_the_day_it_was_given_and_refuses_a_holiday(tmp_path: Path) -> None:
    assert fillwise(tmp_path, "session", FILLWISE_DAY="2026-11-20").stdout == "2026-11-20\n"
    done = fillwise(tmp_path, "session", FILLWISE_DAY="2026-11-26")
    assert done.returncode == 1
    assert "day is no session" in done.stderr


@pytest.mark.parametrize(
    ("due", "status", "says"),
    [
        ("2026-11-20T22:30:00+00:00", 0, "2026-11-20"),
        ("2026-11-21T03:10:00+00:00", 0, "2026-11-20"),
        ("2026-11-21T22:30:00+00:00", 99, "no session today: XNYS is closed on Saturday 2026-11-21"),
        ("2026-11-20T15:00:00+00:00", 1, "session has not closed yet: sample (XNYS) 2026-11-20"),
        ("2026-11-20 22:30", 2, "cannot read a time: --at; found '2026-11-20 22:30'"),
    ],
)
def test_a_night_works_on_the_day_it_was_due_for_however_late_it_starts(
    tmp_path: Path, due: str, status: int, says: str
) -> None:
    done = fillwise(tmp_path, "session", FILLWISE_AT=due)
    assert done.returncode == status
    assert says in done.stdout + done.stderr
