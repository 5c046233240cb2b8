"""Refit the recipe on the training window and register the version in MLflow.

One MLflow run a night, keyed by (market, day, training set, recipe): the same night again finds its run and registers
nothing. The version is a plain directory with a manifest of digests: Delta versions read, code revision, lock hash,
settings, seed. Registering makes a candidate, nothing more: no step of the night promotes anybody.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from datetime import date
from typing import Any

from features.labels import LABELS_TABLE
from infra.errors import EvidenceError
from infra.lake_files import input_digest
from infra.registry import RegisteredVersion, Registry
from infra.revision import current_revision
from infra.tables import TRAINING_SETS
from infra.version_files import read_version, write_version
from models.signal import HorizonQuality, SignalModel, fit_signal, from_files, library_version
from pipelines.current_recipe import current_recipe
from pipelines.evidence import training_section, write_section
from pipelines.step import StepContext, StepReport
from pipelines.training_rows import training_dataset

SEED = 7


def training_set(context: StepContext) -> dict[str, Any]:
    """The row of `gold.training_sets` that names tonight's rows. Raises EvidenceError when there is none."""
    rows = context.lake.read_day(TRAINING_SETS, context.market.name, context.night).to_pylist()
    if not rows:
        market, night = context.market.name, context.night
        raise EvidenceError(
            "no training set",
            which=f"{market} {night}",
            found="0 rows in gold.training_sets",
            allowed="1",
            next_step=f"run fillwise build_training_set --market {market} --day {night}",
        )
    found: dict[str, Any] = rows[-1]
    return found


def night_key(context: StepContext, row: dict[str, Any]) -> str:
    """Digest of everything that decides tonight's version: data, recipe, seed, threads."""
    return input_digest(
        context.market.name,
        str(context.night),
        row["training_set_id"],
        row["recipe_id"],
        str(SEED),
        str(context.settings.threads),
    )


def _facts(context: StepContext, row: dict[str, Any], key: str) -> dict[str, Any]:
    return {
        "night": str(context.night),
        "key": key,
        "training_set_id": row["training_set_id"],
        "first_day": str(row["first_day"]),
        "last_day": str(row["last_day"]),
        "rows": row["rows"],
        "delta_versions": json.loads(row["delta_versions"]),
        "recipe_id": row["recipe_id"],
        "revision": asdict(current_revision()),
        "seed": SEED,
        "threads": context.settings.threads,
        "python": platform.python_version(),
        "xgboost": library_version(),
    }


def _version_bytes(model: SignalModel) -> dict[str, bytes]:
    recipe = current_recipe()
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
    }


def _fit_and_register(
    context: StepContext, registry: Registry, run_id: str, row: dict[str, Any], key: str
) -> RegisteredVersion:
    dataset = training_dataset(context, training_days(context, row))
    model = fit_signal(dataset, current_recipe().hyper, seed=SEED, threads=context.settings.threads)
    facts = _facts(context, row, key)
    market = context.market.name
    digest, folder = write_version(context.settings.registry, market, _version_bytes(model), facts)
    plain = {name: value for name, value in facts.items() if name not in ("delta_versions", "revision")}
    registry.log(run_id, parameters=plain, metrics=_metrics(model.quality), tags=_tags(facts))
    return registry.register(market, run_id, folder, key, digest, str(context.night), row["recipe_id"])


def training_days(context: StepContext, row: dict[str, Any]) -> list[date]:
    """Sessions of the training set, ascending."""
    days = context.lake.days(LABELS_TABLE, context.market.name)
    return [day for day in days if row["first_day"] <= day <= row["last_day"]]


def run(context: StepContext) -> StepReport:
    """Train and register tonight's candidate, or find it."""
    row = training_set(context)
    key = night_key(context, row)
    registry = Registry(context.settings)
    market = context.market.name
    run_id, is_finished = registry.open_run(market, str(context.night), key)
    if is_finished:
        version = next(version for version in registry.versions(market) if version.run_id == run_id)
    else:
        version = _fit_and_register(context, registry, run_id, row, key)
    found = read_version(context.settings.registry, market, version.digest)
    section = training_section(version, found.manifest, from_files(found.files).quality, registry.experiment(market))
    write_section(context, "train", section)
    registry.finish_run(run_id)
    note = f"{version.name} {'was registered before' if is_finished else 'registered as candidate'}"
    return StepReport(
        rows_in=row["rows"],
        rows_out=1,
        is_unchanged=is_finished,
        notes=(f"{note}, recipe {version.recipe_id}, digest {version.digest[:12]}",),
    )
