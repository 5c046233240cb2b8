"""What the desk decided: which arm each order was drawn into, what the model said, and what it had in hand."""

from __future__ import annotations

from infra.tables.columns import Column, Table
from infra.tables.words import EVENT, KEYS, SIDE, SYMBOL, shares

ROUTING = (
    Column("rollout_id", "string", "rollout that was on, null for none", is_nullable=True),
    Column("phase", "string", "phase of the routing, null where nobody said", is_nullable=True),
    Column("epoch", "long", "epoch of the routing, null where nobody said", is_nullable=True, low=0, high=1e15),
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
    shares("decided_shares", "how much"),
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
    Column("arm", "string", "arm that the order was assigned to, null: nothing was on trial", is_nullable=True),
    *ROUTING,
)
ASSIGNMENTS = (
    *KEYS,
    Column("parent_order_id", "string", "the order"),
    Column("unit", "string", "unit of assignment: account or basket, symbol, side, session"),
    Column("account", "string", "who the order is for"),
    SYMBOL,
    SIDE,
    *EVENT,
    Column("is_eligible", "boolean", "it may be drawn into an arm; asked before the draw, the same for all arms"),
    Column("reason", "string", "why it may not, empty where it may"),
    Column("stratum", "string", "size of the order by its drawn participation", allowed=("small", "medium", "large")),
    Column("arm", "string", "arm it was drawn into", allowed=("champion", "challenger", "benchmark")),
    Column("propensity", "double", "probability that this arm had", low=0.0, high=1.0),
    *ROUTING,
    Column("policy_version", "string", "version of the arm when the order arrived"),
    Column("policy_digest", "string", "digest of that version's manifest"),
)
SERVED_FEATURES = (
    *KEYS,
    SYMBOL,
    *EVENT,
    Column("book_event_at_ns", "long", "time of the last book row that the desk had seen", "ns", low=0, high=9e18),
    Column("book_sequence", "long", "its sequence", low=0, high=1e15),
    Column("definitions", "string", "first 16 digits of the digest of the features' definitions"),
    Column("fit_day", "date", "session that its fits had learned up to, null: it had none", is_nullable=True),
    Column("features", "string", "JSON of feature to value, null for null"),
)

DECISION_NOUNS: dict[str, Table] = {
    "decisions": Table(
        "decisions",
        "what the model told the desk to do",
        DECISIONS,
        key=("market", "trade_date", "decision_id"),
        sort_by=("symbol", "event_at_ns", "decision_id"),
        max_refused_share=0.0,
        max_refused_because="our own log has no noise",
    ),
    "assignments": Table(
        "assignments",
        "which arm each parent order was drawn into, and why",
        ASSIGNMENTS,
        key=("market", "trade_date", "parent_order_id"),
        sort_by=("symbol", "event_at_ns", "parent_order_id"),
        max_refused_share=0.0,
        max_refused_because="an assignment that is lost makes the comparison worthless",
    ),
    "served_features": Table(
        "served_features",
        "what the desk had in hand when it decided: one row a symbol and instant",
        SERVED_FEATURES,
        key=("market", "trade_date", "symbol", "event_at_ns"),
        sort_by=("symbol", "event_at_ns"),
        max_refused_share=0.0,
        max_refused_because="our own log has no noise",
    ),
}
