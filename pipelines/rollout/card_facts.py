"""What a card shows: gathered from state, the night's evidence and plan, drawn by `pipelines/approval/card_text.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from infra.ledger import Ledger
from models.approval import APPROVERS, VALID_HOURS, Card
from models.catalog import RECIPES
from models.rollout.plan import Phase, Plan, plan_faults
from models.rollout.state import MarketState, RolloutState
from models.rollout.verdict import harm_e, not_inferior_e
from pipelines.approval.cards import cards, stamp
from pipelines.approval.people import people_of
from pipelines.current_recipe import recipe_names
from pipelines.evidence import read_section
from pipelines.step import StepContext

CHECKS = {
    "skew": ("skew", "skew"),
    "data_quality": ("gate", "data_quality"),
    "fill_calibration": ("gate", "fill_calibration"),
}


def _comparison(backtest: Mapping[str, Any], bound: str) -> dict[str, Any]:
    rows = [one for one in backtest.get("comparisons", ()) if one["fill_bound"] == bound]
    own = [one for one in rows if one["policy_version"] == backtest.get("candidate")]
    return dict(own[0]) if own else {}


def _live(rollout: RolloutState) -> dict[str, Any]:
    sessions = [one.evidence for one in rollout.sessions]
    scored = [one.difference_bps for one in sessions if one.difference_bps is not None]
    if not scored:
        return {}
    harm, shown = harm_e(rollout.plan, sessions), not_inferior_e(rollout.plan, sessions)
    mean = sum(scored) / len(scored)
    words = f"{mean:+.2f} bps on average; e-value of harm {harm:.3g}, of not inferior {shown:.3g}"
    return {"sessions": len(sessions), "units": sum(one.units.get("challenger", 0) for one in sessions), "words": words}


def _checks(context: StepContext, rollout: RolloutState) -> dict[str, str]:
    """Verdicts of the night on what an approver must not miss; '' where nobody looked."""
    from infra.tables import HEALTH

    rows = context.lake.read_day(HEALTH, context.market.name, context.night).to_pylist()
    found = {(row["step"], row["check_name"]): str(row["verdict"]) for row in rows}
    named = {name: found.get(key, "") for name, key in CHECKS.items()}
    leak = "pass" if named["skew"] == "pass" and rollout.gate is not None else ""
    return {**named, "leak": leak}


def _summary(rollout: RolloutState) -> str:
    name = recipe_names().get(rollout.recipe_id)
    return RECIPES[name].summary if name in RECIPES else f"recipe {rollout.recipe_id}"


def _gate(rollout: RolloutState) -> dict[str, Any] | None:
    gate = rollout.gate
    return None if gate is None else {"verdict": gate.verdict, "reasons": list(gate.reasons)}


def _cost(plan: Plan) -> dict[str, float | None]:
    expected, worst = plan.client_cost_expected_notional, plan.client_cost_worst_notional
    return {"expected_notional": expected, "worst_notional": worst}


def shown_on_card(
    context: StepContext, ledger: Ledger, state: MarketState, rollout: RolloutState, phase: Phase
) -> dict[str, Any]:
    """The card's content, JSON's own types."""
    backtest, people = read_section(context, "backtest"), people_of(ledger)
    approvers = [
        one.name for one in people.values() if set(one.roles) & set(APPROVERS) and one.name not in rollout.authors
    ]
    report = next((one for one in reversed(state.reports) if one.recipe_id == rollout.recipe_id), None)
    proposal, plan = state.recipes.get(rollout.recipe_id, {}), rollout.plan
    faults = list(plan_faults(plan))
    return {
        "summary": _summary(rollout),
        "change_class": rollout.change_class,
        "changes": str(proposal.get("reason", "")),
        "from_phase": rollout.phase or "",
        "to_phase": phase.name,
        "share": f"{phase.share:.0%}",
        "session": str(context.night),
        "backtest": _comparison(backtest, "trade_through"),
        "backtest_touch": _comparison(backtest, "touch"),
        "live": _live(rollout),
        "gate": _gate(rollout),
        "checks": _checks(context, rollout),
        "report": None if report is None else asdict(report),
        "limits": asdict(phase.limits),
        "cost": _cost(plan),
        "currency": plan.currency,
        "plan_faults": faults,
        "is_dirty": bool(str(proposal.get("revision", "")).endswith("+dirty")) if proposal.get("revision") else None,
        "authors": list(rollout.authors),
        "unknown_authors": [name for name in rollout.authors if name not in people],
        "approvers": approvers,
        "approvals": phase.approvals,
        "drift": rollout.sessions[-1].evidence.drift_reason if rollout.sessions else "not yet: nothing has run",
        "links": {"night": f"pages/{context.market.name}/{context.night}/index.html", "version": rollout.arm.version},
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
