"""The only door to MLflow: one run a night, one registered version a refit, aliases and tags.

A version is a plain directory (`infra/version_files.py`): XGBoost's own format and JSON, no pickle. MLflow keeps a
copy for people; the desk loads from `<home>/registry/versions` by digest, so it goes on when MLflow is away.

A run is keyed by (market, day, input digest): a finished one is used again, a half-done one is marked KILLED.
Registering is idempotent in the same key, because the tags are written in the same call as the version.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.registry_files import reached
from infra.settings import Settings

KEY, DIGEST, DAY, RECIPE = "fillwise.key", "fillwise.digest", "fillwise.day", "fillwise.recipe_id"
CANDIDATE, CHALLENGER, CHAMPION = ALIASES = ("candidate", "challenger", "champion")
PUT = "fillwise.alias."
ARTIFACT_FOLDER = "version"


@dataclass(frozen=True)
class RegisteredVersion:
    """One refit in the registry. `name` is market.execution/number."""

    market: str
    number: int
    digest: str
    day: str
    recipe_id: str
    run_id: str
    key: str

    @property
    def name(self) -> str:
        return f"{model_name(self.market)}/{self.number}"


def model_name(market: str) -> str:
    """Name of a market's registered model."""
    return f"{market}.execution"


def _from_mlflow(market: str, found: Any) -> RegisteredVersion:
    tags = found.tags
    return RegisteredVersion(market, int(found.version), tags[DIGEST], tags[DAY], tags[RECIPE], found.run_id, tags[KEY])


