"""Stop files: what stands stops, what cannot be verified stops everything, and neither key nor disk is in the way."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from infra.errors import DiskFullError, RefusedError
from infra.settings import Settings
from infra.signing import sign, write_signed
from infra.stop_files import Stop, lift_stop, restore_stop, stop_path, stops, stops_folder, write_stop
from infra.stop_reserve import RESERVED_FILES, keep_reserve, reserve_folder
from tests.infra.full_disk import fill, needs_root, small_disk
from tests.infra.made_routing import STOP, snapshot, started, torn

KILL = Stop("kill-all-1", "sample", "kill", "all", "", "tom", "why", "2026-11-20T15:00:00Z")
WRITES = (
    "import sys; from pathlib import Path; from infra.settings import Settings\n"
    "from infra.stop_files import Stop, write_stop\n"
    "stop = Stop('one', 'sample', 'kill', 'all', '', sys.argv[2], 'why', '')\n"
    "write_stop(Settings(home=Path(sys.argv[1])), stop)\n"
)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_stops_come_back_as_they_were_written_until_one_is_lifted(home: Settings) -> None:
    assert stops(home, "sample") == ()
    write_stop(home, STOP)
    write_stop(home, KILL)
    assert stops(home, "sample") == (KILL, STOP)
    assert lift_stop(home, "sample", KILL.stop_id)
    assert not lift_stop(home, "sample", KILL.stop_id)
    assert stops(home, "sample") == (STOP,)


def test_a_stop_that_stands_is_not_written_again(home: Settings) -> None:
    write_stop(home, STOP)
    write_stop(home, replace(STOP, reason="other"))
    assert stops(home, "sample") == (STOP,)


def test_of_two_who_write_the_same_stop_at_once_one_wins(home: Settings) -> None:
    both = [started(WRITES, str(home.home), name) for name in ("ada", "paul", "rita", "tom")]
    assert [(one.communicate()[0], one.returncode) for one in both] == [("", 0)] * 4
    (found,) = stops(home, "sample")
    assert found.person in {"ada", "paul", "rita", "tom"}
    assert [path.name for path in stops_folder(home, "sample").iterdir()] == ["one.json"]


def reworded(path: Path) -> None:
    path.write_text(path.read_text().replace("sample.execution/5", "sample.execution/6"))


def renamed(path: Path) -> None:
    path.rename(path.with_name("other.json"))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def a_link_to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("damage", [torn, reworded, renamed, emptied, a_link_to_nowhere])
def test_a_stop_that_cannot_be_verified_stops_everything(home: Settings, damage: object) -> None:
    damage(write_stop(home, STOP))  # type: ignore[operator]
    (found,) = stops(home, "sample")
    assert (found.kind, found.scope, found.is_verified) == ("kill", "all", False)
    assert "cannot be verified" in found.reason


@pytest.mark.parametrize(
    "others",
    [{"market": "ashare"}, {"kind": "pause"}, {"scope": "desk"}, {"person": "unknown"}, {"stop_id": "other"}, {"x": 1}],
)
def test_a_signed_stop_that_makes_no_sense_stops_everything(home: Settings, others: dict[str, object]) -> None:
    write_signed(stop_path(home, "sample", STOP.stop_id), sign(home, "stop", {**asdict(STOP), **others}))
    (found,) = stops(home, "sample")
    assert (found.kind, found.scope) == ("kill", "all")


def test_what_the_routing_key_signed_is_no_stop_but_stops(home: Settings) -> None:
    write_signed(stop_path(home, "sample", STOP.stop_id), sign(home, "routing", asdict(STOP)))
    assert stops(home, "sample")[0].scope == "all"


def test_a_folder_of_stops_that_cannot_be_read_stops_everything(home: Settings) -> None:
    stops_folder(home, "sample").parent.mkdir(parents=True)
    stops_folder(home, "sample").write_text("no folder")
    assert (stops(home, "sample")[0].kind, stops(home, "sample")[0].scope) == ("kill", "all")


def test_a_scratch_file_of_a_killed_writer_is_no_stop(home: Settings) -> None:
    write_stop(home, STOP)
    (stops_folder(home, "sample") / ".kill-2.json.4711.abcd").write_text("{")
    assert stops(home, "sample") == (STOP,)


LIFTS = (
    "import sys; from pathlib import Path; from infra.settings import Settings\n"
    "from infra.stop_files import Stop, lift_stop, write_stop\n"
    "home = Settings(home=Path(sys.argv[1]))\n"
    "for number in range(150):\n"
    "    write_stop(home, Stop(f'r{number}', 'sample', 'rollback', 'version', 'v', 'tom', 'why', ''))\n"
    "    lift_stop(home, 'sample', f'r{number}')\n"
)


def test_a_stop_that_is_lifted_while_it_is_read_is_no_kill_of_everything(home: Settings) -> None:
    writer, seen = started(LIFTS, str(home.home)), 0
    while writer.poll() is None:
        found = stops(home, "sample")
        assert all(stop.kind == "rollback" for stop in found), found
        seen += len(found)
    assert writer.communicate()[0] == ""
    assert seen > 0


@pytest.mark.parametrize("name", ["../../snapshot", "", ".hidden", "a/b", ".."])
def test_a_stop_file_has_a_plain_name(home: Settings, name: str) -> None:
    with pytest.raises(RefusedError, match="no name of a stop"):
        write_stop(home, replace(STOP, stop_id=name))
    assert not stops_folder(home, "sample").exists()


def test_a_kill_of_everything_needs_no_key(home: Settings) -> None:
    write_stop(home, STOP)
    (home.keys / "stop.key").write_bytes(b"damaged")
    write_stop(home, KILL)
    found = {stop.stop_id: stop for stop in stops(home, "sample")}
    assert (found[KILL.stop_id].kind, found[KILL.stop_id].scope) == ("kill", "all")
    with pytest.raises(RefusedError, match="private key is damaged"):
        write_stop(home, replace(STOP, stop_id="second"))


def test_a_damaged_stop_is_written_anew_as_the_ledger_has_it_a_sound_one_stays(home: Settings) -> None:
    path = write_stop(home, STOP)
    assert not restore_stop(home, replace(STOP, reason="other"))
    torn(path)
    assert restore_stop(home, STOP)
    assert stops(home, "sample") == (STOP,)
    assert not restore_stop(home, replace(STOP, stop_id="never"))


def is_written(home: Settings, stop: Stop) -> bool:
    try:
        write_stop(home, stop)
    except DiskFullError:
        return False
    return True


@needs_root
def test_stops_are_written_on_a_full_disk_as_long_as_the_reserve_lasts(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder:
        home = Settings(home=folder)
        sign(home, "stop", {})
        assert keep_reserve(home, "sample") == RESERVED_FILES
        fill(folder)
        wished = [replace(STOP, stop_id=f"s{number:02d}", reason="x" * 2_000) for number in range(20)]
        written = list(itertools.takewhile(lambda stop: is_written(home, stop), wished))
        assert len(written) >= RESERVED_FILES
        assert stops(home, "sample") == tuple(written)
        assert list(reserve_folder(home, "sample").iterdir()) == []
        (folder / "filler").unlink()
        keep_reserve(home, "sample")
        assert len(list(reserve_folder(home, "sample").iterdir())) == RESERVED_FILES


@needs_root
def test_publishing_makes_the_room_and_the_key_that_a_stop_needs(tmp_path: Path) -> None:
    from infra.routing_files import publish

    with small_disk(tmp_path / "disk") as folder:
        home = Settings(home=folder)
        publish(home, snapshot())
        fill(folder)
        write_stop(home, STOP)
        assert stops(home, "sample") == (STOP,)
