"""The night's evidence (`<home>/pages/<market>/<day>/evidence.json`) as the page reads it. Every key may be missing.

    train.version, .run_id, .experiment_id, .recipe_id, .digest, .first_day, .last_day, .rows, .seed
    train.delta_versions                table name to the Delta version read
    train.revision                      {commit, is_dirty, lock_sha256}
    train.signal[]                      `models.signal.HorizonQuality` as a dictionary, one a horizon
    backtest.candidate, .benchmark, .order_set_hash
    backtest.comparisons[]              one a policy, fill bound and order set: {policy_version, fill_bound,
                                        order_set_hash, orders, sessions, difference_bps, low_bps, high_bps (null: no
                                        interval), why_no_interval}

A difference is policy minus benchmark on the same orders: below zero is cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.report_inputs import number


@dataclass(frozen=True)
class Comparison:
    """Paired cost difference to the benchmark policy under one fill bound, and its interval if there is one."""

    policy_version: str
    fill_bound: str
    order_set_hash: str
    orders: int
    sessions: int
    difference_bps: float
    low_bps: float | None
    high_bps: float | None
    why_no_interval: str

    @property
    def verdict(self) -> str:
        """cheaper, dearer, not told apart, or descriptive (no interval)."""
        if self.low_bps is None or self.high_bps is None:
            return "descriptive"
        if self.high_bps < 0.0:
            return "cheaper"
        return "dearer" if self.low_bps > 0.0 else "not told apart"


@dataclass(frozen=True)
class Horizon:
    """What the signal knew about one horizon on held-out sessions. `deciles_bps`: (predicted, realised) moves."""

    seconds: int
    rank_correlation: float | None
    slope: float | None
    rows: int
    by_symbol: tuple[tuple[str, float], ...]
    deciles_bps: tuple[tuple[float, float], ...]
    importance: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Training:
    """Tonight's refit and all that is needed to make it again."""

    version: str
    recipe_id: str
    run_id: str
    experiment_id: str
    facts: tuple[tuple[str, str], ...]
    delta_versions: tuple[tuple[str, int], ...]
    horizons: tuple[Horizon, ...]


def _pairs(found: Mapping[str, Any], name: str) -> tuple[tuple[str, float], ...]:
    return tuple((str(key), float(value)) for key, value in found.get(name, ()))


def _horizon(found: Mapping[str, Any]) -> Horizon:
    return Horizon(
        seconds=int(found["horizon_seconds"]),
        rank_correlation=number(found, "rank_correlation"),
        slope=number(found, "slope"),
        rows=int(found.get("rows", 0)),
        by_symbol=_pairs(found, "rank_correlation_by_symbol"),
        deciles_bps=tuple((float(one), float(two)) for one, two in found.get("deciles_bps", ())),
        importance=tuple(sorted(_pairs(found, "importance"), key=lambda pair: (-pair[1], pair[0]))),
    )


def _facts(found: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    revision = found.get("revision", {})
    commit = str(revision.get("commit", "")) + (" (edited)" if revision.get("is_dirty") else "")
    facts = {
        "code revision": commit,
        "lock file": str(revision.get("lock_sha256", ""))[:16],
        "version digest": str(found.get("digest", ""))[:16],
        "trained on": f"{found['first_day']} to {found['last_day']}"
        if "first_day" in found and "last_day" in found
        else "",
        "rows": f"{int(found['rows']):,}" if "rows" in found else "",
        "seed": str(found.get("seed", "")),
        "Python": str(found.get("python", "")),
        "XGBoost": str(found.get("xgboost", "")),
    }
    return tuple((name, value) for name, value in facts.items() if value)


def training(found: Mapping[str, Any]) -> Training:
    """The `train` section. Raises KeyError without a version."""
    return Training(
        version=str(found["version"]),
        recipe_id=str(found.get("recipe_id", "")),
        run_id=str(found.get("run_id", "")),
        experiment_id=str(found.get("experiment_id", "")),
        facts=_facts(found),
        delta_versions=tuple(sorted((str(name), int(at)) for name, at in found.get("delta_versions", {}).items())),
        horizons=tuple(_horizon(one) for one in found.get("signal", ())),
    )


def comparison(found: Mapping[str, Any]) -> Comparison:
    """One row of the `backtest` section. Raises KeyError without a policy, a fill bound or a difference."""
    return Comparison(
        policy_version=str(found["policy_version"]),
        fill_bound=str(found["fill_bound"]),
        order_set_hash=str(found.get("order_set_hash", "")),
        orders=int(found.get("orders", 0)),
        sessions=int(found.get("sessions", 0)),
        difference_bps=float(found["difference_bps"]),
        low_bps=number(found, "low_bps"),
        high_bps=number(found, "high_bps"),
        why_no_interval=str(found.get("why_no_interval") or "descriptive: too few sessions"),
    )
