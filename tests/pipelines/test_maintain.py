"""What may be removed, what a registered version holds, and what is missing already."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.errors import BusyError
from infra.lake import Lake
from infra.locks import held
from infra.registry import Registry
from infra.settings import Settings
from infra.tables import BRONZE
from infra.version_files import write_version
from pipelines.maintain import look, maintain
from tests.builders import FRIDAY, plain_rows

pytestmark = pytest.mark.filterwarnings("ignore")
TABLE = BRONZE["trades"]
NOW = 2_000_000_000.0


def three_versions(home: Path) -> list[Path]:
    """One day written three times: files of versions 1, 2 and 3, all as old as time."""
    lake, files = Lake(home / "lake"), []
    for price in (1.0, 2.0, 3.0):
        lake.replace_days(TABLE, "sample", {FRIDAY: plain_rows(TABLE, 2, price=price, source_row=[0, 1])})
        (path,) = lake.day_files(TABLE, "sample", [FRIDAY])[FRIDAY]
        os.utime(path, (0, 0))
        files.append(path)
    return files


def register(settings: Settings, delta_versions: dict[str, int]) -> None:
    facts = {"training_set_id": "t", "delta_versions": delta_versions}
    digest, folder = write_version(settings.registry, "sample", {}, facts)
    registry = Registry(settings)
    run_id, _ = registry.open_run("sample", "2026-11-20", "key")
    registry.register("sample", run_id, folder, "key", digest, "2026-11-20", "recipe")


def test_superseded_files_are_only_named_until_somebody_says_apply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = three_versions(tmp_path)
    assert maintain(Settings(home=tmp_path), is_applied=False, now=NOW) == 0
    assert "removable: 2 files" in capsys.readouterr().out
    assert all(path.exists() for path in (first, second, third))
    assert maintain(Settings(home=tmp_path), is_applied=True, now=NOW) == 0
    assert [path.exists() for path in (first, second, third)] == [False, False, True]


def test_a_file_that_a_registered_version_read_is_held_and_the_version_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, _ = three_versions(tmp_path)
    register(Settings(home=tmp_path), {TABLE.name: 2})
    assert maintain(Settings(home=tmp_path), is_applied=True, now=NOW) == 0
    assert "held: 1 superseded files of bronze.trades@2, by version sample.execution/1" in capsys.readouterr().out
    assert (first.exists(), second.exists()) == (False, True)
    assert Lake(tmp_path / "lake").read(TABLE, "sample", version=2)["price"].to_pylist() == [2.0, 2.0]


def test_a_held_file_that_is_gone_already_is_reported_with_the_version_that_cannot_be_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, second, _ = three_versions(tmp_path)
    register(Settings(home=tmp_path), {TABLE.name: 2})
    second.unlink()
    assert maintain(Settings(home=tmp_path), is_applied=False, now=NOW) == 1
    assert (
        "missing: version sample.execution/1 needs bronze.trades@2, of which 1 files are gone"
        in capsys.readouterr().out
    )


def test_young_files_stay(tmp_path: Path) -> None:
    files = three_versions(tmp_path)
    os.utime(files[0], (NOW - 5 * 86_400, NOW - 5 * 86_400))
    found = look(Settings(home=tmp_path, superseded_days=7), NOW)
    assert (found.removable, found.young) == ([files[1]], 1)


def test_what_a_killed_writer_left_goes_after_a_day(tmp_path: Path) -> None:
    folder = three_versions(tmp_path)[0].parent
    half, fresh = folder / ".writing-77.parquet", folder / ".writing-78.parquet"
    for path, age in ((half, 2 * 86_400), (fresh, 60)):
        path.touch()
        os.utime(path, (NOW - age, NOW - age))
    removable = look(Settings(home=tmp_path, superseded_days=10_000 * 3), NOW).removable
    assert removable == [half]


def test_nothing_is_removed_while_a_step_runs(tmp_path: Path) -> None:
    three_versions(tmp_path)
    with (
        held(tmp_path / "locks" / "sample.lock", "fillwise train", 0),
        pytest.raises(BusyError, match="held by fillwise train"),
    ):
        maintain(Settings(home=tmp_path, lock_wait_seconds=0), is_applied=True, now=NOW)


def test_an_empty_home_has_nothing_to_maintain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert maintain(Settings(home=tmp_path), is_applied=False, now=NOW) == 0
    assert "removable: 0 files" in capsys.readouterr().out


def test_what_would_go_is_said_by_kind_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    three_versions(tmp_path)
    old = tmp_path / "logs" / "sample" / "2020-01-02" / "ingest.log"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x" * 300_000)
    os.utime(old, (0, 0))
    assert maintain(Settings(home=tmp_path), is_applied=False, now=NOW) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["logs", "1", "files", "0.3", "MB"] in said
    assert ["lake.bronze.trades", "2", "files", "0.0", "MB"] in said
    assert old.exists()


def test_a_budget_that_is_exceeded_is_said_with_figure_budget_and_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    young = tmp_path / "logs" / "airflow.log"
    young.parent.mkdir()
    with young.open("wb") as handle:
        handle.truncate(2_340_000_000)
    os.utime(young, (NOW, NOW))
    assert maintain(Settings(home=tmp_path), is_applied=False, now=NOW) == 0
    said = capsys.readouterr().out
    words = f"above its budget: {young.parent}; found 2.34 GB; allowed: 2 GB; next: fillwise maintain --apply; then a"
    assert words in said
    assert said.count("above its budget") == 1
