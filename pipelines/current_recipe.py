"""The recipe that the nightly run refits: features of the catalog, the signal's settings, the policy that reads it."""

from __future__ import annotations

from functools import lru_cache

from features.catalog import FEATURES
from features.labels import HORIZONS_SECONDS
from infra.revision import source_digest
from models.policy import SIGNAL
from models.recipe import HyperParameters, Recipe

WINDOW_SESSIONS = 250
"""Newest sessions that a refit learns from: a year, so that every season of volume is in it."""


@lru_cache(maxsize=1)
def current_recipe() -> Recipe:
    """The recipe of this checkout; its code digest covers `features/` and `models/`."""
    return Recipe(
        features=tuple((feature.name, feature.full_version) for feature in FEATURES.values()),
        horizons_seconds=HORIZONS_SECONDS,
        objective="squared error of clipped mid moves in bps",
        hyper=HyperParameters(),
        window_sessions=WINDOW_SESSIONS,
        policy=SIGNAL,
        code_sha256=source_digest(("features", "models")),
    )
