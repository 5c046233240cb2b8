"""What a replay and the market agree on: tick, lot, fees, fill bound, latency, stated impact, hours.

>>> from infra.markets import MARKETS
>>> replay_rules(MARKETS["sample"], "touch").latency_seconds
0.05
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infra.errors import UsageError
from infra.markets import Fees, Market
from models.impact import DEFAULT_IMPACT, ImpactScale, StatedImpact
from models.policy import DECISION_SECONDS
from models.replay_state import Rules

FillBound = Literal["touch", "trade_through"]
FILL_BOUNDS: tuple[FillBound, ...] = ("touch", "trade_through")
LATENCY_SECONDS = 0.05


@dataclass(frozen=True)
class ReplayRules:
    """What the market and we agree on: tick, lot, fees, fill bound, latency, stated impact, hours.

    latency_seconds: from decision to venue; 0.05 because a decision may never meet the very book that it saw, and no
    desk that uses this is faster. intervals_ns: open intervals of the session in UTC ns, () for always open.
    """

    tick: float
    lot_shares: float
    fees: Fees
    fill_bound: FillBound
    latency_seconds: float = LATENCY_SECONDS
    impact: StatedImpact = DEFAULT_IMPACT
    intervals_ns: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        is_good = 0.0 <= self.latency_seconds < DECISION_SECONDS and self.fill_bound in FILL_BOUNDS and self.tick > 0.0
        if not is_good:
            raise UsageError(
                "impossible replay rules", which=f"{self.fill_bound}, tick {self.tick}",
                found=f"latency {self.latency_seconds} s",
                allowed=f"bounds {FILL_BOUNDS}, tick > 0, latency from 0 to below {DECISION_SECONDS} s",
                next_step="correct the call",
            )  # fmt: skip


def replay_rules(
    market: Market,
    fill_bound: FillBound,
    intervals_ns: tuple[tuple[int, int], ...] = (),
    impact: StatedImpact = DEFAULT_IMPACT,
    latency_seconds: float = LATENCY_SECONDS,
) -> ReplayRules:
    """The rules of one declared market."""
    return ReplayRules(
        market.tick, float(market.lot_shares), market.fees, fill_bound, latency_seconds, impact, intervals_ns
    )


def rule_numbers(rules: ReplayRules, scale: ImpactScale) -> Rules:
    """The same as numbers, for the compiled loop."""
    return Rules(
        rules.tick, rules.lot_shares, round(rules.latency_seconds * 1e9), rules.fill_bound == "touch",
        rules.impact.per_share_bps(scale), rules.impact.decay_seconds * 1e9,
    )  # fmt: skip
