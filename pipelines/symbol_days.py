"""The one door from a session's silver files to what features are computed on, symbol by symbol.

`build_features`, `fit_features` and `skew` read through it, so that all of them see the same rows: books, trades,
outside series of this and the last sessions, the newest fit of an earlier session, and, where the feed shows our own
orders, all of it without them. A worker of Spark gets the paths and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.day_statistics import array_of
from features.fits import FITS_TABLE, NO_FIT
from features.footprint import OwnOrders, without_own
from features.market_day import KnownBefore, SymbolDay, symbol_day
from features.outside import SESSIONS_BACK
from infra import calendar
from infra.lake import Lake
from infra.lake_files import read_day_file
from infra.markets import Market
from infra.tables import SILVER
from pipelines.arrow_rows import nanoseconds
from pipelines.desk.served import DeskKnowledge

ROW_KEYS = ("symbol", "event_at", "event_at_ns", "sequence")
TRADE_COLUMNS = [*ROW_KEYS, "known_at", "price", "shares", "aggressor_side"]
SIMULATED = ("market", "trade_through", "touch")
"""Fills that no venue made: the recorded book never held the orders behind them, or its recorder left them out."""


@dataclass(frozen=True)
class DaySources:
    """The files that one session's features are made from."""

    lake: Path
    market: Market
    day: date
    books: tuple[Path, ...]
    trades: tuple[Path, ...] = ()
    signals: tuple[Path, ...] = ()
    fits: tuple[Path, ...] = ()
    children: tuple[Path, ...] = ()
    fills: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files, which are digests of their content."""
        groups = (self.books, self.trades, self.signals, self.fits, self.children, self.fills)
        return tuple(path.stem for paths in groups for path in paths)


@dataclass(frozen=True)
class SymbolRows:
    """One symbol's session: rows of its book and its trades, the same as arrays, and what was known before."""

    symbol: str
    book: pa.Table
    prints: pa.Table | None
    day: SymbolDay
    before: KnownBefore


def day_sources(lake: Lake, market: Market, days: Sequence[date]) -> dict[date, DaySources]:
    """Sources of those of `days` that have books."""
    books, trades = (lake.day_files(SILVER[noun], market.name, days) for noun in ("book_snapshots", "trades"))
    fitted, told = (lake.day_files(table, market.name) for table in (FITS_TABLE, SILVER["signals"]))
    own = {
        noun: lake.day_files(SILVER[noun], market.name, days) if market.books_show_own_orders else {}
        for noun in ("child_orders", "fills")
    }
    found = {}
    for day, paths in books.items():
        fits = [fitted[one] for one in fitted if one < day][-1:]
        earlier = [one for one in told if one < day][-SESSIONS_BACK:]
        signals = [told[one] for one in (*earlier, day) if one in told]
        found[day] = DaySources(
            lake.root,
            market,
            day,
            paths,
            trades.get(day, ()),
            tuple(path for group in signals for path in group),
            tuple(path for group in fits for path in group),
            own["child_orders"].get(day, ()),
            own["fills"].get(day, ()),
        )
    return found


def _read(paths: tuple[Path, ...], noun: str, columns: list[str] | None = None) -> pa.Table:
    if not paths:
        return SILVER[noun].arrow_schema.empty_table()
    return pa.concat_tables([read_day_file(path, SILVER[noun], columns) for path in paths]).combine_chunks()


def _book_columns(market: Market) -> list[str]:
    sided = [f"{side}_{what}" for side in ("bid", "ask") for what in ("price", "shares")]
    levels = [f"{name}_{level}" for name in sided for level in range(1, market.book_levels + 1)]
    return [*ROW_KEYS, "known_at", "last_price", "traded_shares", "traded_notional", *levels]


def _by_symbol(rows: pa.Table) -> dict[str, pa.Table]:
    """Rows of each symbol; silver files are sorted by symbol, so these are slices."""
    if not rows.num_rows:
        return {}
    runs = pc.run_end_encode(rows.column("symbol").combine_chunks())
    ends = runs.run_ends.to_pylist()
    spans = zip(runs.values.to_pylist(), [0, *ends], ends, strict=False)
    return {symbol: rows.slice(start, end - start) for symbol, start, end in spans}


def known_before(sources: DaySources) -> Callable[[str], KnownBefore]:
    """What was known of a symbol before the session, fitted or not."""
    auctions = np.array(calendar.auctions_ns(sources.market, sources.day), np.int64)
    rows = [row for path in sources.fits for row in read_day_file(path, FITS_TABLE, ["symbol", "fit"]).to_pylist()]
    fits = {row["symbol"]: array_of(json.loads(row["fit"])) for row in rows}
    return lambda symbol: KnownBefore(fits.get(symbol, NO_FIT), auctions)


def newest_fit(lake: Lake, market: Market, day: date) -> tuple[date, tuple[Path, ...]] | None:
    """The newest session before `day` that was fitted, and its files."""
    earlier = [(one, paths) for one, paths in lake.day_files(FITS_TABLE, market.name).items() if one < day]
    return earlier[-1] if earlier else None


def desk_knowledge(lake: Lake, market: Market, day: date) -> DeskKnowledge:
    """What a desk that opens on `day` knows from the lake: the newest fits of an earlier session."""
    fit_day, fits = newest_fit(lake, market, day) or (None, ())
    return DeskKnowledge(known_before(DaySources(lake.root, market, day, (), fits=fits)), fit_day)


def own_orders(children: pa.Table, fills: pa.Table) -> OwnOrders:
    """Limit orders of one symbol that rested at a venue, and their fills, from silver rows."""
    resting = children.filter(pc.is_valid(children["limit_price"]))
    places = {name: place for place, name in enumerate(resting["child_order_id"].to_pylist())}
    ordered = fills.sort_by("event_at_ns")
    return OwnOrders(
        resting["event_at_ns"].to_numpy(),
        nanoseconds(resting["ended_at"]),
        np.where(pc.equal(resting["side"], "buy").to_numpy(zero_copy_only=False), 1, -1),
        resting["limit_price"].to_numpy(),
        resting["child_shares"].to_numpy(),
        np.array([places.get(name, -1) for name in ordered["child_order_id"].to_pylist()], np.int64),
        ordered["event_at_ns"].to_numpy(),
        ordered["price"].to_numpy(),
        ordered["shares"].to_numpy(),
    )


def _own(sources: DaySources) -> dict[str, OwnOrders]:
    """By symbol, our orders that a venue held; none where the fills were simulated."""
    children, fills = _read(sources.children, "child_orders"), _read(sources.fills, "fills")
    if pc.any(pc.is_in(fills["fill_model"], pa.array(SIMULATED))).as_py():
        return {}
    by_symbol, nothing = _by_symbol(fills), fills.slice(0, 0)
    return {symbol: own_orders(rows, by_symbol.get(symbol, nothing)) for symbol, rows in _by_symbol(children).items()}


def symbol_rows(sources: DaySources) -> Iterator[SymbolRows]:
    """Every symbol that has a book, ascending."""
    market = sources.market
    books = _by_symbol(_read(sources.books, "book_snapshots", _book_columns(market)))
    prints = _by_symbol(_read(sources.trades, "trades", TRADE_COLUMNS))
    heard = _by_symbol(_read(sources.signals, "signals").sort_by("symbol"))
    before, own = known_before(sources), _own(sources)
    for symbol, book in books.items():
        day = symbol_day(symbol, book, prints.get(symbol), market.book_levels, heard.get(symbol))
        seen = without_own(day, own[symbol]) if symbol in own else day
        yield SymbolRows(symbol, book, prints.get(symbol), seen, before(symbol))
