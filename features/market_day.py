"""`SymbolDay`: one symbol's session as arrays, the common input of features, replay and the desk.

Shapes: n rows in time order, `levels` a side (level 0 is the best). A level that is not shown is NaN in price
and 0 in size, so that a missing bid can never pass for a price. Trades are a second set of m rows.

    >>> import numpy as np
    >>> empty_day("AAA", levels=2).rows
    0
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.fits import NO_FIT, Fit
from features.outside import SERIES

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]


@dataclass(frozen=True)
class KnownBefore:
    """What is known of a symbol before its session opens: the fit of earlier days, and when auctions begin (UTC ns)."""

    fit: Fit = field(default_factory=lambda: NO_FIT)
    auctions_ns: Long = field(default_factory=lambda: np.empty(0, np.int64))


NOTHING_BEFORE = KnownBefore()


@dataclass(frozen=True)
class OutsideRows:
    """Rows of outside series of one symbol in the order in which they could be used; s of them.

    usable_ns, about_ns, known_ns (s) int64 UTC: when the desk could use it, what instant it is about, when the pipeline
    had it; series (s) int64 place in `outside.SERIES`; value (s) float64.
    """

    usable_ns: Long = field(default_factory=lambda: np.empty(0, np.int64))
    about_ns: Long = field(default_factory=lambda: np.empty(0, np.int64))
    known_ns: Long = field(default_factory=lambda: np.empty(0, np.int64))
    series: Long = field(default_factory=lambda: np.empty(0, np.int64))
    value: Float = field(default_factory=lambda: np.empty(0))


NOTHING_OUTSIDE = OutsideRows()


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
    outside: OutsideRows = NOTHING_OUTSIDE

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


def outside_rows(rows: pa.Table) -> OutsideRows:
    """From rows of `silver.signals` of one symbol, today's and of sessions before. Series nobody reads are left out.

    A row can be used from `received_at` where the feed tells it, else from `known_at`; never before its own instant.
    """
    read = rows.filter(pc.is_in(rows["signal"], pa.array(SERIES)))
    known = read["known_at"].cast(pa.int64()).to_numpy() * 1_000
    told = pc.coalesce(read["received_at"], read["known_at"]).cast(pa.int64()).to_numpy() * 1_000
    about = read["event_at_ns"].to_numpy()
    usable = np.maximum(told, about)
    order = np.lexsort((about, usable))
    series = np.array([SERIES.index(name) for name in read["signal"].to_pylist()], np.int64)
    values = read["value"].to_numpy()
    return OutsideRows(usable[order], about[order], known[order], series[order], values[order])


def symbol_day(
    symbol: str, book: pa.Table, trades: pa.Table | None, levels: int, signals: pa.Table | None = None
) -> SymbolDay:
    """Build arrays from rows of `silver.book_snapshots`, `trades` and `signals` of one symbol and day, in time order.

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
        outside=NOTHING_OUTSIDE if signals is None else outside_rows(signals),
    )
    return with_last_price(day, _doubles(book, "last_price", fill=np.nan))


def empty_day(symbol: str, levels: int) -> SymbolDay:
    """A day without rows: what a symbol that did not trade looks like."""
    none, nothing = np.empty(0, np.int64), np.empty(0)
    book = np.empty((0, levels))
    return SymbolDay(
        symbol, none, none, book, book, book, book, nothing, nothing, none, nothing, nothing, np.empty(0, np.int8)
    )
