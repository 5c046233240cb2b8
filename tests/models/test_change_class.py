"""What kind of change a recipe is, who must agree, and that slices of a large one add up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalog import RECIPES, ROWS
from models.change_class import BY_NAME, MOST_SINCE_APPROVAL, compare, judge_change
from models.policy import SIGNAL
from models.recipe import HyperParameters, Recipe, recipe_from

FEATURES = tuple((f"feature_{number}", "1.abc") for number in range(40))
OLD = Recipe(FEATURES, (30, 120), "squared error", HyperParameters(), 250, SIGNAL, "c0de" * 16)


@pytest.mark.parametrize(
    ("after", "name", "approvals"),
    [
        (OLD, "refit", 0),
        (replace(OLD, window_sessions=125), "new_window", 1),
        (replace(OLD, hyper=replace(OLD.hyper, eta=0.1)), "new_hyper_space", 1),
        (replace(OLD, features=FEATURES[1:]), "new_features", 1),
        (replace(OLD, policy=replace(SIGNAL, cross_ahead_spreads=1.2)), "new_policy", 2),
        (replace(OLD, code_sha256="beef" * 16), "new_code", 2),
        (replace(OLD, horizons_seconds=(30, 300)), "new_objective", 2),
    ],
)
def test_each_part_of_a_recipe_has_its_class_and_its_persons(after: Recipe, name: str, approvals: int) -> None:
    found = judge_change([OLD], after)
    assert (found.change.name, found.approvals, found.needs_new_report) == (name, approvals, False)


def test_a_change_of_several_parts_is_the_gravest_of_them_and_names_all() -> None:
    found = compare(OLD, replace(OLD, window_sessions=500, code_sha256="beef" * 16))
    assert found.name == "new_code"
    assert [one.words for one in found.differences] == ["code c0dec0de to beefbeef", "window 250 to 500 sessions"]
    assert found.distance == pytest.approx(0.34 + 0.25)


def test_what_follows_the_benchmark_policy_was_never_approved() -> None:
    assert judge_change([None], OLD).change.name == judge_change([], OLD).change.name == "new_recipe"
    assert judge_change([], OLD).approvals == 2


def test_many_small_changes_since_the_last_independent_approval_ask_for_two_persons_and_a_new_report() -> None:
    path = [replace(OLD, window_sessions=sessions) for sessions in (250, 125, 62, 31)]
    last = replace(OLD, window_sessions=15)
    small, sliced = judge_change(path[-1:], last), judge_change(path, last)
    assert (small.approvals, small.needs_new_report) == (1, False)
    assert (sliced.approvals, sliced.needs_new_report) == (2, True)
    assert sliced.reasons[-1].startswith("4 changes since the last independent approval add up to 1.01, allowed 1")
    assert judge_change(path[:-1], path[-1]).needs_new_report is False
    assert sliced.since_approval > MOST_SINCE_APPROVAL


def test_going_back_and_forth_counts_both_ways() -> None:
    there, back = replace(OLD, window_sessions=1000), OLD
    found = judge_change([OLD, there, back], there)
    assert found.since_approval == pytest.approx(3 * 0.5)
    assert found.approvals == 2
    assert judge_change([OLD], back).since_approval == 0.0


def test_the_third_change_of_code_needs_a_new_report_and_the_second_does_not() -> None:
    versions = [replace(OLD, code_sha256=letter * 64) for letter in "abcd"]
    assert judge_change(versions[:2], versions[2]).needs_new_report is False
    assert judge_change(versions[:3], versions[3]).needs_new_report is True


def test_a_recipe_on_the_way_that_nobody_can_read_counts_as_another_model() -> None:
    assert judge_change([OLD, None], OLD).needs_new_report is True


def test_a_new_name_of_the_same_policy_is_a_new_policy_without_distance() -> None:
    found = compare(OLD, replace(OLD, policy=replace(SIGNAL, name="renamed")))
    assert (found.name, found.distance) == ("new_policy", 0.0)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8))
def test_a_further_change_never_makes_the_sum_smaller(windows: list[int]) -> None:
    path = [OLD, *(replace(OLD, window_sessions=sessions) for sessions in windows)]
    sums = [judge_change(path[:place], path[place]).since_approval for place in range(1, len(path))]
    assert sums == sorted(sums)


@given(st.floats(0.01, 1e4), st.floats(0.01, 1e4))
def test_a_distance_is_the_same_either_way(one: float, two: float) -> None:
    first, second = (replace(OLD, hyper=replace(OLD.hyper, l2=value)) for value in (one, two))
    assert compare(first, second).distance == pytest.approx(compare(second, first).distance)


def test_every_row_of_the_catalog_is_another_recipe_and_says_what_it_is() -> None:
    assert len(RECIPES) == len(ROWS)
    for row in ROWS:
        assert all((row.summary, row.purpose, row.limits_of_use)), row.name
        assert row.tier in (1, 2, 3)
        assert not set("_()=`") & set(row.summary), "a summary is without code"
    made = {replace(OLD, policy=row.policy, hyper=row.hyper, window_sessions=row.window_sessions) for row in ROWS}
    assert len({one.recipe_id for one in made}) == len(ROWS)


def test_a_recipe_comes_back_from_its_json_and_another_checkout_s_is_refused() -> None:
    assert recipe_from(OLD.to_json()) == OLD
    with pytest.raises(ValueError, match="a recipe of another checkout"):
        recipe_from('{"features": []}')


def test_only_what_a_fit_depends_on_is_the_signal_part() -> None:
    assert OLD.signal_part == replace(OLD, policy=replace(SIGNAL, ahead_fraction=0.5)).signal_part
    assert OLD.signal_part != replace(OLD, window_sessions=20).signal_part


def test_every_class_has_its_because() -> None:
    assert all(one.because for one in BY_NAME.values())
