"""MLflow as the night uses it: a real SQLite store in a folder."""

from pathlib import Path

import pytest

from infra.registry import CANDIDATE, Registry, model_name, newest
from infra.settings import Settings
from infra.version_files import write_version

pytestmark = pytest.mark.filterwarnings("ignore")
DAY = "2026-11-20"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(Settings(home=tmp_path_factory.mktemp("home")))


def registered(store: Registry, market: str, key: str, day: str = DAY) -> tuple[str, int]:
    digest, folder = write_version(store.location.parent, market, {"policy.json": b"{}"}, {"key": key})
    run_id, _ = store.open_run(market, day, key)
    version = store.register(market, run_id, folder, key, digest, day, "recipe1")
    return run_id, version.number


def test_the_same_night_finds_its_finished_run_again(store: Registry) -> None:
    run_id, _ = store.open_run("one", DAY, "k")
    store.finish_run(run_id)
    assert store.open_run("one", DAY, "k") == (run_id, True)
    assert store.open_run("one", DAY, "other")[1] is False


def test_a_half_done_run_is_marked_killed(store: Registry) -> None:
    killed, _ = store.open_run("two", DAY, "k")
    fresh, is_finished = store.open_run("two", DAY, "k")
    assert (fresh != killed, is_finished) == (True, False)
    assert store.client.get_run(killed).info.status == "KILLED"


def test_registering_twice_makes_one_version(store: Registry) -> None:
    assert registered(store, "three", "a")[1] == registered(store, "three", "a")[1] == 1
    assert registered(store, "three", "b", "2026-11-23")[1] == 2
    alias = store.client.get_model_version_by_alias(model_name("three"), CANDIDATE)
    assert int(alias.version) == 2


def test_versions_come_newest_first_and_can_be_cut_before_a_day(store: Registry) -> None:
    for number, day in enumerate(("2026-11-18", "2026-11-19", "2026-11-20")):
        registered(store, "four", f"k{number}", day)
    versions = store.versions("four")
    assert [version.number for version in versions] == [3, 2, 1]
    assert [version.day for version in newest(versions, "2026-11-20", 5)] == ["2026-11-19", "2026-11-18"]


def test_a_version_is_plain_files_in_the_run_without_pickle(store: Registry) -> None:
    run_id, _ = registered(store, "five", "a")
    names = [found.path for found in store.client.list_artifacts(run_id, "version")]
    assert names == ["version/manifest.json", "version/policy.json"]


def test_a_figure_that_is_not_finite_is_left_out_not_stored_as_zero(store: Registry) -> None:
    run_id, _ = store.open_run("six", DAY, "k")
    store.log(run_id, metrics={"cost_bps": 1.5, "low_bps": float("nan")}, parameters={"seed": 7}, tags={"t": "v"})
    data = store.client.get_run(run_id).data
    assert data.metrics == {"cost_bps": 1.5}
    assert data.params == {"seed": "7"}


def test_everything_lies_below_the_state_folder(store: Registry) -> None:
    run_id, _ = registered(store, "seven", "a")
    uri = store.client.get_run(run_id).info.artifact_uri
    assert Path(uri.removeprefix("file://")).is_relative_to(store.location)