class Registry:
    """MLflow below the state folder. `location` is the folder that runs keep their files in."""

    def __init__(self, settings: Settings) -> None:
        settings.registry.mkdir(parents=True, exist_ok=True)
        self.location = settings.registry / "artifacts"
        database = settings.registry / "mlflow.db"
        with warnings.catch_warnings(), reached(database):
            warnings.simplefilter("ignore")
            from mlflow.tracking import MlflowClient

            self.client = MlflowClient(tracking_uri=f"sqlite:///{database}")
            self.client.search_experiments(max_results=1)

    def experiment(self, market: str) -> str:
        """Experiment of a market's nights, made on first use."""
        name = f"nightly_{market}"
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(self.client.create_experiment(name, artifact_location=(self.location / name).as_uri()))

    def open_run(self, market: str, day: str, key: str) -> tuple[str, bool]:
        """(run id, whether it was finished before). Half-done runs of the same key are marked KILLED."""
        from mlflow.entities import ViewType

        experiment = self.experiment(market)
        runs = self.client.search_runs([experiment], f"tags.`{KEY}` = '{key}'", ViewType.ACTIVE_ONLY)
        for run in runs:
            if run.info.status == "FINISHED":
                return run.info.run_id, True
        for run in runs:
            if run.info.status == "RUNNING":
                self.client.set_terminated(run.info.run_id, "KILLED")
        tags = {KEY: key, DAY: day, "fillwise.market": market}
        return str(self.client.create_run(experiment, tags=tags, run_name=f"{market} {day}").info.run_id), False

    def finish_run(self, run_id: str) -> None:
        self.client.set_terminated(run_id, "FINISHED")

    def log(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, object] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Parameters, metrics and tags in one call; not-finite metrics are left out, never stored as zero."""
        import math

        from mlflow.entities import Metric, Param, RunTag

        finite = {name: value for name, value in (metrics or {}).items() if math.isfinite(value)}
        self.client.log_batch(
            run_id,
            metrics=[Metric(name, value, 0, 0) for name, value in finite.items()],
            params=[Param(name, str(value)[:5000]) for name, value in (parameters or {}).items()],
            tags=[RunTag(name, value) for name, value in (tags or {}).items()],
        )

    def log_files(self, run_id: str, folder: Path, under: str) -> None:
        """Copy a folder's files into the run."""
        self.client.log_artifacts(run_id, str(folder), under)

    def tag_of(self, run_id: str, name: str) -> str | None:
        found = self.client.get_run(run_id).data.tags.get(name)
        return None if found is None else str(found)

    def versions(self, market: str) -> tuple[RegisteredVersion, ...]:
        """Every version that a night registered, newest first; one made by hand is none of ours."""
        found = self.client.search_model_versions(f"name='{model_name(market)}'")
        made = (_from_mlflow(market, one) for one in found if {KEY, DIGEST, DAY, RECIPE} <= set(one.tags))
        return tuple(sorted(made, key=lambda one: -one.number))

    def version_of(self, market: str, key: str) -> RegisteredVersion | None:
        """The version that was registered under a key; None where there is none, or somebody deleted it."""
        return next((one for one in self.versions(market) if one.key == key), None)

    def register(
        self, market: str, run_id: str, folder: Path, key: str, digest: str, day: str, recipe_id: str, *,
        is_candidate: bool = True,
    ) -> RegisteredVersion:  # fmt: skip
        """Register the directory as the next version; what the night puts forward gets the alias `candidate`."""
        from mlflow.exceptions import MlflowException

        name = model_name(market)
        try:
            self.client.create_registered_model(name, description=f"execution policies of market {market}")
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        known = [one for one in self.client.search_model_versions(f"name='{name}'") if one.tags.get(KEY) == key]
        if not known:
            self.log_files(run_id, folder, ARTIFACT_FOLDER)
            source = f"{self.client.get_run(run_id).info.artifact_uri}/{ARTIFACT_FOLDER}"
            tags = {KEY: key, DIGEST: digest, DAY: day, RECIPE: recipe_id}
            known = [self.client.create_model_version(name, source, run_id, tags=tags)]
        if is_candidate:
            self.set_alias(market, CANDIDATE, f"{name}/{known[0].version}")
        return _from_mlflow(market, known[0])

    def aliases(self, market: str) -> dict[str, str]:
        """Alias -> version name; empty for a market without versions."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_registered_model(model_name(market)).aliases
        except MlflowException:
            return {}
        return {alias: f"{model_name(market)}/{number}" for alias, number in found.items()}

    def last_put(self, market: str, alias: str) -> tuple[str, ...] | None:
        """Versions that we let the alias stand on last ('' for none); None where we never did."""
        from mlflow.exceptions import MlflowException

        try:
            told = self.client.get_registered_model(model_name(market)).tags.get(PUT + alias)
        except MlflowException:
            return None
        return None if told is None else tuple(told.split(">"))

    def put_alias(self, market: str, alias: str, version: str) -> None:
        """Let an alias stand on a version, or on none where version is ''. Where it stood stays known until it is done.

        A kill in between leaves both names in the tag, so that neither is taken for somebody's hand.
        """
        name, before = model_name(market), self.aliases(market).get(alias, "")
        self.client.set_registered_model_tag(name, PUT + alias, f"{before}>{version}")
        if version:
            self.client.set_registered_model_alias(name, alias, version.rpartition("/")[2])
        elif before:
            self.client.delete_registered_model_alias(name, alias)
        self.client.set_registered_model_tag(name, PUT + alias, version)

    def set_alias(self, market: str, alias: str, version: str) -> None:
        """Let an alias stand on a version, named market.execution/number."""
        self.put_alias(market, alias, version)

    def remove_alias(self, market: str, alias: str) -> None:
        """Let an alias stand on nothing."""
        self.put_alias(market, alias, "")

    def tag_version(self, version: RegisteredVersion, tags: Mapping[str, str]) -> None:
        for name, value in tags.items():
            self.client.set_model_version_tag(model_name(version.market), str(version.number), name, value)


def newest(versions: Sequence[RegisteredVersion], before_day: str, count: int) -> tuple[RegisteredVersion, ...]:
    """The last `count` versions made for days before `before_day`, newest first."""
    return tuple(version for version in versions if version.day < before_day)[:count]


@dataclass(frozen=True)
class AliasDivergence:
    """An alias that did not stand where it must, and not because the ledger moved on. '' is no version.

    is_restored: it stands there now. reason: what happened, in words.
    """

    alias: str
    found: str
    expected: str
    is_restored: bool
    reason: str


def reconcile_aliases(
    registry: Registry, market: str, expected: Mapping[str, str | None]
) -> tuple[AliasDivergence, ...]:
    """Put the aliases named in `expected` where they must stand, and say which of them somebody else had moved.

    expected: alias -> market.execution/number; None, '' and the benchmark policy (number 0, no version of MLflow's)
    mean that it stands on nothing. Aliases that are not named are left alone.
    """
    numbers, found = {one.name for one in registry.versions(market)}, registry.aliases(market)
    told = []
    for alias, wished in sorted(expected.items()):
        right = "" if not wished or wished == f"{model_name(market)}/0" else wished
        stood = found.get(alias, "")
        if right and right not in numbers:
            said = f"{right} is not in MLflow, somebody deleted it; the desk goes on with its own copy"
            told.append(AliasDivergence(alias, stood, right, False, said))
            continue
        if stood == right:
            continue
        ours = registry.last_put(market, alias)
        registry.put_alias(market, alias, right)
        if stood not in (ours or (("", stood) if alias == CANDIDATE else ("",))):
            said = (
                f"{alias} was moved to {stood or 'nothing'} outside of the ledger; it is back on {right or 'nothing'}"
            )
            told.append(AliasDivergence(alias, stood, right, True, said))
    return tuple(told)
