"""The recipes that this checkout can refit: features of the catalog, the signal's settings, a policy that reads it."""

from __future__ import annotations

from functools import lru_cache

from features.catalog import FEATURES
from features.labels import HORIZONS_SECONDS
from infra.errors import UsageError
from infra.revision import source_digest
from infra.settings import Settings
from models.catalog import RECIPES
from models.recipe import Recipe


@lru_cache(maxsize=16)
def recipe_named(name: str) -> Recipe:
    """A recipe of this checkout; its code digest covers `features/` and `models/`. Raises UsageError."""
    if name not in RECIPES:
        raise UsageError(
            "unknown recipe", which=name, found=name, allowed=", ".join(RECIPES), next_step="fillwise recipe list"
        )
    row = RECIPES[name]
    return Recipe(
        features=tuple((feature.name, feature.full_version) for feature in FEATURES.values()),
        horizons_seconds=HORIZONS_SECONDS,
        objective=row.objective,
        hyper=row.hyper,
        window_sessions=row.window_sessions,
        policy=row.policy,
        code_sha256=source_digest(("features", "models")),
    )


def candidate_recipe(settings: Settings) -> Recipe:
    """What the night puts forward: the recipe that `FILLWISE_RECIPE` names."""
    return recipe_named(settings.recipe)


@lru_cache(maxsize=1)
def recipe_names() -> dict[str, str]:
    """Recipe id -> name, of every recipe that this checkout can refit."""
    return {recipe_named(name).recipe_id: name for name in RECIPES}
