"""`fillwise rollback` in every state: stopped first, then read back, then recorded, each said as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import UsageError
from infra.routing_files import RoutingView, publish, routing_folder
from infra.settings import Settings
from infra.stop_files import rollback_stop_id, stops, stops_folder
from models.rollout.evening import stop_name
from models.rollout.plan import PHASES
from models.rollout.state import Arm
from pipelines.stops.rollback import rollback
from tests.infra.made_routing import torn
from tests.models.rollout.made import in_phase, on_trial
from tests.pipelines.stops.made import (
    NOW,
    ROLLBACK_ID,
    VERSION,
    Typed,
    Wall,
    desk,
    in_force,
    last,
    on_trial_now,
    reports,
    snapshot_of,
    state,
    written,
)


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.mark.parametrize("phase", [shape.name for shape in PHASES if shape.name not in ("canary_1", "canary_5")])
def test_in_every_phase_one_command_stops_the_version_on_trial(home: Settings, phase: str) -> None:
    ledger, typed = in_force(home, phase), Typed(home)
    report = typed.rollback()
    (stop,) = stops(home, "sample")
    assert (stop.stop_id, stop.kind, stop.scope, stop.subject) == (ROLLBACK_ID, "rollback", "version", VERSION)
    assert (stop.person, stop.reason, report.is_new) == ("tom", "it is dear", True)
    assert last(ledger).kind == "rollback_started"
    assert last(ledger).payload["stop_id"] == ROLLBACK_ID
    assert on_trial_now(ledger).state == "ROLLING_BACK"


def test_the_three_states_are_said_in_this_order(home: Settings) -> None:
    in_force(home)
    reports(home, desk("d1", stops=(ROLLBACK_ID,)))
    typed = Typed(home)
    typed.rollback()
    assert [line.split()[0] for line in typed.said] == ["stopped", "read", "read", "recorded"]
    assert typed.line("stopped") == (
        f"stopped      yes: rollback of version {VERSION} in sample, by tom: it is dear [{ROLLBACK_ID}]"
    )
    assert typed.line("read back    d1").startswith("read back    d1 obeys it, and owns nothing of it any more, known")
    assert typed.line("read back    yes") == "read back    yes: 1 desks; last child order none, last cancel none"
    assert typed.line("recorded").startswith("recorded     yes: entry ")


def test_the_stop_lies_on_the_disk_before_anything_is_said_or_asked(home: Settings) -> None:
    in_force(home)
    seen = list[int]()
    say = lambda _: seen.append(len(stops(home, "sample")))  # noqa: E731
    rollback(home, "sample", None, "tom", "it is dear", Wall().clock, 1.0, say)
    assert seen
    assert set(seen) == {1}


def test_a_desk_that_does_not_answer_is_named_and_the_stop_stands(home: Settings) -> None:
    in_force(home)
    reports(home, desk("d1", stops=(ROLLBACK_ID,)), desk("d2", open_children={VERSION: 2}))
    typed = Typed(home)
    assert not typed.rollback().progress.is_done
    assert "NOT YET: d2 has not seen it; 2 open child orders" in typed.line("read back    NOT")


def test_the_same_rollback_again_says_the_state_and_writes_nothing(home: Settings) -> None:
    ledger, typed = in_force(home), Typed(home)
    typed.rollback()
    before = {path: path.stat().st_mtime_ns for path in stops_folder(home, "sample").iterdir()}
    count = ledger.count("sample")
    report = typed.rollback(reason="other words")
    assert not report.is_new
    assert "since 2026-11-20T15:00:00.000000Z: nothing new was written" in typed.line("stopped")
    assert "recorded     yes: entry" in typed.line("recorded")
    assert {path: path.stat().st_mtime_ns for path in stops_folder(home, "sample").iterdir()} == before
    assert ledger.count("sample") == count


def test_the_controller_gives_the_stop_the_same_name() -> None:
    rollout = in_phase("canary_10").state.rollout
    assert rollout is not None
    assert rollback_stop_id(rollout.rollout_id) == stop_name(rollout) == ROLLBACK_ID


def test_before_any_phase_the_ledger_knows_what_is_on_trial_and_it_is_rejected(home: Settings) -> None:
    ledger = written(home, on_trial())
    Typed(home).rollback()
    assert stops(home, "sample")[0].subject == VERSION
    assert last(ledger).kind == "rejected"


def test_while_an_approval_waits_a_rollback_needs_none(home: Settings) -> None:
    story = in_phase("canary_10")
    for _ in range(12):
        story.evening()
    assert story.state.rollout is not None
    assert "expand_25 needs 1 approvals" in "; ".join(story.state.rollout.reasons)
    ledger = written(home, story)
    publish(home, snapshot_of(story.state))
    Typed(home).rollback()
    assert last(ledger).kind == "rollback_started"


def test_after_completion_a_named_champion_gives_way_at_once_and_in_the_ledger(home: Settings) -> None:
    ledger, typed = in_force(home, "completed"), Typed(home)
    assert state(ledger).champion.version == VERSION
    with pytest.raises(UsageError, match=f"nothing is on trial.*champion {VERSION}"):
        typed.rollback()
    typed.rollback(VERSION)
    assert [stop.subject for stop in RoutingView(home, "sample", "d1").look(NOW).stops] == [VERSION]
    assert last(ledger).kind == "fell_back"
    assert state(ledger).champion.version == "sample.execution/0"


def test_without_any_snapshot_a_named_version_is_stopped(home: Settings) -> None:
    typed = Typed(home)
    typed.rollback(VERSION)
    assert stops(home, "sample")[0].subject == VERSION
    assert typed.line("recorded").startswith("recorded     NOT YET: ValueError: market sample was not opened")


def test_without_a_snapshot_and_a_name_the_message_says_what_to_type(home: Settings) -> None:
    with pytest.raises(UsageError, match=r"nothing is on trial.*fillwise rollback --version V, or fillwise kill --all"):
        Typed(home).rollback()
    assert stops(home, "sample") == ()


@pytest.mark.parametrize("damage", [torn, Path.unlink])
def test_with_a_damaged_snapshot_the_last_one_that_a_desk_obeyed_names_the_version(
    home: Settings, damage: object
) -> None:
    publish(home, snapshot_of(in_phase("canary_10").state))
    RoutingView(home, "sample", "d1").look(NOW)
    damage(routing_folder(home, "sample") / "snapshot.json")  # type: ignore[operator]
    assert Typed(home).rollback().stop.subject == VERSION


def test_the_benchmark_policy_cannot_be_rolled_back(home: Settings) -> None:
    in_force(home)
    with pytest.raises(UsageError, match=r"benchmark policy cannot.*kill --version sample.execution/0"):
        Typed(home).rollback("sample.execution/0")


@pytest.mark.parametrize("words", ["", "  \n ", "\x00\x1b"])
def test_a_stop_without_a_reason_is_refused(home: Settings, words: str) -> None:
    in_force(home)
    with pytest.raises(UsageError, match="needs a reason"):
        Typed(home).rollback(reason=words)


def test_a_reason_cannot_write_on_the_screen_what_was_not_said(home: Settings) -> None:
    in_force(home)
    typed = Typed(home)
    typed.rollback(reason="dear\nrecorded     yes: entry 7\x1b[2J" + "x" * 5_000)
    assert len([line for line in typed.said if line.startswith("recorded")]) == 1
    assert "\n" not in typed.line("stopped")
    assert "\x1b" not in typed.line("stopped")
    assert len(stops(home, "sample")[0].reason) == 2_000


def test_a_version_that_nobody_knows_is_harmless(home: Settings) -> None:
    ledger, typed = in_force(home), Typed(home)
    count = ledger.count("sample")
    typed.rollback("sample.execution/99")
    assert "nothing to record: the ledger has nothing of sample.execution/99" in typed.line("recorded")
    assert ledger.count("sample") == count
    assert on_trial_now(ledger).is_trading


def test_an_older_refit_by_name_stops_the_one_that_trades_too(home: Settings) -> None:
    story = in_phase("canary_10")
    fresh = Arm("sample.execution/6", "d6", "recipe00001")
    story.put("refit_live", **fresh.__dict__, arm="challenger", session="2026-11-20", epoch=9)
    written(home, story)
    publish(home, snapshot_of(story.state))
    typed = Typed(home)
    typed.rollback(VERSION)
    assert sorted(stop.subject for stop in stops(home, "sample")) == [VERSION, "sample.execution/6"]
    assert sum(line.startswith("stopped") for line in typed.said) == 2
