"""A version: a recipe refitted on one night's data, as the desk and the replay use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.policy import TWAP, PolicyParameters

if TYPE_CHECKING:
    from models.signal import SignalModel


@dataclass(frozen=True)
class PolicyInForce:
    """What works an order: `version` is market.execution/number, `digest` names its exact bytes."""

    version: str
    digest: str
    parameters: PolicyParameters
    signal: SignalModel | None = None


def benchmark_policy(market: str) -> PolicyInForce:
    """Version 0: TWAP that posts, then crosses. In force before any champion, and the baseline after."""
    return PolicyInForce(version=f"{market}.execution/0", digest=TWAP.digest(), parameters=TWAP)
