"""`fillwise recipe list` and `recipe show`: the recipes of this checkout, and what kind of change each would be."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from infra.errors import UsageError
from infra.markets import Market
from infra.settings import Settings
from models.catalog import RECIPES, ROWS, RecipeRow
from models.rollout.state import MarketState
from pipelines.arguments import market_named
from pipelines.current_recipe import recipe_named, recipe_names
from pipelines.policy_in_force import market_state
from pipelines.recipes.change import change_of


def name_of(told: str) -> str:
    """The recipe's name, from its name or the beginning of its id. Raises UsageError."""
    if told in RECIPES:
        return told
    found = [name for recipe_id, name in recipe_names().items() if told and recipe_id.startswith(told)]
    if len(found) != 1:
        raise UsageError(
            "unknown recipe", which=told or "nothing", found=told or "no name", allowed=", ".join(RECIPES),
            next_step="fillwise recipe list",
        )  # fmt: skip
    return found[0]


def uses_of(settings: Settings, state: MarketState, recipe_id: str) -> str:
    """What the recipe is used for, in words; '' for nothing."""
    rollout = state.rollout
    found = [
        ("candidate", recipe_named(settings.recipe).recipe_id == recipe_id),
        ("on trial" if rollout is None else f"on trial as {rollout.rollout_id}",
         rollout is not None and rollout.recipe_id == recipe_id),
        ("champion", bool(state.champions) and state.champion.recipe_id == recipe_id),
    ]  # fmt: skip
    return ", ".join(word for word, is_so in found if is_so)


def list_lines(settings: Settings, market: Market) -> list[str]:
    """A line of facts and one of words for each recipe."""
    state, lines = market_state(settings, market), [f"{'recipe':18}{'id':14}{'tier':>4}  {'used as':28}signal"]
    for row in ROWS:
        recipe = recipe_named(row.name)
        signal = f"{row.hyper.rounds} trees, {row.window_sessions} sessions"
        used = uses_of(settings, state, recipe.recipe_id) or "not in use"
        lines += [f"{row.name:18}{recipe.recipe_id:14}{row.tier:>4}  {used:28}{signal}", f"    {row.summary}"]
    return lines


def _facts(row: RecipeRow) -> dict[str, str]:
    recipe = recipe_named(row.name)
    hyper = ", ".join(f"{name} {value:g}" for name, value in asdict(recipe.hyper).items())
    policy = ", ".join(f"{name} {value}" for name, value in asdict(recipe.policy).items())
    return {
        "summary": row.summary, "purpose": row.purpose, "limits of use": row.limits_of_use, "tier": str(row.tier),
        "objective": recipe.objective, "horizons": ", ".join(f"{one} s" for one in recipe.horizons_seconds),
        "features": f"{len(recipe.features)} of the catalog (fillwise features)", "hyper-parameters": hyper,
        "window": f"{recipe.window_sessions} sessions at most", "policy": policy, "code": recipe.code_sha256[:16],
    }  # fmt: skip


def show_lines(settings: Settings, market: Market, name: str) -> list[str]:
    """One recipe in full, and the kind of change it would be today."""
    state, recipe = market_state(settings, market), recipe_named(name)
    used = uses_of(settings, state, recipe.recipe_id) or "not in use"
    lines = [f"recipe {name}, id {recipe.recipe_id}: {used}"]
    lines += [f"{label + ':':18}{words}" for label, words in _facts(RECIPES[name]).items()]
    verdict = change_of(settings, market, state, recipe)
    sums = f"distance {verdict.change.distance:.2f}, {verdict.since_approval:.2f} since the last independent approval"
    lines.append(f"change against what is in production: {verdict.change.name}, {verdict.approvals} persons; {sums}")
    return [*lines, *(f"    {reason}" for reason in verdict.reasons)]


def print_list(settings: Settings, arguments: argparse.Namespace) -> int:
    """`recipe list`."""
    print("\n".join(list_lines(settings, market_named(arguments.market))))
    return 0


def print_recipe(settings: Settings, arguments: argparse.Namespace) -> int:
    """`recipe show`."""
    name = name_of(arguments.recipe or settings.recipe)
    print("\n".join(show_lines(settings, market_named(arguments.market), name)))
    return 0
