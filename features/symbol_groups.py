"""Which symbols share a sketch: each its own where there are few, tenths by liquidity where there are many.

A sketch a symbol is what a person looks at; with thousands of symbols it is more than anybody looks at, and most hold
too few rows to say anything. Liquidity is what the day itself shows (a figure a symbol, larger is more liquid), and
groups are of equal size, so a group is "the thinnest tenth of today", not a fixed list of names.

    >>> symbol_groups({"AAA": 9.0, "BBB": 1.0})
    {'AAA': 'AAA', 'BBB': 'BBB'}
    >>> symbol_groups({"AAA": 9.0, "BBB": 1.0}, most=1)
    {'BBB': 'liquidity_05', 'AAA': 'liquidity_10'}
"""

from __future__ import annotations

import math
from collections.abc import Mapping

MOST_SYMBOLS = 64
"""Symbols with a sketch of their own, because a page with more rows is no longer read."""
GROUPS = 10


def symbol_groups(liquidity: Mapping[str, float], most: int = MOST_SYMBOLS) -> dict[str, str]:
    """Group of each symbol; a symbol whose liquidity is unknown (NaN) counts as the thinnest."""
    if len(liquidity) <= most:
        return {symbol: symbol for symbol in liquidity}
    ranked = sorted(liquidity, key=lambda symbol: (_known(liquidity[symbol]), symbol))
    return {symbol: f"liquidity_{-(-(place + 1) * GROUPS // len(ranked)):02d}" for place, symbol in enumerate(ranked)}


def _known(figure: float) -> float:
    return -math.inf if math.isnan(figure) else figure
