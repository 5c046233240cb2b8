"""Paired comparison of two policies on the same orders.

    difference of an order  =  cost_bps(policy) - cost_bps(benchmark)          below zero is cheaper
    estimate                =  mean over orders (each order counts once: size is a stratum, not a weight)
    interval                =  percentiles of the mean under a circular block bootstrap over sessions, stretched

Orders of one session move together (intra-class correlation about 0.3), so the session is what is resampled, in
blocks of `BLOCK_SESSIONS` (Künsch 1989, Annals of Statistics 17; Politis and Romano 1994, JASA 89). Few blocks make
percentiles too narrow, so they are stretched around the estimate by t(blocks - 1) / z * sqrt(blocks / (blocks - 1)),
as for a mean of that many values. Measured with heavy-tailed sessions, nominal 95 %: 95.5 % at 20 independent sessions
(92 % unstretched), 93 % where sessions correlate by 0.3. Below `MIN_SESSIONS` there is no interval at all (trap 7).
Tail: CVaR and exceedances, never winsorised. Slices by symbol, size and hour, and the verdict: `models/comparison.py`.

    >>> paired([1.0, 3.0], [2.0, 2.0], sessions=[1, 1]).difference_bps
    0.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from infra.errors import ContractError

Float = npt.NDArray[np.float64]
MIN_SESSIONS = 20
BLOCK_SESSIONS = 2
"""Two, because effects carry over to the next session, and 20 sessions leave ten blocks, the fewest that cover."""
DRAWS = 4000
CONFIDENCE = 0.95
TAIL = 0.95
SEED = 20_121


@dataclass(frozen=True)
class Paired:
    """Policy minus benchmark on the same orders, bps. low and high are None without an interval, `why` says why."""

    orders: int
    sessions: int
    policy_bps: float
    benchmark_bps: float
    difference_bps: float
    low_bps: float | None
    high_bps: float | None
    why_no_interval: str
    session_differences_bps: tuple[float, ...]


def paired(
    policy: Sequence[float] | Float, benchmark: Sequence[float] | Float, sessions: Sequence[int] | Float
) -> Paired:
    """Compare costs (n) of the same orders, row by row; `sessions` (n) numbers the session of each order.

    Raises ContractError when the three differ in length or are empty.
    """
    own, other, session = np.asarray(policy, float), np.asarray(benchmark, float), np.asarray(sessions)
    if not len(own) == len(other) == len(session) > 0:
        raise ContractError(
            "costs to compare are not paired",
            which="policy, benchmark, sessions",
            found=f"{len(own)}, {len(other)} and {len(session)} orders",
            allowed="the same orders in all three, one or more",
            next_step="compare only rows with the same order_set_hash",
        )
    difference = own - other
    _, place = np.unique(session, return_inverse=True)
    sums, counts = np.bincount(place, difference).astype(np.float64), np.bincount(place).astype(np.float64)
    low, high = (None, None) if len(sums) < MIN_SESSIONS else block_bootstrap(sums, counts)
    why = "" if low is not None else f"{len(sums)} sessions, an interval needs {MIN_SESSIONS}"
    means = (float(own.mean()), float(other.mean()), float(difference.mean()))
    return Paired(len(own), len(sums), *means, low, high, why, tuple((sums / counts).tolist()))


def block_bootstrap(sums: Float, counts: Float, seed: int = SEED, draws: int = DRAWS) -> tuple[float, float]:
    """Interval of the mean over orders: sums and counts (s) of differences in s sessions, in time order."""
    total, rng = len(sums), np.random.default_rng(seed)
    blocks = -(-total // BLOCK_SESSIONS)
    starts = rng.integers(0, total, size=(draws, blocks))
    chosen = (starts[:, :, None] + np.arange(BLOCK_SESSIONS)).reshape(draws, -1)[:, :total] % total
    means = sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
    edge = 100.0 * (1.0 - CONFIDENCE) / 2.0
    estimate, stretched = float(sums.sum() / counts.sum()), _stretch(total / BLOCK_SESSIONS)
    low, high = estimate + stretched * (np.percentile(means, [edge, 100.0 - edge]) - estimate)
    return float(low), float(high)


def _stretch(blocks: float) -> float:
    from scipy.special import ndtri, stdtrit

    upper = (1.0 + CONFIDENCE) / 2.0
    return float(stdtrit(blocks - 1.0, upper) / ndtri(upper) * np.sqrt(blocks / (blocks - 1.0)))


def cvar_bps(costs: Float, tail: float = TAIL) -> float:
    """Mean of the dearest 5 % of the orders (Rockafellar and Uryasev 2000); NaN without orders."""
    if len(costs) == 0:
        return float("nan")
    ordered = np.sort(costs)
    return float(ordered[min(len(ordered) - 1, int(tail * len(ordered))) :].mean())


def exceedances(costs: Float, limit_bps: float) -> int:
    """Orders that cost more than the limit, unwinsorised."""
    return int((costs > limit_bps).sum())


def is_better(comparison: Paired, fill_bound: str) -> bool:
    """Whether "better" may be said: pessimistic bound, an interval, and all of it below zero."""
    return fill_bound == "trade_through" and comparison.high_bps is not None and comparison.high_bps < 0.0
