"""A recipe: what is on trial. A refit of it on one night's rows is a version.

Two nights with the same recipe id differ in data alone, so evidence adds up over nights; a changed feature, horizon,
hyper-parameter, policy or line of code in `features/` and `models/` is another recipe.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from models.policy import PolicyParameters


@dataclass(frozen=True)
class HyperParameters:
    """XGBoost's settings, fixed: a search inside the night would spend the gate's evidence on choosing.

    rounds and eta: 80 trees at 0.08 reach the flat part of the held-out loss on both markets. max_depth 5 and
    min_child_weight 200: leaves of hundreds of rows, because targets have fat tails. clip_bps: targets beyond it are
    cut before fitting, so that one halt does not bend a tree (30 ranks unseen A-share moves better than 60 at every
    horizon, .359 .258 .191 against .352 .253 .174); judged moves are never cut, and calibration gives back the size.
    """

    rounds: int = 80
    eta: float = 0.08
    max_depth: int = 5
    min_child_weight: float = 200.0
    subsample: float = 0.7
    column_sample: float = 0.7
    l2: float = 10.0
    clip_bps: float = 30.0


@dataclass(frozen=True)
class Recipe:
    """features: (name, version) pairs. window_sessions: newest sessions that a refit learns from."""

    features: tuple[tuple[str, str], ...]
    horizons_seconds: tuple[int, ...]
    objective: str
    hyper: HyperParameters
    window_sessions: int
    policy: PolicyParameters
    code_sha256: str

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def recipe_id(self) -> str:
        """First 12 hex digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @property
    def signal_part(self) -> str:
        """Everything that a fit depends on, as JSON: recipes that agree in it share one fit a night."""
        told = asdict(self)
        return json.dumps({name: told[name] for name in SIGNAL_PARTS}, sort_keys=True, separators=(",", ":"))


SIGNAL_PARTS = ("features", "horizons_seconds", "objective", "hyper", "window_sessions", "code_sha256")


def recipe_from(text: str | bytes) -> Recipe:
    """The recipe that `to_json` told. Raises ValueError for a recipe of a checkout that described it otherwise."""
    told = json.loads(text)
    try:
        policy = PolicyParameters(**{**told["policy"], "tolerance": tuple(told["policy"]["tolerance"])})
        features = tuple((str(name), str(version)) for name, version in told["features"])
        known = {"features": features, "horizons_seconds": tuple(told["horizons_seconds"]), "policy": policy}
        return Recipe(**{**told, **known, "hyper": HyperParameters(**told["hyper"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"a recipe of another checkout: {error}") from error
