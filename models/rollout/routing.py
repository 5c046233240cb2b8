"""Who gets which part of the eligible units, as it follows from the state. Snapshot and paper desk both read it.

    shadow, held, rolling back ...  what the phase allows, nothing to a version that failed or is stopped
    benchmark hold-out              for good, as soon as the champion is not the benchmark policy itself
    champion                        what is left

Shares sum to one in every state, and no arm has more than its phase allows: `routed` cannot give anything else.

    >>> from models.rollout.fold import fold
    >>> from models.rollout.events import Event
    >>> opened = Event("market_opened", {"market": "sample", "currency": "USD", "version": "sample.execution/0",
    ...                                  "digest": "d0", "purpose": "desk"})
    >>> routed(fold("sample", [opened]))
    (Routed(arm='champion', what=Arm(version='sample.execution/0', digest='d0', recipe_id='benchmark'), share=1.0),)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.limits import Limits
from models.rollout.fold import Recorded, fold
from models.rollout.state import Arm, MarketState, RolloutState

HOLDOUT_SHARE = 0.02
"""Two units in a hundred stay with the benchmark policy after a promotion: what the champion earns is seen within
quarters, and clients pay the difference on one order in fifty."""
STEADY = "steady"
EFFECTIVE = ("phase_entered", "completed", "refit_live")


@dataclass(frozen=True)
class Routed:
    """One arm of the routing: champion, challenger or benchmark, and its part of eligible units."""

    arm: str
    what: Arm
    share: float


def challenger_of(state: MarketState) -> RolloutState | None:
    """The rollout whose version may be given units now."""
    rollout = state.rollout
    if rollout is None or not rollout.is_trading or state.is_stopped(rollout.arm.version):
        return None
    return rollout


def routed(state: MarketState) -> tuple[Routed, ...]:
    """Arms with their shares, hold-out first, the champion last. Raises ValueError for a market that was not opened."""
    champion, bench, rollout = state.champion, state.benchmark, challenger_of(state)
    holdout = 0.0 if bench is None or champion == bench else HOLDOUT_SHARE
    share = 0.0 if rollout is None else min(rollout.share, 1.0 - holdout)
    found = []
    if bench is not None and holdout > 0.0:
        found.append(Routed("benchmark", bench, holdout))
    if rollout is not None and share > 0.0:
        found.append(Routed("challenger", rollout.arm, share))
    return (*found, Routed("champion", champion, 1.0 - holdout - share))


def salt_of(state: MarketState) -> str:
    """Salt of the assignment: the rollout's own; between rollouts the last one's, so that nothing is drawn anew."""
    began = [one.salt for one in state.rollouts if one.phase is not None]
    return began[-1] if began else state.market


def shadow_of(state: MarketState) -> Arm | None:
    """The version that decides without sending: the challenger in its shadow phase."""
    rollout = state.rollout
    if rollout is None or rollout.phase is None or rollout.share > 0.0 or rollout.failures:
        return None
    return None if state.is_stopped(rollout.arm.version) else rollout.arm


def running(state: MarketState) -> RolloutState | None:
    """The rollout that a session is part of: it has begun and has not failed. Drafts and ends route nothing anew."""
    rollout = state.rollout
    return None if rollout is None or rollout.phase is None or rollout.failures else rollout


def phase_name(state: MarketState) -> str:
    """The phase that decisions of the day carry; `steady` without a rollout."""
    rollout = running(state)
    return STEADY if rollout is None or rollout.phase is None else rollout.phase


def phase_limits(state: MarketState) -> Limits | None:
    """Limits of the challenger in its phase, None without one."""
    rollout = running(state)
    return None if rollout is None or rollout.current is None else rollout.current.limits


def production_on(market: str, recorded: Iterable[Recorded], session: str) -> MarketState:
    """The state that routes a session: what took effect on it or before.

    A phase, a completion and a refit name the session on which they begin. A rollback, a kill, a fall-back begin at
    once, so on the session that is traded next.
    """
    prefix = []
    for entry in recorded:
        if entry.kind in EFFECTIVE and str(entry.payload["session"]) > session:
            break
        prefix.append(entry)
    return fold(market, prefix)
