"""What the operator sees when a night's file is bad: one sentence, an untouched past, and a night that can go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.environment import quiet_environment
from infra.settings import Settings
from tests.conftest import SCRATCH
from tests.pipelines.desk.test_recorded import record_session

FILLWISE = Path(sys.executable).parent / "fillwise"
SESSIONS, BEFORE, DAY = 6, "2024-01-08", "2024-01-09"
FILE = "date=05.parquet"
SMALL = {"FILLWISE_BACKTEST_SESSIONS": "2", "FILLWISE_FOLD_SESSIONS": "2", "FILLWISE_LOCK_WAIT_SECONDS": "0"}
Change = Callable[[Path], None]


def fillwise(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kernels = quiet_environment(Settings(home=SCRATCH))["NUMBA_CACHE_DIR"]
    shared, own = Path(kernels).parent, home / "cache" / "numba"
    if not own.exists():
        own.parent.mkdir(parents=True, exist_ok=True)
        own.symlink_to(shared)
    given = {"PATH": os.environ["PATH"], "HOME": str(home / "empty"), "FILLWISE_HOME": str(home), **SMALL}
    return subprocess.run(
        [FILLWISE, *words, "--market", "ashare"], env=given, capture_output=True, text=True, check=False, timeout=300
    )


def night(home: Path, data: Path, day: str = DAY) -> subprocess.CompletedProcess[str]:
    return fillwise(home, "night", "--day", day, "--data", str(data))


def past(home: Path) -> str:
    """Fingerprint of the day before: what a failed night must not touch."""
    return fillwise(home, "fingerprint", "--day", BEFORE).stdout


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six recorded sessions, all well."""
    folder = tmp_path_factory.mktemp("recorded")
    for ordinal in range(SESSIONS):
        record_session(folder, ordinal)
    return folder


@pytest.fixture(scope="module")
def home(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder in which the night before has gone through."""
    folder = tmp_path_factory.mktemp("home")
    done = night(folder, good, BEFORE)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def on_rows(change: Callable[[pd.DataFrame], object]) -> Change:
    """Rewrite the file with a change to its rows."""

    def apply(path: Path) -> None:
        rows = pq.read_table(path).to_pandas()
        changed = change(rows)
        pq.write_table(pa.Table.from_pandas(rows if changed is None else changed, preserve_index=False), path)

    return apply


def cells(name: str, rows: slice, value: Callable[[pd.Series], Any]) -> Change:
    def change(found: pd.DataFrame) -> None:
        found.loc[found.index[rows], name] = value(found.loc[found.index[rows], name])

    return on_rows(change)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def crossed(rows: slice) -> Change:
    def change(found: pd.DataFrame) -> None:
        at = found.index[rows]
        found.loc[at, "n_bid1"] = found.loc[at, "n_ask3"]

    return on_rows(change)


NOT_FINITE = "rows refused: ask_price_1_is_finite 2,000"
MANY, FEW = slice(100, 2100), slice(100, 103)
REFUSED = [
    ("crossed books", crossed(FEW), "book_snapshots: 3 rows refused by book_not_crossed"),
    ("a price that is no number", cells("n_ask1", FEW, lambda _: np.nan), "3 rows refused by ask_price_1_is_finite"),
    ("a size that is no number", cells("n_asize1", FEW, lambda _: np.nan), "3 rows refused by ask_shares_1_is_finite"),
    ("a price times a hundred", cells("n_close", FEW, lambda old: (1 + old) * 100 - 1), "3 rows refused by fat_finger"),
]
STOPPED = [
    ("truncated Parquet", cut, "cannot read Parquet: "),
    ("a missing column", on_rows(lambda rows: rows.drop(columns="n_ask2")), "found missing n_ask2"),
    ("a renamed column", on_rows(lambda rows: rows.rename(columns={"n_ask2": "n_aks2"})), "did you mean 'n_ask2'"),
    ("a retyped column", on_rows(lambda rows: rows.astype({"n_bid1": str})), "'n_bid1' of type string"),
    ("an empty day", on_rows(lambda rows: rows.iloc[:0]), "empty day: date=05.parquet ashare 2024-01-09; found 0 rows"),
    ("a missing file", Path.unlink, "day was not recorded: ashare 2024-01-09"),
    ("crossed books, many", crossed(MANY), "too many rows were refused: book_snapshots ashare 2024-01-09"),
    (
        "prices that are no numbers",
        cells("n_ask1", MANY, lambda _: np.nan),
        "rows refused: ask_price_1_is_finite 2,000",
    ),
    ("infinite prices", cells("n_ask1", MANY, lambda _: np.inf), NOT_FINITE),
    ("prices times a hundred", cells("n_close", MANY, lambda old: (1 + old) * 100 - 1), "fat_finger 2,000"),
    ("prices off the grid", cells("n_ask1", FEW, lambda old: old + 1e-5), "previous close cannot be recovered"),
]


@pytest.mark.parametrize(("change", "says"), [row[1:] for row in STOPPED], ids=[row[0] for row in STOPPED])
def test_a_bad_file_stops_the_night_with_a_sentence_and_leaves_the_past_alone(
    home: Path, good: Path, tmp_path: Path, change: Change, says: str
) -> None:
    home = shutil.copytree(home, tmp_path / "home", symlinks=True)
    before = past(home)
    data = tmp_path / "data"
    shutil.copytree(good, data)
    change(data / FILE)
    done = night(home, data)
    assert done.returncode == 1, done.stdout + done.stderr
    assert says in done.stderr
    assert "; next: " in done.stderr
    assert "Traceback" not in done.stderr
    assert past(home) == before


@pytest.mark.parametrize(("change", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_few_bad_rows_are_refused_by_name_and_the_checks_go_on(
    home: Path, good: Path, tmp_path: Path, change: Change, says: str
) -> None:
    home, data = shutil.copytree(home, tmp_path / "home", symlinks=True), tmp_path / "data"
    shutil.copytree(good, data)
    change(data / FILE)
    for step in ("trade", "ingest", "validate"):
        done = fillwise(home, step, "--day", DAY, "--data", str(data))
        assert done.returncode == 0, done.stderr
    assert says in done.stderr
    assert "3 refused" in done.stderr


def test_a_lake_made_by_a_newer_version_is_left_alone(home: Path, good: Path, tmp_path: Path) -> None:
    home = shutil.copytree(home, tmp_path / "home", symlinks=True)
    (home / "lake" / "lake.json").write_text('{"format": 99}')
    done = night(home, good)
    assert done.returncode == 1
    assert "lake was made by a newer version" in done.stderr
    assert "found format 99; allowed: format 2 or older; next: update Fillwise" in done.stderr
