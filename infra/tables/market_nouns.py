"""What the market did: books, trades, order-book events, outside series, the calendar of what happens to a symbol."""

from __future__ import annotations

from infra.tables.book_rules import LEVELS, NEAR_CLOSE, NOT_CROSSED, NOT_EMPTY, ORDERED
from infra.tables.columns import Column, Table
from infra.tables.words import CURRENCY, EVENT, KEYS, NOTIONAL_HIGH, RECEIVED, SEQUENCE, SYMBOL, price, shares


def _levels() -> tuple[Column, ...]:
    """`bid_price_1, bid_shares_1, ask_price_1, ask_shares_1, bid_price_2, …`: level 1 is the best.

    A level that the feed does not show, or an empty side, is null: never zero, never the other side.
    """
    return tuple(
        column
        for level in range(1, LEVELS + 1)
        for side in ("bid", "ask")
        for column in (
            price(f"{side}_price_{level}", f"price of {side} level {level}", is_nullable=True),
            shares(f"{side}_shares_{level}", f"size at {side} level {level}", is_nullable=True),
        )
    )


BOOK_SNAPSHOTS = (
    *KEYS,
    SYMBOL,
    *EVENT,
    SEQUENCE,
    RECEIVED,
    price("previous_close_price", "last close, where known", is_nullable=True),
    price("last_price", "price of the last trade, where known", is_nullable=True),
    *_levels(),
    shares("traded_shares", "traded since the previous row, where known", is_nullable=True),
    Column(
        "traded_notional", "double", "traded since the previous row, where known", "currency", True, 0.0, NOTIONAL_HIGH
    ),
    CURRENCY,
)
TRADES = (
    *KEYS,
    SYMBOL,
    *EVENT,
    SEQUENCE,
    RECEIVED,
    price("price", "price of the trade"),
    shares("shares", "size of the trade", low=1e-9),
    Column("aggressor_side", "int", "+1 buyer-initiated, -1 seller-initiated, 0 the feed does not say", low=-1, high=1),
    CURRENCY,
)
BOOK_EVENTS = (
    *KEYS,
    SYMBOL,
    *EVENT,
    SEQUENCE,
    RECEIVED,
    Column(
        "kind",
        "string",
        "what happened to the book",
        allowed=("add", "reduce", "delete", "execute", "execute_hidden", "cross", "halt", "resume_quotes", "resume"),
    ),
    Column("order_id", "string", "the venue's number of the resting order, null where it has none", is_nullable=True),
    Column("side", "string", "side of the resting order", is_nullable=True, allowed=("bid", "ask")),
    price("price", "price of the resting order", is_nullable=True),
    shares("shares", "added, taken off or executed", is_nullable=True),
    CURRENCY,
)
SIGNALS = (
    *KEYS,
    SYMBOL,
    *EVENT,
    Column("received_at", "timestamp", "since when the desk had it, null: since known_at", "UTC", is_nullable=True),
    Column("signal", "string", "name of the series, as news_sentiment"),
    Column("value", "double", "its value from then on", low=-1e12, high=1e12),
)
SYMBOL_EVENTS = (
    *KEYS,
    SYMBOL,
    *EVENT,
    Column(
        "kind",
        "string",
        "what the exchange or the company announced",
        allowed=("earnings", "index_change", "expiry", "halt", "resume", "split", "dividend", "ticker_change"),
    ),
    Column(
        "ratio", "double", "new shares for one old share (split), null otherwise", is_nullable=True, low=1e-6, high=1e6
    ),
    Column("new_symbol", "string", "name from then on (ticker_change), null otherwise", is_nullable=True),
    Column("detail", "string", "in words", is_nullable=True),
)

MARKET_NOUNS: dict[str, Table] = {
    "book_snapshots": Table(
        "book_snapshots",
        "the order book, up to ten levels a side",
        BOOK_SNAPSHOTS,
        key=("market", "trade_date", "symbol", "event_at_ns", "sequence"),
        sort_by=("symbol", "event_at_ns", "sequence"),
        rules=(NOT_CROSSED, NOT_EMPTY, ORDERED, NEAR_CLOSE),
        stopped_by_empty=True,
    ),
    "trades": Table(
        "trades",
        "what traded, signed where the feed says so",
        TRADES,
        key=("market", "trade_date", "symbol", "event_at_ns", "sequence"),
        sort_by=("symbol", "event_at_ns", "sequence"),
    ),
    "book_events": Table(
        "book_events",
        "every change of the order book, order by order",
        BOOK_EVENTS,
        key=("market", "trade_date", "symbol", "event_at_ns", "sequence"),
        sort_by=("symbol", "event_at_ns", "sequence"),
    ),
    "signals": Table(
        "signals",
        "timestamped series from outside, one row a change",
        SIGNALS,
        key=("market", "trade_date", "symbol", "signal", "event_at_ns"),
        sort_by=("symbol", "signal", "event_at_ns"),
    ),
    "symbol_events": Table(
        "symbol_events",
        "calendar of what happens to a symbol",
        SYMBOL_EVENTS,
        key=("market", "trade_date", "symbol", "kind", "event_at_ns"),
        sort_by=("symbol", "event_at_ns", "kind"),
    ),
}
