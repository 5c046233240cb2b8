"""Both arms against today: only a challenger that is the further one holds the rollout."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.arm_drift import (
    KINDS,
    ArmReadings,
    Reading,
    action_distance,
    calibration_error,
    judge_arm_drift,
    mix_words,
    reading,
)


def arm(name: str, figure: float | None, threshold: float | None = 0.2, kind: str = "features") -> ArmReadings:
    sessions = 200 if threshold is not None else 60
    return ArmReadings(name, f"{name}/1", "May to June", (Reading(kind, figure, threshold, sessions, "hour 9"),))


def champion(figure: float | None, threshold: float | None = 0.2, kind: str = "features") -> ArmReadings:
    return arm("champion", figure, threshold, kind)


def challenger(figure: float | None, threshold: float | None = 0.2, kind: str = "features") -> ArmReadings:
    return arm("challenger", figure, threshold, kind)


@pytest.mark.parametrize(
    ("of_champion", "of_challenger", "verdict"),
    [
        (0.1, 0.1, "pass"),
        (0.1, 0.3, "hold"),
        (0.3, 0.1, "ask"),
        (0.4, 0.3, "ask"),
        (0.3, 0.3, "ask"),
        (0.3, 0.4, "hold"),
    ],
)
def test_the_rollout_is_held_only_where_the_challenger_is_the_further_one(
    of_champion: float, of_challenger: float, verdict: str
) -> None:
    found = judge_arm_drift(champion(of_champion), challenger(of_challenger))
    assert found.verdict == verdict
    if verdict != "pass":
        assert "beyond 0.200" in found.reason


def test_after_a_change_of_regime_the_stale_champion_does_not_stop_its_successor() -> None:
    found = judge_arm_drift(champion(0.6), challenger(0.35))
    assert found.verdict == "ask"
    assert "the challenger is not the further one" in found.reason


def test_beside_the_benchmark_policy_a_challenger_beyond_its_threshold_is_the_further_one() -> None:
    assert judge_arm_drift(None, challenger(0.3)).verdict == "hold"
    assert judge_arm_drift(None, challenger(0.1)).verdict == "pass"


def test_without_a_rollout_a_champion_that_drifts_is_asked_about() -> None:
    assert judge_arm_drift(champion(0.3), None).verdict == "ask"
    assert judge_arm_drift(None, None).verdict == "note"


def test_without_enough_history_it_is_advisory_and_says_so() -> None:
    found = judge_arm_drift(champion(0.1, None), challenger(0.9, None))
    assert (found.verdict, found.threshold) == ("note", None)
    assert found.reason.startswith(
        "uncalibrated, advisory: challenger challenger/1 features 0.900 (uncalibrated, 60 of"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_distance_can_hold(kind: str) -> None:
    found = judge_arm_drift(champion(0.1, kind=kind), challenger(0.3, kind=kind))
    assert found.verdict == "hold"
    assert kind in found.reason


def test_kinds_are_compared_with_their_own_kind_only() -> None:
    assert judge_arm_drift(champion(0.9, kind="actions"), challenger(0.3, kind="features")).verdict == "hold"


def test_a_distance_that_is_missing_where_there_is_a_threshold_holds() -> None:
    found = judge_arm_drift(champion(0.1), challenger(None))
    assert found.verdict == "hold"
    assert "the challenger's distance is not known" in found.reason
    assert judge_arm_drift(champion(None), challenger(0.1)).verdict == "pass"


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_nearer_challenger_is_never_held(of_champion: float, of_challenger: float) -> None:
    found = judge_arm_drift(champion(of_champion), challenger(of_challenger))
    assert (found.verdict == "hold") == (of_challenger > 0.2 and of_challenger > of_champion)


def test_a_threshold_comes_from_125_sessions_of_history_or_not_at_all() -> None:
    history = [0.1 + 0.001 * place for place in range(125)]
    assert reading("actions", 0.5, history[:124], "").threshold is None
    assert reading("actions", 0.5, history, "").threshold == pytest.approx(0.224)
    assert reading("actions", math.nan, history, "").figure is None
    assert reading("actions", 0.5, [*history, math.nan], "").sessions == 125


def test_alarms_of_three_kinds_together_come_about_once_a_quarter() -> None:
    random, alarms = np.random.default_rng(1), 0
    for _ in range(200):
        history = random.normal(1.0, 0.2, (3, 250))
        alarms += any(reading("actions", float(random.normal(1.0, 0.2)), one, "").is_beyond for one in history)
    assert alarms / 200 <= 3.0 / 63.0


def test_calibration_is_the_relative_gap_between_what_was_said_and_what_came() -> None:
    said = np.linspace(-3.0, 3.0, 1000)
    assert calibration_error(said, said) == pytest.approx(0.0, abs=1e-12)
    assert calibration_error(said, 0.5 * said) == pytest.approx(0.5)
    assert calibration_error(said, -said) == pytest.approx(2.0)
    assert math.isnan(calibration_error(said[:499], said[:499]))
    assert math.isnan(calibration_error(np.zeros(1000), said))


def test_moves_that_are_not_known_are_left_out_not_taken_for_nought() -> None:
    said = np.linspace(-3.0, 3.0, 2000)
    came = np.where(np.arange(2000) % 2 == 0, said, np.nan)
    assert calibration_error(said, came) == pytest.approx(0.0, abs=1e-12)


def test_mixes_of_actions_are_compared_by_share_and_too_few_decisions_say_nothing() -> None:
    before, today = np.array([100.0, 200.0, 0.0, 100.0]), np.array([50.0, 100.0, 0.0, 50.0])
    assert action_distance(before, today) == 0.0
    assert action_distance(before, np.array([0.0, 0.0, 400.0, 0.0])) == 1.0
    assert math.isnan(action_distance(before, np.array([50.0, 100.0, 0.0, 49.0])))
    assert mix_words(before) == "wait 25 %, join 50 %, improve 0 %, cross 25 %"
