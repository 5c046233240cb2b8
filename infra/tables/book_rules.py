"""What makes a row of `book_snapshots` a book: rules over several of its columns, each with its reason.

>>> print(NOT_CROSSED.good)
(bid_price_1 < ask_price_1)
"""

from __future__ import annotations

from functools import reduce
from operator import and_

import pyarrow.compute as pc

from infra.tables.columns import RowRule

LEVELS = 10

_BID, _ASK, _PREVIOUS_CLOSE = pc.field("bid_price_1"), pc.field("ask_price_1"), pc.field("previous_close_price")
_BEST = pc.coalesce(_BID, _ASK)

NOT_CROSSED = RowRule("book_not_crossed", _BID < _ASK, "a crossed or locked best book has no mid")
NOT_EMPTY = RowRule("book_has_a_side", _BID.is_valid() | _ASK.is_valid(), "a book with neither side says nothing")
ORDERED = RowRule(
    "book_levels_ordered",
    reduce(
        and_,
        (
            (pc.field(f"bid_price_{level}") > pc.field(f"bid_price_{level + 1}"))
            & (pc.field(f"ask_price_{level}") < pc.field(f"ask_price_{level + 1}"))
            for level in range(1, LEVELS)
        ),
    ),
    "a deeper level is a worse price, or it is no level",
)
NEAR_CLOSE = RowRule(
    "price_near_previous_close",
    (_BEST >= _PREVIOUS_CLOSE * 0.5) & (_BEST <= _PREVIOUS_CLOSE * 2.0),
    "a factor of two in a day is a misplaced decimal point or a split, not a trade",
)
