"""A backup restored onto an empty machine gives the same fingerprints, or nothing at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.errors import BusyError, LakeError, UsageError
from infra.lake import Lake
from infra.locks import held
from infra.registry import Registry
from infra.settings import Settings
from infra.signing import make_key
from infra.tables import BRONZE
from infra.version_files import read_version, write_version
from pipelines import ingest
from pipelines.backup import backup, restore
from tests.builders import FRIDAY
from tests.pipelines.made_drops import a_context, drop, good_day

pytestmark = pytest.mark.filterwarnings("ignore")


def a_home(home: Path) -> Settings:
    """A lake with a day in it, a registered version with a run, a key."""
    drop(home, good_day())
    ingest.run(a_context(home))
    settings = Settings(home=home)
    digest, folder = write_version(settings.registry, "sample", {"policy.json": b"{}"}, {"training_set_id": "t"})
    registry = Registry(settings)
    run_id, _ = registry.open_run("sample", "2026-11-20", "key")
    registry.register("sample", run_id, folder, "key", digest, "2026-11-20", "recipe")
    settings.keys.mkdir()
    (settings.keys / "secret").write_text("s3cret")
    (settings.keys / "secret").chmod(0o600)
    return settings


def fingerprints(settings: Settings) -> list[str]:
    lake = Lake(settings.lake)
    return [lake.fingerprint(table, "sample", FRIDAY) for table in BRONZE.values()]


def test_a_restored_home_has_the_same_fingerprints_versions_runs_and_keys(tmp_path: Path) -> None:
    old, new = a_home(tmp_path / "old"), Settings(home=tmp_path / "elsewhere" / "new")
    before, version = fingerprints(old), Registry(old).versions("sample")[0]
    assert backup(old, str(tmp_path / "copy")) == 0
    (tmp_path / "old").rename(tmp_path / "gone")
    assert restore(new, str(tmp_path / "copy")) == 0
    assert fingerprints(new) == before
    (found,) = Registry(new).versions("sample")
    assert found == version
    assert read_version(new.registry, "sample", found.digest).files == {"policy.json": b"{}"}
    files = [one.path for one in Registry(new).client.list_artifacts(found.run_id, "version")]
    assert files == ["version/manifest.json", "version/policy.json"]
    assert (new.keys / "secret").read_text() == "s3cret"
    assert (new.keys / "secret").stat().st_mode & 0o777 == 0o600
    assert ingest.run(a_context(new.home)).is_unchanged


def test_restored_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    old, new = Settings(home=tmp_path / "old"), Settings(home=tmp_path / "new")
    make_key(old, "stop")
    assert backup(old, str(tmp_path / "copy")) == 0
    assert restore(new, str(tmp_path / "copy")) == 0
    assert new.keys.stat().st_mode & 0o777 == 0o700


def test_a_damaged_backup_changes_nothing_and_names_the_file(tmp_path: Path) -> None:
    backup(a_home(tmp_path / "old"), str(tmp_path / "copy"))
    victim = next((tmp_path / "copy" / "lake" / "bronze" / "trades").rglob("*.parquet"))
    damaged = bytearray(victim.read_bytes())
    damaged[100] ^= 1
    victim.write_bytes(bytes(damaged))
    with pytest.raises(LakeError, match=rf"backup is damaged: .*{victim.name}; found other bytes.*nothing was changed"):
        restore(Settings(home=tmp_path / "new"), str(tmp_path / "copy"))
    assert not (tmp_path / "new" / "lake").exists()


def test_a_backup_that_names_a_file_outside_itself_is_refused(tmp_path: Path) -> None:
    backup(a_home(tmp_path / "old"), str(tmp_path / "copy"))
    (tmp_path / "outside").write_text("x")
    told = json.loads((tmp_path / "copy" / "backup.json").read_text())
    told["files"] = {"../outside": "ab"}
    (tmp_path / "copy" / "backup.json").write_text(json.dumps(told))
    with pytest.raises(LakeError, match="backup is damaged"):
        restore(Settings(home=tmp_path / "new"), str(tmp_path / "copy"))


def test_nothing_is_overwritten_on_either_side(tmp_path: Path) -> None:
    settings = a_home(tmp_path / "old")
    backup(settings, str(tmp_path / "copy"))
    with pytest.raises(UsageError, match="backup would overwrite something"):
        backup(settings, str(tmp_path / "copy"))
    with pytest.raises(UsageError, match="restore would overwrite a state folder"):
        restore(settings, str(tmp_path / "copy"))
    with pytest.raises(LakeError, match="not a backup that can be read"):
        restore(Settings(home=tmp_path / "new"), str(tmp_path / "old"))


def test_no_backup_is_taken_while_a_step_runs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, lock_wait_seconds=0)
    with held(tmp_path / "locks" / "sample.lock", "fillwise ingest", 0), pytest.raises(BusyError):
        backup(settings, str(tmp_path / "copy"))
