"""MLflow as the night uses it: a real SQLite store in a folder."""

from pathlib import Path

import pytest

from infra.registry import CANDIDATE, CHALLENGER, CHAMPION, Registry, model_name, newest, reconcile_aliases
from infra.settings import Settings
from infra.version_files import read_version, write_version

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


def three(store: Registry, market: str) -> list[str]:
    """Names of three registered versions; the candidate is the third."""
    for number, day in enumerate(("2026-11-18", "2026-11-19", "2026-11-20")):
        registered(store, market, f"k{number}", day)
    return [f"{model_name(market)}/{number}" for number in (1, 2, 3)]


def test_aliases_follow_the_ledger_without_a_word_where_only_the_ledger_moved_on(store: Registry) -> None:
    first, second, third = three(store, "eight")
    assert reconcile_aliases(store, "eight", {CHAMPION: first, CHALLENGER: second}) == ()
    assert store.aliases("eight") == {CHAMPION: first, CHALLENGER: second, CANDIDATE: third}
    assert reconcile_aliases(store, "eight", {CHAMPION: second, CHALLENGER: None}) == ()
    assert store.aliases("eight") == {CHAMPION: second, CANDIDATE: third}


def test_an_alias_moved_by_hand_is_put_back_and_told(store: Registry) -> None:
    first, second, third = three(store, "nine")
    expected = {CHAMPION: first, CHALLENGER: second}
    reconcile_aliases(store, "nine", expected)
    store.client.set_registered_model_alias(model_name("nine"), CHAMPION, "3")
    (told,) = reconcile_aliases(store, "nine", expected)
    assert (told.alias, told.found, told.expected, told.is_restored) == (CHAMPION, third, first, True)
    assert "outside of the ledger" in told.reason
    assert store.aliases("nine")[CHAMPION] == first
    assert reconcile_aliases(store, "nine", expected) == ()


def test_an_alias_removed_by_hand_is_put_back_and_told(store: Registry) -> None:
    first, _, _ = three(store, "ten")
    reconcile_aliases(store, "ten", {CHAMPION: first})
    store.client.delete_registered_model_alias(model_name("ten"), CHAMPION)
    (told,) = reconcile_aliases(store, "ten", {CHAMPION: first})
    assert (told.found, told.is_restored) == ("", True)
    assert store.aliases("ten")[CHAMPION] == first


def test_a_champion_made_by_hand_before_there_was_one_is_taken_away_and_told(store: Registry) -> None:
    _, second, _ = three(store, "eleven")
    store.client.set_registered_model_alias(model_name("eleven"), CHAMPION, "2")
    (told,) = reconcile_aliases(store, "eleven", {CHAMPION: f"{model_name('eleven')}/0"})
    assert (told.found, told.expected) == (second, "")
    assert CHAMPION not in store.aliases("eleven")


def test_a_kill_while_an_alias_is_moved_is_not_taken_for_somebody_s_hand(store: Registry) -> None:
    first, second, _ = three(store, "twelve")
    reconcile_aliases(store, "twelve", {CHAMPION: first})
    store.client.set_registered_model_tag(model_name("twelve"), "fillwise.alias.champion", f"{first}>{second}")
    assert reconcile_aliases(store, "twelve", {CHAMPION: second}) == ()
    assert store.aliases("twelve")[CHAMPION] == second


def test_a_version_deleted_in_mlflow_is_told_and_its_own_copy_still_loads(store: Registry) -> None:
    first, _, _ = three(store, "thirteen")
    reconcile_aliases(store, "thirteen", {CHAMPION: first})
    digest = store.versions("thirteen")[-1].digest
    store.client.delete_model_version(model_name("thirteen"), "1")
    (told,) = reconcile_aliases(store, "thirteen", {CHAMPION: first})
    assert (told.expected, told.is_restored) == (first, False)
    assert "somebody deleted it" in told.reason
    assert store.version_of("thirteen", "k0") is None
    assert read_version(store.location.parent, "thirteen", digest).files == {"policy.json": b"{}"}


def test_registering_goes_on_when_somebody_moved_the_candidate_alias(store: Registry) -> None:
    three(store, "fourteen")
    store.client.set_registered_model_alias(model_name("fourteen"), CANDIDATE, "1")
    registered(store, "fourteen", "k3", "2026-11-23")
    assert store.aliases("fourteen")[CANDIDATE] == f"{model_name('fourteen')}/4"


def test_a_version_made_by_hand_is_none_of_the_night_s(store: Registry) -> None:
    three(store, "fifteen")
    store.client.create_model_version(model_name("fifteen"), (store.location / "elsewhere").as_uri())
    assert [version.number for version in store.versions("fifteen")] == [3, 2, 1]


def test_a_refit_that_is_not_the_candidate_leaves_the_candidate_alias_alone(store: Registry) -> None:
    three(store, "sixteen")
    digest, folder = write_version(store.location.parent, "sixteen", {"policy.json": b"{}"}, {"key": "other"})
    run_id, _ = store.open_run("sixteen", DAY, "other")
    store.register("sixteen", run_id, folder, "other", digest, DAY, "recipe2", is_candidate=False)
    assert store.aliases("sixteen") == {CANDIDATE: f"{model_name('sixteen')}/3"}


def test_a_market_without_versions_has_no_aliases(store: Registry) -> None:
    assert store.aliases("nowhere") == {}
    assert reconcile_aliases(store, "nowhere", {CHAMPION: None}) == ()
