"""Whether a nightly refit may go live unasked: held against the version that persons approved. Pure.

    recipe        the same policy, features and horizons; another recipe has no envelope
    actions       share of frozen probes on which the refit does something else than the approved version
    shares        mean absolute change of the decided shares over the probes, in parts of the order
                  both in parts of the approved signal's own reach: what it changes against having no signal at all
    calibration   slope of realised on predicted moves and rank correlation, on held-out sessions
    backtest      the recipe refitted fold by fold, against the approved version on the same orders, pessimistic bound
    data quality  no check of tonight's rows failed

The reach makes one yardstick for policies that listen to their signal much or little. Measured on the built-in market,
two policies: refits one to sixteen sessions later change .21 to .51 of the reach, fits on 20 sessions that share none
.44 and .49, a fit on five sessions .75, one on shuffled labels 1.0, one on labels of the wrong sign 1.9 to 2.2.

A probe is a row of features with the state of an order (side, urgency, progress, what is left), frozen when persons
approved: what the desk would be told then and now, asked thousands of times without sending anything. Change counts
from the approved version, never from yesterday's: a hundred small steps are one large one.

The backtest leans against the refit: the approved version may have seen sessions of the walk, the refits of a fold
never have. What is missing or not finite is outside: the last good refit stays, and a person is asked.

    >>> from models.version import benchmark_policy
    >>> nothing = RefitEvidence(None, None, None, None)
    >>> judge_refit(benchmark_policy("sample"), benchmark_policy("sample"), None, nothing).is_inside
    False
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from models.gates import Check, check_at_least, check_at_most
from models.policy import decide
from models.signal import DECISION_HORIZON_SECONDS, MAX_SLOPE
from models.version import PolicyInForce

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]

STATES = ("side", "urgency", "elapsed", "step", "order_shares", "remaining_shares", "lot_shares", "spread_bps")
LEAST_PROBES, BECAUSE_PROBES = 400, "a share of one in ten is known to three points from 400 probes"
MOST_ACTIONS, BECAUSE_ACTIONS = 0.7, "honest refits change half of what the signal does, one without a signal all of it"
MOST_SHARES, BECAUSE_SHARES = 0.8, "shares scatter a little more than actions, and nothing learned changes all of them"
LEAST_SLOPE, BECAUSE_SLOPE = 0.5, "moves that come true by less than half were not what persons approved"
RANK_KEPT, BECAUSE_RANK = (
    0.5,
    "a refit that ranks half as well as the approved version has lost what it was approved for",
)
MOST_DEARER_BPS, BECAUSE_DEARER = 0.5, "half a basis point is what refits of one recipe scatter by"
BECAUSE_QUALITY = "a refit on rows whose checks failed learned from what is not so"
UNKNOWN = 1.0
"""A change that nobody could measure counts as a whole one."""


@dataclass(frozen=True)
class Probes:
    """n frozen decisions. features (n, k) float32, NaN for null; states: each of `STATES`, (n) float64."""

    feature_names: tuple[str, ...]
    features: npt.NDArray[np.float32]
    states: Mapping[str, Float]

    @property
    def count(self) -> int:
        return len(self.features)

    def to_table(self) -> pa.Table:
        """A column a feature and a state."""
        columns = {name: self.features[:, place] for place, name in enumerate(self.feature_names)}
        return pa.table({**columns, **{f"state.{name}": self.states[name] for name in STATES}})


def probes_from(table: pa.Table) -> Probes:
    """The probes of `to_table`. Raises KeyError for a table that is none."""
    names = tuple(name for name in table.column_names if not name.startswith("state."))
    states = {name: table.column(f"state.{name}").to_numpy().astype(np.float64) for name in STATES}
    columns = [table.column(name).to_numpy().astype(np.float32) for name in names]
    return Probes(names, np.column_stack(columns), states)


@dataclass(frozen=True)
class RefitEvidence:
    """What the night found. difference, low, high: refits of the recipe less the approved version, bps, on the same
    orders under `trade_through`. failed_checks: of tonight's rows; None where nobody looked."""

    difference_bps: float | None
    low_bps: float | None
    high_bps: float | None
    failed_checks: int | None


@dataclass(frozen=True)
class ActionChange:
    """Between two versions over all probes: share with another action, mean absolute change of decided shares.

    Shares are in parts of the order.
    """

    probes: int
    actions: float
    shares: float

    def in_reach(self, reach: ActionChange) -> ActionChange:
        """The same in parts of another change; nought of nought is nought, anything else of nought is not finite."""
        parts = [0.0 if one == 0.0 else one / whole if whole > 0.0 else math.inf
                 for one, whole in ((self.actions, reach.actions), (self.shares, reach.shares))]  # fmt: skip
        return ActionChange(self.probes, *parts)


