"""What kind of change a recipe is against what is in production, from the recipes of versions on disk and the ledger.

The path since the last independent approval begins with the last completed rollout whose class of change asked for two
persons, and leads over every completed one since to the champion. A recipe is read from its version's directory by
digest; one that is gone, or of a checkout that described recipes otherwise, counts as another model.
"""

from __future__ import annotations

from infra.errors import LakeError
from infra.markets import Market
from infra.settings import Settings
from infra.version_files import read_version
from models.change_class import ChangeVerdict, judge_change
from models.recipe import Recipe, recipe_from
from models.rollout.state import Arm, MarketState

INDEPENDENT = 2
"""Persons: what two agreed to, none of them an author, is what later changes are measured from."""


def recipe_of(settings: Settings, market: str, what: Arm) -> Recipe | None:
    """The recipe that a version was fitted by; None where nobody can read it, and for the benchmark policy."""
    try:
        return recipe_from(read_version(settings.registry, market, what.digest).files["recipe.json"])
    except (LakeError, ValueError, KeyError):
        return None


def accepted_path(settings: Settings, market: Market, state: MarketState) -> tuple[Recipe | None, ...]:
    """Recipes in production since the last independent approval, the present one last; none before any was."""
    if not state.champions or state.champion == state.benchmark:
        return ()
    whole = [one for one in state.ended if one.state == "COMPLETE"]
    asked = [int(state.recipes.get(one.recipe_id, {}).get("approvals", 0)) for one in whole]
    first = max((place for place, count in enumerate(asked) if count >= INDEPENDENT), default=0)
    path = [recipe_of(settings, market.name, one.approved) for one in whole[first:]]
    is_there = bool(whole) and whole[-1].recipe_id == state.champion.recipe_id
    return (*path, *(() if is_there else (recipe_of(settings, market.name, state.champion),)))


def change_of(settings: Settings, market: Market, state: MarketState, recipe: Recipe) -> ChangeVerdict:
    """Who must agree to the recipe, and why."""
    return judge_change(accepted_path(settings, market, state), recipe)
