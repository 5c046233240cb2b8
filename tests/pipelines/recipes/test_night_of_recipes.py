"""A night with several recipes in use, on real tables: shared fits, walks, gate, envelope, drift of both arms."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from infra import calendar
from infra.errors import EvidenceError
from infra.registry import CANDIDATE, RegisteredVersion, Registry
from infra.settings import Settings
from infra.tables import BACKTESTS, HEALTH
from infra.version_files import read_manifest, read_version, version_folder
from models.recipe import recipe_from
from models.rollout.state import Arm
from pipelines import backtest, gate, gate_words, monitor
from pipelines import train as train_step
from pipelines.arm_drift import arm_rows
from pipelines.current_recipe import recipe_named
from pipelines.evidence import read_section
from pipelines.policy_in_force import market_state
from pipelines.recipes.active import ActiveRecipe, active_on
from pipelines.recipes.change import accepted_path, change_of
from pipelines.recipes.probes import freeze_probes, probe_path, probe_set, read_probes, write_probes
from pipelines.recipes.refit import judge_refits
from pipelines.recipes.show import list_lines, name_of, show_lines
from pipelines.runner import Run
from pipelines.sketch_history import read_sums
from tests.builders import plain_rows
from tests.models.rollout.made import plan
from tests.pipelines.recipes.small_market import (
    BEFORE,
    DAYS,
    MARKET,
    TONIGHT,
    a_context,
    opened,
    recorded,
)

pytestmark = pytest.mark.filterwarnings("ignore")
PATIENT, SIGNAL = recipe_named("patient_signal"), recipe_named("signal")
QUICK = replace(SIGNAL, hyper=replace(SIGNAL.hyper, rounds=10))


def train(settings: Settings, *recipes: ActiveRecipe) -> list[RegisteredVersion]:
    return [one.version for one in train_step.train_recipes(a_context(settings), recipes)]


def drafted(arm: Arm, probes: str = "") -> tuple[str, dict[str, Any]]:
    told = {
        "rollout_id": "sample.r1", **asdict(arm), "authors": ["ada"], "change_class": "new_recipe",
        "plan": asdict(plan()), "plan_sha256": plan().digest(), "salt": "s", "attempt": 1, "probe_sha256": probes,
    }  # fmt: skip
    return "rollout_drafted", told


def in_shadow(settings: Settings, arm: Arm, probes: str = "") -> None:
    """The ledger: the recipe of the arm is on trial, in its shadow phase since the session before."""
    entered = {
        "rollout_id": "sample.r1", "phase": "shadow", "share": 0.0, "session": str(BEFORE), "epoch": 1,
        "limits_sha256": "l",
    }  # fmt: skip
    recorded(settings, opened(), drafted(arm, probes), ("phase_entered", entered))


def earlier_version(settings: Settings) -> Arm:
    """A version of the patient recipe that the night before made."""
    (version,) = train(settings, ActiveRecipe(PATIENT, "challenger"))
    return Arm(version.name, version.digest, version.recipe_id)


def test_recipes_with_equal_signals_share_one_fit_and_every_version_names_its_recipe(settings: Settings) -> None:
    signal, patient, quick = train(
        settings,
        ActiveRecipe(SIGNAL, "candidate"),
        ActiveRecipe(PATIENT, "challenger"),
        ActiveRecipe(QUICK, "champion"),
    )
    files = [read_version(settings.registry, "sample", one.digest).files for one in (signal, patient, quick)]
    boosters = [found["signal_120s.ubj"] for found in files]
    assert boosters[0] == boosters[1] != boosters[2]
    assert [recipe_from(found["recipe.json"]) for found in files] == [SIGNAL, PATIENT, QUICK]
    manifests = [read_manifest(settings.registry, "sample", one.digest) for one in (signal, patient)]
    assert [(told["recipe_id"], told["recipe"]) for told in manifests] == [
        (SIGNAL.recipe_id, "signal"),
        (PATIENT.recipe_id, "patient_signal"),
    ]
    registry = Registry(settings)
    assert registry.aliases("sample") == {CANDIDATE: signal.name}
    assert registry.client.get_model_version("sample.execution", "2").tags["fillwise.recipe"] == "patient_signal"
    assert registry.client.get_run(patient.run_id).data.tags["fillwise.recipe_id"] == PATIENT.recipe_id


def test_a_night_killed_before_its_run_was_finished_and_a_version_deleted_by_hand_are_made_good(
    settings: Settings,
) -> None:
    train(settings, ActiveRecipe(SIGNAL, "candidate"))
    assert not train_step.run(a_context(settings)).is_unchanged, "the run was not finished"
    assert [one.number for one in Registry(settings).versions("sample")] == [1]
    assert train_step.run(a_context(settings)).is_unchanged
    registry = Registry(settings)
    registry.client.delete_model_version("sample.execution", "1")
    again = train_step.run(a_context(settings))
    assert "sample.execution/2 registered as candidate" in again.notes[0]
    digests = {path.name for path in (settings.registry / "versions" / "sample").iterdir()}
    assert digests == {registry.versions("sample")[0].digest[:16]}, "the same bytes as before"


def test_a_shorter_window_learns_from_its_own_sessions_only(settings: Settings) -> None:
    short = replace(QUICK, window_sessions=3)
    (version,) = train(settings, ActiveRecipe(short, "candidate"))
    manifest = read_manifest(settings.registry, "sample", version.digest)
    assert (manifest["first_day"], manifest["last_day"], manifest["sessions"]) == (str(DAYS[-3]), str(TONIGHT), 3)


def test_without_a_ledger_only_the_candidate_is_in_use(settings: Settings) -> None:
    active = active_on(settings, MARKET, TONIGHT)
    assert [(one.role, one.recipe) for one in active.recipes] == [("candidate", SIGNAL)]
    assert (active.arms, active.left_out) == ((), ())


def test_a_recipe_of_another_checkout_is_not_refitted_and_the_night_says_why(settings: Settings) -> None:
    in_shadow(settings, Arm("sample.execution/9", "d9", "0123456789ab"))
    active = active_on(settings, MARKET, TONIGHT)
    assert [one.recipe for one in active.recipes] == [SIGNAL]
    (told,) = active.left_out
    assert told.startswith("the challenger's recipe 0123456789ab is not of this checkout")
    assert "its last good version stays" in told


def test_what_takes_effect_later_is_not_in_use_tonight(settings: Settings) -> None:
    in_shadow(settings, Arm("sample.execution/9", "d9", PATIENT.recipe_id))
    assert [one.arm for one in active_on(settings, MARKET, BEFORE).arms] == ["challenger"]
    assert active_on(settings, MARKET, DAYS[-3]).arms == ()


@pytest.fixture(scope="module")
def judged(worked: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A whole night with the patient recipe in its shadow phase beside the candidate."""
    home = tmp_path_factory.mktemp("judged") / "home"
    shutil.copytree(worked.home, home)
    settings = replace(worked, home=home)
    arm = earlier_version(settings)
    probes = write_probes(settings, "sample", probe_set(a_context(settings), DAYS))
    in_shadow(settings, arm, probes)
    for step in (train_step, backtest, gate, monitor):
        step.run(a_context(settings, history_sessions=4))
    return settings


