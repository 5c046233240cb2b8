"""Whether a nightly refit may go live unasked: held against the version that persons approved. Pure.

    actions       share of frozen probes (features and states of orders) on which the refit does something else
    calibration   slope of realised on predicted moves, and rank correlation, of tonight's held-out rows
    backtest      the recipe is not dearer than the benchmark policy tonight, on the same orders
    data quality  no check of tonight failed

Drift over many refits counts from the approved version, never from yesterday's: a hundred small steps are one large
one. What is missing or not finite is outside: the last good refit stays, and a person is asked.

    >>> judge_refit(ActionChange(400, 12, 0.01), Calibration(1.0, 0.3), Tonight(-0.6, -0.4, 0)).is_inside
    True
    >>> judge_refit(ActionChange(400, 200, 0.2), Calibration(1.0, 0.3), Tonight(-0.6, -0.4, 0)).reasons[0]
    'actions: 50.0 % of 400 probes differ from the approved version, allowed 25 %'
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.policy import PolicyParameters, decide

Float = npt.NDArray[np.float64]
MOST_CHANGED, BECAUSE_CHANGED = 0.25, "a refit that acts otherwise on one decision in four is another model"
LEAST_PROBES = 100
SLOPE, BECAUSE_SLOPE = (0.2, 3.0), "moves that come out five times smaller or three times larger are not known"
LEAST_RANK = 0.0
MOST_DEARER_BPS = 0.5
"""Half a basis point dearer than the benchmark, at the middle of the interval, is within a refit's own noise."""


@dataclass(frozen=True)
class Probes:
    """n frozen decisions. features (n, k) in the order of the catalog; orders are states of parent orders, (n) each."""

    features: npt.NDArray[np.float32]
    side: Float
    urgency: npt.NDArray[np.int64]
    elapsed: Float
    remaining: Float
    spread_bps: Float


@dataclass(frozen=True)
class ActionChange:
    """Probes compared, those with another action, and the mean change of decided shares (of the order)."""

    probes: int
    changed: int
    shares: float


@dataclass(frozen=True)
class Calibration:
    """Held-out quality of the horizon that policies read."""

    slope: float | None
    rank_correlation: float | None


@dataclass(frozen=True)
class Tonight:
    """Backtest of the recipe against the benchmark (mean and upper end, bps; None: not known) and failed checks."""

    difference_bps: float | None
    high_bps: float | None
    failed_checks: int | None


@dataclass(frozen=True)
class RefitVerdict:
    """Inside the envelope or not, with reasons. change: share of probes with another action than as approved."""

    is_inside: bool
    reasons: tuple[str, ...]
    change: float


ORDER_SHARES, LOT_SHARES, STEP = 10_000.0, 100.0, 0.02
"""A probe's order: a hundred lots, decided fifty times; what matters is which action, not how many shares."""


def probe_orders(features: npt.NDArray[np.float32], spread_bps: Float, seed: int) -> Probes:
    """Probes from feature rows: sides, urgencies and progress drawn once, by seed."""
    random, count = np.random.default_rng(seed), len(features)
    elapsed = random.random(count)
    behind = 0.15 * (random.random(count) - 0.3)
    return Probes(
        features,
        np.where(random.random(count) < 0.5, 1.0, -1.0),
        random.integers(0, 3, count),
        elapsed,
        np.clip(1.0 - elapsed + behind, 0.01, 1.0),
        spread_bps,
    )


def actions(probes: Probes, parameters: PolicyParameters, signal_bps: Float) -> tuple[npt.NDArray[np.int64], Float]:
    """(n) action and (n) shares of the order that a policy decides on each probe."""
    row, acted, shares = parameters.to_array(), np.empty(len(probes.side), np.int64), np.empty(len(probes.side))
    for place in range(len(probes.side)):
        action, decided = decide(
            row, probes.side[place], int(probes.urgency[place]), probes.elapsed[place], STEP, ORDER_SHARES,
            probes.remaining[place] * ORDER_SHARES, LOT_SHARES, probes.spread_bps[place], signal_bps[place],
        )  # fmt: skip
        acted[place], shares[place] = action, decided / ORDER_SHARES
    return acted, shares


def action_change(probes: Probes, parameters: PolicyParameters, approved_bps: Float, refit_bps: Float) -> ActionChange:
    """What a refit of one policy does otherwise, given what each version expects on the probes."""
    before, was = actions(probes, parameters, approved_bps)
    after, is_now = actions(probes, parameters, refit_bps)
    return ActionChange(len(before), int((before != after).sum()), float(np.abs(was - is_now).mean()))


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _action_fault(change: ActionChange | None) -> str | None:
    if change is None or change.probes < LEAST_PROBES:
        return f"actions: {0 if change is None else change.probes} probes, least {LEAST_PROBES}"
    share = change.changed / change.probes
    said = f"actions: {share:.1%} of {change.probes} probes differ from the approved version".replace("%", " %", 1)
    return f"{said}, allowed {MOST_CHANGED:.0%}".replace("25%", "25 %") if share > MOST_CHANGED else None


def _calibration_fault(found: Calibration) -> str | None:
    slope, rank = found.slope, found.rank_correlation
    if slope is None or rank is None or not _finite(slope) or not _finite(rank):
        return "calibration: not known"
    if not SLOPE[0] <= slope <= SLOPE[1]:
        return f"calibration: slope {slope:.2f}, allowed {SLOPE[0]:g} to {SLOPE[1]:g} ({BECAUSE_SLOPE})"
    return None if rank >= LEAST_RANK else f"calibration: rank correlation {rank:.3f}, least {LEAST_RANK:g}"


def _tonight_faults(tonight: Tonight) -> list[str]:
    found = []
    if tonight.difference_bps is None or not _finite(tonight.difference_bps):
        found.append("backtest: not known")
    elif tonight.difference_bps > MOST_DEARER_BPS:
        found.append(f"backtest: {tonight.difference_bps:+.2f} bps against the benchmark, allowed {MOST_DEARER_BPS:+g}")
    if tonight.failed_checks is None:
        found.append("data quality: nobody looked")
    elif tonight.failed_checks:
        found.append(f"data quality: {tonight.failed_checks} failed checks")
    return found


def judge_refit(change: ActionChange | None, calibration: Calibration, tonight: Tonight) -> RefitVerdict:
    """The refit against its envelope; every reason why it is outside."""
    faults = [words for words in (_action_fault(change), _calibration_fault(calibration)) if words is not None]
    faults += _tonight_faults(tonight)
    share = float("nan") if change is None or not change.probes else change.changed / change.probes
    inside = f"{share:.1%} of probes differ, calibration and backtest as approved" if not faults else ""
    return RefitVerdict(not faults, tuple(faults) or (inside,), share)