@dataclass(frozen=True)
class RefitVerdict:
    """Inside only when every check passes. change_from_approved: share of probes with another action, 1 if unknown."""

    is_inside: bool
    checks: tuple[Check, ...]
    change_from_approved: float

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is outside; every check when it is inside."""
        return tuple(check.reason for check in self.checks if self.is_inside or check.verdict != "pass")


@njit(cache=True)
def _decide_all(parameters: Float, states: Float, signal_bps: Float) -> tuple[Long, Float]:
    """(n) actions and (n) shares in parts of the order; states (n, 8) in the order of STATES."""
    actions, parts = np.empty(len(states), np.int64), np.empty(len(states))
    for place in range(len(states)):
        side, urgency, elapsed, step, order, remaining, lot, spread = states[place]
        action, shares = decide(
            parameters, side, int(urgency), elapsed, step, order, remaining, lot, spread, signal_bps[place]
        )
        actions[place], parts[place] = action, shares / order
    return actions, parts


def decisions_on(probes: Probes, policy: PolicyInForce) -> tuple[Long, Float]:
    """(n) actions and (n) decided shares in parts of the order. Raises ValueError where a feature is not among them."""
    signal = np.full(probes.count, np.nan)
    if policy.signal is not None:
        places = [probes.feature_names.index(name) for name in policy.signal.feature_names]
        signal = policy.signal.decision_bps(probes.features[:, places])
    states = np.column_stack([probes.states[name] for name in STATES])
    return _decide_all(policy.parameters.to_array(), states, signal)


def action_change(probes: Probes, approved: PolicyInForce, refit: PolicyInForce) -> ActionChange:
    """What the refit does otherwise. Raises ValueError where the probes do not hold what a version reads."""
    before, was = decisions_on(probes, approved)
    after, is_now = decisions_on(probes, refit)
    if not probes.count:
        return ActionChange(0, math.nan, math.nan)
    return ActionChange(probes.count, float((before != after).mean()), float(np.abs(was - is_now).mean()))


def _missing(name: str, threshold: float, because: str, what: str) -> Check:
    return Check(name, "hold", None, threshold, because, f"{name}: {what}, so it is outside ({because})")


def _same_recipe(approved: PolicyInForce, refit: PolicyInForce) -> Check:
    because = "another recipe has no envelope, it takes the whole way"
    names = [
        None if one.signal is None else (one.signal.feature_names, one.signal.horizons_seconds)
        for one in (approved, refit)
    ]
    if approved.parameters == refit.parameters and names[0] == names[1]:
        return Check("recipe", "pass", None, None, because, "recipe: policy, features and horizons are as approved")
    return _missing("recipe", 0.0, because, "policy, features or horizons differ")


def signal_reach(probes: Probes, approved: PolicyInForce) -> ActionChange:
    """What the approved version does otherwise than its policy would without a signal."""
    return action_change(probes, approved, replace(approved, signal=None))


def _actions(approved: PolicyInForce, refit: PolicyInForce, probes: Probes | None) -> tuple[tuple[Check, ...], float]:
    try:
        change = None if probes is None else action_change(probes, approved, refit)
    except ValueError as error:
        return (_missing("actions", MOST_ACTIONS, BECAUSE_ACTIONS, f"probes of other features ({error})"),), UNKNOWN
    if probes is None or change is None or change.probes < LEAST_PROBES:
        few = None if probes is None else float(probes.count)
        return (check_at_least("probes", few, LEAST_PROBES, BECAUSE_PROBES),), UNKNOWN
    part = change.in_reach(signal_reach(probes, approved))
    unit = " of the signal's reach"
    checks = (
        check_at_most("actions", part.actions, MOST_ACTIONS, BECAUSE_ACTIONS, unit=unit),
        check_at_most("shares", part.shares, MOST_SHARES, BECAUSE_SHARES, unit=unit),
    )
    return checks, change.actions if math.isfinite(change.actions) else UNKNOWN


def _quality(policy: PolicyInForce) -> Any:
    """Held-out quality at the horizon that policies read; None where there is none."""
    found = () if policy.signal is None else policy.signal.quality
    return next((one for one in found if one.horizon_seconds == DECISION_HORIZON_SECONDS), None)


def _calibration(approved: PolicyInForce, refit: PolicyInForce) -> tuple[Check, ...]:
    if not refit.parameters.reads_signal:
        because = "the policy reads no signal"
        return (Check("calibration", "pass", None, None, because, f"calibration: {because}"),)
    was, now = _quality(approved), _quality(refit)
    if was is None or now is None:
        return (_missing("calibration", LEAST_SLOPE, BECAUSE_SLOPE, "no held-out quality"),)
    least = RANK_KEPT * was.rank_correlation
    return (
        check_at_least("slope", now.slope, LEAST_SLOPE, BECAUSE_SLOPE),
        check_at_most("slope_most", now.slope, MAX_SLOPE, "the calibration itself stops there"),
        check_at_least("rank_correlation", now.rank_correlation, max(0.0, least), BECAUSE_RANK),
    )


def _tonight(evidence: RefitEvidence) -> tuple[Check, ...]:
    failed = None if evidence.failed_checks is None else float(evidence.failed_checks)
    return (
        check_at_most("backtest", evidence.high_bps, MOST_DEARER_BPS, BECAUSE_DEARER, unit=" bps"),
        check_at_most("data_quality", failed, 0.0, BECAUSE_QUALITY, unit=" failed checks"),
    )


def judge_refit(
    approved: PolicyInForce, refit: PolicyInForce, probes: Probes | None, evidence: RefitEvidence
) -> RefitVerdict:
    """The refit against its envelope; probes None where the frozen set is not there or was altered."""
    actions, change = _actions(approved, refit, probes)
    checks = (_same_recipe(approved, refit), *actions, *_calibration(approved, refit), *_tonight(evidence))
    return RefitVerdict(all(check.verdict == "pass" for check in checks), checks, change)
