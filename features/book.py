"""What one look at the book says: price, balance, depth, steepness.

Arrays run over levels, level 1 first; a level that is not shown is NaN in price and 0 in shares. A side is empty when
its first price is NaN. Where a side is empty there is no mid, and everything that needs one is null: a missing bid
is not the mid, and an imbalance of one is not what a locked book says.

Sources: weighted mid, Gatheral and Oomen (2010) "Zero-intelligence realized variance estimation", section 2;
microprice, Stoikov (2018) "The micro-price", section 2 (its adjustment, fitted per symbol: `microprice.py`);
imbalance, Cartea, Jaimungal and Penalva (2015) "Algorithmic and High-Frequency Trading", section 3.6;
slope, after Næs and Skjeltorp (2006) "Order book characteristics and the volume-volatility relation", section 3;
curvature is ours: how far the cumulative depth bends away from the straight line that the slope draws.

    >>> spread_bps(99.0, 101.0, 100.0), imbalance_1(5.0, 15.0, 100.0)
    (200.0, -0.5)
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from features.compiled import compiled
from features.windows import ratio

Levels = npt.NDArray[np.float64]
BPS = 1e4


@compiled
def mid_price(bid_price_1: float, ask_price_1: float) -> float:
    """Middle of the best prices, currency per share; NaN where a side is empty."""
    return (bid_price_1 + ask_price_1) / 2.0


@compiled
def shown_shares(shares: Levels, levels: int) -> float:
    """Shares at the first `levels` levels of one side, NaN in a feed with fewer levels."""
    if len(shares) < levels:
        return math.nan
    total = 0.0
    for level in range(levels):
        total += shares[level]
    return total


@compiled
def top_shares(shares: Levels) -> float:
    """Shares at the first five levels of one side, or at all that the feed has."""
    return shown_shares(shares, min(5, len(shares)))


@compiled
def bid_shares_5(bid_shares: Levels) -> float:
    """Shares at up to five bids."""
    return top_shares(bid_shares)


@compiled
def ask_shares_5(ask_shares: Levels) -> float:
    """Shares at up to five asks."""
    return top_shares(ask_shares)


@compiled
def best_depth_shares(bid_shares_1: float, ask_shares_1: float, mid: float) -> float:
    """Mean size of the two best queues, shares; NaN where a side is empty or shows no size."""
    if math.isnan(mid) or bid_shares_1 <= 0.0 or ask_shares_1 <= 0.0:
        return math.nan
    return (bid_shares_1 + ask_shares_1) / 2.0


@compiled
def depth_5_shares(bid_shares_5: float, ask_shares_5: float, best_depth_shares: float) -> float:
    """Mean shares over up to five levels of a side; NaN where a side is empty or shows no size."""
    if math.isnan(best_depth_shares):
        return math.nan
    return (bid_shares_5 + ask_shares_5) / 2.0


@compiled
def spread_bps(bid_price_1: float, ask_price_1: float, mid: float) -> float:
    """1e4 * (ask - bid) / mid. Quoted, not effective: what crossing costs beyond the first level is not in it."""
    return BPS * (ask_price_1 - bid_price_1) / mid


@compiled
def microprice_offset_bps(
    bid_price_1: float, bid_shares_1: float, ask_price_1: float, ask_shares_1: float, mid: float
) -> float:
    """1e4 * ((bid * ask_shares + ask * bid_shares) / (bid_shares + ask_shares) - mid) / mid, level 1.

    The weighted mid of Gatheral and Oomen; it is a martingale only by assumption (Stoikov adjusts it).
    """
    weight = ratio(bid_shares_1, bid_shares_1 + ask_shares_1)
    weighted = bid_price_1 + weight * (ask_price_1 - bid_price_1)
    return BPS * (weighted - mid) / mid


@compiled
def _imbalance(bid: float, ask: float, mid: float) -> float:
    if math.isnan(mid):
        return math.nan
    return ratio(bid - ask, bid + ask)


@compiled
def imbalance_1(bid_shares_1: float, ask_shares_1: float, mid: float) -> float:
    """(bid - ask) / (bid + ask) of the shares at the best prices, in [-1, 1]. It counts shares, not orders."""
    return _imbalance(bid_shares_1, ask_shares_1, mid)


@compiled
def imbalance_5(bid_shares: Levels, ask_shares: Levels, mid: float) -> float:
    """The same over five levels. Null in a feed with fewer; in a thin book over the levels that are shown."""
    return _imbalance(shown_shares(bid_shares, 5), shown_shares(ask_shares, 5), mid)


@compiled
def imbalance_10(bid_shares: Levels, ask_shares: Levels, mid: float) -> float:
    """The same over ten levels. Null in a feed with fewer; in a thin book over the levels that are shown."""
    return _imbalance(shown_shares(bid_shares, 10), shown_shares(ask_shares, 10), mid)


@compiled
def depth_notional(bid_shares_5: float, ask_shares_5: float, mid: float) -> float:
    """mid * shares at up to five levels of both sides, currency. Resting size, not what would trade at mid."""
    return mid * (bid_shares_5 + ask_shares_5)


@compiled
def relative_depth_5(depth_5_shares: float, depth_5_shares_mean_300s: float) -> float:
    """Shares over five levels now / their mean over 300 s. Not comparable with the day's usual depth at this hour."""
    return ratio(depth_5_shares, depth_5_shares_mean_300s)


