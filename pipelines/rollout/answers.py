"""Answers to cards that may be used now, for the evening; why another may not is recorded once (`approval/use.py`)."""

from __future__ import annotations

from datetime import datetime

from infra.ledger import Ledger
from infra.settings import Settings
from models.rollout.commands import Payload
from models.rollout.state import MarketState
from pipelines.approval.use import use_approvals
from pipelines.rollout.card_facts import evidence_digest


def usable_answers(settings: Settings, ledger: Ledger, state: MarketState, at: datetime) -> tuple[Payload, ...]:
    """Payloads of `approval_used`, verified against the facts of now."""
    rollout = state.rollout
    return () if rollout is None else use_approvals(settings, ledger, state, evidence_digest(rollout), at)
