"""Scores with less noise: unit costs less what is known not to come from the arm, by a regression on earlier sessions.

    adjusted_u = y_u - b_j . z_u          b_j: least squares of y on z over the champion's units of sessions before j

(Deng, Xu, Kohavi, Walker 2013, WSDM, section 3, "CUPED"; here b_j never sees the session that it adjusts.) Units are
drawn into arms by chance, so z has the same distribution in both and the difference of the arms keeps its mean whatever
b_j is; a good b_j takes the share R^2 off its variance, a bad one adds to it. On the built-in market the peers' move
explains 5 % of a unit's cost out of sample and a square-root estimate nothing; on recorded books it was a third.

z may hold what no arm can move: a pre-trade estimate of the cost, and the move of the *other* symbols over the interval
that the client instructed, times the side. Not the own symbol's move: it explains more, but part of it is the impact of
our own trading, and an arm that pushes its price would be forgiven for it. Nor an interval that ends when the algorithm
does, which the algorithm chooses.

    >>> rows = AdjustmentRows(np.array([0, 0, 0, 1, 1]), np.array([False, False, False, True, False]),
    ...                       np.array([1.0, 2.0, 3.0, 5.0, 4.0]), np.array([[0.0], [1.0], [2.0], [3.0], [2.0]]))
    >>> adjusted_costs(rows, least_units=3).round(9).tolist()
    [1.0, 2.0, 3.0, 2.0, 2.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
LEAST_UNITS = 500
"""Five sessions of a hundred units: a coefficient worth 5 % of the variance is then known to a fifth of itself."""


@dataclass(frozen=True)
class AdjustmentRows:
    """n units. session (n) numbers in time order; is_challenger (n); cost_bps (n); covariates (n, k), finite."""

    session: npt.NDArray[Any]
    is_challenger: npt.NDArray[np.bool_]
    cost_bps: Float
    covariates: Float


@dataclass(frozen=True)
class AdjustedScores:
    """One entry a session that has units of both arms. plain_bps: the score unadjusted, for comparison.

    variance: planned, from the residuals of earlier sessions; NaN in the first. explained: part of the champion's
    variance of the session that the earlier fit took off, below zero where it added; NaN while there was no fit.
    """

    session: npt.NDArray[Any]
    difference_bps: Float
    variance: Float
    plain_bps: Float
    explained: Float


def _checked(rows: AdjustmentRows) -> None:
    count = len(rows.cost_bps)
    shapes = (len(rows.session), len(rows.is_challenger), len(rows.covariates))
    if any(one != count for one in shapes) or rows.covariates.ndim != 2:
        raise ValueError(f"rows do not fit: {count} costs, {shapes} sessions, arms and covariates")
    if not (np.isfinite(rows.cost_bps).all() and np.isfinite(rows.covariates).all()):
        raise ValueError("a cost or covariate is missing or not finite: hold, it cannot be adjusted")


def coefficients(rows: AdjustmentRows, session: Any, least_units: int = LEAST_UNITS) -> Float:
    """(k) fitted on the champion's units of the sessions before `session`; zeros where they are too few."""
    known = (rows.session < session) & ~rows.is_challenger
    if int(known.sum()) < least_units:
        return np.zeros(rows.covariates.shape[1])
    z = rows.covariates[known] - rows.covariates[known].mean(axis=0)
    y = rows.cost_bps[known] - rows.cost_bps[known].mean()
    fitted: Float = np.linalg.lstsq(z, y, rcond=None)[0]
    return fitted


def adjusted_costs(rows: AdjustmentRows, least_units: int = LEAST_UNITS) -> Float:
    """(n) unit costs less what earlier sessions say that the covariates explain. Raises ValueError for NaN."""
    _checked(rows)
    adjusted = rows.cost_bps.astype(np.float64).copy()
    for session in np.unique(rows.session):
        member = rows.session == session
        adjusted[member] -= rows.covariates[member] @ coefficients(rows, session, least_units)
    return adjusted


def adjusted_scores(rows: AdjustmentRows, least_units: int = LEAST_UNITS) -> AdjustedScores:
    """Score and planned variance of each session, adjusted. Raises ValueError for a cost or covariate that is NaN."""
    adjusted = adjusted_costs(rows, least_units)
    found = [
        (session, *_session_score(rows, adjusted, session, least_units))
        for session in np.unique(rows.session)
        if len(set(rows.is_challenger[rows.session == session].tolist())) == 2
    ]
    columns = list(zip(*found, strict=True)) or [()] * 5
    return AdjustedScores(np.array(columns[0]), *(np.array(column, np.float64) for column in columns[1:]))


def _session_score(
    rows: AdjustmentRows, adjusted: Float, session: Any, least_units: int
) -> tuple[float, float, float, float]:
    ours, others = ((rows.session == session) & (rows.is_challenger == arm) for arm in (True, False))
    before = (rows.session < session) & ~rows.is_challenger
    residual = rows.cost_bps[before] - rows.covariates[before] @ coefficients(rows, session, least_units)
    spread = float(np.var(residual, ddof=1)) if before.sum() > 1 else np.nan
    variance = spread * (1.0 / ours.sum() + 1.0 / others.sum())
    explained = np.nan
    if before.sum() >= least_units and others.sum() > 1:
        explained = 1.0 - float(np.var(adjusted[others]) / np.var(rows.cost_bps[others]))
    difference = float(adjusted[ours].mean() - adjusted[others].mean())
    plain = float(rows.cost_bps[ours].mean() - rows.cost_bps[others].mean())
    return difference, variance, plain, explained
