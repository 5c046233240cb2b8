"""The market without us: the book minus our own resting orders, the tape minus our own fills.

A model that reads its own order as somebody's interest learns to follow itself. So market features are computed on
what is left when, at each row, what rests of our child orders is taken off the level at their price (a level that was
ours alone disappears, and those behind it move up), and our fills are taken off the trades that printed them: the
same price, the nearest print within a second, as often as it takes.

What it cannot do: bring back a level that our order pushed out of the feed's last one (it stays null), or know what
others would have done without us; impact is `models/impact.py`'s. Where the book shows less at our price than rests of
ours, the clocks differ, and the level is taken off whole.

    >>> import numpy as np
    >>> price, shares = np.array([10.0, 9.9]), np.array([300.0, 500.0])
    >>> take_off(price, shares, 10.0, 300.0); price.tolist(), shares.tolist()
    ([9.9, nan], [500.0, 0.0])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from numba import njit

from features.market_day import SymbolDay

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

PRINT_WITHIN_NS = 1_000_000_000
"""A print farther from our fill than a second is another's, because venues publish within milliseconds."""
SAME_PRICE = 1e-6


@dataclass(frozen=True)
class OwnOrders:
    """Our child orders of one symbol (o) and their fills (f).

    start_ns, end_ns (o) int64 UTC, resting from the one up to the other; side (o) +1 bid, -1 ask; price, shares (o).
    fill_order (f) place of the order filled, fill_ns, fill_price, fill_shares (f), in time order.
    """

    start_ns: Longs
    end_ns: Longs
    side: Longs
    price: Floats
    shares: Floats
    fill_order: Longs
    fill_ns: Longs
    fill_price: Floats
    fill_shares: Floats


@njit(cache=True)
def take_off(price: Floats, shares: Floats, at_price: float, own_shares: float) -> None:
    """Take our shares off the level at a price of one side of one row, in place."""
    for level in range(len(price)):
        if abs(price[level] - at_price) > SAME_PRICE or math.isnan(price[level]):
            continue
        shares[level] -= own_shares
        if shares[level] > SAME_PRICE:
            return
        for behind in range(level, len(price) - 1):
            price[behind], shares[behind] = price[behind + 1], shares[behind + 1]
        price[-1], shares[-1] = math.nan, 0.0
        return


@njit(cache=True)
def _resting(order: int, at_ns: int, shares: Floats, fill_order: Longs, fill_ns: Longs, fill_shares: Floats) -> float:
    left = shares[order]
    for fill in range(len(fill_ns)):
        if fill_ns[fill] > at_ns:
            break
        if fill_order[fill] == order:
            left -= fill_shares[fill]
    return left


@njit(cache=True)
def _clear_book(
    times_ns: Longs,
    start_ns: Longs,
    end_ns: Longs,
    side: Longs,
    price: Floats,
    shares: Floats,
    fill_order: Longs,
    fill_ns: Longs,
    fill_shares: Floats,
    bid_price: Floats,
    bid_shares: Floats,
    ask_price: Floats,
    ask_shares: Floats,
) -> None:
    for order in range(len(start_ns)):
        first, last = np.searchsorted(times_ns, start_ns[order]), np.searchsorted(times_ns, end_ns[order])
        for row in range(first, last):
            left = _resting(order, times_ns[row], shares, fill_order, fill_ns, fill_shares)
            if left > SAME_PRICE and side[order] > 0:
                take_off(bid_price[row], bid_shares[row], price[order], left)
            elif left > SAME_PRICE:
                take_off(ask_price[row], ask_shares[row], price[order], left)


@njit(cache=True)
def _clear_tape(
    times_ns: Longs, price: Floats, shares: Floats, fill_ns: Longs, fill_price: Floats, own: Floats
) -> None:
    for fill in range(len(fill_ns)):
        left = own[fill]
        while left > SAME_PRICE:
            nearest, distance = -1, PRINT_WITHIN_NS + 1
            first = np.searchsorted(times_ns, fill_ns[fill] - PRINT_WITHIN_NS)
            for trade in range(first, len(times_ns)):
                apart = abs(times_ns[trade] - fill_ns[fill])
                if times_ns[trade] > fill_ns[fill] + PRINT_WITHIN_NS:
                    break
                if shares[trade] > 0.0 and abs(price[trade] - fill_price[fill]) <= SAME_PRICE and apart < distance:
                    nearest, distance = trade, apart
            if nearest < 0:
                break
            taken = min(left, shares[nearest])
            shares[nearest] -= taken
            left -= taken


def _row_totals(day: SymbolDay, own: OwnOrders) -> tuple[Floats, Floats]:
    """Shares and notional traded since the row before, without our fills, where the feed tells them by row."""
    rows = np.searchsorted(day.times_ns, own.fill_ns)
    inside = rows < day.rows
    shares, notional = np.zeros(day.rows), np.zeros(day.rows)
    np.add.at(shares, rows[inside], own.fill_shares[inside])
    np.add.at(notional, rows[inside], own.fill_shares[inside] * own.fill_price[inside])
    return np.maximum(day.traded_shares - shares, 0.0), np.maximum(day.traded_notional - notional, 0.0)


def without_own(day: SymbolDay, own: OwnOrders) -> SymbolDay:
    """The day as it would have looked with nobody but the others in it; `day` itself is left alone."""
    if len(own.start_ns) == 0:
        return day
    book = [np.array(side) for side in (day.bid_price, day.bid_shares, day.ask_price, day.ask_shares)]
    orders = (own.start_ns, own.end_ns, own.side, own.price, own.shares)
    _clear_book(day.times_ns, *orders, own.fill_order, own.fill_ns, own.fill_shares, *book)
    prints = np.array(day.trade_shares)
    _clear_tape(day.trade_times_ns, day.trade_price, prints, own.fill_ns, own.fill_price, own.fill_shares)
    left = prints > 0.0
    traded_shares, traded_notional = _row_totals(day, own)
    return replace(
        day,
        bid_price=book[0],
        bid_shares=book[1],
        ask_price=book[2],
        ask_shares=book[3],
        traded_shares=traded_shares,
        traded_notional=traded_notional,
        trade_times_ns=day.trade_times_ns[left],
        trade_price=day.trade_price[left],
        trade_shares=prints[left],
        trade_sign=day.trade_sign[left],
    )
