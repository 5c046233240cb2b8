"""Which version works the orders of a market on a day.

Until a candidate has gone through approval and rollout, production is the benchmark policy, version 0. There is on
purpose no other way to become champion: an alias moved by hand in MLflow changes nothing here.
"""

from __future__ import annotations

from datetime import date

from infra.markets import Market
from infra.settings import Settings
from models.version import PolicyInForce, benchmark_policy


def policy_in_force(settings: Settings, market: Market, day: date) -> PolicyInForce:  # noqa: ARG001
    """The champion on that day."""
    return benchmark_policy(market.name)