@compiled
def bid_queue(bid_shares_1: float, mid: float, best_depth_shares_mean_300s: float) -> float:
    """Shares at the best bid / mean best queue over 300 s. The whole queue, not our place in it."""
    if math.isnan(mid):
        return math.nan
    return ratio(bid_shares_1, best_depth_shares_mean_300s)


@compiled
def ask_queue(ask_shares_1: float, mid: float, best_depth_shares_mean_300s: float) -> float:
    """Shares at the best ask / mean best queue over 300 s. The whole queue, not our place in it."""
    if math.isnan(mid):
        return math.nan
    return ratio(ask_shares_1, best_depth_shares_mean_300s)


@compiled
def _slope(price: Levels, shares: Levels) -> float:
    deepest = 0
    for level in range(1, min(5, len(price))):
        if not math.isnan(price[level]):
            deepest = level
    if deepest == 0:
        return math.nan
    behind = 1.0 - ratio(shares[0], shown_shares(shares, deepest + 1))
    return ratio(behind, BPS * abs(price[deepest] / price[0] - 1.0))


@compiled
def bid_slope(bid_price: Levels, bid_shares: Levels) -> float:
    """Share of the depth of up to five bids that rests behind the best, per bps from the best to the deepest.

    A linear form of Næs and Skjeltorp's slope (theirs averages log volumes level by level). Null with one level.
    """
    return _slope(bid_price, bid_shares)


@compiled
def ask_slope(ask_price: Levels, ask_shares: Levels) -> float:
    """Share of the depth of up to five asks that rests behind the best, per bps from the best to the deepest.

    A linear form of Næs and Skjeltorp's slope (theirs averages log volumes level by level). Null with one level.
    """
    return _slope(ask_price, ask_shares)


@compiled
def _curvature(price: Levels, shares: Levels) -> float:
    deepest = 0
    for level in range(1, min(5, len(price))):
        if not math.isnan(price[level]):
            deepest = level
    if deepest < 2:
        return math.nan
    half, near, behind = abs(price[deepest] - price[0]) / 2.0, 0.0, 0.0
    for level in range(1, deepest + 1):
        behind += shares[level]
        if abs(price[level] - price[0]) <= half:
            near += shares[level]
    return ratio(near, behind) - 0.5


@compiled
def bid_curvature(bid_price: Levels, bid_shares: Levels) -> float:
    """Of the depth behind the best bid (up to five levels), the share in the nearer half of its span, less 1/2.

    Positive: the cumulative depth rises early and flattens (concave); negative: it waits far from the best. Where every
    price is quoted with the same size it is 0 over five levels. It does not say how much depth there is.
    """
    return _curvature(bid_price, bid_shares)


@compiled
def ask_curvature(ask_price: Levels, ask_shares: Levels) -> float:
    """Of the depth behind the best ask (up to five levels), the share in the nearer half of its span, less 1/2.

    Positive: the cumulative depth rises early and flattens (concave); negative: it waits far from the best. Where every
    price is quoted with the same size it is 0 over five levels. It does not say how much depth there is.
    """
    return _curvature(ask_price, ask_shares)
