"""The one cost algebra: label, backtest, gate, report and monitor all call these functions.

Sign: positive = cost, for buys and sells alike; `side` is +1 (buy) or -1 (sell).

    slippage_bps = side * (price - reference) / reference * 1e4
    arrival cost = side * (filled + completion - shares * arrival) + fees,  over shares * arrival, in bps

Arrival cost is Perold's implementation shortfall (1988, "The implementation shortfall: paper versus reality",
J. Portfolio Management 14(3)) with one decision: what the policy left open is not free. It is priced as forced
completion at the instructed end: it walks the far side that the book shows, takes what is not shown at the worst
price shown, pays a stated impact on top, and the taker fee. A policy that waits for ever therefore pays for it.

What it is not: a forecast (see `models/impact.py`), nor the P&L of a strategy: no market move is taken out.

    >>> round(slippage_bps(1.0, 10.01, 10.00), 6), round(slippage_bps(-1.0, 10.01, 10.00), 6)
    (10.0, -10.0)
    >>> round(arrival_cost_bps(1.0, 200.0, 10.0, 1001.0, 0.3, 1002.0, 0.3), 6)
    18.0

Every function is compiled and takes numbers or float64 arrays of one shape alike (pandas callers pass `.to_numpy()`).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

Float = npt.NDArray[np.float64]
FloatOrArray = TypeVar("FloatOrArray", float, npt.NDArray[np.float64])

BUY, SELL = 1.0, -1.0
BPS = 1e4


@njit(cache=True)
def slippage_bps(side: FloatOrArray, price: FloatOrArray, reference: FloatOrArray) -> FloatOrArray:
    """How much worse than `reference` a price is, in bps of the reference; positive = cost."""
    return side * (price - reference) / reference * BPS


@njit(cache=True)
def mid_price(bid: FloatOrArray, ask: FloatOrArray) -> FloatOrArray:
    """Middle of the best quotes; NaN where a side is missing."""
    return (bid + ask) / 2.0


@njit(cache=True)
def half_spread_bps(bid: FloatOrArray, ask: FloatOrArray) -> FloatOrArray:
    """Half the spread in bps of the mid: what crossing once costs."""
    return (ask - bid) / (ask + bid) * BPS


@njit(cache=True)
def in_half_spreads(cost_bps: FloatOrArray, half_spread: FloatOrArray) -> FloatOrArray:
    """A cost in units of the half-spread, so that one-tick names do not drown the others; the spread must be > 0."""
    return cost_bps / half_spread


@njit(cache=True)
def fee_bps(side: float, is_maker: bool, maker_bps: float, taker_bps: float, sell_tax_bps: float) -> float:
    """Fee of one fill in bps of its notional: maker (below zero: a rebate) or taker fee, and the sellers' tax."""
    fee = maker_bps if is_maker else taker_bps
    return fee + sell_tax_bps if side < 0.0 else fee


@njit(cache=True)
def fee_notional(
    side: float, is_maker: bool, notional: float, maker_bps: float, taker_bps: float, sell_tax_bps: float
) -> float:
    """Fee of one fill in currency."""
    return float(notional * fee_bps(side, is_maker, maker_bps, taker_bps, sell_tax_bps) / BPS)


@njit(cache=True)
def fees_notional(
    side: Float,
    is_maker: npt.NDArray[np.bool_],
    notional: Float,
    maker_bps: float,
    taker_bps: float,
    sell_tax_bps: float,
) -> Float:
    """(n) fees of n fills in currency."""
    fees = np.empty(len(notional))
    for place in range(len(notional)):
        fees[place] = fee_notional(side[place], is_maker[place], notional[place], maker_bps, taker_bps, sell_tax_bps)
    return fees


@njit(cache=True)
def walk_notional(shares: float, prices: Float, sizes: Float) -> float:
    """Currency paid for `shares` from one side of the book, best level first; what is not shown costs its worst price.

    prices, sizes (levels): NaN ends the visible book. NaN when nothing is shown and `shares` > 0.
    """
    left, notional, worst = shares, 0.0, np.nan
    for level in range(len(prices)):
        if not np.isfinite(prices[level]) or left <= 0.0:
            break
        worst = prices[level]
        taken = min(left, sizes[level])
        notional += taken * worst
        left -= taken
    return notional if left <= 0.0 else notional + left * worst


@njit(cache=True)
def completion_notional(side: float, shares: float, prices: Float, sizes: Float, impact_bps: float) -> float:
    """Forced completion of `shares` against the far side, each price moved against us by the stated impact (>= 0)."""
    return float(walk_notional(shares, prices, sizes) * (1.0 + side * impact_bps / BPS))


@njit(cache=True)
def arrival_cost_bps(
    side: FloatOrArray,
    order_shares: FloatOrArray,
    arrival_price: FloatOrArray,
    filled_notional: FloatOrArray,
    fill_fees: FloatOrArray,
    completed_notional: FloatOrArray,
    completion_fees: FloatOrArray,
) -> FloatOrArray:
    """Arrival cost of a whole order in bps of `order_shares * arrival_price`.

    filled_notional and completed_notional together must stand for exactly `order_shares`; fees are positive = cost.
    """
    decided = order_shares * arrival_price
    paid = side * (filled_notional + completed_notional - decided) + fill_fees + completion_fees
    return paid / decided * BPS
