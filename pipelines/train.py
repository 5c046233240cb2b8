"""Refit the recipes that are in use on the training window and register their versions in MLflow.

In use are the candidate that the night puts forward, the recipe on trial and the champion's (`recipes/active.py`).
Recipes whose signals are equal share one fit. One MLflow run a night and recipe, keyed by (market, day, training set,
recipe): the same night again finds its runs and registers nothing. The version is a plain directory with a manifest of
digests: recipe, Delta versions read, code revision, lock hash, settings, seed. Registering makes a candidate, nothing
more: no step of the night promotes anybody.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from features.labels import LABELS_TABLE
from infra.errors import EvidenceError
from infra.lake_files import input_digest
from infra.registry import RECIPE, RegisteredVersion, Registry
from infra.revision import current_revision
from infra.tables import TRAINING_SETS
from infra.version_files import read_version, write_version
from models.recipe import Recipe
from models.signal import HorizonQuality, SignalModel, fit_signal, from_files, library_version
from pipelines.current_recipe import recipe_names
from pipelines.evidence import training_section, write_section
from pipelines.recipes.active import ActiveRecipe, active_on
from pipelines.step import StepContext, StepReport
from pipelines.training_rows import training_dataset

SEED = 7
RECIPE_NAME = "fillwise.recipe"


@dataclass(frozen=True)
class Trained:
    """Tonight's version of a recipe, and its MLflow run. was_there: an earlier run of this night had registered it."""

    active: ActiveRecipe
    version: RegisteredVersion
    run_id: str
    was_there: bool


def _training_sets(context: StepContext) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = context.lake.read_day(TRAINING_SETS, context.market.name, context.night).to_pylist()
    return rows


def has_training_set(context: StepContext) -> bool:
    """Whether this night came as far as its training set: a night that did not has no version to look for."""
    return bool(_training_sets(context))


def training_set(context: StepContext) -> dict[str, Any]:
    """The row of `gold.training_sets` that names tonight's rows. Raises EvidenceError when there is none."""
    rows = _training_sets(context)
    if not rows:
        market, night = context.market.name, context.night
        raise EvidenceError(
            "no training set",
            which=f"{market} {night}",
            found="0 rows in gold.training_sets",
            allowed="1",
            next_step=f"run fillwise build_training_set --market {market} --day {night}",
        )
    return rows[-1]


def night_key(context: StepContext, row: dict[str, Any], recipe_id: str | None = None) -> str:
    """Digest of everything that decides tonight's version of a recipe (default: the candidate's)."""
    return input_digest(
        context.market.name,
        str(context.night),
        row["training_set_id"],
        recipe_id or row["recipe_id"],
        str(SEED),
        str(context.settings.threads),
    )


def _facts(context: StepContext, row: dict[str, Any], days: Sequence[date], recipe: Recipe) -> dict[str, Any]:
    return {
        "night": str(context.night),
        "key": night_key(context, row, recipe.recipe_id),
        "training_set_id": row["training_set_id"],
        "first_day": str(days[0]),
        "last_day": str(days[-1]),
        "sessions": len(days),
        "rows": context.lake.count(LABELS_TABLE, context.market.name, days),
        "delta_versions": json.loads(row["delta_versions"]),
        "recipe_id": recipe.recipe_id,
        "recipe": recipe_names().get(recipe.recipe_id, recipe.policy.name),
        "revision": asdict(current_revision()),
        "seed": SEED,
        "threads": context.settings.threads,
        "python": platform.python_version(),
        "xgboost": library_version(),
    }


def _version_bytes(model: SignalModel, recipe: Recipe) -> dict[str, bytes]:
    policy = json.dumps(asdict(recipe.policy), sort_keys=True).encode()
    return {**model.to_files(), "policy.json": policy, "recipe.json": recipe.to_json().encode()}


def _metrics(quality: tuple[HorizonQuality, ...]) -> dict[str, float]:
    named = {f"signal_{one.horizon_seconds}s_rank_correlation": one.rank_correlation for one in quality}
    return named | {f"signal_{one.horizon_seconds}s_slope": one.slope for one in quality}


def _tags(facts: dict[str, Any]) -> dict[str, str]:
    revision = facts["revision"]
    return {
        "fillwise.revision": revision["commit"],
        "fillwise.is_dirty": str(revision["is_dirty"]),
        "fillwise.lock_sha256": revision["lock_sha256"],
        "fillwise.delta_versions": json.dumps(facts["delta_versions"]),
        RECIPE: facts["recipe_id"],
        RECIPE_NAME: facts["recipe"],
    }


