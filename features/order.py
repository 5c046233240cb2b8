"""Features of one parent order at a decision: how far it is, how much time is left, where the price went since arrival.

They belong to an order, not to a book row, so they have a catalog of their own and are no columns of `gold.features`;
the decision that read them logs them. `side` is +1 buy, -1 sell; a positive price move is against the order.

Sources: the schedule and its lag are Almgren and Chriss (2001) "Optimal execution of portfolio transactions", section
2.1, with a straight line as the schedule; implementation shortfall, Perold (1988).

    >>> schedule_lag(100.0, 75.0, 0.5), arrival_move_bps(1.0, 100.5, 100.0) > 0.0
    (0.25, True)
"""

from __future__ import annotations

import math

from features.book import BPS
from features.catalog import Feature
from features.compiled import compiled
from features.windows import ratio


@compiled
def remaining_fraction(order_shares: float, remaining_shares: float) -> float:
    """Unfilled shares / order_shares. Shares resting in the market count as unfilled."""
    return ratio(remaining_shares, order_shares)


@compiled
def remaining_time_fraction(elapsed_fraction: float) -> float:
    """Share of the instructed interval that is left; 0 after its end."""
    return max(0.0, 1.0 - elapsed_fraction)


@compiled
def schedule_lag(order_shares: float, remaining_shares: float, elapsed_fraction: float) -> float:
    """Remaining fraction - remaining time fraction: positive is behind a straight line. Not behind a volume curve."""
    return remaining_fraction(order_shares, remaining_shares) - remaining_time_fraction(elapsed_fraction)


@compiled
def participation_so_far(filled_shares: float, market_shares: float) -> float:
    """Own filled shares / shares traded by everybody since arrival. Null where the feed says nothing or none traded."""
    if math.isnan(market_shares):
        return math.nan
    return ratio(filled_shares, market_shares)


@compiled
def arrival_move_bps(side: float, mid: float, arrival_price: float) -> float:
    """1e4 * side * (mid / arrival price - 1): positive is against the order. Our own impact is in it."""
    return BPS * side * (mid / arrival_price - 1.0)


@compiled
def vwap_move_bps(side: float, mid: float, market_vwap_price: float) -> float:
    """1e4 * side * (mid / the day's VWAP so far - 1). Null until the feed has shown what traded and for how much."""
    return BPS * side * (mid / market_vwap_price - 1.0)


ORDER_CATALOG: tuple[Feature, ...] = (
    Feature("remaining_fraction", remaining_fraction, "", "never null", 0, 1),
    Feature("remaining_time_fraction", remaining_time_fraction, "", "never null", 0, 1),
    Feature("schedule_lag", schedule_lag, "", "never null", -1, 1),
    Feature("participation_so_far", participation_so_far, "", "null where nothing is known to have traded", 0, 1e6),
    Feature("arrival_move_bps", arrival_move_bps, "bps", "null where a side of the book is empty", -1e4, 1e6),
    Feature("vwap_move_bps", vwap_move_bps, "bps", "null where nothing is known to have traded", -1e4, 1e6),
)
