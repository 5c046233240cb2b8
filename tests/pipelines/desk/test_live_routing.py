"""What the live desk obeys: the newest snapshot that can be trusted, whole, with versions that can be used."""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from infra.registry import RegisteredVersion
from infra.routing_files import routing_folder
from infra.settings import Settings
from models.policy import SIGNAL
from pipelines.desk.live_journal import ASSIGNED, DECIDED, NOTED
from pipelines.desk.live_routing import NOTHING_EVER
from tests.pipelines.desk.live_made import (
    DAY,
    WALL,
    a_day,
    a_desk,
    registered,
    routed,
)
from tests.pipelines.desk.live_made_desk import (
    CHAMPION,
    Script,
    lines_of,
    report_of,
    require_within_parents,
    versions_after,
)
from tests.pipelines.desk.test_live_versions import version


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def challenger(home: Settings) -> RegisteredVersion:
    """A registered version; the snapshot gives it half of the units."""
    found = registered(home, 3)
    routed(home, 1, found)
    return found


@pytest.mark.parametrize("what", ["missing", "forged", "torn", "expired", "older", "simulation"])
def test_without_a_snapshot_that_can_be_trusted_the_champion_of_the_last_good_one_trades_alone(
    home: Settings, challenger: RegisteredVersion, what: str
) -> None:
    path = routing_folder(home, "sample") / "snapshot.json"
    desk, _ = a_desk(home, a_day())
    expired = (WALL - timedelta(hours=1)).isoformat()

    def spoil() -> None:
        if what == "missing":
            path.unlink()
        elif what in ("forged", "torn"):
            text = path.read_text()
            path.write_text(text.replace("0.5", "0.6") if what == "forged" else text[:100])
        elif what == "expired":
            routed(home, 2, challenger, expires_at=expired)
        elif what == "older":
            path.unlink()
            routed(home, 0, challenger)
        else:
            routed(home, 2, challenger, purpose="simulation")

    desk.run(Script(desk, {905.0: spoil}))
    assert versions_after(desk, 904.0)[challenger.name] == 0
    assert versions_after(desk, 904.0)[CHAMPION] > 0
    assert (
        "routing snapshot is refused" in str(report_of(home, desk).why)
        or "signed file" in str(report_of(home, desk).why)
        or ("signature" in str(report_of(home, desk).why))
    )
    assert any("epoch 1, stops: none; " in line["what"] for line in lines_of(desk, NOTED))


def test_a_desk_that_never_saw_a_snapshot_works_with_the_benchmark_policy_and_says_so(home: Settings) -> None:
    desk, link = a_desk(home, a_day())
    desk.run(lambda: False)
    require_within_parents(desk, link)
    assert versions_after(desk, -1.0).keys() == {CHAMPION}
    assert str(report_of(home, desk).why).startswith(NOTHING_EVER)
    assert {line["reason"] for line in lines_of(desk, ASSIGNED)} != {""}


def test_an_older_epoch_is_not_obeyed_after_a_restart_either(home: Settings, challenger: RegisteredVersion) -> None:
    routed(home, 5, challenger)
    first, _ = a_desk(home, a_day())
    first.run(Script(first, {}, stop_at=300.0))
    (routing_folder(home, "sample") / "snapshot.json").unlink()
    routed(home, 4, challenger, share=0.9)
    other = a_day()
    desk, _ = a_desk(home, replace(other, share=replace(other.share, day=DAY + timedelta(days=3))))
    desk.run(lambda: False)
    assert versions_after(desk, -1.0).keys() == {CHAMPION}
    assert "epoch 4, 5 was seen before" in str(report_of(home, desk).why)


def test_a_version_is_swapped_between_two_decisions_and_none_is_a_mixture(
    home: Settings, challenger: RegisteredVersion
) -> None:
    refit = registered(home, 4, replace(SIGNAL, cross_ahead_spreads=0.1))
    desk, _ = a_desk(home, a_day())
    acts = {100.0 * epoch: partial(routed, home, epoch, (challenger, refit)[epoch % 2]) for epoch in range(2, 22)}
    desk.run(Script(desk, acts))
    decided, digest = lines_of(desk, DECIDED), {challenger.name: challenger.digest, refit.name: refit.digest}
    taken = [line for line in decided if line["arm"] == "challenger"]
    by_epoch = {line["epoch"]: line["version"] for line in taken}
    assert {(line["epoch"], line["version"]) for line in taken} == set(by_epoch.items())
    assert all(line["digest"] == digest[line["version"]] for line in taken)
    assert all(version == (challenger, refit)[epoch % 2].name for epoch, version in by_epoch.items() if epoch > 1)
    epochs = [line["epoch"] for line in decided]
    assert epochs == sorted(epochs)
    assert len(set(epochs)) > 10


@pytest.mark.parametrize(
    ("answer", "why"), [(math.nan, "no number of bps"), (None, "no score within"), (1e9, "no number of bps")]
)
def test_a_version_that_answers_with_nonsense_or_not_at_all_is_set_aside_and_the_champion_decides(
    home: Settings, answer: float | None, why: str
) -> None:
    never, calls = threading.Event(), Counter[str]()
    given = RegisteredVersion("sample", 4, "digest-4", "2026-11-19", "recipe", "run", "key")
    routed(home, 1, given)

    def score() -> float:
        calls["score"] += 1
        if calls["score"] > 5 and answer is None:
            never.wait(30.0)
        return answer if calls["score"] > 5 and answer is not None else 0.0

    desk, link = a_desk(home, a_day(), load=lambda *_: version(4, score))
    desk.run(lambda: False)
    never.set()
    require_within_parents(desk, link)
    assert why in str(report_of(home, desk).why)
    passed = [line for line in lines_of(desk, DECIDED) if line["arm"] == "challenger" and line["why"]]
    assert passed
    assert {line["version"] for line in passed} == {CHAMPION}


def test_a_version_that_cannot_be_loaded_never_trades_and_is_named(home: Settings) -> None:
    missing = RegisteredVersion("sample", 9, "ab" * 32, "2026-11-19", "recipe", "run", "key")
    routed(home, 1, missing)
    desk, _ = a_desk(home, a_day())
    desk.run(lambda: False)
    assert versions_after(desk, -1.0).keys() == {CHAMPION}
    assert "sample.execution/9 is set aside: cannot read a version's file" in str(report_of(home, desk).why)
    assert missing.name not in report_of(home, desk).versions
