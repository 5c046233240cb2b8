"""Tonight's refits of what trades, against their envelope: commands for the ledger (`JudgeRefit`).

The probe set is frozen when a recipe is proposed: rows of `gold.features` of that session with drawn states of orders,
in `<home>/registry/probes/<digest>.npz`. A refit is held against the version that persons approved, on these probes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from infra import calendar
from infra.registry import RegisteredVersion, Registry
from infra.settings import Settings
from infra.tables import HEALTH
from models.dataset import matrix
from models.envelope import ActionChange, Calibration, Probes, Tonight, action_change, judge_refit, probe_orders
from models.policy import PolicyParameters
from models.rollout.commands import JudgeRefit
from models.rollout.state import Arm, MarketState
from pipelines.current_recipe import recipe_names
from pipelines.evidence import read_section
from pipelines.gate import candidate_comparison, decision_signal
from pipelines.policy_in_force import market_state
from pipelines.step import StepContext
from pipelines.versions import load_by_digest

PROBES, SEED = 512, 7
"""Half a thousand decisions tell a share of one in four to two points."""


def _folder(settings: Settings) -> Path:
    return settings.registry / "probes"


def freeze_probes(context: StepContext) -> str:
    """Write the probe set of the newest session with features; its digest. The same rows make the same file."""
    days = [day for day in context.lake.days(FEATURES_TABLE, context.market.name) if day <= context.night]
    rows = context.lake.read_day(FEATURES_TABLE, context.market.name, days[-1])
    features = matrix(rows, FEATURE_NAMES)
    usable = np.flatnonzero(np.isfinite(features[:, FEATURE_NAMES.index("spread_bps")]))
    picked = np.random.default_rng(SEED).choice(usable, min(PROBES, len(usable)), replace=False)
    kept = features[np.sort(picked)]
    digest = hashlib.sha256(kept.tobytes()).hexdigest()
    path = _folder(context.settings) / f"{digest}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{os.getpid()}.npz")
        np.savez_compressed(fresh, features=kept)
        os.replace(fresh, path)
    return digest


def read_probes(settings: Settings, digest: str) -> Probes | None:
    """The probe set of that digest; None when it is not there or was altered."""
    path = _folder(settings) / f"{digest}.npz"
    if not digest or not path.exists():
        return None
    with np.load(path) as found:
        features = np.asarray(found["features"], np.float32)
    if hashlib.sha256(features.tobytes()).hexdigest() != digest:
        return None
    spread = features[:, FEATURE_NAMES.index("spread_bps")].astype(np.float64)
    return probe_orders(features, spread, SEED)


def _signal(settings: Settings, market: str, arm: Arm, probes: Probes) -> tuple[PolicyParameters, Any]:
    policy = load_by_digest(settings.registry, market, arm.version, arm.digest)
    if policy.signal is None:
        return policy.parameters, np.full(len(probes.side), np.nan)
    columns = [FEATURE_NAMES.index(name) for name in policy.signal.feature_names]
    return policy.parameters, np.asarray(policy.signal.decision_bps(probes.features[:, columns]), np.float64)


def _change(context: StepContext, approved: Arm, refit: Arm, probes_sha256: str) -> ActionChange | None:
    probes = read_probes(context.settings, probes_sha256)
    if probes is None:
        return None
    parameters, before = _signal(context.settings, context.market.name, approved, probes)
    _, after = _signal(context.settings, context.market.name, refit, probes)
    return action_change(probes, parameters, before, after)


def _tonight(context: StepContext, backtest: Mapping[str, Any]) -> Tonight:
    health = context.lake.read_day(HEALTH, context.market.name, context.night)
    checks = health.filter(pc.equal(health["step"], "validate"))
    failed = int(pc.sum(pc.equal(checks["verdict"], "fail")).as_py() or 0) if checks.num_rows else None
    found = candidate_comparison(backtest)
    return Tonight(found.get("difference_bps"), found.get("high_bps"), failed)


def _judged(context: StepContext, arm: str, approved: Arm, refit: RegisteredVersion, probes: str) -> JudgeRefit:
    train, backtest = read_section(context, "train"), read_section(context, "backtest")
    quality = decision_signal(train)
    new = Arm(refit.name, refit.digest, refit.recipe_id)
    calibration = Calibration(quality.get("slope"), quality.get("rank_correlation"))
    verdict = judge_refit(_change(context, approved, new, probes), calibration, _tonight(context, backtest))
    session = str(calendar.session_after(context.market, context.night))
    change = verdict.change if np.isfinite(verdict.change) else 1.0
    return JudgeRefit(arm, new, str(context.night), session, verdict.is_inside, verdict.reasons, change)


def _wanted(state: MarketState) -> list[tuple[str, Arm, Arm]]:
    """(arm, version that trades, version that was approved) of what may be refitted."""
    found = []
    names, rollout = recipe_names(), state.rollout
    if rollout is not None and rollout.phase is not None and not rollout.failures and rollout.recipe_id in names:
        found.append(("challenger", rollout.arm, rollout.approved))
    if state.champions and state.champion.recipe_id in names:
        first = next(one for one in state.champions if one.recipe_id == state.champion.recipe_id)
        found.append(("champion", state.champion, first))
    return found


def _probes_of(recipe_id: str, entries: Any) -> str:
    drafted = [one.payload for one in entries if one.kind == "rollout_drafted"]
    mine = [told for told in drafted if told["recipe_id"] == recipe_id]
    return str(mine[-1]["probe_sha256"]) if mine else ""


def tonights_refits(context: StepContext, entries: Any) -> tuple[JudgeRefit, ...]:
    """Verdicts on tonight's refits of challenger and champion; nothing where tonight made none."""
    state = market_state(context.settings, context.market)
    night = str(context.night)
    made = {one.recipe_id: one for one in Registry(context.settings).versions(context.market.name) if one.day == night}
    found = []
    for arm, trades, approved in _wanted(state):
        refit = made.get(trades.recipe_id)
        if refit is not None and refit.digest != trades.digest:
            found.append(_judged(context, arm, approved, refit, _probes_of(trades.recipe_id, entries)))
    return tuple(found)
