"""What the desk decided: which arm each order was drawn into, what was said, what was in hand, what held back.

A version in its shadow decides beside the champion and sends nothing: its decisions, and the child orders that a replay
of the session's books made of them, stand in nouns of their own, so that no sum over the desk's orders meets them.
"""

from __future__ import annotations

from infra.tables.columns import Column, Table
from infra.tables.words import CURRENCY, EVENT, KEYS, SIDE, SYMBOL, price, shares

ACTIONS = ("wait", "join", "improve", "cross")
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
    Column("action", "string", "what it told the desk to do", allowed=ACTIONS),
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
LIMITS = (
    "symbols", "venues", "price_collar_bps", "order_notional", "session_notional", "session_orders",
    "position_notional", "participation", "repeats", "stop_notional", "output",
)  # fmt: skip
LIMIT_EVENTS = (
    *KEYS,
    Column("limit_event_id", "string", "one time that a limit said less than was decided"),
    Column("parent_order_id", "string", "the order"),
    Column("decision_id", "string", "the decision whose child it was; after an output, the decision taken instead"),
    SYMBOL,
    *EVENT,
    Column("policy_version", "string", "version that was held back"),
    Column("policy_digest", "string", "digest of that version's manifest"),
    Column("arm", "string", "arm that the order was assigned to"),
    *ROUTING,
    Column("limit_name", "string", "which limit; output: the version gave no number", allowed=LIMITS),
    Column("figure", "double", "what the limit would have held, in its unit, null: no number", is_nullable=True),
    Column("allowed", "double", "what it allows, null: nothing", is_nullable=True),
    shares("asked_shares", "what was to be sent"),
    shares("sent_shares", "what was sent, 0: nothing"),
)
SHADOW_DECISIONS = (
    *KEYS,
    Column("shadow_decision_id", "string", "one decision of the version in its shadow"),
    Column("parent_order_id", "string", "the order decided on"),
    SYMBOL,
    *EVENT,
    Column("policy_version", "string", "version in its shadow"),
    Column("policy_digest", "string", "digest of that version's manifest"),
    *ROUTING,
    Column("action", "string", "what it would have told the desk to do", allowed=ACTIONS),
    shares("decided_shares", "how much"),
    Column("signal_bps", "double", "expected mid move it saw, null for none", "bps", True, -1e4, 1e4),
    Column("champion_version", "string", "version that decided then, null: the order was done", is_nullable=True),
    Column("champion_action", "string", "what that did", is_nullable=True, allowed=ACTIONS),
    shares("champion_shares", "how much", is_nullable=True),
)
SHADOW_CHILD_ORDERS = (
    *KEYS,
    Column("shadow_child_id", "string", "one order that would have been sent"),
    Column("shadow_decision_id", "string", "the decision it came from"),
    Column("parent_order_id", "string", "the order it would have worked"),
    SYMBOL,
    SIDE,
    *EVENT,
    Column("ended_at", "timestamp", "filled, cancelled or expired in the replay", "UTC"),
    price("limit_price", "its limit, null for a market order", is_nullable=True),
    shares("child_shares", "quantity", low=1e-9),
    shares("filled_shares", "quantity that the replay filled"),
    Column("end_reason", "string", "how it ended", allowed=("filled", "cancelled", "expired")),
    Column("venue", "string", "where it would have gone"),
    CURRENCY,
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
    "limit_events": Table(
        "limit_events",
        "where a limit made a child order smaller, or none of it",
        LIMIT_EVENTS,
        key=("market", "trade_date", "limit_event_id"),
        sort_by=("symbol", "event_at_ns", "limit_event_id"),
        max_refused_share=0.0,
        max_refused_because="our own log has no noise",
    ),
    "shadow_decisions": Table(
        "shadow_decisions",
        "what a version in its shadow would have done",
        SHADOW_DECISIONS,
        key=("market", "trade_date", "shadow_decision_id"),
        sort_by=("symbol", "event_at_ns", "shadow_decision_id"),
        max_refused_share=0.0,
        max_refused_because="our own log has no noise",
    ),
    "shadow_children": Table(
        "shadow_children",
        "child orders of a version in its shadow, as a replay of the session filled them",
        SHADOW_CHILD_ORDERS,
        key=("market", "trade_date", "shadow_child_id"),
        sort_by=("symbol", "event_at_ns", "shadow_child_id"),
        max_refused_share=0.0,
        max_refused_because="our own log has no noise",
    ),
}
