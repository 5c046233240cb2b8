"""What works the orders of a market on a day, as the ledger says: champion, challenger, hold-out, and their shares.

Without a ledger, production is the benchmark policy, version 0. There is on purpose no other way to trade than through
the ledger's events: an alias moved by hand in MLflow, or a file put into the registry, changes nothing here. A version
whose files were altered is not loaded, and its arm is worked by the benchmark policy.
"""

from __future__ import annotations

import logging
from datetime import date
from functools import lru_cache
from pathlib import Path

from infra.errors import LakeError, OtherFeaturesError
from infra.ledger import ledger_file, open_ledger
from infra.markets import Market
from infra.settings import Settings
from models.assignment import Terms
from models.limits import Limits
from models.production import Production, WorkingArm, benchmark_production
from models.recipe import Recipe
from models.rollout.fold import fold
from models.rollout.routing import phase_limits, phase_name, production_on, routed, salt_of, shadow_of
from models.rollout.state import Arm, MarketState
from models.version import PolicyInForce, benchmark_policy
from pipelines.current_recipe import candidate_recipe, recipe_named, recipe_names
from pipelines.versions import load_by_digest

log = logging.getLogger("fillwise")


def has_ledger(settings: Settings) -> bool:
    """Whether anything was ever decided; asking makes no ledger."""
    return bool(settings.ledger_url) or ledger_file(settings, settings.ledger_purpose).exists()


def market_state(settings: Settings, market: Market) -> MarketState:
    """The state of production now; that of a market nobody opened where there is no ledger."""
    if not has_ledger(settings):
        return MarketState(market.name)
    return fold(market.name, open_ledger(settings, settings.ledger_purpose).entries(market.name))


@lru_cache(maxsize=16)
def _loaded(registry: Path, market: str, version: str, digest: str) -> PolicyInForce:
    bench = benchmark_policy(market)
    if digest == bench.digest:
        return bench
    try:
        return load_by_digest(registry, market, version, digest)
    except (LakeError, OtherFeaturesError) as error:
        log.error("%s cannot be loaded, the benchmark policy works its orders: %s", version, error)
        return bench


def _policy(settings: Settings, market: Market, what: Arm) -> PolicyInForce:
    return _loaded(settings.registry, market.name, what.version, what.digest)


def _terms(state: MarketState, limits: Limits | None) -> Terms:
    """Whose orders may be drawn: opted-in clients, inside the challenger's limits, the same for all arms."""
    symbols = frozenset[str]() if limits is None else frozenset(limits.symbols)
    largest = float("inf") if limits is None else limits.order_notional
    return Terms(frozenset(state.accounts), symbols, largest)


def production_from(settings: Settings, market: Market, state: MarketState) -> Production:
    """The arms that a state routes, loaded."""
    if not state.champions:
        return benchmark_production(market.name)
    limits = phase_limits(state)
    arms = tuple(
        WorkingArm(one.arm, _policy(settings, market, one.what), one.share, limits if one.arm == "challenger" else None)
        for one in routed(state)
    )
    shadow = shadow_of(state)
    return Production(
        market.name,
        arms,
        salt_of(state),
        None if state.rollout is None else state.rollout.rollout_id,
        phase_name(state),
        state.epoch,
        _terms(state, limits),
        None if shadow is None else _policy(settings, market, shadow),
    )


def production_of(settings: Settings, market: Market, day: date) -> Production:
    """Every arm that works orders on that day, with its share."""
    if not has_ledger(settings):
        return benchmark_production(market.name)
    entries = open_ledger(settings, settings.ledger_purpose).entries(market.name)
    return production_from(settings, market, production_on(market.name, entries, str(day)))


def policy_in_force(settings: Settings, market: Market, day: date) -> PolicyInForce:
    """The champion on that day."""
    return production_of(settings, market, day).champion.policy


def recipes_in_use(settings: Settings, market: Market) -> tuple[Recipe, ...]:
    """The candidate's recipe first, then those on trial and in production that this checkout can refit."""
    state, names = market_state(settings, market), recipe_names()
    held = () if state.rollout is None else (state.rollout.recipe_id,)
    champion = (state.champion.recipe_id,) if state.champions else ()
    candidate = candidate_recipe(settings)
    wanted = dict.fromkeys((candidate.recipe_id, *held, *champion))
    return tuple(recipe_named(names[recipe_id]) for recipe_id in wanted if recipe_id in names)
