"""Tonight's refits of what trades, each held against the version that persons approved (`models/envelope.py`).

Read are tonight's versions by digest, the frozen probes, the night's backtest of the recipe against the approved
version on the same orders, and the checks of tonight's rows. Nothing is written: what follows from a verdict is the
ledger's (`pipelines/rollout/refits.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from infra.errors import LakeError, OtherFeaturesError
from infra.registry import Registry
from infra.tables import HEALTH
from models.envelope import UNKNOWN, Probes, RefitEvidence, RefitVerdict, judge_refit
from models.gates import Check
from models.rollout.state import Arm
from models.version import PolicyInForce
from pipelines.evidence import read_section
from pipelines.gate_evidence import PESSIMISTIC
from pipelines.recipes.active import Active, ActiveArm
from pipelines.recipes.probes import read_probes
from pipelines.step import StepContext
from pipelines.train import has_training_set, tonights_versions
from pipelines.versions import load_by_digest

QUALITY_STEP = "validate"
BECAUSE_LOADED = "a version that cannot be loaded whole cannot be held against anything"


@dataclass(frozen=True)
class JudgedRefit:
    """An arm, tonight's refit of its recipe, and the verdict on it."""

    arm: ActiveArm
    refit: Arm
    verdict: RefitVerdict


def _failed_checks(context: StepContext) -> int | None:
    rows = context.lake.read_day(HEALTH, context.market.name, context.night)
    checks = rows.filter(pc.equal(rows["step"], QUALITY_STEP))
    return None if checks.num_rows == 0 else int(pc.sum(pc.equal(checks["verdict"], "fail")).as_py())


def _comparison(backtest: Mapping[str, Any], refit: Arm, approved: Arm) -> Mapping[str, Any]:
    wanted = {"policy_version": refit.version, "against": approved.version, "fill_bound": PESSIMISTIC}
    return next((one for one in backtest.get("paired", ()) if all(one[key] == wanted[key] for key in wanted)), {})


def refit_evidence(context: StepContext, refit: Arm, approved: Arm) -> RefitEvidence:
    """What the night found on a refit; None where it found nothing."""
    found = _comparison(read_section(context, "backtest"), refit, approved)
    mean, low, high = (found.get(name) for name in ("difference_bps", "low_bps", "high_bps"))
    return RefitEvidence(mean, low, high, _failed_checks(context))


def _load(context: StepContext, what: Arm) -> PolicyInForce:
    return load_by_digest(context.settings.registry, context.market.name, what.version, what.digest)


def _not_loaded(error: Exception) -> RefitVerdict:
    check = Check("loaded", "hold", None, None, BECAUSE_LOADED, f"loaded: {error}, so it is outside ({BECAUSE_LOADED})")
    return RefitVerdict(False, (check,), UNKNOWN)


def judge_one(context: StepContext, arm: ActiveArm, refit: Arm) -> RefitVerdict:
    """The verdict on one refit; a version that was altered or is of another checkout is outside, in words."""
    probes: Probes | None = read_probes(context.settings, context.market.name, arm.probe_sha256)
    try:
        approved, fresh = _load(context, arm.approved), _load(context, refit)
    except (LakeError, OtherFeaturesError) as error:
        return _not_loaded(error)
    return judge_refit(approved, fresh, probes, refit_evidence(context, refit, arm.approved))


def judge_refits(context: StepContext, active: Active) -> tuple[JudgedRefit, ...]:
    """Verdicts on tonight's refits of the arms; nothing for an arm whose recipe was not refitted, or not anew."""
    if not has_training_set(context):
        return ()
    versions = tonights_versions(context, Registry(context.settings), active.recipes)
    made = {version.recipe_id: Arm(version.name, version.digest, version.recipe_id) for _, version in versions}
    found = []
    for arm in active.arms:
        refit = made.get(arm.trades.recipe_id)
        if refit is not None and refit.digest != arm.trades.digest:
            found.append(JudgedRefit(arm, refit, judge_one(context, arm, refit)))
    return tuple(found)
