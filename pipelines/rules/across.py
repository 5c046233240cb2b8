"""Rules that look at several nouns of a day at once: fills against orders and books, symbols against yesterday.

    fills of a child:    sum(shares) <= child_shares (1 + 1e-9)
    price of a fill:     0.98 min(bid, ask) <= price <= 1.02 max(bid, ask)      best quotes of its symbol and day

Each noun comes as the rows that its own rules have left, so that one bad book widens no range and one bad child order
vouches for no fill. A fill that came twice counts once. A symbol without a book on the day has no range, and its fills
are not asked for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.refusals import Refusal
from infra.tables import NOUNS
from pipelines.rules.ordering import Float, numbers
from pipelines.rules.overnight import OvernightStep
from pipelines.rules.releases import NONE, Mask, Released, refused_by

BOOKS, FILLS = "book_snapshots", "fills"
RANGE_WIDTH = 0.02
"""Because sweeps of ten levels, and alpha and impact laid over a recording, stay within it; a wrong digit does not."""
SHARES_WIDTH = 1e-9
"""Because sums of fractional shares differ from the order in the last binary digits."""
STOPPING = ("symbol_swap", "split_unannounced")


def _rows(nouns: Mapping[str, pa.Table], noun: str) -> pa.Table:
    return nouns[noun] if noun in nouns else NOUNS[noun].arrow_schema.empty_table()


def _unknown(fills: pa.Table, orders: pa.Table, key: str) -> Mask:
    return ~np.asarray(pc.is_in(fills[key], value_set=orders[key].combine_chunks()).to_numpy())


def _looked_up(keys: pa.ChunkedArray, table: pa.Table, key: str, value: str) -> Float:
    place = pc.index_in(keys, value_set=table[key].combine_chunks())
    found = pc.take(table[value], place).cast(pa.float64())
    return np.asarray(found.combine_chunks().to_numpy(zero_copy_only=False), dtype=np.float64)


def _beyond_child(fills: pa.Table, children: pa.Table) -> Mask:
    once = fills.group_by(["fill_id", "child_order_id"]).aggregate([("shares", "max")])
    total = once.group_by("child_order_id").aggregate([("shares_max", "sum")])
    done = _looked_up(fills["child_order_id"], total, "child_order_id", "shares_max_sum")
    sent = _looked_up(fills["child_order_id"], children, "child_order_id", "child_shares")
    return np.asarray(done > sent * (1 + SHARES_WIDTH))


def _outside_range(fills: pa.Table, books: pa.Table) -> Mask:
    asked = [(f"{side}_price_1", how) for side in ("bid", "ask") for how in ("min", "max")]
    ranges = books.group_by("symbol").aggregate(asked)
    low = pc.min_element_wise(ranges["bid_price_1_min"], ranges["ask_price_1_min"])
    high = pc.max_element_wise(ranges["bid_price_1_max"], ranges["ask_price_1_max"])
    ranges = ranges.append_column("low", low).append_column("high", high)
    price = numbers(fills, "price")
    below = price < _looked_up(fills["symbol"], ranges, "symbol", "low") * (1 - RANGE_WIDTH)
    return np.asarray(below | (price > _looked_up(fills["symbol"], ranges, "symbol", "high") * (1 + RANGE_WIDTH)))


def _fill_masks(nouns: Mapping[str, pa.Table]) -> Iterator[tuple[str, Mask]]:
    fills, children = nouns[FILLS], _rows(nouns, "child_orders")
    yield "fill_of_unknown_child", _unknown(fills, children, "child_order_id")
    yield "fill_of_unknown_parent", _unknown(fills, _rows(nouns, "parent_orders"), "parent_order_id")
    yield "fills_beyond_child", _beyond_child(fills, children)
    yield "fill_outside_day_range", _outside_range(fills, _rows(nouns, BOOKS))


def _night_masks(books: pa.Table, steps: Sequence[OvernightStep]) -> Iterator[tuple[str, Mask]]:
    for rule in STOPPING:
        named = [symbol for step in steps if step.rule == rule for symbol in step.symbols]
        if named:
            yield rule, np.asarray(pc.is_in(books["symbol"], value_set=pa.array(named)).to_numpy())


def cross_refusals(
    nouns: Mapping[str, pa.Table], steps: Sequence[OvernightStep] = (), released: Released = NONE
) -> dict[str, list[Refusal]]:
    """Noun to what these rules refuse of the rows given; `steps` are the night's (`pipelines/rules/overnight.py`)."""
    found: dict[str, list[Refusal]] = {}
    if FILLS in nouns and nouns[FILLS].num_rows:
        found[FILLS] = refused_by(FILLS, nouns[FILLS], _fill_masks(nouns), released)
    if BOOKS in nouns and steps:
        found[BOOKS] = refused_by(BOOKS, nouns[BOOKS], _night_masks(nouns[BOOKS], steps), released)
    return found
