"""What our own orders got: parent orders and their changes, child orders, fills, and the drop copy."""

from __future__ import annotations

import pyarrow.compute as pc

from infra.tables.columns import Column, RowRule, Table
from infra.tables.decision_nouns import DECISION_NOUNS
from infra.tables.words import (
    CURRENCY,
    EVENT,
    KEYS,
    RECEIVED,
    SEQUENCE,
    SIDE,
    SYMBOL,
    SYMBOL_WHERE_KNOWN,
    price,
    shares,
)

PARENT_ORDERS = (
    *KEYS,
    Column("parent_order_id", "string", "the client's order"),
    Column("account", "string", "who the order is for"),
    Column("basket", "string", "program that the order belongs to, null for none", is_nullable=True),
    SYMBOL,
    SIDE,
    *EVENT,
    Column("instructed_start_at", "timestamp", "the client allows trading from here", "UTC"),
    Column("instructed_end_at", "timestamp", "the client allows trading until here", "UTC"),
    shares("order_shares", "quantity", low=1e-9),
    price("limit_price", "worst price the client accepts, null for none", is_nullable=True),
    Column("benchmark", "string", "what the client measures us by", allowed=("arrival", "vwap", "twap", "close")),
    Column("is_must_complete", "boolean", "the client wants every share done, null: not said", is_nullable=True),
    Column("may_use_auctions", "boolean", "opening and closing auctions are allowed, null: not said", is_nullable=True),
    Column("is_short_sale", "boolean", "the client sells what it does not own, null: not said", is_nullable=True),
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
ORDER_CHANGES = (
    *KEYS,
    Column("change_id", "string", "one change of a parent order while it is worked"),
    Column("parent_order_id", "string", "the order changed"),
    SYMBOL,
    *EVENT,
    RECEIVED,
    Column("kind", "string", "who changed it, and how", allowed=("amend", "cancel", "override")),
    shares("order_shares", "new quantity, null: as before", is_nullable=True),
    price("limit_price", "new limit, null: as before", is_nullable=True),
    Column("instructed_end_at", "timestamp", "new end, null: as before", "UTC", is_nullable=True),
    Column("person", "string", "trader who stepped in, null for the client's own change", is_nullable=True),
    Column("reason", "string", "why the trader stepped in, null for the client's own change", is_nullable=True),
)
ORDER_MESSAGES = (
    *KEYS,
    Column("message_id", "string", "session, sender, sequence number and place in its log"),
    SYMBOL_WHERE_KNOWN,
    *EVENT,
    RECEIVED,
    Column("protocol", "string", "version of the protocol, as FIX.4.4"),
    Column("sender", "string", "SenderCompID"),
    Column("target", "string", "TargetCompID"),
    SEQUENCE,
    Column("kind", "string", "MsgType"),
    Column("is_possible_duplicate", "boolean", "the sender says that it may have been sent before"),
    Column("order_id", "string", "ClOrdID", is_nullable=True),
    Column("original_order_id", "string", "OrigClOrdID: the order that this one replaces or cancels", is_nullable=True),
    Column("execution_id", "string", "ExecID", is_nullable=True),
    Column("execution_kind", "string", "ExecType, or ExecTransType where the protocol has it", is_nullable=True),
    Column("order_status", "string", "OrdStatus", is_nullable=True),
    Column("text", "string", "the message as it arrived, fields separated by |"),
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
    price("limit_price", "its limit, null for a market order", is_nullable=True),
    shares("child_shares", "quantity sent", low=1e-9),
    shares("filled_shares", "quantity filled"),
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
    price("price", "execution price"),
    shares("shares", "executed quantity", low=1e-9),
    Column("liquidity", "string", "rested or crossed", allowed=("maker", "taker")),
    Column("fee_notional", "double", "fees, taxes and rebates (positive = cost)", "currency", low=-1e9, high=1e9),
    Column("fill_model", "string", "who said it filled", allowed=("market", "trade_through", "touch", "venue")),
    CURRENCY,
)

ORDER_NOUNS: dict[str, Table] = {
    **DECISION_NOUNS,
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
    "order_changes": Table(
        "order_changes",
        "what changed a parent order while it was worked",
        ORDER_CHANGES,
        key=("market", "trade_date", "change_id"),
        sort_by=("symbol", "event_at_ns", "change_id"),
        rules=(
            RowRule(
                "override_has_person_and_reason",
                (pc.field("kind") != "override") | (pc.field("person").is_valid() & pc.field("reason").is_valid()),
                "an override that nobody signed cannot be accounted for",
            ),
        ),
        max_refused_share=0.0,
        max_refused_because="a change that we cannot read is an order that we cannot account for",
    ),
    "order_messages": Table(
        "order_messages",
        "drop copy: every message of an order session, as it arrived",
        ORDER_MESSAGES,
        key=("market", "trade_date", "message_id"),
        sort_by=("event_at_ns", "message_id"),
    ),
}