def health(settings: Settings, step: str) -> dict[str, dict[str, Any]]:
    rows = a_context(settings).lake.read_day(HEALTH, "sample", TONIGHT).to_pylist()
    return {str(row["check_name"]): row for row in rows if row["step"] == step}


def test_every_recipe_in_use_and_what_was_approved_work_the_same_orders(judged: Settings) -> None:
    rows = a_context(judged).lake.read_day(BACKTESTS, "sample", TONIGHT).to_pandas()
    assert set(rows["policy_version"]) == {"sample.execution/0", "sample.execution/1", "sample.execution/2"}
    section = read_section(a_context(judged), "backtest")
    walked = rows[rows["order_set_hash"] == section["order_set_hash"]].groupby(["policy_version", "fill_bound"])
    orders = walked["parent_order_id"].agg(lambda found: tuple(sorted(found)))
    assert (len(orders), len(set(orders))) == (6, 1)
    assert section["champion"] == "sample.execution/0"
    assert {one["policy_version"] for one in section["comparisons"]} == {"sample.execution/1", "sample.execution/2"}


def test_the_gate_judges_the_candidate_and_the_recipe_on_trial_each_by_itself(judged: Settings) -> None:
    own, trial = health(judged, "gate"), health(judged, "gate_on_trial")
    assert own["verdict"]["subject"] == "sample.execution/2"
    assert trial["verdict"]["subject"] == "sample.execution/1"
    assert {own["recipe_trial"]["subject"], trial["recipe_trial"]["subject"]} == {SIGNAL.recipe_id, PATIENT.recipe_id}
    assert own["sessions"]["verdict"] == "hold"
    assert 0.5 < own["session_fills"]["figure"] < 1.0
    assert own["limits"]["verdict"] == "hold", "the market has no plan"
    assert trial["limits"]["verdict"] == "pass", "the rollout brings its plan"


