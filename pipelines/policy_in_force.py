"""Which version works the orders of a market on a day.

Until a candidate has gone through approval and rollout, production is the benchmark policy, version 0. There is on
purpose no other way to become champion: an alias moved by hand in MLflow changes nothing here.
"""

from __future__ import annotations

from datetime import date

from infra.markets import Market
from infra.settings import Settings
from models.production import Production, benchmark_production
from models.version import PolicyInForce


def production_of(settings: Settings, market: Market, day: date) -> Production:  # noqa: ARG001
    """Every arm that worked orders on that day, with its share."""
    return benchmark_production(market.name)


def policy_in_force(settings: Settings, market: Market, day: date) -> PolicyInForce:
    """The champion on that day."""
    return production_of(settings, market, day).champion.policy
