"""The nouns that every source ends in: what the market did and what our own orders got.

Each noun exists twice: `bronze.<noun>` holds what arrived (with file, row and `known_at`), `silver.<noun>`
what passed the checks. Prices are in the market's currency per share, sizes in shares, times in UTC.
"""

from __future__ import annotations

import pyarrow.compute as pc

from infra.tables.book_rules import LEVELS, NEAR_CLOSE, NOT_CROSSED, NOT_EMPTY, ORDERED
from infra.tables.columns import Column, RowRule, Table

PRICE_HIGH, SHARES_HIGH, NOTIONAL_HIGH = 1e6, 1e10, 1e13

KEYS = (
    Column("market", "string", "market of the row: sample, ashare, a user's own"),
    Column("trade_date", "date", "the exchange's business day"),
)
PROVENANCE = (
    Column("known_at", "timestamp", "when the pipeline could first use the row", unit="UTC"),
    Column("source_file", "string", "file that the row came from, as it was named in the drop"),
    Column("source_row", "long", "row in that file, from 0", low=0, high=1e12),
)
SYMBOL = Column("symbol", "string", "instrument")
EVENT = (
    Column("event_at", "timestamp", "exchange time", unit="UTC"),
    Column("event_at_ns", "long", "exchange time since 1970, all digits the feed gave", unit="ns", low=0, high=9e18),
)
SEQUENCE = Column("sequence", "long", "order of rows that carry the same time", low=0, high=1e15)
RECEIVED = Column("received_at", "timestamp", "recorder's time, where known", unit="UTC", is_nullable=True)
CURRENCY = Column("currency", "string", "ISO 4217 code of every price and notional in the row")
SIDE = Column("side", "string", "what the client does", allowed=("buy", "sell"))


def _price(name: str, meaning: str, *, is_nullable: bool = False) -> Column:
    return Column(name, "double", meaning, "currency/share", is_nullable, 1e-4, PRICE_HIGH)


def _shares(name: str, meaning: str, *, is_nullable: bool = False, low: float = 0.0) -> Column:
    return Column(name, "double", meaning, "shares", is_nullable, low, SHARES_HIGH)


def _levels() -> tuple[Column, ...]:
    """`bid_price_1, bid_shares_1, ask_price_1, ask_shares_1, bid_price_2, …`: level 1 is the best.

    A level that the feed does not show, or an empty side, is null: never zero, never the other side.
    """
    return tuple(
        column
        for level in range(1, LEVELS + 1)
        for side in ("bid", "ask")
        for column in (
            _price(f"{side}_price_{level}", f"price of {side} level {level}", is_nullable=True),
            _shares(f"{side}_shares_{level}", f"size at {side} level {level}", is_nullable=True),
        )
    )


