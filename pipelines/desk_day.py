"""One session as policies are judged on it: books, features, and the parent orders that clients sent.

The one reader that `backtest` and the cost table share, so that both see the same day. Where the desk itself traded
the recorded path (its fills were real), its stated impact is divided out first; the recorder's tape already leaves
our own prints and orders out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import FEATURE_NAMES, FEATURES_TABLE
from features.market_day import SymbolDay, symbol_day
from infra.tables import SILVER
from models.dataset import matrix
from models.impact import OwnFills, StatedImpact, impact_scale, remove_own_impact
from models.replay_orders import OrderArrays, order_arrays
from pipelines.arrow_rows import of_symbol
from pipelines.step import StepContext

REAL_FILLS = "market"


@dataclass(frozen=True)
class DeskDay:
    """One symbol's session: its book (n rows), features (n, k) float32, order rows and the same as arrays.

    `recorded` is the book as it was, `book` the same without the stated impact of our own real fills.
    """

    day: date
    symbol: str
    recorded: SymbolDay
    book: SymbolDay
    fill_rows: pa.Table
    features: npt.NDArray[np.float32]
    order_rows: pa.Table
    orders: OrderArrays


def own_fills(rows: pa.Table) -> OwnFills:
    """Rows of `silver.fills` of one symbol, as they are sorted."""
    side = np.where(pc.equal(rows.column("side"), "buy").to_numpy(zero_copy_only=False), 1.0, -1.0)
    return OwnFills(
        rows.column("event_at_ns").to_numpy(),
        side,
        rows.column("price").to_numpy(),
        rows.column("shares").to_numpy(),
    )


def read_desk_day(context: StepContext, day: date) -> Iterator[DeskDay]:
    """Symbols that have both a book and orders, ascending. Memory: one session."""
    market, lake = context.market, context.lake
    books, trades, orders, fills = (
        lake.read_day(SILVER[noun], market.name, day) for noun in ("book_snapshots", "trades", "parent_orders", "fills")
    )
    features = lake.read_day(FEATURES_TABLE, market.name, day)
    for symbol in sorted(set(orders.column("symbol").to_pylist())):
        book_rows = of_symbol(books, symbol)
        if book_rows.num_rows == 0:
            continue
        recorded = symbol_day(symbol, book_rows, of_symbol(trades, symbol), market.book_levels)
        fill_rows, order_rows = of_symbol(fills, symbol).sort_by("event_at_ns"), of_symbol(orders, symbol)
        yield DeskDay(
            day,
            symbol,
            recorded,
            without_own_impact(recorded, fill_rows),
            fill_rows,
            matrix(of_symbol(features, symbol), FEATURE_NAMES),
            order_rows,
            order_arrays(order_rows),
        )


def without_own_impact(recorded: SymbolDay, fill_rows: pa.Table) -> SymbolDay:
    """The recorded book with the stated impact of fills that the market itself made divided out."""
    real = fill_rows.filter(pc.equal(fill_rows.column("fill_model"), REAL_FILLS))
    return remove_own_impact(recorded, own_fills(real), StatedImpact(), impact_scale(recorded), has_own_prints=False)
