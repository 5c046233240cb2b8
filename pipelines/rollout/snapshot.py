"""The routing snapshot as a projection of the state: what `publish` puts on disk for the desks."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from infra import calendar
from infra.ledger import Head
from infra.markets import Market
from infra.routing_snapshot import RoutedArm, Snapshot
from models.rollout.routing import Routed, phase_limits, phase_name, routed, running, salt_of, shadow_of
from models.rollout.state import Arm, MarketState
from pipelines.approval.cards import stamp

SESSIONS_VALID = 2
"""A snapshot outlives one missed evening; a desk that hears nothing for longer goes on with the champion alone."""
AFTER_CLOSE = timedelta(hours=1)


def _routed_arm(arm: str, what: Arm, share: float) -> RoutedArm:
    return RoutedArm(arm, what.version, what.digest, what.recipe_id, share)


def _arms(routing: tuple[Routed, ...]) -> tuple[RoutedArm, ...]:
    return tuple(_routed_arm(one.arm, one.what, one.share) for one in routing)


def expires_at(market: Market, now: datetime) -> datetime:
    """An hour after the close of the second session from now on."""
    ahead = calendar.sessions(market, now.date(), now.date() + timedelta(days=14))
    closes = [close for day in ahead if (close := calendar.close_at(market, day)) > now]
    return closes[min(SESSIONS_VALID, len(closes)) - 1] + AFTER_CLOSE


def snapshot_of(market: Market, state: MarketState, head: Head, now: datetime) -> Snapshot:
    """The snapshot that a state asks for, issued now."""
    limits, rollout, shadow = phase_limits(state), running(state), shadow_of(state)
    held = {} if limits is None or rollout is None else {rollout.arm.version: json.loads(limits.to_json())}
    return Snapshot(
        market=market.name,
        epoch=state.epoch,
        rollout_id=None if rollout is None else rollout.rollout_id,
        phase=phase_name(state),
        salt=salt_of(state),
        arms=_arms(routed(state)),
        limits=held,
        accounts=state.accounts,
        issued_at=stamp(now),
        expires_at=stamp(expires_at(market, now)),
        ledger_sequence=head.sequence,
        ledger_hash=head.hash,
        purpose=state.purpose,
        shadow=None if shadow is None else _routed_arm("shadow", shadow, 0.0),
    )