BOOK_SNAPSHOTS = (
    *KEYS,
    SYMBOL,
    *EVENT,
    SEQUENCE,
    RECEIVED,
    _price("previous_close_price", "last close, where known", is_nullable=True),
    _price("last_price", "price of the last trade, where known", is_nullable=True),
    *_levels(),
    _shares("traded_shares", "traded since the previous row, where known", is_nullable=True),
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
    _price("price", "price of the trade"),
    _shares("shares", "size of the trade", low=1e-9),
    Column("aggressor_side", "int", "+1 buyer-initiated, -1 seller-initiated, 0 the feed does not say", low=-1, high=1),
    CURRENCY,
)
PARENT_ORDERS = (
    *KEYS,
    Column("parent_order_id", "string", "the client's order"),
    Column("account", "string", "who the order is for"),
    SYMBOL,
    SIDE,
    *EVENT,
    Column("instructed_start_at", "timestamp", "the client allows trading from here", "UTC"),
    Column("instructed_end_at", "timestamp", "the client allows trading until here", "UTC"),
    _shares("order_shares", "quantity", low=1e-9),
    _price("limit_price", "worst price the client accepts, null for none", is_nullable=True),
    Column("benchmark", "string", "what the client measures us by", allowed=("arrival", "vwap", "twap", "close")),
    Column(
        "urgency", "int", "0 patient, 1 normal, 2 urgent; drawn at random inside the client's limits", low=0, high=2
    ),
    Column("urgency_propensity", "double", "probability with which this urgency was drawn", low=0.0, high=1.0),
    Column("participation_rate", "double", "order_shares over the volume expected in the horizon", low=0.0, high=1.0),
    Column(
        "planted_alpha_bps",
        "double",
        "planted move in the order's direction (known truth, never a feature)",
        "bps",
        is_nullable=True,
        low=-1000,
        high=1000,
    ),
    Column(
        "planted_alpha_seconds", "double", "time constant of the planted move", "s", is_nullable=True, low=0, high=1e6
    ),
    Column("is_alpha_in_path", "boolean", "the market's own price carried the planted move; else a replay overlays it"),
    CURRENCY,
)
DECISIONS = (
    *KEYS,
    Column("decision_id", "string", "one decision of the model"),
    Column("parent_order_id", "string", "the order decided on"),
    SYMBOL,
    *EVENT,
    Column("policy_version", "string", "version that decided, market.execution/number"),
    Column("policy_digest", "string", "digest of that version's manifest"),
    Column("action", "string", "what it told the desk to do", allowed=("wait", "join", "improve", "cross")),
    _shares("decided_shares", "how much"),
    Column("propensity", "double", "probability of this action under the policy", low=0.0, high=1.0),
    Column(
        "signal_bps",
        "double",
        "expected mid move the decision saw, null where the policy reads none",
        "bps",
        is_nullable=True,
        low=-1e4,
        high=1e4,
    ),
)
CHILD_ORDERS = (
    *KEYS,
    Column("child_order_id", "string", "one order sent to a venue"),
    Column("parent_order_id", "string", "the order it works"),
    Column("decision_id", "string", "the decision it came from"),
    SYMBOL,
    SIDE,
    *EVENT,
    Column("ended_at", "timestamp", "filled, cancelled or expired", "UTC"),
    Column("order_type", "string", "how it was sent", allowed=("limit", "market")),
    _price("limit_price", "its limit, null for a market order", is_nullable=True),
    _shares("child_shares", "quantity sent", low=1e-9),
    _shares("filled_shares", "quantity filled"),
    Column("end_reason", "string", "how it ended", allowed=("filled", "cancelled", "expired")),
    Column("venue", "string", "where it went"),
    CURRENCY,
)
FILLS = (
    *KEYS,
    Column("fill_id", "string", "one execution"),
    Column("child_order_id", "string", "the child order filled"),
    Column("parent_order_id", "string", "the parent order it works"),
    SYMBOL,
    SIDE,
    *EVENT,
    _price("price", "execution price"),
    _shares("shares", "executed quantity", low=1e-9),
    Column("liquidity", "string", "rested or crossed", allowed=("maker", "taker")),
    Column("fee_notional", "double", "fees, taxes and rebates (positive = cost)", "currency", low=-1e9, high=1e9),
    Column("fill_model", "string", "who said it filled", allowed=("market", "trade_through", "touch", "venue")),
    CURRENCY,
)

NOUNS: dict[str, Table] = {
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
    "parent_orders": Table(
        "parent_orders",
        "what clients want",
        PARENT_ORDERS,
        key=("market", "trade_date", "parent_order_id"),
        sort_by=("symbol", "event_at_ns", "parent_order_id"),
        rules=(
            RowRule(
                "instructed_interval",
                pc.field("instructed_start_at") < pc.field("instructed_end_at"),
                "an order needs time to trade",
            ),
        ),
        max_refused_share=0.0,
        max_refused_because="an order that we cannot read is an order that we cannot account for",
    ),
    "decisions": Table(
        "decisions",
        "what the model told the desk to do",
        DECISIONS,
        key=("market", "trade_date", "decision_id"),
        sort_by=("symbol", "event_at_ns", "decision_id"),
        max_refused_share=0.0,
        max_refused_because="our own log has no noise",
    ),
    "child_orders": Table(
        "child_orders",
        "what we sent to a venue",
        CHILD_ORDERS,
        key=("market", "trade_date", "child_order_id"),
        sort_by=("symbol", "event_at_ns", "child_order_id"),
        rules=(
            RowRule(
                "filled_within_child",
                pc.field("filled_shares") <= pc.field("child_shares"),
                "a fill larger than its order is a bust",
            ),
        ),
        max_refused_share=0.0,
        max_refused_because="our own log has no noise",
    ),
    "fills": Table(
        "fills",
        "executions of child orders",
        FILLS,
        key=("market", "trade_date", "fill_id"),
        sort_by=("symbol", "event_at_ns", "fill_id"),
        max_refused_share=0.0,
        max_refused_because="our own log has no noise",
    ),
}