def test_the_same_gate_again_spends_nothing_more_and_writes_the_same_rows(judged: Settings) -> None:
    assert health(judged, "gate")["recipe_trial"]["figure"] == pytest.approx(0.005)
    assert gate.run(a_context(judged)).is_unchanged


def test_explain_tells_figure_threshold_and_because_of_both(
    judged: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate_words.explain(Run(judged, MARKET, (TONIGHT,))) == 0
    told = capsys.readouterr().out
    assert f"tonight's candidate sample.execution/2: {health(judged, 'gate')['verdict']['verdict']} (" in told
    assert "the recipe on trial sample.execution/1: " in told
    assert "hold  sessions: found 2, asked for 20" in told
    assert "because a block bootstrap over fewer sessions covers far less than it says" in told
    assert gate_words.explain(Run(judged, MARKET, (BEFORE,))) == 1
    assert f"run fillwise gate --market sample --day {BEFORE}" in capsys.readouterr().out


def test_a_refit_without_an_interval_is_outside_its_envelope_and_stays_out_of_production(judged: Settings) -> None:
    """The same night made the approved version and the refit: only the evidence of the night keeps it out."""
    context = a_context(judged)
    active = active_on(judged, MARKET, TONIGHT)
    (arm,) = active.arms
    assert judge_refits(context, active) == (), "tonight's refit is what trades"
    older = replace(active, arms=(replace(arm, trades=replace(arm.trades, digest="another")),))
    (found,) = judge_refits(context, older)
    assert found.verdict.change_from_approved == 0.0
    assert not found.verdict.is_inside
    assert "backtest: no usable figure" in "; ".join(found.verdict.reasons)


def test_altered_probes_or_an_altered_version_are_outside_in_words(judged: Settings, tmp_path: Path) -> None:
    shutil.copytree(judged.home, tmp_path / "home")
    settings = replace(judged, home=tmp_path / "home")
    active = active_on(settings, MARKET, TONIGHT)
    (arm,) = active.arms
    older = replace(active, arms=(replace(arm, trades=replace(arm.trades, digest="another")),))
    path = probe_path(settings, "sample", arm.probe_sha256)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    (found,) = judge_refits(a_context(settings), older)
    assert "probes" in [one.name for one in found.verdict.checks if one.verdict != "pass"]
    assert found.verdict.change_from_approved == 1.0
    (version_folder(settings.registry, "sample", arm.approved.digest) / "policy.json").write_bytes(b"{}")
    (found,) = judge_refits(a_context(settings), older)
    assert (found.verdict.is_inside, found.verdict.checks[0].name) == (False, "loaded")
    assert "altered" in found.verdict.reasons[0]


def test_each_arm_s_drift_is_recorded_by_recipe_and_one_row_is_the_verdict(judged: Settings) -> None:
    rows = health(judged, "monitor")
    assert (rows["arm_drift"]["verdict"], rows["arm_drift"]["threshold"]) == ("note", None)
    assert rows["arm_drift"]["reason"].startswith("uncalibrated, advisory: challenger sample.execution/1 features")
    for kind in ("features", "calibration", "actions"):
        assert rows[f"arm_{kind}"]["subject"] == PATIENT.recipe_id
    assert rows["arm_calibration"]["figure"] > 0.0
    assert rows["arm_actions"]["figure"] is None, "in the shadow it has sent nothing"
    assert f"trained on {DAYS[0]} to" in rows["arm_features"]["reason"]


def test_with_enough_recorded_nights_a_challenger_whose_moves_no_longer_come_true_is_held(
    judged: Settings, tmp_path: Path
) -> None:
    shutil.copytree(judged.home, tmp_path / "home")
    context = a_context(replace(judged, home=tmp_path / "home"))
    nights = calendar.sessions_until(MARKET, DAYS[0], 126)[:-1]
    rows = {
        day: plain_rows(
            HEALTH, 1, day=day, step="monitor", check_name="arm_calibration", subject=PATIENT.recipe_id, verdict="note",
            figure=0.001 * place,
        )
        for place, day in enumerate(nights)
    }  # fmt: skip
    context.lake.replace_days(HEALTH, "sample", rows)
    found, drift = arm_rows(context, list(read_sums(context, DAYS)))
    assert drift is not None
    assert drift.verdict == found[0].verdict == "hold"
    assert drift.reason.startswith("the challenger is the further one: challenger sample.execution/1 calibration")
    assert drift.threshold == pytest.approx(0.124)


def test_the_probes_of_the_same_rows_are_the_same_file_and_come_back_whole(settings: Settings) -> None:
    context = a_context(settings)
    first, again = freeze_probes(context), freeze_probes(context)
    assert first == again
    found = read_probes(settings, "sample", first)
    assert found is not None
    assert found.count > 550
    assert (found.states["remaining_shares"] <= found.states["order_shares"]).all()
    assert read_probes(settings, "sample", "0" * 64) is None


def test_too_few_rows_make_no_probes(settings: Settings) -> None:
    with pytest.raises(EvidenceError, match="too few probes"):
        probe_set(a_context(settings), DAYS[:1])


def test_recipes_are_listed_with_what_they_are_used_for_and_shown_with_their_kind_of_change(judged: Settings) -> None:
    listed = "\n".join(list_lines(judged, MARKET))
    assert "on trial as sample.r1" in listed
    assert "candidate" in listed
    shown = "\n".join(show_lines(judged, MARKET, "patient_signal"))
    assert f"recipe patient_signal, id {PATIENT.recipe_id}: on trial as sample.r1" in shown
    assert "change against what is in production: new_recipe, 2 persons" in shown
    assert name_of(PATIENT.recipe_id[:6]) == "patient_signal"


def test_a_change_is_measured_from_the_recipe_in_the_champion_s_own_files(judged: Settings, tmp_path: Path) -> None:
    shutil.copytree(judged.home, tmp_path / "home")
    settings = replace(judged, home=tmp_path / "home")
    arm = active_on(settings, MARKET, TONIGHT).arms[0].trades
    completed = {
        "rollout_id": "sample.r1", **asdict(arm), "session": str(TONIGHT), "epoch": 2, "margin_bps": 1.5,
        "read_back_at": "2026-11-20T22:00:00Z",
    }  # fmt: skip
    recorded(settings, ("completed", completed))
    state = market_state(settings, MARKET)
    assert accepted_path(settings, MARKET, state) == (PATIENT,)
    assert change_of(settings, MARKET, state, replace(PATIENT, window_sessions=125)).change.name == "new_window"
    shutil.rmtree(version_folder(settings.registry, "sample", arm.digest))
    assert accepted_path(settings, MARKET, state) == (None,)
    assert change_of(settings, MARKET, state, PATIENT).approvals == 2
