"""Kills, full and read-only disks, and two writers at once: on real processes, real folders, real mounts.

`make test` tries each once or a few times; `make test-faults` runs the full counts (`FAULT_TRIES`).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from infra import calendar
from infra.errors import DiskFullError
from infra.lake import Lake
from infra.locks import held
from infra.markets import MARKETS
from infra.tables import BRONZE, DELIVERIES
from pipelines import ingest
from tests.builders import FRIDAY, plain_rows
from tests.pipelines.made_drops import a_context, drop, good_day

TRIES = int(os.environ.get("FAULT_TRIES", "3"))
DAYS = calendar.sessions_until(MARKETS["sample"], FRIDAY, 12)
ROWS, NOBODY = 400, 65_534
IDS = {"fills": "fill_id", "decisions": "decision_id", "child_orders": "child_order_id"}
INGEST = (
    "import sys; from pathlib import Path; from datetime import date\n"
    "from pipelines import ingest; from tests.pipelines.made_drops import a_context\n"
    "days = [date.fromisoformat(word) for word in sys.argv[2:]]\n"
    "print('ready', flush=True); ingest.run(a_context(Path(sys.argv[1]), *days)); print('done', flush=True)\n"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """Drops of twelve sessions, and the generator's own list of every row id in them."""
    home = tmp_path_factory.mktemp("made")
    wanted: dict[str, list[str]] = {noun: [] for noun in IDS}
    for day in DAYS:
        tables = good_day(day, rows=ROWS, noun_rows=ROWS)
        drop(home, tables, day)
        for noun, name in IDS.items():
            wanted[noun] += [f"{day} {row}" for row in tables[noun][name].to_pylist()]
    return home, {noun: sorted(found) for noun, found in wanted.items()}


def ingesting(home: Path, *days: date) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INGEST, str(home), *map(str, days)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=Path.cwd())


def counted(home: Path) -> dict[str, list[str]]:
    """Every row id that bronze holds, by day, counted again from the files."""
    lake = Lake(home / "lake")
    found = {}
    for noun, name in IDS.items():
        rows = lake.read(BRONZE[noun], "sample", columns=["trade_date", name])
        pairs = zip(rows["trade_date"].to_pylist(), rows[name].to_pylist(), strict=True)
        found[noun] = sorted(f"{day} {row}" for day, row in pairs)
    return found


def copied(made: Path, home: Path) -> Path:
    (home / "drops").parent.mkdir(parents=True, exist_ok=True)
    (home / "drops").symlink_to(made / "drops")
    return home


def test_kill_9_at_random_moments_of_ingest_loses_nothing_and_doubles_nothing(
    made: tuple[Path, dict[str, list[str]]], tmp_path: Path
) -> None:
    source, wanted = made
    draw, killed, orphans = random.Random(11), 0, 0
    for number in range(TRIES):
        home = copied(source, tmp_path / str(number))
        process = ingesting(home, *DAYS)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0.0, 0.3))
        process.send_signal(signal.SIGKILL)
        killed += process.communicate()[0] == ""
        for rows in counted(home).values():
            assert len(rows) == len(set(rows)), "a killed writer left rows twice"
            assert len(rows) % ROWS == 0, "a killed writer left part of a day"
        orphans += sum(1 for _ in (home / "lake").rglob(".writing-*"))
        ingest.run(a_context(home, *DAYS))
        assert counted(home) == wanted
        accounts = Lake(home / "lake").read(DELIVERIES, "sample")
        assert sum(accounts["rows_in"].to_pylist()) == sum(accounts["rows_bronze"].to_pylist())
    print(f"{TRIES} runs, {killed} killed before they ended, {orphans} half-written files left beside the tables")
    assert killed > 0


def test_two_processes_on_one_table_lose_no_commit(tmp_path: Path) -> None:
    each = 25 if TRIES > 10 else 6
    code = (
        "import sys; from pathlib import Path; from datetime import date, timedelta\n"
        "from infra.lake import Lake; from infra.tables import BRONZE; from tests.builders import plain_rows\n"
        "lake, first, count = Lake(Path(sys.argv[1])), date.fromisoformat(sys.argv[2]), int(sys.argv[3])\n"
        "for number in range(count):\n"
        "    day = first + timedelta(days=number)\n"
        "    lake.replace_days(BRONZE['trades'], 'sample', {day: plain_rows(BRONZE['trades'], 1, day=day)})\n"
    )
    starts = [date(2026, month, 1) for month in (1, 3, 5, 7)]
    all_at_once = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(start), str(each)]) for start in starts
    ]
    assert [process.wait(timeout=200) for process in all_at_once] == [0] * 4
    lake = Lake(tmp_path)
    assert len(lake.days(BRONZE["trades"], "sample")) == 4 * each
    assert lake.version(BRONZE["trades"]) == 4 * each


def test_a_lock_whose_holder_was_killed_is_free_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from infra.locks import held\n"
        "with held(Path(sys.argv[1]), 'a writer', 0): print('held', flush=True); time.sleep(60)\n"
    )
    lock = tmp_path / "day.lock"
    holder = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    started = time.monotonic()
    with held(lock, "the next writer", 5):
        assert time.monotonic() - started < 1.0


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Six megabytes of memory as a disk. Needs root, which mounts."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a disk")
def test_a_full_disk_leaves_the_table_as_it_was_and_room_brings_it_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "lake"):
        drop(tmp_path, good_day())
        ingest.run(a_context(tmp_path))
        before = Lake(tmp_path / "lake").read(BRONZE["fills"], "sample")
        filler = tmp_path / "lake" / "filler"
        room = os.statvfs(tmp_path / "lake")
        filler.write_bytes(b"x" * (room.f_bavail * room.f_frsize - 40_000))
        big = DAYS[-2]
        drop(tmp_path, good_day(big, rows=4_000, noun_rows=4_000), big)
        with pytest.raises(DiskFullError, match=r"disk is full: .*next: make room \(`fillwise maintain`"):
            ingest.run(a_context(tmp_path, big))
        assert Lake(tmp_path / "lake").read(BRONZE["fills"], "sample").equals(before)
        assert not list((tmp_path / "lake").rglob(".writing-*"))
        filler.unlink()
        ingest.run(a_context(tmp_path, big))
        assert set(Lake(tmp_path / "lake").days(BRONZE["fills"], "sample")) == {FRIDAY, big}


def _status_of_a_write(lake: Path, *, as_nobody: bool) -> int:
    """13 when the write is refused for want of permission."""
    if as_nobody:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        rows = plain_rows(BRONZE["trades"], 2, source_row=[0, 1])
        Lake(lake).replace_days(BRONZE["trades"], "sample", {FRIDAY: rows})
    except PermissionError as error:
        return error.errno or 1
    return 0


def test_a_folder_that_may_not_be_written_fails_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    """Root writes into a read-only folder, so there the writer is a child that is nobody."""
    lake, is_root = Lake(tmp_path / "lake"), os.getuid() == 0
    lake.replace_days(BRONZE["trades"], "sample", {FRIDAY: plain_rows(BRONZE["trades"], 1)})
    for parent in [tmp_path, *tmp_path.parents][:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    for path in (tmp_path / "lake").rglob("*"):
        if is_root:
            os.chown(path, NOBODY, NOBODY)
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted((tmp_path / "lake").rglob("*"))
    child = os.fork()
    if child == 0:
        os._exit(_status_of_a_write(tmp_path / "lake", as_nobody=is_root))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 13
    assert sorted((tmp_path / "lake").rglob("*")) == before
    assert lake.read(BRONZE["trades"], "sample").num_rows == 1
