"""From parameters in a person's units to the flat numbers and the event table that the compiled loop reads.

A queue at its target neither grows nor shrinks:  limit rate * order_lots / 2 = churn * target,  where one half is the
acceptance 1 / (1 + q / target) at q = target. Cancellations are proposed at the rate of a queue of CANCEL_CAP targets.
Events are drawn from one table by Walker's alias method (Vose 1991, IEEE Transactions on Software Engineering 17).

    >>> share, other = alias_table(np.array([1.0, 3.0]))
    >>> share.tolist(), other.tolist()
    ([0.5, 1.0], [1, 1])
"""

from __future__ import annotations

import math

import numpy as np

from models.market_flow import CANCEL_CAP
from models.market_parameters import FULL_SESSION_SECONDS, LOT_SHARES, HiddenParameters, MarketParameters
from models.market_state import DEPTH_LEVELS, Float, Long, State

STEADY_SHARE = 0.05
ACCEPTED_TRADES = 0.75


def alias_table(weights: Float) -> tuple[Float, Long]:
    """(k) chance to keep a kind that was drawn evenly, (k) the kind to take otherwise."""
    scaled = weights / weights.sum() * len(weights)
    share, other = np.ones(len(weights)), np.arange(len(weights))
    small = [kind for kind in range(len(weights)) if scaled[kind] < 1.0]
    large = [kind for kind in range(len(weights)) if scaled[kind] >= 1.0]
    while small and large:
        low, high = small.pop(), large[-1]
        share[low], other[low] = scaled[low], high
        scaled[high] -= 1.0 - scaled[low]
        if scaled[high] < 1.0:
            small.append(large.pop())
    return share, other.astype(np.int64)


def _targets(p: MarketParameters) -> Float:
    """(DEPTH_LEVELS) lots a queue settles at: humped, a little behind the touch."""
    level = np.arange(DEPTH_LEVELS)
    return p.touch_lots * (0.6 + 0.65 * (1.0 - np.exp(-level / 2.0))) * np.exp(-level / 25.0)


def event_rates(p: MarketParameters) -> tuple[Float, Float]:
    """(DEPTH_LEVELS) targets in lots, (KINDS) proposals a second: limits, cancellations, market orders."""
    level, target = np.arange(DEPTH_LEVELS), _targets(p)
    churn = p.churn * (0.15 + 0.85 * np.exp(-level / 3.0))
    limits = 2.0 * churn * target / p.order_lots
    limits[0] += p.volume_lots / FULL_SESSION_SECONDS / p.order_lots
    cancels = CANCEL_CAP * churn * target / p.order_lots
    trades = np.array([p.trades / FULL_SESSION_SECONDS / ACCEPTED_TRADES])
    return target, np.concatenate([limits, limits, cancels, cancels, trades])


def set_rates(state: State, p: MarketParameters, hidden: HiddenParameters) -> None:
    """Write one symbol under one draw of the hidden parameters. Raises ValueError for a latency of a second or more."""
    if not 0.0 <= hidden.latency_seconds < 1.0:
        raise ValueError(f"latency_seconds {hidden.latency_seconds} is not in [0, 1)")
    sigma = p.volatility_ticks
    state.target, proposals = event_rates(p)
    state.alias_share, state.alias_other = alias_table(proposals)
    state.total_rate, state.lot_shares = proposals.sum(), LOT_SHARES
    state.half_spread, state.stale, state.pick_share = p.half_spread_ticks, p.stale_ticks, p.pick_share
    state.aggressive_share, state.pull = p.aggressive_share, p.mispricing_pull
    state.flow_sign, state.flow_tilt = p.flow_sign, p.flow_tilt
    state.order_lots, state.trade_lots = p.order_lots, p.trade_lots
    told = p.flow_strength * sigma / math.sqrt(FULL_SESSION_SECONDS) / (p.trades / FULL_SESSION_SECONDS)
    state.kick = hidden.adverse_selection * told
    state.latency, state.hidden_liquidity = hidden.latency_seconds, hidden.hidden_liquidity
    state.queue_decay = hidden.queue_decay
    _set_impact(state, p, hidden.impact_strength)


def _set_impact(state: State, p: MarketParameters, strength: float) -> None:
    sigma = p.volatility_ticks
    steady, bend = p.impact * sigma, p.impact_bend * sigma
    steady_lots = STEADY_SHARE * p.volume_lots / FULL_SESSION_SECONDS * p.impact_seconds
    state.bend = bend
    state.impact_per_lot = strength * (steady + steady**2 / (2.0 * bend)) / steady_lots
    state.impact_decay = math.exp(-1.0 / p.impact_seconds)
    state.permanent_per_lot = strength * p.permanent_impact * sigma / p.volume_lots
    state.passive_impact = p.passive_impact
