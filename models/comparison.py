"""The whole comparison of two policies on the same orders under one fill bound, with its verdict in words.

The primary estimate counts each order once (`models/metrics.py`): the size of an order is drawn at random, so weighting
by notional would hand the answer to the two dearest names. The notional-weighted difference is reported beside it,
never chosen after the fact:  sum(notional * difference) / sum(notional).

"better" needs two things at once: the pessimistic fill bound (`trade_through`) and an interval that excludes zero
(trap 11, trap 7). Slices are descriptive: they carry no interval, because each would be one more test.

    >>> one = np.array([1.0, 2.0])
    >>> same = OrderCosts(one, one, one, np.array(["A", "A"]), one, one, one, one, one, one, one, one)
    >>> compare(same, "trade_through").verdict
    'descriptive'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from models.metrics import MIN_SESSIONS, Paired, cvar_bps, exceedances, is_better, paired

Float = npt.NDArray[np.float64]
Labels = npt.NDArray[Any]
Verdict = Literal["better", "worse", "undecided", "descriptive"]
SIZES = ("small", "medium", "large")
TAIL_QUANTILE = 0.99


@dataclass(frozen=True)
class OrderCosts:
    """The same n orders under two policies. Costs in bps, positive = cost.

    session (n) numbers of the session; symbol, hour: labels of the slices; size: what terciles are cut by, usually
    the drawn participation rate; completion: filled before the instructed end; participation: own share of the market's
    volume, NaN where unknown.
    """

    policy_bps: Float
    benchmark_bps: Float
    session: Float
    symbol: Labels
    hour: Float
    size: Float
    half_spread_bps: Float
    order_notional: Float
    policy_completion: Float
    benchmark_completion: Float
    policy_participation: Float
    benchmark_participation: Float


@dataclass(frozen=True)
class Slice:
    """One part of the orders: `kind` symbol, size or hour. Descriptive, no interval."""

    kind: str
    name: str
    orders: int
    policy_bps: float
    benchmark_bps: float
    difference_bps: float
    difference_half_spreads: float


@dataclass(frozen=True)
class Tail:
    """Dearest orders, unwinsorised. limit_bps: the benchmark's 99 % quantile; each policy's orders above it."""

    policy_cvar_bps: float
    benchmark_cvar_bps: float
    limit_bps: float
    policy_exceedances: int
    benchmark_exceedances: int


@dataclass(frozen=True)
class Finding:
    """What came out, and what may be said about it."""

    fill_bound: str
    paired: Paired
    notional_weighted_difference_bps: float
    difference_half_spreads: float
    tail: Tail
    completion_difference: float
    participation_difference: float
    slices: tuple[Slice, ...]
    verdict: Verdict
    reason: str


def _terciles(size: Float) -> Labels:
    """Small, medium and large by rank, so that equal sizes never make an empty tercile."""
    rank = np.argsort(np.argsort(size, kind="stable"), kind="stable")
    return np.array(SIZES)[np.minimum(rank * len(SIZES) // max(1, len(size)), len(SIZES) - 1)]


def _slice(costs: OrderCosts, kind: str, name: str, members: npt.NDArray[np.bool_]) -> Slice:
    own, other = costs.policy_bps[members], costs.benchmark_bps[members]
    in_spreads = (own - other) / costs.half_spread_bps[members]
    means = (float(own.mean()), float(other.mean()), float((own - other).mean()), float(in_spreads.mean()))
    return Slice(kind, name, int(members.sum()), *means)


def slices(costs: OrderCosts) -> tuple[Slice, ...]:
    """By symbol, by size tercile and by hour, in that order."""
    kinds: dict[str, tuple[Labels, list[Any]]] = {
        "symbol": (costs.symbol, sorted(set(costs.symbol.tolist()))),
        "size": (_terciles(costs.size), list(SIZES)),
        "hour": (costs.hour, sorted(set(costs.hour.tolist()))),
    }
    return tuple(
        _slice(costs, kind, f"{name:g}" if kind == "hour" else str(name), labels == name)
        for kind, (labels, names) in kinds.items()
        for name in names
        if (labels == name).any()
    )


def _tail(costs: OrderCosts) -> Tail:
    limit = float(np.quantile(costs.benchmark_bps, TAIL_QUANTILE))
    return Tail(
        cvar_bps(costs.policy_bps),
        cvar_bps(costs.benchmark_bps),
        limit,
        exceedances(costs.policy_bps, limit),
        exceedances(costs.benchmark_bps, limit),
    )


def judge_difference(result: Paired, fill_bound: str) -> tuple[Verdict, str]:
    """What may be said of a paired difference, and why in words."""
    said = f"{result.difference_bps:+.2f} bps on {result.orders:,} orders of {result.sessions} sessions"
    if result.low_bps is None or result.high_bps is None:
        return "descriptive", f"{said}; no interval below {MIN_SESSIONS} sessions, so this describes and proves nothing"
    said = f"{said}, 95 % interval {result.low_bps:+.2f} to {result.high_bps:+.2f}"
    if result.low_bps > 0.0:
        return "worse", f"{said}: dearer"
    if is_better(result, fill_bound):
        return "better", f"{said}: cheaper under the pessimistic fill bound"
    if result.high_bps < 0.0:
        return "undecided", f"{said}: cheaper, but only trade_through may call it better, and this is {fill_bound}"
    return "undecided", f"{said}: the interval holds zero"


def _mean_difference(own: Float, other: Float) -> float:
    difference = own - other
    known = np.isfinite(difference)
    return float(difference[known].mean()) if known.any() else float("nan")


def compare(costs: OrderCosts, fill_bound: str) -> Finding:
    """Everything about one pair of policies under one fill bound. Raises ContractError when the orders do not pair."""
    result = paired(costs.policy_bps, costs.benchmark_bps, costs.session)
    difference = costs.policy_bps - costs.benchmark_bps
    verdict, reason = judge_difference(result, fill_bound)
    return Finding(
        fill_bound=fill_bound,
        paired=result,
        notional_weighted_difference_bps=float(np.average(difference, weights=costs.order_notional)),
        difference_half_spreads=float((difference / costs.half_spread_bps).mean()),
        tail=_tail(costs),
        completion_difference=_mean_difference(costs.policy_completion, costs.benchmark_completion),
        participation_difference=_mean_difference(costs.policy_participation, costs.benchmark_participation),
        slices=slices(costs),
        verdict=verdict,
        reason=reason,
    )
