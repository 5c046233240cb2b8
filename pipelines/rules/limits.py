"""Books with one side: what the market does at its price limit, and what a feed does that lost half of itself.

On a market with a daily price limit of a fraction f of the previous close p, on a grid of ticks,

    highest = round(p (1 + f)),   lowest = round(p (1 - f))        to the tick, halves up

a symbol that is locked at the highest price has bids there and no ask; at the lowest it has asks and no bid. Such a row
is good. An empty side anywhere else is good too, since a thin book may be empty, but its share is worth a look.

    >>> limit_price(np.array([10.04, 2.25]), 0.10, 0.01).tolist()
    [11.04, 2.48]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from infra.markets import Market
from pipelines.rules.catalog import Finding
from pipelines.rules.ordering import Float, numbers
from pipelines.rules.releases import Mask

BOOKS = "book_snapshots"
HALF_UP = 1e-6
"""Because 1.15 x 1.1 is 1.265 on paper and a trifle less in binary; a millionth of a tick is no price."""


@dataclass(frozen=True)
class PriceLimit:
    """How far from its previous close a symbol may trade in a day, as a fraction, up and down alike."""

    fraction: float
    because: str


PRICE_LIMITS: dict[str, PriceLimit] = {
    "ashare": PriceLimit(
        0.10,
        "ten per cent on the main boards of Shanghai and Shenzhen; in 56 recorded days all 20,466 empty ask sides and "
        "all 2,975 empty bid sides stand at exactly that price",
    ),
}
"""Markets that are not here have no limit of this kind, so nothing explains an empty side of theirs."""


def limit_price(previous_close: Float, fraction: float, tick: float) -> Float:
    """(n,) the previous close moved by a fraction (negative: down), on the grid, halves up."""
    found: Float = np.round(np.floor(previous_close * (1 + fraction) / tick + 0.5 + HALF_UP) * tick, 6)
    return found


def _is_locked(books: pa.Table, market: Market, other_side: Float, sign: int) -> Mask:
    """(n,) whether the side that is there stands at the limit; no without a limit or a previous close."""
    limit = PRICE_LIMITS.get(market.name)
    if limit is None:
        return np.zeros(books.num_rows, dtype=bool)
    at = limit_price(numbers(books, "previous_close_price"), sign * limit.fraction, market.tick)
    return np.asarray(np.abs(other_side - at) < market.tick / 2)


def empty_side_findings(books: pa.Table, market: Market) -> list[Finding]:
    """Good rows with one side: how many are locked at the price limit, and what share is not."""
    bid, ask = numbers(books, "bid_price_1"), numbers(books, "ask_price_1")
    no_ask, no_bid = np.isnan(ask) & ~np.isnan(bid), np.isnan(bid) & ~np.isnan(ask)
    up = no_ask & _is_locked(books, market, bid, 1)
    down = no_bid & _is_locked(books, market, ask, -1)
    locked = f"{up.sum():,} rows without an ask at the highest price, {down.sum():,} without a bid at the lowest"
    asks, bids = int((no_ask & ~up).sum()), int((no_bid & ~down).sum())
    share = (asks + bids) / max(books.num_rows, 1)
    lost = f"{asks:,} rows without an ask and {bids:,} without a bid away from a limit: {share:.2%} of the day"
    found = [
        Finding("side_empty_at_limit", BOOKS, float((up | down).sum()), None, locked),
        Finding("side_empty", BOOKS, share, 0.0, lost),
    ]
    return [one for one in found if one.figure]
