"""Registered versions as policies that can be replayed: loaded by digest, refused when their features changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from features.catalog import FEATURES
from infra.errors import OtherFeaturesError
from infra.registry import RegisteredVersion
from infra.settings import Settings
from infra.version_files import read_version
from models.policy import PolicyParameters
from models.signal import from_files
from models.version import PolicyInForce


def load_version(settings: Settings, version: RegisteredVersion) -> PolicyInForce:
    """Policy and signal. Raises LakeError when a file was altered, OtherFeaturesError when features changed since."""
    return load_by_digest(settings.registry, version.market, version.name, version.digest)


def load_by_digest(registry: Path, market: str, name: str, digest: str) -> PolicyInForce:
    """The same without MLflow. Raises LakeError when a file was altered, OtherFeaturesError when features changed."""
    found = read_version(registry, market, digest)
    trained_on = [tuple(pair) for pair in json.loads(found.files["recipe.json"])["features"]]
    served = [(feature.name, feature.full_version) for feature in FEATURES.values()]
    if trained_on != served:
        changed = sorted(set(trained_on) ^ set(served))[:3]
        raise OtherFeaturesError(
            "version was trained on other features",
            which=name,
            found=f"differing in {changed}",
            allowed="the features of this checkout's catalog",
            next_step="check out the version's code revision to serve it",
        )
    policy = json.loads(found.files["policy.json"])
    parameters = PolicyParameters(**{**policy, "tolerance": tuple(policy["tolerance"])})
    return PolicyInForce(name, digest, parameters, from_files(found.files))


def load_servable(
    settings: Settings, versions: Sequence[RegisteredVersion]
) -> tuple[tuple[PolicyInForce, ...], tuple[str, ...]]:
    """Those that this checkout can serve, and a sentence for each that it cannot: a new feature stops no night.

    Raises LakeError when a file was altered.
    """
    served, left_out = list[PolicyInForce](), list[str]()
    for version in versions:
        try:
            served.append(load_version(settings, version))
        except OtherFeaturesError as error:
            left_out.append(f"{version.name} is not scored again: {error.what} ({error.found})")
    return tuple(served), tuple(left_out)
