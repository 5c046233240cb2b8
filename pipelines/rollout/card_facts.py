"""What a card shows: gathered from state, the night's evidence and plan, drawn by `pipelines/approval/card_text.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from infra.ledger import Ledger
from infra.tables import HEALTH
from models.approval import APPROVERS, VALID_HOURS, Card
from models.catalog import RECIPES
from models.rollout.plan import Phase, Plan, plan_faults
from models.rollout.state import MarketState, RolloutState
from models.rollout.verdict import harm_e, not_inferior_e
from pipelines.approval.authors import DIRTY, is_among
from pipelines.approval.cards import cards, stamp
from pipelines.approval.people import people_of
from pipelines.current_recipe import recipe_names
from pipelines.evidence import read_section
from pipelines.recipes.change import change_of, recipe_of
from pipelines.step import StepContext

CHECKS = {
    "skew": ("skew", "skew"),
    "data_quality": ("gate", "data_quality"),
    "fill_calibration": ("gate", "fill_calibration"),
    "leak": ("skew", "leak"),
}


def _comparison(backtest: Mapping[str, Any], bound: str) -> dict[str, Any]:
    rows = [one for one in backtest.get("comparisons", ()) if one["fill_bound"] == bound]
    own = [one for one in rows if one["policy_version"] == backtest.get("candidate")]
    return dict(max(own, key=lambda one: int(one.get("sessions") or 0), default={}))


def _live(rollout: RolloutState) -> dict[str, Any]:
    sessions = [one.evidence for one in rollout.sessions]
    scored = [one.difference_bps for one in sessions if one.difference_bps is not None]
    if not scored:
        return {}
    harm, shown = harm_e(rollout.plan, sessions), not_inferior_e(rollout.plan, sessions)
    mean = sum(scored) / len(scored)
    words = f"{mean:+.2f} bps on average; e-value of harm {harm:.3g}, of not inferior {shown:.3g}"
    return {"sessions": len(sessions), "units": sum(one.units.get("challenger", 0) for one in sessions), "words": words}


def _checks(context: StepContext) -> dict[str, str]:
    """Verdicts of the night on what an approver must not miss; '' where nobody looked."""
    rows = context.lake.read_day(HEALTH, context.market.name, context.night).to_pylist()
    found = {(row["step"], row["check_name"]): str(row["verdict"]) for row in rows}
    return {name: found.get(key, "") for name, key in CHECKS.items()}


def _summary(rollout: RolloutState) -> str:
    name = recipe_names().get(rollout.recipe_id)
    return RECIPES[name].summary if name in RECIPES else f"recipe {rollout.recipe_id}"


def _gate(rollout: RolloutState) -> dict[str, Any] | None:
    gate = rollout.gate
    return None if gate is None else {"verdict": gate.verdict, "reasons": list(gate.reasons)}


def _cost(plan: Plan, phase: Phase) -> dict[str, float | None]:
    expected, worst = plan.phase_cost(phase.name)
    return {"expected_notional": expected, "worst_notional": worst}


def _changed(context: StepContext, state: MarketState, rollout: RolloutState) -> dict[str, Any]:
    """What differs from what was accepted last, and whether the changes since then add up to too much."""
    recipe = recipe_of(context.settings, context.market.name, rollout.arm)
    if recipe is None:
        return {"changes": [], "since_approval": None, "needs_new_report": None}
    verdict = change_of(context.settings, context.market, state, recipe)
    is_covered = any(one.recipe_id == rollout.recipe_id for one in state.reports)
    return {
        "changes": [one.words for one in verdict.change.differences] or list(verdict.reasons),
        "since_approval": verdict.since_approval,
        "needs_new_report": verdict.needs_new_report and not is_covered,
    }


def _drift(rollout: RolloutState) -> dict[str, str]:
    if not rollout.sessions:
        return {"drift": "not yet: nothing has run", "drift_verdict": ""}
    last = rollout.sessions[-1].evidence
    return {"drift": last.drift_reason, "drift_verdict": last.drift}


def _rests_on(rollout: RolloutState) -> dict[str, str]:
    """The session and digest of what the step rests on."""
    last = rollout.sessions[-1].evidence.session if rollout.sessions else ""
    night = "" if rollout.gate is None else rollout.gate.night
    return {"evidence_session": last or night, "evidence_sha256": evidence_digest(rollout)}


def _overridden(state: MarketState, rollout: RolloutState) -> list[str]:
    return [
        f"{one['what']} by {' and '.join(one['persons'])}: {one['reason']}"
        for one in state.overrides
        if one["rollout_id"] == rollout.rollout_id
    ]


def _people(ledger: Ledger, rollout: RolloutState) -> dict[str, list[str]]:
    people = people_of(ledger)
    may = [one for one in people.values() if set(one.roles) & set(APPROVERS) and not is_among(one, rollout.authors)]
    return {
        "authors": [name for name in rollout.authors if name in people],
        "unknown_authors": [name for name in rollout.authors if name not in people],
        "approvers": [one.name for one in may],
    }


def _links(context: StepContext, version: str) -> dict[str, str]:
    settings, market, (name, number) = context.settings, context.market.name, version.rsplit("/", 1)
    pages = f"http://127.0.0.1:{settings.pages_port}/{market}"
    return {
        "report of the night": f"{pages}/{context.night}/index.html",
        "rollout": f"{pages}/rollout/index.html",
        f"MLflow {version}": f"http://127.0.0.1:{settings.mlflow_port}/#/models/{name}/versions/{number}",
    }


def shown_on_card(
    context: StepContext, ledger: Ledger, state: MarketState, rollout: RolloutState, phase: Phase
) -> dict[str, Any]:
    """The card's content, JSON's own types: every key of `CardFacts`."""
    backtest, plan = read_section(context, "backtest"), rollout.plan
    report = next((one for one in reversed(state.reports) if one.recipe_id == rollout.recipe_id), None)
    revision = str(state.recipes.get(rollout.recipe_id, {}).get("revision", ""))
    return {
        "summary": _summary(rollout),
        "change_class": rollout.change_class,
        **_changed(context, state, rollout),
        "revision": revision,
        "is_dirty": revision.endswith(DIRTY) if revision else None,
        **_people(ledger, rollout),
        "from_phase": rollout.phase or "",
        "to_phase": phase.name,
        "share": f"{phase.share:.0%}",
        "session": str(context.night),
        **_rests_on(rollout),
        "backtest": _comparison(backtest, "trade_through"),
        "backtest_touch": _comparison(backtest, "touch"),
        "live": _live(rollout),
        "gate": _gate(rollout),
        "checks": _checks(context),
        **_drift(rollout),
        "report": None if report is None else asdict(report),
        "overridden": _overridden(state, rollout),
        "limits": asdict(phase.limits),
        "cost": _cost(plan, phase),
        "currency": plan.currency,
        "plan_faults": list(plan_faults(plan)),
        "approvals": phase.approvals,
        "links": _links(context, rollout.arm.version),
    }


def card_of(
    context: StepContext, ledger: Ledger, state: MarketState, rollout: RolloutState, phase: Phase, at: datetime
) -> Card:
    """The card that asks for the step into `phase`, on the evidence of tonight."""
    head = ledger.head()
    number = sum(one.card.rollout_id == rollout.rollout_id for one in cards(ledger, context.market.name)) + 1
    return Card(
        card_id=f"{rollout.rollout_id}-{phase.name}-{number}",
        rollout_id=rollout.rollout_id,
        market=context.market.name,
        from_phase=rollout.phase or "",
        to_phase=phase.name,
        approvals=phase.approvals,
        recipe_id=rollout.recipe_id,
        version=rollout.arm.version,
        digest_of_version=rollout.arm.digest,
        plan_sha256=rollout.plan.digest(),
        evidence_sha256=evidence_digest(rollout),
        limits_sha256=phase.limits.digest(),
        ledger_sequence=head.sequence,
        ledger_hash=head.hash,
        authors=rollout.authors,
        opened_at=stamp(at),
        expires_at=stamp(at + timedelta(hours=VALID_HOURS)),
        shown=_plain(shown_on_card(context, ledger, state, rollout, phase)),
    )


def evidence_digest(rollout: RolloutState) -> str:
    """Digest of what the step rests on: the last judged session, or the gate before there is one."""
    if rollout.sessions:
        return rollout.sessions[-1].evidence_sha256
    return "" if rollout.gate is None else rollout.gate.evidence_sha256


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, date) else value
