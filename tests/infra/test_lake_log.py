"""Damage to the log that Delta itself would read over, and lakes of another format."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import lake_log
from infra.errors import LakeError
from infra.lake import Lake
from infra.lake_files import table_folder
from infra.open_tables import OpenTables
from infra.tables import BRONZE
from tests.builders import FRIDAY, plain_rows

TABLE = BRONZE["trades"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """One day of trades written three times: versions 1 to 3."""
    made = Lake(tmp_path / "lake")
    for price in (1.0, 2.0, 3.0):
        made.replace_days(TABLE, "sample", {FRIDAY: plain_rows(TABLE, 2, price=price, source_row=[0, 1])})
    return made


def commit_file(lake: Lake, version: int) -> Path:
    return table_folder(lake.root, TABLE) / "_delta_log" / f"{version:020}.json"


def prices(lake: Lake) -> list[float]:
    found: list[float] = Lake(lake.root).read(TABLE, "sample")["price"].to_pylist()
    return found


def flipped(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"numRecords", b"numRecordz", 1))


DAMAGE: list[tuple[str, int, Callable[[Path], object], str]] = [
    ("a flipped figure in an older commit", 2, flipped, "found other bytes"),
    ("a truncated commit", 2, lambda path: path.write_bytes(path.read_bytes()[:40]), "found other bytes"),
    ("an empty last commit", 3, lambda path: path.write_bytes(b""), "found other bytes"),
    ("a missing commit", 2, Path.unlink, "found nothing there"),
    ("a missing last commit", 3, Path.unlink, "found nothing there"),
]


@pytest.mark.parametrize(("version", "damage", "says"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_a_damaged_commit_is_never_read_over(
    lake: Lake, version: int, damage: Callable[[Path], object], says: str
) -> None:
    path = commit_file(lake, version)
    before = path.read_bytes()
    damage(path)
    assert not path.exists() or path.read_bytes() != before
    with pytest.raises(LakeError, match=f"commit file was altered: .*{path.name}; {says}.*next: restore"):
        prices(lake)
    path.write_bytes(before)
    assert prices(lake) == [3.0, 3.0]


@pytest.mark.parametrize("hint", ["garbage", '{"version":2,"size":3}'])
def test_a_damaged_checkpoint_is_set_aside_and_the_table_read_from_its_commits(lake: Lake, hint: str) -> None:
    folder = table_folder(lake.root, TABLE) / "_delta_log"
    (folder / "_last_checkpoint").write_text(hint)
    (folder / "00000000000000000002.checkpoint.parquet").write_bytes(b"PAR1 nothing PAR1")
    assert prices(lake) == [3.0, 3.0]


def test_a_commit_that_a_killed_writer_did_not_record_is_read_and_recorded_by_the_next_one(lake: Lake) -> None:
    record = table_folder(lake.root, TABLE) / lake_log.RECORD
    lines = record.read_text().splitlines()
    assert len(lines) == 4
    record.write_text("\n".join(lines[:-1]) + "\n")
    assert prices(lake) == [3.0, 3.0]
    lake.replace_days(TABLE, "sample", {FRIDAY: plain_rows(TABLE, 2, price=4.0, source_row=[0, 1])})
    assert len(record.read_text().splitlines()) == 5


def test_a_lake_of_the_first_format_is_read_as_it_is_and_lifted_when_it_is_written(lake: Lake) -> None:
    shutil.rmtree((table_folder(lake.root, TABLE) / lake_log.RECORD).parent)
    (lake.root / "lake.json").write_text('{"format": 1}')
    assert prices(lake) == [3.0, 3.0]
    assert json.loads((lake.root / "lake.json").read_text()) == {"format": 1}
    Lake(lake.root).replace_days(TABLE, "sample", {FRIDAY: plain_rows(TABLE, 1, price=5.0)})
    assert json.loads((lake.root / "lake.json").read_text()) == {"format": 2}
    assert len((table_folder(lake.root, TABLE) / lake_log.RECORD).read_text().splitlines()) == 5


def test_a_version_whose_files_were_removed_says_so(lake: Lake) -> None:
    (gone,) = lake.day_files(TABLE, "sample", [FRIDAY], version=2)[FRIDAY]
    gone.unlink()
    with pytest.raises(LakeError, match=rf"cannot read our own file: .*{gone.name}"):
        lake.read(TABLE, "sample", [FRIDAY], version=2)
    assert prices(lake) == [3.0, 3.0]


def test_a_table_is_kept_open_led_on_by_new_commits_and_opened_afresh_when_its_log_was_put_back(
    lake: Lake, tmp_path: Path
) -> None:
    tables, folder = OpenTables(), table_folder(lake.root, TABLE)
    shutil.copytree(folder, tmp_path / "backup")
    first = tables.latest(folder, TABLE.name)
    assert tables.latest(folder, TABLE.name) is first
    lake.replace_days(TABLE, "sample", {FRIDAY: plain_rows(TABLE, 1, price=4.0, source_row=[0])})
    assert tables.latest(folder, TABLE.name) is first
    assert first is not None
    assert first.version() == 4
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    again = tables.latest(folder, TABLE.name)
    assert again is not None
    assert again is not first
    assert again.version() == 3


def test_what_another_process_commits_is_seen_by_a_lake_that_is_open(lake: Lake) -> None:
    mine = Lake(lake.root)
    assert mine.read(TABLE, "sample")["price"].to_pylist() == [3.0, 3.0]
    lake.replace_days(TABLE, "sample", {FRIDAY: plain_rows(TABLE, 1, price=4.0, source_row=[0])})
    assert mine.read(TABLE, "sample")["price"].to_pylist() == [4.0]


def test_open_tables_stay_in_their_process(lake: Lake) -> None:
    assert lake.count(TABLE, "sample", [FRIDAY]) == 2
    copied = pickle.loads(pickle.dumps(lake))  # noqa: S301  our own bytes
    assert copied.count(TABLE, "sample", [FRIDAY]) == 2
