"""What is in use on a night, as the ledger says: the recipes to refit, and the arms whose refits are judged.

The candidate that the night puts forward comes first, then the recipe on trial and the champion's. A recipe whose code
is not this checkout's cannot be refitted: its arm goes on with the last good version, and `left_out` says why. The
benchmark policy learns nothing and has no refit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from infra.ledger import open_ledger
from infra.markets import Market
from infra.settings import Settings
from models.recipe import Recipe
from models.rollout.fold import Recorded
from models.rollout.routing import production_on
from models.rollout.state import Arm, MarketState
from pipelines.current_recipe import candidate_recipe, recipe_named, recipe_names
from pipelines.policy_in_force import has_ledger

Role = Literal["candidate", "challenger", "champion"]


@dataclass(frozen=True)
class ActiveRecipe:
    """A recipe to refit tonight, and what for. A recipe that is several of them is named by the first."""

    recipe: Recipe
    role: Role


@dataclass(frozen=True)
class ActiveArm:
    """An arm that trades, or decides in the shadow, by a refit: what it runs, and what persons approved.

    probe_sha256: of the probe set frozen when its rollout was drafted.
    """

    arm: Literal["challenger", "champion"]
    trades: Arm
    approved: Arm
    probe_sha256: str


@dataclass(frozen=True)
class Active:
    """Recipes to refit, the candidate first; arms to judge; arms that cannot be refitted here, in words."""

    recipes: tuple[ActiveRecipe, ...]
    arms: tuple[ActiveArm, ...] = ()
    left_out: tuple[str, ...] = ()


def _probes_of(recipe_id: str, entries: Sequence[Recorded]) -> str:
    drafted = [
        one.payload for one in entries if one.kind == "rollout_drafted" and one.payload["recipe_id"] == recipe_id
    ]
    return str(drafted[-1]["probe_sha256"]) if drafted else ""


def _approved_champion(state: MarketState) -> Arm:
    """The version of the champion's recipe that its rollout ended with: all approvals were given to that rollout."""
    recipe_id = state.champion.recipe_id
    whole = [one for one in state.ended if one.state == "COMPLETE" and one.recipe_id == recipe_id]
    if whole:
        return whole[-1].approved
    return next(one for one in state.champions if one.recipe_id == recipe_id)


def arms_of(state: MarketState, entries: Sequence[Recorded]) -> tuple[ActiveArm, ...]:
    """The arms of a state that run refits."""
    found = []
    rollout = state.rollout
    if rollout is not None and rollout.phase is not None and not rollout.failures:
        probes = _probes_of(rollout.recipe_id, entries)
        found.append(ActiveArm("challenger", rollout.arm, rollout.approved, probes))
    if state.champions and state.champion != state.benchmark:
        champion = state.champion
        found.append(
            ActiveArm("champion", champion, _approved_champion(state), _probes_of(champion.recipe_id, entries))
        )
    return tuple(found)


def _wanted(state: MarketState, arms: Sequence[ActiveArm]) -> list[tuple[str, Role]]:
    """Recipe ids in use. A recipe that is still a draft is refitted too: the gate looks at it every night."""
    on_trial = () if state.rollout is None or state.rollout.failures else ((state.rollout.recipe_id, "challenger"),)
    champion = tuple((one.trades.recipe_id, "champion") for one in arms if one.arm == "champion")
    return [*on_trial, *champion]  # type: ignore[list-item]


def active_in(settings: Settings, state: MarketState, entries: Sequence[Recorded]) -> Active:
    """What is in use in a state of production."""
    names, candidate, arms = recipe_names(), candidate_recipe(settings), arms_of(state, entries)
    recipes, left_out = [ActiveRecipe(candidate, "candidate")], list[str]()
    for recipe_id, role in _wanted(state, arms):
        if any(one.recipe.recipe_id == recipe_id for one in recipes):
            continue
        if recipe_id in names:
            recipes.append(ActiveRecipe(recipe_named(names[recipe_id]), role))
        else:
            left_out.append(
                f"the {role}'s recipe {recipe_id} is not of this checkout (other code or features): no refit tonight, "
                "its last good version stays; check out its revision to refit it"
            )
    return Active(tuple(recipes), arms, tuple(left_out))


def active_on(settings: Settings, market: Market, night: date) -> Active:
    """What is in use on a night: as the ledger routed it, so that the night can be run again later."""
    if not has_ledger(settings):
        return Active((ActiveRecipe(candidate_recipe(settings), "candidate"),))
    entries = open_ledger(settings, settings.ledger_purpose).entries(market.name)
    return active_in(settings, production_on(market.name, entries, str(night)), entries)
