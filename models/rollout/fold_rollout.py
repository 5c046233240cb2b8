"""What an event does to the rollout that is on trial: one function a kind. `fold.py` folds them over the ledger.

An event of a rollout that is not the present one is refused: the ledger would be telling two stories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from models.rollout.events import PHASE_STATES
from models.rollout.evidence import evidence_from
from models.rollout.plan import plan_from
from models.rollout.state import (
    Arm,
    GateRecord,
    JudgedSession,
    MarketState,
    RolloutState,
    RolloutStateName,
    StopInForce,
    UsedApproval,
)

BENCHMARK_RECIPE = "benchmark"
Told = Mapping[str, Any]
Change = Callable[[MarketState, Told], MarketState]


def arm_of(told: Told) -> Arm:
    """What trades, as an event tells it; without a recipe it is the benchmark policy."""
    return Arm(told["version"], told["digest"], told.get("recipe_id", BENCHMARK_RECIPE))


def epoch_of(state: MarketState, told: Told) -> int:
    """The epoch that an event begins; events of older ledgers, which did not say, began none."""
    return int(told.get("epoch", state.epoch))


def _present(state: MarketState, told: Told) -> RolloutState:
    if state.rollout is None or state.rollout.rollout_id != told["rollout_id"]:
        present = None if state.rollout is None else state.rollout.rollout_id
        raise ValueError(f"event of rollout {told['rollout_id']}, but the present one is {present}")
    return state.rollout


def with_rollout(state: MarketState, rollout: RolloutState, **others: Any) -> MarketState:
    """The rollout in its place: among the ended ones once it has ended."""
    if rollout.is_ended:
        return replace(state, rollout=None, ended=(*state.ended, rollout), **others)
    return replace(state, rollout=rollout, **others)


def judged_session(told: Told) -> JudgedSession:
    """A session as it was judged."""
    evidence = evidence_from(told["evidence"])
    return JudgedSession(evidence, told["evidence_sha256"], told["verdict"], tuple(told["reasons"]))


def _drafted(state: MarketState, told: Told) -> MarketState:
    if state.rollout is not None:
        raise ValueError(f"rollout {told['rollout_id']} was drafted while {state.rollout.rollout_id} is active")
    arm = arm_of(told)
    rollout = RolloutState(
        rollout_id=told["rollout_id"], recipe_id=told["recipe_id"], arm=arm, approved=arm,
        plan=plan_from(told["plan"]), salt=told["salt"], attempt=told["attempt"], authors=tuple(told["authors"]),
        change_class=told["change_class"],
    )  # fmt: skip
    return replace(state, rollout=rollout)


def _gate(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    record = GateRecord(
        told["verdict"], told["version"], told["night"], told["evidence_sha256"], tuple(told["reasons"])
    )
    is_new = rollout.state == "DRAFT" and told["verdict"] == "pass"
    name: RolloutStateName = "VALIDATED" if is_new else rollout.state
    key = (rollout.recipe_id, quarter(told["night"]))
    spent = {**state.error_spent, key: state.error_spent.get(key, 0.0) + float(told["error_spent"])}
    return replace(state, rollout=replace(rollout, gate=record, state=name), error_spent=spent)


def quarter(day: str) -> str:
    """Quarter of a session, as 2026Q4: the span of one error budget."""
    return f"{day[:4]}Q{(int(day[5:7]) + 2) // 3}"


def _overridden(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told) if told["rollout_id"] else state.rollout
    overrides, seen = (*state.overrides, dict(told)), state.approvals_seen | set(told["approval_ids"])
    changed = replace(state, overrides=overrides, approvals_seen=seen)
    if told["what"] == "automatic_promotions":
        changed = replace(changed, rollbacks_in_row=0)
    if rollout is not None and told["what"] == "gate" and rollout.state == "DRAFT":
        changed = replace(changed, rollout=replace(rollout, state="VALIDATED"))
    return changed


def _approval(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    used = UsedApproval(
        told["approval_id"], told["card_id"], told["from_phase"], told["to_phase"], told["decision"], told["person"],
        told["reason"],
    )  # fmt: skip
    seen = state.approvals_seen | {told["approval_id"]}
    return replace(state, approvals_seen=seen, rollout=replace(rollout, approvals=(*rollout.approvals, used)))


def _card(state: MarketState, told: Told) -> MarketState:
    return replace(state, rollout=replace(_present(state, told), card_id=told["card_id"]))


def _entered(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    name: RolloutStateName = PHASE_STATES[told["phase"]]  # type: ignore[assignment]
    approved = rollout.arm if rollout.plan.phase(told["phase"]).approvals else rollout.approved
    entered = replace(
        rollout, approved=approved, state=name, phase=told["phase"], phase_since=told["session"], held=0, reasons=()
    )
    return replace(state, rollout=entered, epoch=told["epoch"])


def _judged(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    return replace(state, rollout=replace(rollout, sessions=(*rollout.sessions, judged_session(told))))


def _held(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    held = replace(
        rollout, state="HELD", held=rollout.held + 1, held_on=told["session"], reasons=tuple(told["reasons"])
    )
    return replace(state, rollout=held)


def _released(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    name: RolloutStateName = PHASE_STATES[told["phase"]]  # type: ignore[assignment]
    return replace(state, rollout=replace(rollout, state=name, held=0, reasons=()))


def _asked(state: MarketState, told: Told) -> MarketState:
    return replace(state, rollout=replace(_present(state, told), reasons=tuple(told["reasons"])))


def _rolling_back(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    failed = replace(
        rollout, state="ROLLING_BACK", failures=(*rollout.failures, *told["reasons"]), stop_id=told["stop_id"]
    )
    stop = StopInForce(
        told["stop_id"], "rollback", "version", told["version"], told["person"], "; ".join(told["reasons"])
    )
    in_row = state.rollbacks_in_row + (1 if told["trigger"] == "automatic" else 0)
    return replace(state, rollout=failed, epoch=told["epoch"], stops=(*state.stops, stop), rollbacks_in_row=in_row)


def _rolled_back(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    stops = tuple(stop for stop in state.stops if stop.stop_id != rollout.stop_id)
    return with_rollout(state, replace(rollout, state="ROLLED_BACK"), stops=stops)


def _ends_as(name: RolloutStateName) -> Change:
    def change(state: MarketState, told: Told) -> MarketState:
        reasons = tuple(str(told[key]) for key in ("person", "reason", "by") if key in told)
        ended = replace(_present(state, told), state=name, reasons=reasons)
        return with_rollout(state, ended, epoch=epoch_of(state, told))

    return change


def _completed(state: MarketState, told: Told) -> MarketState:
    rollout = _present(state, told)
    return with_rollout(
        state, replace(rollout, state="COMPLETE"), champions=(*state.champions, arm_of(told)), epoch=told["epoch"],
        margin_spent_bps=state.margin_spent_bps + float(told["margin_bps"]), rollbacks_in_row=0, champion_sessions=(),
    )  # fmt: skip


def _refit_judged(state: MarketState, told: Told) -> MarketState:
    return replace(state, refits=(*state.refits, dict(told)))


def _refit_live(state: MarketState, told: Told) -> MarketState:
    arm = arm_of(told)
    if told["arm"] == "champion":
        return replace(state, champions=(*state.champions, arm), epoch=told["epoch"])
    if state.rollout is None:
        raise ValueError(f"refit {arm.version} of a challenger, but nothing is on trial")
    return replace(state, rollout=replace(state.rollout, arm=arm), epoch=told["epoch"])


ROLLOUT_CHANGES: dict[str, Change] = {
    "rollout_drafted": _drafted,
    "gate_judged": _gate,
    "overridden": _overridden,
    "approval_used": _approval,
    "card_opened": _card,
    "phase_entered": _entered,
    "session_judged": _judged,
    "held": _held,
    "released": _released,
    "asked": _asked,
    "rollback_started": _rolling_back,
    "rolled_back": _rolled_back,
    "rejected": _ends_as("REJECTED"),
    "expired": _ends_as("EXPIRED"),
    "superseded": _ends_as("SUPERSEDED"),
    "completed": _completed,
    "refit_judged": _refit_judged,
    "refit_live": _refit_live,
}
