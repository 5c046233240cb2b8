"""Versions that a desk may trade with: loaded by digest, set aside with a reason, never a mixture."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.engine import FEATURE_NAMES
from infra.settings import Settings
from infra.version_files import version_folder
from models.policy import SIGNAL, TWAP
from models.signal import SignalModel, from_files
from models.version import PolicyInForce
from pipelines.desk.live_versions import FAILURES, Usable, Versions, disk_loader, usable
from tests.pipelines.desk.live_made import TODAY, registered, signal_files

VECTOR = np.zeros((1, len(FEATURE_NAMES)), np.float32)
BENCHMARK = ("sample.execution/0", TWAP.digest())


def settled(versions: Versions, *keys: tuple[str, str]) -> None:
    """Wait until each has been loaded or refused."""
    versions.prepare(keys)
    deadline = time.monotonic() + 20.0
    while not versions.is_ready(keys):
        assert time.monotonic() < deadline, "a version was neither loaded nor refused"
        time.sleep(0.01)


class Trees:
    """What stands in the place of trees and answers as it is told: their inside is not under test."""

    def __init__(self, answer: Callable[[], float]) -> None:
        self._answer = answer

    def copy(self) -> Trees:
        return self

    def set_param(self, told: object) -> None:
        """It has none."""

    def inplace_predict(self, features: np.ndarray) -> np.ndarray:
        return np.full(len(features), self._answer())


def version(number: int, answer: Callable[[], float]) -> PolicyInForce:
    signal = SignalModel((120,), tuple(FEATURE_NAMES[:4]), (Trees(answer),), (1.0,), ())
    return PolicyInForce(f"sample.execution/{number}", f"digest-{number}", SIGNAL, signal)


def test_a_version_is_loaded_by_digest_and_gives_the_score_of_its_files(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    wanted = registered(home, 3)
    versions, key = Versions("sample", disk_loader(home, "sample")), (wanted.name, wanted.digest)
    assert versions.get(key) is None
    settled(versions, key)
    found = versions.get(key)
    assert found is not None
    assert found.reads_signal
    expected = float(from_files(signal_files()).decision_bps(VECTOR[:, :4])[0])
    assert versions.score(found, VECTOR).signal_bps == expected
    assert versions.in_hand() == {wanted.name: wanted.digest}


def test_an_altered_file_other_features_and_another_digest_are_refused_with_the_reason(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    altered, changed = registered(home, 1), registered(home, 2, features=[(TODAY[0][0], "other"), *TODAY[1:]])
    path = version_folder(home.registry, "sample", altered.digest) / "signal_30s.ubj"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    versions = Versions("sample", disk_loader(home, "sample"))
    keys = [(altered.name, altered.digest), (changed.name, changed.digest), ("sample.execution/9", "ab" * 32)]
    settled(versions, *keys)
    reasons = [versions.refusals[key] for key in keys]
    assert [versions.get(key) for key in keys] == [None] * 3
    assert "a version's file was altered" in reasons[0]
    assert "trained on other features" in reasons[1]
    assert "cannot read a version's file" in reasons[2]
    assert versions.in_hand() == {}


def test_the_benchmark_needs_no_file_and_no_score() -> None:
    versions = Versions("sample", lambda *_: pytest.fail("it was asked from disk"))
    settled(versions, BENCHMARK)
    found = versions.get(BENCHMARK)
    assert found is versions.benchmark
    assert not versions.benchmark.reads_signal


def test_a_version_under_another_name_than_asked_for_is_refused() -> None:
    versions, key = Versions("sample", lambda *_: version(4, lambda: 0.0)), ("sample.execution/5", "digest-5")
    settled(versions, key)
    assert versions.get(key) is None
    assert versions.refusals[key] == "asked for sample.execution/5 digest-5, got sample.execution/4 digest-4"


def test_a_version_whose_probe_or_parameters_are_no_numbers_is_refused(tmp_path: Path) -> None:
    home = Settings(home=tmp_path)
    slopes = json.loads(signal_files()["calibration.json"]) | {"slopes": [math.nan] * 3}
    nan_score = registered(home, 1, calibration_json=json.dumps(slopes).encode())
    nan_rule = registered(home, 2, replace(SIGNAL, ahead_fraction=math.nan))
    versions = Versions("sample", disk_loader(home, "sample"))
    keys = [(one.name, one.digest) for one in (nan_score, nan_rule)]
    settled(versions, *keys)
    assert [versions.refusals[key] for key in keys] == [
        "its score of a probe is no number",
        "its parameters are no numbers",
    ]


def ready(answer: Callable[[], float], score_seconds: float = 0.2) -> tuple[Versions, Usable]:
    """Versions with one that passed its probe and answers like that from then on."""
    calls: list[int] = []

    def probed() -> float:
        calls.append(1)
        return 0.0 if len(calls) == 1 else answer()

    versions = Versions("sample", lambda *_: version(4, probed), score_seconds)
    key = ("sample.execution/4", "digest-4")
    settled(versions, key)
    found = versions.get(key)
    assert found is not None
    return versions, found


@pytest.mark.parametrize("answer", [math.nan, math.inf, -math.inf, 1e9])
def test_scores_that_are_no_number_of_bps_set_the_version_aside_the_third_time(answer: float) -> None:
    versions, one = ready(lambda: answer)
    for _ in range(FAILURES):
        assert versions.get((one.version, one.digest)) is one
        scored = versions.score(one, VECTOR)
        assert math.isnan(scored.signal_bps)
        assert "no number of bps" in str(scored.reason)
    assert versions.get((one.version, one.digest)) is None
    assert "3 times in a row" in versions.refusals[(one.version, one.digest)]


def test_a_score_that_can_be_used_forgives_the_failures_before_it() -> None:
    answers = iter([math.nan, math.nan, 1.0, math.nan, math.nan])
    versions, one = ready(lambda: next(answers))
    for _ in range(5):
        versions.score(one, VECTOR)
    assert versions.get((one.version, one.digest)) is one


def test_a_score_that_raises_is_no_answer() -> None:
    versions, one = ready(lambda: float("no number"))
    assert "ValueError" in str(versions.score(one, VECTOR).reason)


def test_a_scorer_that_hangs_costs_one_wait_and_others_go_on_scoring() -> None:
    released = threading.Event()
    versions, one = ready(lambda: float(released.wait(30.0)), score_seconds=0.1)
    started = time.monotonic()
    assert "no score within" in str(versions.score(one, VECTOR).reason)
    assert time.monotonic() - started < 1.0
    assert versions.score(usable(version(5, lambda: 2.5)), VECTOR).signal_bps == 2.5
    released.set()


def test_a_version_that_never_loads_is_given_up_and_another_snapshot_gives_it_another_chance() -> None:
    released, key = threading.Event(), ("sample.execution/4", "digest-4")

    def load(*_: str) -> PolicyInForce:
        released.wait(30.0)
        return version(4, lambda: 0.0)

    versions = Versions("sample", load)
    versions.prepare([key])
    assert not versions.is_ready([key])
    versions.give_up([key])
    assert versions.is_ready([key])
    assert versions.refusals[key] == "it could not be loaded in time"
    released.set()
    settled(versions, key)
    assert versions.get(key) is not None


def test_a_version_that_is_not_routed_any_more_is_not_in_hand() -> None:
    versions, key = Versions("sample", lambda *_: version(4, lambda: 0.0)), ("sample.execution/4", "digest-4")
    settled(versions, key, BENCHMARK)
    versions.keep_only([BENCHMARK])
    assert versions.get(key) is None
    assert versions.in_hand() == dict([BENCHMARK])
