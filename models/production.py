"""Who trades a session: the arms with their policies and shares, as the desk and the replay take them.

A day of the built-in market is a function of (seed, symbol, session, digest of this), so whatever changes who works
which order is part of the digest. Shares are of eligible units; what is not eligible is the champion's.

    >>> benchmark_production("sample").champion.policy.version
    'sample.execution/0'
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from infra.markets import Fees
from models.assignment import Terms
from models.limits import Limits
from models.limits_check import limit_row
from models.limits_guard import Guard, new_guard, new_session
from models.version import PolicyInForce, benchmark_policy

STEADY = "steady"


@dataclass(frozen=True)
class WorkingArm:
    """One arm. share: of eligible units. limits: of its version in this phase, None where only clients' limits hold."""

    arm: str
    policy: PolicyInForce
    share: float
    limits: Limits | None = None


@dataclass(frozen=True)
class Production:
    """What works a session. epoch: of the routing decision it follows from, 0 before there was one.

    terms: whose orders may be drawn into arms at all. shadow: decides beside the champion and sends nothing.
    """

    market: str
    arms: tuple[WorkingArm, ...]
    salt: str
    rollout_id: str | None
    phase: str
    epoch: int
    terms: Terms
    shadow: PolicyInForce | None = None

    @property
    def champion(self) -> WorkingArm:
        return next(one for one in self.arms if one.arm == "champion")

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """(arm, share) as `assign` takes them."""
        return tuple((one.arm, one.share) for one in self.arms)

    @property
    def policies(self) -> tuple[PolicyInForce, ...]:
        """What may decide, in the order of `arms`; the benchmark policy last, for where no arm can."""
        return (*(one.policy for one in self.arms), benchmark_policy(self.market))

    @property
    def is_limited(self) -> bool:
        """Whether any arm has limits; then symbols are worked together, because limits hold over all of them."""
        return any(one.limits is not None for one in self.arms)

    def place_of(self, arm: str) -> int:
        """Number of an arm among `arms`."""
        return [one.arm for one in self.arms].index(arm)

    def digest(self) -> str:
        """Digest of everything that decides who works which order; of one arm alone it is its version's."""
        if len(self.arms) == 1 and self.shadow is None:
            return self.champion.policy.digest
        told = {
            "arms": [[one.arm, one.policy.digest, one.share, None if one.limits is None else one.limits.digest()]
                     for one in self.arms],
            "salt": self.salt, "accounts": sorted(self.terms.accounts), "symbols": sorted(self.terms.symbols),
            "order_notional": self.terms.order_notional if self.terms.order_notional < float("inf") else None,
            "shadow": None if self.shadow is None else self.shadow.digest,
        }  # fmt: skip
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


NO_TERMS = Terms(frozenset(), frozenset(), float("inf"))


def of_policy(market: str, policy: PolicyInForce) -> Production:
    """One policy for every order."""
    return Production(market, (WorkingArm("champion", policy, 1.0),), market, None, STEADY, 0, NO_TERMS)


def benchmark_production(market: str) -> Production:
    """Before anything was decided: the benchmark policy for every order."""
    return of_policy(market, benchmark_policy(market))


def guards_of(production: Production, symbols: Sequence[str], venue: str, fees: Fees) -> tuple[Guard, ...]:
    """What each symbol's desk is held to over one session; what was used is counted in all of them together."""
    policies, held = production.policies, [*(one.limits for one in production.arms), None]
    session, limited = new_session(), [limits is not None for limits in held]
    must_read = [policy.parameters.reads_signal and policy.signal is not None for policy in policies]
    rates = (fees.maker_bps, fees.taker_bps, fees.sell_tax_bps)
    champion, benchmark = production.place_of("champion"), len(policies) - 1
    rows = [[limit_row(limits, symbol, venue) for limits in held] for symbol in symbols]
    return tuple(new_guard(session, row, limited, must_read, champion, benchmark, rates) for row in rows)
