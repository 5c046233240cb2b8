"""The persons of a simulation: a validation report, approvals of every card, an override where the gate refuses.

Their keys are of the simulation's own folder and ledger (purpose simulation), which the real desk refuses. They go the
way of the real ones: codes, signed answers, the approval service.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from infra.errors import RefusedError
from infra.ledger import Ledger
from infra.settings import Settings
from models.rollout.commands import Override, RecordReport
from pipelines.approval.answer import answer_card
from pipelines.approval.cards import cards
from pipelines.approval.codes import code_for
from pipelines.approval.secrets_file import secret_of
from pipelines.rollout.record import record, state_of

log = logging.getLogger("fillwise")
APPROVERS = ("paul", "rita")
REPORT_DAYS = 365


def validate(ledger: Ledger, market: str, recipe_id: str, at: datetime) -> None:
    """The risk officer's report on the recipe, and, where the gate refuses it, an override by two."""
    expires = str((at + timedelta(days=REPORT_DAYS)).date())
    report = RecordReport(recipe_id, "rita", f"simulated-{recipe_id}", expires, "simulated validation")
    record(ledger, market, report, at=at, actor="rita")


def let_through(ledger: Ledger, market: str, at: datetime) -> str | None:
    """Override a gate that does not pass; what was said, None when nothing had to be."""
    state = state_of(ledger, market)
    rollout = state.rollout
    if rollout is None or rollout.state != "DRAFT" or rollout.gate is None:
        return None
    reason = f"simulated: the gate says {rollout.gate.verdict}, to see it caught live"
    ids = tuple(f"{rollout.rollout_id}-override-{name}" for name in APPROVERS)
    record(ledger, market, Override("gate", APPROVERS, reason, ids), at=at, actor="rita")
    return f"{rollout.rollout_id}: gate {rollout.gate.verdict} overridden by {' and '.join(APPROVERS)}"


def answer_cards(settings: Settings, ledger: Ledger, market: str, at: datetime) -> int:
    """Approve every card that waits, by as many persons as it asks for."""
    given = 0
    for state in cards(ledger, market):
        card = state.card
        able = [name for name in APPROVERS if name not in card.authors and name not in state.persons]
        if state.is_closed or len(state.answers) >= card.approvals:
            continue
        for name in able[: card.approvals - len(state.answers)]:
            code = code_for(secret_of(settings, name), card.digest(), "approve")
            try:
                answer_card(settings, ledger, card.card_id, name, code, "approve", "simulated approval", at, "simulate")
            except RefusedError as error:
                log.info("simulate: %s", error)
                break
            given += 1
    return given
