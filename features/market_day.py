"""`SymbolDay`: one symbol's session as arrays, the common input of features, replay and the desk.

Shapes: n rows in time order, `levels` a side (level 0 is the best). A level that is not shown is NaN in price
and 0 in size, so that a missing bid can never pass for a price. Trades are a second set of m rows.

    >>> import numpy as np
    >>> empty_day("AAA", levels=2).rows
    0
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SymbolDay:
    """Book rows and trades of one symbol and session.

    times_ns (n) int64 UTC; sequence (n) int64; bid_price, bid_shares, ask_price, ask_shares (n, levels) float64;
    traded_shares, traded_notional (n) float64 since the previous row, NaN where the feed does not say;
    trade_times_ns (m) int64; trade_price, trade_shares (m) float64; trade_sign (m) int8: +1 buyer-initiated.
    """

    symbol: str
    times_ns: Long
    sequence: Long
    bid_price: Float
    bid_shares: Float
    ask_price: Float
    ask_shares: Float
    traded_shares: Float
    traded_notional: Float
    trade_times_ns: Long
    trade_price: Float
    trade_shares: Float
    trade_sign: npt.NDArray[np.int8]

    @property
    def rows(self) -> int:
        return len(self.times_ns)

    @property
    def mid(self) -> Float:
        """(n) mid price; NaN where a side is empty."""
        return (self.bid_price[:, 0] + self.ask_price[:, 0]) / 2.0


def _doubles(table: pa.Table, name: str, *, fill: float) -> Float:
    column = pc.fill_null(table.column(name), fill)
    return np.asarray(column.combine_chunks().to_numpy(zero_copy_only=False), dtype=np.float64)


def _side(table: pa.Table, side: str, levels: int) -> tuple[Float, Float]:
    price = np.empty((table.num_rows, levels))
    shares = np.empty((table.num_rows, levels))
    for level in range(levels):
        price[:, level] = _doubles(table, f"{side}_price_{level + 1}", fill=np.nan)
        shares[:, level] = _doubles(table, f"{side}_shares_{level + 1}", fill=0.0)
    return price, shares


def with_last_price(day: SymbolDay, last_price: Float) -> SymbolDay:
    """For a feed that gives money but no shares: shares = money / last price (day.rows), all printed at that price.

    Without it such a feed has volume, but no print that could fill a resting child under `touch`.
    """
    shares = np.where(np.isfinite(day.traded_shares), day.traded_shares, day.traded_notional / last_price)
    return replace(day, traded_shares=shares)


def symbol_day(symbol: str, book: pa.Table, trades: pa.Table | None, levels: int) -> SymbolDay:
    """Build arrays from rows of `silver.book_snapshots` and `silver.trades` of one symbol and day, in time order.

    The one door from rows to arrays, so that features, backtest and desk see the same prints on every feed.
    """
    bid_price, bid_shares = _side(book, "bid", levels)
    ask_price, ask_shares = _side(book, "ask", levels)
    has_trades = trades is not None and trades.num_rows > 0
    day = SymbolDay(
        symbol=symbol,
        times_ns=book.column("event_at_ns").to_numpy(),
        sequence=book.column("sequence").to_numpy(),
        bid_price=bid_price,
        bid_shares=bid_shares,
        ask_price=ask_price,
        ask_shares=ask_shares,
        traded_shares=_doubles(book, "traded_shares", fill=np.nan),
        traded_notional=_doubles(book, "traded_notional", fill=np.nan),
        trade_times_ns=trades.column("event_at_ns").to_numpy()
        if has_trades and trades is not None
        else np.empty(0, np.int64),
        trade_price=_doubles(trades, "price", fill=np.nan) if has_trades and trades is not None else np.empty(0),
        trade_shares=_doubles(trades, "shares", fill=0.0) if has_trades and trades is not None else np.empty(0),
        trade_sign=(
            trades.column("aggressor_side").to_numpy().astype(np.int8)
            if has_trades and trades is not None
            else np.empty(0, np.int8)
        ),
    )
    return with_last_price(day, _doubles(book, "last_price", fill=np.nan))


def empty_day(symbol: str, levels: int) -> SymbolDay:
    """A day without rows: what a symbol that did not trade looks like."""
    none, nothing = np.empty(0, np.int64), np.empty(0)
    book = np.empty((0, levels))
    return SymbolDay(
        symbol, none, none, book, book, book, book, nothing, nothing, none, nothing, nothing, np.empty(0, np.int8)
    )
