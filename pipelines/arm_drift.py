"""How far each arm that trades tonight stands from today: features, moves and actions, read for `models/arm_drift.py`.

Sketches of the sessions that an arm's version was trained on, tonight's labels beside what that version predicts, and
the desk's decisions by recipe. Figures of earlier nights are read from `gold.health`, where `monitor` recorded them by
recipe, so that a refit goes on with the history of its recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES
from infra.errors import EvidenceError, LakeError, OtherFeaturesError
from infra.registry import Registry
from infra.tables import HEALTH, SILVER
from infra.version_files import read_manifest
from models.arm_drift import (
    KINDS,
    ArmDrift,
    ArmReadings,
    Reading,
    action_distance,
    calibration_error,
    judge_arm_drift,
    mix_words,
    reading,
)
from models.drift import judge_drift
from models.policy import ACTIONS
from models.signal import DECISION_HORIZON_SECONDS
from models.version import PolicyInForce
from pipelines.health import HealthRow
from pipelines.recipes.active import ActiveArm, active_on
from pipelines.sketch_history import SessionSums, feature_history
from pipelines.step import StepContext
from pipelines.training_rows import training_dataset
from pipelines.versions import load_by_digest

ARM_DRIFT, STEP = "arm_drift", "monitor"
BECAUSE = "alarms about once a quarter over features, calibration and actions together, by the recipe's own history"
HISTORY_SESSIONS = 250
MIX_SESSIONS = 20
"""A month of decisions: what a recipe usually does, without a season that is over."""

Float = npt.NDArray[np.float64]


def _history(context: StepContext, recipe_id: str) -> dict[str, list[float]]:
    """Kind -> figures that earlier nights recorded for the recipe."""
    days = [day for day in context.lake.days(HEALTH, context.market.name) if day < context.night]
    names = ["step", "check_name", "subject", "figure"]
    rows = context.lake.read(HEALTH, context.market.name, days[-HISTORY_SESSIONS:], names)
    is_mine = pc.and_(pc.equal(rows["step"], STEP), pc.equal(rows["subject"], recipe_id))
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for row in rows.filter(is_mine).to_pylist():
        kind = str(row["check_name"]).removeprefix("arm_")
        if kind in found and row["figure"] is not None:
            found[kind].append(float(row["figure"]))
    return found


def _window(context: StepContext, digest: str, days: Sequence[date]) -> slice:
    """Places among `days` of the sessions that a version was trained on."""
    manifest = read_manifest(context.settings.registry, context.market.name, digest)
    first, last = (date.fromisoformat(manifest[name]) for name in ("first_day", "last_day"))
    inside = [place for place, day in enumerate(days) if first <= day <= last]
    return slice(inside[0], inside[-1] + 1) if inside else slice(0, 0)


def _features(sums: Sequence[SessionSums], window: slice) -> Reading:
    histories = (feature_history(sums, name) for name in FEATURE_NAMES)
    found = judge_drift(histories, window, kinds=len(KINDS))
    figure = found.statistic if np.isfinite(found.statistic) else None
    return Reading("features", figure, found.threshold, found.sessions, found.reason)


def _calibration(context: StepContext, policy: PolicyInForce, history: Sequence[float]) -> Reading:
    if policy.signal is None or not policy.parameters.reads_signal:
        return Reading("calibration", None, None, len(history), "the policy reads no signal")
    try:
        rows = training_dataset(context, [context.night])
    except EvidenceError as error:
        return reading("calibration", float("nan"), history, str(error.found))
    places = [rows.feature_names.index(name) for name in policy.signal.feature_names]
    realised = rows.targets[:, rows.horizons_seconds.index(DECISION_HORIZON_SECONDS)].astype(np.float64)
    gap = calibration_error(policy.signal.decision_bps(rows.features[:, places]), realised)
    return reading("calibration", gap, history, f"{rows.rows:,} moves of today over {DECISION_HORIZON_SECONDS} s")


def _action_counts(context: StepContext, days: Sequence[date], versions: set[str]) -> Float:
    """(d, 4) decisions by session and action of these versions."""
    names = ["trade_date", "policy_version", "action"]
    rows = context.lake.read(SILVER["decisions"], context.market.name, list(days), names).to_pandas()
    mine = rows[rows["policy_version"].isin(versions)]
    table = mine.groupby(["trade_date", "action"]).size().unstack(fill_value=0)
    whole: Float = table.reindex(index=list(days), columns=list(ACTIONS), fill_value=0).to_numpy(np.float64)
    return whole


def _actions(context: StepContext, recipe_id: str, history: Sequence[float]) -> Reading:
    made = Registry(context.settings).versions(context.market.name)
    versions = {one.name for one in made if one.recipe_id == recipe_id}
    every = context.lake.days(SILVER["decisions"], context.market.name)
    days = [day for day in every if day <= context.night][-1 - MIX_SESSIONS :]
    counts = _action_counts(context, days, versions)
    if not days or days[-1] != context.night:
        return reading("actions", float("nan"), history, "no decision of tonight")
    figure = action_distance(counts[:-1].sum(axis=0), counts[-1])
    return reading("actions", figure, history, f"today {mix_words(counts[-1])}")


def read_arm(context: StepContext, arm: ActiveArm, sums: Sequence[SessionSums]) -> ArmReadings:
    """The distances of one arm; a version that cannot be loaded has none, and says so."""
    what, market = arm.trades, context.market.name
    history = _history(context, what.recipe_id)
    try:
        policy = load_by_digest(context.settings.registry, market, what.version, what.digest)
        window = _window(context, what.digest, [one.day for one in sums[:-1]])
    except (LakeError, OtherFeaturesError) as error:
        gone = tuple(reading(kind, float("nan"), history[kind], error.what) for kind in KINDS)
        return ArmReadings(arm.arm, what.version, "", gone)
    days = sums[window]
    span = f"{days[0].day} to {days[-1].day}" if days else "none of the sessions that are kept"
    found = (
        _features(sums, window),
        _calibration(context, policy, history["calibration"]),
        _actions(context, what.recipe_id, history["actions"]),
    )
    return ArmReadings(arm.arm, what.version, span, found)


def _row(recipe_id: str, arm: ArmReadings, one: Reading) -> HealthRow:
    """One kind of one arm, told: the verdict is `arm_drift`'s."""
    words = f"{arm.arm} {arm.version}, trained on {arm.window or 'what cannot be read'}: {one.words}"
    return HealthRow(f"arm_{one.kind}", recipe_id, "note", one.figure, one.threshold, BECAUSE, words)


def arm_rows(context: StepContext, sums: Sequence[SessionSums]) -> tuple[list[HealthRow], ArmDrift | None]:
    """Rows of `gold.health`: the verdict on both arms, one a kind and arm. Nothing where no arm runs a refit."""
    arms = active_on(context.settings, context.market, context.night).arms
    if not arms:
        return [], None
    found = {arm.arm: read_arm(context, arm, sums) for arm in arms}
    verdict = judge_arm_drift(found.get("champion"), found.get("challenger"))
    summary = HealthRow(
        ARM_DRIFT, context.market.name, verdict.verdict, verdict.figure, verdict.threshold, BECAUSE, verdict.reason
    )
    rows = [_row(arm.trades.recipe_id, found[arm.arm], one) for arm in arms for one in found[arm.arm].readings]
    return [summary, *rows], verdict