def training_days(context: StepContext, row: dict[str, Any]) -> list[date]:
    """Sessions of the training set, ascending."""
    days = context.lake.days(LABELS_TABLE, context.market.name)
    return [day for day in days if row["first_day"] <= day <= row["last_day"]]


def _fit(context: StepContext, days: Sequence[date], recipe: Recipe) -> SignalModel:
    return fit_signal(training_dataset(context, days), recipe.hyper, seed=SEED, threads=context.settings.threads)


def _register(
    context: StepContext, registry: Registry, run_id: str, facts: dict[str, Any], recipe: Recipe, model: SignalModel,
    is_candidate: bool,
) -> RegisteredVersion:  # fmt: skip
    market = context.market.name
    digest, folder = write_version(context.settings.registry, market, _version_bytes(model, recipe), facts)
    plain = {name: value for name, value in facts.items() if name not in ("delta_versions", "revision")}
    registry.log(run_id, parameters=plain, metrics=_metrics(model.quality), tags=_tags(facts))
    version = registry.register(
        market, run_id, folder, facts["key"], digest, str(context.night), recipe.recipe_id, is_candidate=is_candidate
    )
    registry.tag_version(version, {RECIPE_NAME: facts["recipe"]})
    return version


def train_recipes(context: StepContext, recipes: Sequence[ActiveRecipe]) -> tuple[Trained, ...]:
    """Tonight's version of each recipe, found or fitted; signals that are equal are fitted once. Runs stay open."""
    row, registry, market = training_set(context), Registry(context.settings), context.market.name
    every, models, found = training_days(context, row), dict[str, SignalModel](), list[Trained]()
    for active in recipes:
        recipe = active.recipe
        key, days = night_key(context, row, recipe.recipe_id), every[-recipe.window_sessions :]
        run_id, is_finished = registry.open_run(market, str(context.night), key)
        known = registry.version_of(market, key) if is_finished else None
        if known is not None:
            found.append(Trained(active, known, run_id, was_there=True))
            continue
        if recipe.signal_part not in models:
            models[recipe.signal_part] = _fit(context, days, recipe)
        facts, model = _facts(context, row, days, recipe), models[recipe.signal_part]
        version = _register(context, registry, run_id, facts, recipe, model, active.role == "candidate")
        found.append(Trained(active, version, run_id, was_there=False))
    return tuple(found)


def tonights_versions(
    context: StepContext, registry: Registry, recipes: Sequence[ActiveRecipe]
) -> tuple[tuple[ActiveRecipe, RegisteredVersion], ...]:
    """The recipes that `train` registered a version of tonight, with that version."""
    row = training_set(context)
    found = [
        (one, registry.version_of(context.market.name, night_key(context, row, one.recipe.recipe_id)))
        for one in recipes
    ]
    return tuple((one, version) for one, version in found if version is not None)


def _write_evidence(context: StepContext, registry: Registry, trained: Sequence[Trained]) -> None:
    """Section `train` is the candidate's; `refits` holds the same of the others."""
    experiment, sections = registry.experiment(context.market.name), []
    for one in trained:
        found = read_version(context.settings.registry, context.market.name, one.version.digest)
        section = training_section(one.version, found.manifest, from_files(found.files).quality, experiment)
        sections.append({**section, "role": one.active.role})
    write_section(context, "train", sections[0])
    write_section(context, "refits", {"refits": sections[1:]})


def _note(one: Trained) -> str:
    word = "candidate" if one.active.role == "candidate" else f"refit of the {one.active.role}"
    said = f"{one.version.name} {'was registered before' if one.was_there else f'registered as {word}'}"
    return f"{said}, recipe {one.version.recipe_id}, digest {one.version.digest[:12]}"


def run(context: StepContext) -> StepReport:
    """Train and register tonight's versions, the candidate first, or find them."""
    registry, active = Registry(context.settings), active_on(context.settings, context.market, context.night)
    trained = train_recipes(context, active.recipes)
    _write_evidence(context, registry, trained)
    for one in trained:
        if not one.was_there:
            registry.finish_run(one.run_id)
    return StepReport(
        rows_in=training_set(context)["rows"],
        rows_out=len(trained),
        is_unchanged=all(one.was_there for one in trained),
        notes=(*(_note(one) for one in trained), *active.left_out),
    )
