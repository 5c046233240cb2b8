"""The nouns that every source ends in: what the market did and what our own orders got.

Each noun exists twice: `bronze.<noun>` holds what arrived (with file, row and `known_at`), `silver.<noun>`
what passed the checks.

    >>> list(NOUNS)[:3]
    ['book_snapshots', 'trades', 'book_events']
"""

from __future__ import annotations

from infra.tables.columns import Table
from infra.tables.market_nouns import MARKET_NOUNS
from infra.tables.order_nouns import ORDER_NOUNS
from infra.tables.words import PROVENANCE

__all__ = ["NOUNS", "PROVENANCE"]

NOUNS: dict[str, Table] = {**MARKET_NOUNS, **ORDER_NOUNS}
