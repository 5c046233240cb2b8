"""What a desk's flow is like, as far as a rollout needs it: units a session, their spread, what they are worth.

A unit (account or basket, symbol, side, session) holds one or more orders, and its cost is their mean. Orders of one
unit move together, so counting orders instead of units takes the evidence for more than it is:

    sigma_unit^2 = sigma_order^2 * (1 + (m - 1) * icc) / m         m orders a unit (Kish 1965, Survey Sampling, ch. 5)

Units of one symbol and side of a session move together as well (`cluster_share`). Because each unit is drawn into its
arm alone, that widens nothing (the draw spreads every cluster over both arms); it is simulated all the same.

    >>> flow = flow_of_orders(orders=200.0, sigma_order_bps=20.0)
    >>> round(flow.units), round(flow.sigma_bps, 2)
    (100, 16.12)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Labels = npt.NDArray[Any]
ORDERS_PER_UNIT, ORDER_SHARE, CLUSTER_SHARE, CLUSTER_UNITS = 2.0, 0.3, 0.15, 6.0
"""Where a desk has no history: two orders a unit that correlate by 0.3, as measured on recorded books."""
TAU_BPS = 1.0
"""Effects of one recipe scatter by about 1 bp from session to session; a desk's own past rollouts say it better."""
LEAST_SESSIONS = 20
"""Fewer sessions tell the spread of a unit's cost to worse than a tenth where units are few."""


@dataclass(frozen=True)
class DeskFlow:
    """Eligible flow of one session. units: before the benchmark hold-out is taken off. sigma_bps: sd of a unit's cost.

    cluster_share: part of that variance that units of one symbol and side share; cluster_units: how many those are.
    tau_bps: sd of the true effect between sessions, for planning and for v. degrees: of the Student t that has the
    units' tails, infinity for normal. unit_notional: mean value of a unit in currency. large_share: units of the
    stratum of large orders. sessions: that it was measured over, 0 where it was stated.
    """

    units: float
    sigma_bps: float
    cluster_share: float = CLUSTER_SHARE
    cluster_units: float = CLUSTER_UNITS
    tau_bps: float = TAU_BPS
    degrees: float = math.inf
    unit_notional: float = 1e6
    large_share: float = 1.0 / 3.0
    sessions: int = 0


def flow_of_orders(
    orders: float, sigma_order_bps: float, orders_per_unit: float = ORDERS_PER_UNIT, icc: float = ORDER_SHARE
) -> DeskFlow:
    """Flow of a desk that is known by its orders a session and their spread only."""
    sigma = sigma_order_bps * math.sqrt((1.0 + (orders_per_unit - 1.0) * icc) / orders_per_unit)
    return DeskFlow(orders / orders_per_unit, sigma)


@dataclass(frozen=True)
class UnitRows:
    """u units of earlier sessions: label of session and of cluster (symbol and side), cost, value, any large order."""

    session: Labels
    cluster: Labels
    cost_bps: Float
    notional: Float
    is_large: npt.NDArray[np.bool_]


def degrees_of(excess_kurtosis: float) -> float:
    """Degrees of freedom of the Student t with this excess kurtosis, 6 / (degrees - 4); never below 4.5."""
    return math.inf if not excess_kurtosis > 0.0 else max(4.5, 4.0 + 6.0 / excess_kurtosis)


def _within(values: Float, labels: Labels) -> tuple[Float, int]:
    """Deviations from the mean of each label, and how many labels there are."""
    names, place = np.unique(labels, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    return values - (np.bincount(place, values) / counts)[place], len(names)


def measured_flow(rows: UnitRows, tau_bps: float = TAU_BPS) -> DeskFlow | None:
    """Flow of a desk from its own units; None below `LEAST_SESSIONS` sessions or where a cost is not finite.

    The spread is within sessions, because what moves all units of a session alike cancels between the arms.
    """
    sessions = len(np.unique(rows.session))
    if sessions < LEAST_SESSIONS or not (np.isfinite(rows.cost_bps).all() and np.isfinite(rows.notional).all()):
        return None
    units = len(rows.cost_bps)
    deviation, days = _within(rows.cost_bps, rows.session)
    variance = float((deviation**2).sum() / (units - days))
    both = np.array([f"{day}|{name}" for day, name in zip(rows.session, rows.cluster, strict=True)])
    inner, clusters = _within(rows.cost_bps, both)
    inside = float((inner**2).sum() / max(1, units - clusters))
    kurtosis = float((deviation**4).mean() / (deviation**2).mean() ** 2 - 3.0)
    return replace(
        DeskFlow(units / sessions, math.sqrt(variance)),
        cluster_share=min(1.0, max(0.0, 1.0 - inside / variance)),
        cluster_units=max(1.0, units / clusters),
        tau_bps=tau_bps,
        degrees=degrees_of(kurtosis),
        unit_notional=float(rows.notional.mean()),
        large_share=float(rows.is_large.mean()),
        sessions=sessions,
    )
