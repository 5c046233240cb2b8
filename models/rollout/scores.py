"""From orders to the score of a session: units by assigned arm, their difference within strata, its planned variance.

    unit cost      y_u = mean arrival cost of the unit's orders, in bps, the forced completion of the rest included
    score          x = sum_s w_s (mean of challenger's y in stratum s - mean of champion's), w_s = share of units in s
    variance       v = sum_s w_s^2 sigma_s^2 (1 / challenger's units + 1 / champion's units) + tau^2

Strata are sizes (small, medium, large). A stratum in which one arm has no unit says nothing and is left out; that
depends on the draw alone, never on a cost. sigma_s comes from units of earlier sessions, so v is known before the
session's costs are; any such v is valid for the betting tests, a wrong one only makes them slow.

Orders are counted in the arm that they were assigned to, whoever worked them in the end: overrides, rejects and what
the champion took over after a rollback stay where they were (analysis by assigned arm).

    >>> told = UnitCosts(np.array(["a", "b"]), np.array(["challenger", "champion"]), np.array(["small", "small"]),
    ...                  np.array([1.0, 4.0]), np.array([1e5, 1e5]))
    >>> score(told, "challenger", "champion", Spread({"small": 8.0}, 0.0))
    Score(difference_bps=-3.0, variance=16.0, units=1, other_units=1)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Labels = npt.NDArray[Any]
STRATA = ("small", "medium", "large")
LEAST_UNITS_OF_SPREAD = 30
"""Units of a stratum from which its own spread is taken; below, all strata together tell it better."""


@dataclass(frozen=True)
class OrderRows:
    """n eligible parent orders of one session; cost in bps, notional in currency, arm as assigned."""

    unit: Labels
    arm: Labels
    stratum: Labels
    cost_bps: Float
    notional: Float


@dataclass(frozen=True)
class UnitCosts:
    """u units of one session. stratum: that of the unit's largest order. notional: of all of its orders."""

    unit: Labels
    arm: Labels
    stratum: Labels
    cost_bps: Float
    notional: Float

    def count(self, arm: str, stratum: str | None = None) -> int:
        """Units of an arm, of one stratum or of all."""
        mine = self.arm == arm
        return int((mine if stratum is None else mine & (self.stratum == stratum)).sum())

    def mean_bps(self, arm: str) -> float:
        """Mean unit cost of an arm, NaN without units."""
        mine = self.cost_bps[self.arm == arm]
        return float(mine.mean()) if len(mine) else float("nan")


@dataclass(frozen=True)
class Spread:
    """Variance of unit costs by stratum (bps squared), and of the effect from session to session (tau squared)."""

    by_stratum: Mapping[str, float]
    tau_squared: float


@dataclass(frozen=True)
class Score:
    """One session's difference of two arms and its planned variance; None where no stratum has units of both."""

    difference_bps: float | None
    variance: float | None
    units: int
    other_units: int


def unit_costs(rows: OrderRows) -> UnitCosts:
    """Units of the session, in the order of their names."""
    names, place = np.unique(rows.unit.astype(str), return_inverse=True)
    counts = np.bincount(place, minlength=len(names)).astype(np.float64)
    cost = np.bincount(place, rows.cost_bps, minlength=len(names)) / np.maximum(counts, 1.0)
    by_size = np.lexsort((rows.notional, place))
    largest = by_size[np.searchsorted(place[by_size], np.arange(len(names)), side="right") - 1]
    notional = np.bincount(place, rows.notional, minlength=len(names)).astype(np.float64)
    return UnitCosts(names, rows.arm[largest], rows.stratum[largest], cost, notional)


def spread_of(cost_bps: Float, stratum: Labels, tau_bps: float = 0.0) -> Spread | None:
    """Spread of units of earlier sessions; None below two units. tau_bps: sd of the effect between sessions."""
    if len(cost_bps) < 2:
        return None
    whole = float(np.var(cost_bps, ddof=1))
    found = {}
    for name in STRATA:
        mine = cost_bps[stratum == name]
        found[name] = float(np.var(mine, ddof=1)) if len(mine) >= LEAST_UNITS_OF_SPREAD else whole
    return Spread(found, tau_bps**2)


def score(units: UnitCosts, arm: str, other: str, spread: Spread) -> Score:
    """Difference `arm` less `other` within strata, and its planned variance."""
    used = [name for name in STRATA if units.count(arm, name) and units.count(other, name)]
    if not used:
        return Score(None, None, units.count(arm), units.count(other))
    both = (units.arm == arm) | (units.arm == other)
    weight = np.array([float((both & (units.stratum == name)).sum()) for name in used])
    weight /= weight.sum()
    difference, variance = 0.0, spread.tau_squared
    for name, share in zip(used, weight, strict=True):
        mine, theirs = (units.cost_bps[(units.arm == one) & (units.stratum == name)] for one in (arm, other))
        difference += share * float(mine.mean() - theirs.mean())
        variance += share**2 * spread.by_stratum[name] * (1.0 / len(mine) + 1.0 / len(theirs))
    return Score(float(difference), float(variance), units.count(arm), units.count(other))


def excess_notional(units: UnitCosts, found: Score, arm: str) -> float | None:
    """What the arm's units cost more than the other arm's would have, in currency."""
    if found.difference_bps is None:
        return None
    return found.difference_bps * 1e-4 * float(units.notional[units.arm == arm].sum())
