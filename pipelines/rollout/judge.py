"""`fillwise rollout judge`: the evening of one session, after its night. Safe to run again; run again when a card was
answered.

First the night's word on the recipe on trial goes into the ledger, then tonight's refits, then the session itself; at
last routing, stops, aliases, cards and alerts are brought to what the ledger says (`controller.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from infra.errors import LedgerError, RefusedError
from infra.ledger import open_ledger
from infra.registry import Registry
from infra.signing import canonical
from infra.tables import HEALTH
from models.rollout.commands import RecordGate
from models.rollout.state import MarketState
from pipelines.gate_facts import GATE_STEPS, TRIAL
from pipelines.ledger.copy import bear_witness
from pipelines.ledger.heads import exported_heads, require_sound
from pipelines.rollout import controller
from pipelines.rollout.doors import RealDoors
from pipelines.rollout.record import record, state_of
from pipelines.rollout.refits import tonights_refits
from pipelines.step import StepContext


def nights_gate(context: StepContext, state: MarketState) -> RecordGate | None:
    """The night's gate on the recipe on trial, as candidate or as what is on trial; None where it was not judged."""
    rollout = state.rollout
    if rollout is None:
        return None
    health = context.lake.read_day(HEALTH, context.market.name, context.night)
    versions = {one.name: one for one in Registry(context.settings).versions(context.market.name)}
    for step in GATE_STEPS:
        rows = health.filter(pc.equal(health["step"], step)).to_pylist()
        verdict = next((row for row in rows if row["check_name"] == "verdict"), None)
        judged = None if verdict is None else versions.get(str(verdict["subject"]))
        if verdict is not None and judged is not None and judged.recipe_id == rollout.recipe_id:
            return _record(context, rows, verdict, judged.name)
    return None


def _record(
    context: StepContext, rows: Sequence[Mapping[str, Any]], verdict: Mapping[str, Any], version: str
) -> RecordGate:
    told = [[row["check_name"], row["verdict"], row["figure"], row["reason"]] for row in rows]
    digest = hashlib.sha256(canonical(told).encode()).hexdigest()
    reasons = tuple(str(row["reason"]) for row in rows if row["verdict"] in ("fail", "hold") and row is not verdict)
    spent = next((float(row["figure"] or 0.0) for row in rows if row["check_name"] == TRIAL), 0.0)
    return RecordGate(str(verdict["verdict"]), version, str(context.night), digest, reasons, spent)


def evening(context: StepContext, at: datetime, *, judge: bool = True) -> controller.EveningReport:
    """One evening of one market, or with judge=False only the repairs.

    Raises LedgerError for a ledger that is not what it was: nothing is decided by it, and stops stand without it.
    """
    ledger = open_ledger(context.settings, context.settings.ledger_purpose)
    require_sound(ledger, exported_heads(context.settings))
    market, session = context.market.name, str(context.night)
    doors = RealDoors(context, ledger, at, Registry(context.settings))
    state = controller.catch_up(doors)
    if not state.champions:
        return controller.EveningReport(state, ("nothing was ever proposed: production is the benchmark policy",))
    if not judge:
        repaired = controller.reconcile(doors, session)
        doors.clear_alarms(repaired.state)
        return repaired
    notes = []
    gate = nights_gate(context, state)
    if gate is not None:
        record(ledger, market, gate, at=at, actor="fillwise")
    for refit in tonights_refits(context, ledger.entries(market)):
        _, entries = record(ledger, market, refit, at=at, actor="fillwise")
        if entries and not refit.is_inside:
            words = f"refit {refit.refit.version} stays out of production: {'; '.join(refit.reasons)}"
            doors.alarm(controller.Alarm(f"refit {refit.refit.version}", "tell", words, "fillwise rollout status"))
            notes.append(words)
    report = controller.evening(doors, session)
    doors.clear_alarms(report.state)
    witness = bear_witness(context.settings, context.lake, ledger, context.market, at)
    return controller.EveningReport(report.state, (*notes, *report.notes, witness))


def print_evening(context: StepContext, at: datetime, *, judge: bool) -> int:
    """The command: what the evening came to, 1 when it could not be judged."""
    try:
        report = evening(context, at, judge=judge)
    except (RefusedError, LedgerError) as error:
        print(f"evening of {context.night}: {error}")
        return 1
    for note in report.notes:
        print(note)
    print("\n".join(status_lines(report.state)))
    return 0


def status_lines(state: MarketState) -> list[str]:
    """Where production stands, in a few lines."""
    if not state.champions:
        return ["production: benchmark policy (nothing was ever proposed)"]
    lines = [f"champion {state.champion.version} (recipe {state.champion.recipe_id}), epoch {state.epoch}"]
    rollout = state.rollout
    if rollout is not None:
        units = sum(one.evidence.units.get("challenger", 0) for one in rollout.sessions)
        said = f"{rollout.rollout_id}: {rollout.state} {rollout.phase or ''} {rollout.share:.0%}, {rollout.arm.version}"
        lines.append(f"{said}; {len(rollout.sessions)} sessions, {units} units")
        lines += [f"  {reason}" for reason in rollout.reasons or rollout.failures]
        if rollout.sessions:
            lines += [f"  {reason}" for reason in rollout.sessions[-1].reasons[:4]]
    lines += [f"stop {one.stop_id}: {one.kind} {one.scope} {one.subject} by {one.person}" for one in state.stops]
    ended = [f"{one.rollout_id} {one.state}" for one in state.ended]
    return lines + ([f"before: {', '.join(ended)}"] if ended else [])


def print_status(context: StepContext) -> int:
    """`fillwise rollout status`."""
    ledger = open_ledger(context.settings, context.settings.ledger_purpose)
    print("\n".join(status_lines(state_of(ledger, context.market.name))))
    return 0
