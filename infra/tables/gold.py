"""What is learned from and judged by. `features/catalog.py` adds `gold.features` and `gold.labels`,
whose columns are the catalog itself."""

from __future__ import annotations

from infra.tables.columns import Column, Table
from infra.tables.words import CURRENCY, KEYS, SIDE, SYMBOL

BPS_LIMIT = 1e5

TRAINING_SETS = Table(
    "gold.training_sets",
    "which rows a model may learn from: enough to make them again exactly",
    (
        *KEYS,
        Column("training_set_id", "string", "digest of everything below"),
        Column("first_day", "date", "first session in it"),
        Column("last_day", "date", "last session in it"),
        Column("sessions", "long", "sessions in it", low=0, high=1e6),
        Column("rows", "long", "rows in it", low=0, high=1e12),
        Column("recipe_id", "string", "recipe it was made for"),
        Column("delta_versions", "string", "JSON: table name to Delta version read"),
        Column("content_hash", "string", "hash of the rows read"),
    ),
    key=("market", "trade_date", "training_set_id"),
    sort_by=("training_set_id",),
)

BACKTESTS = Table(
    "gold.backtests",
    "one row a policy, fill bound and parent order, out of sample",
    (
        *KEYS,
        Column("order_set_hash", "string", "hash of the parent orders worked: only equal sets may be compared"),
        Column("policy_version", "string", "version or policy judged"),
        Column("fill_bound", "string", "how a resting order fills", allowed=("touch", "trade_through")),
        Column("session", "date", "session that the order traded in"),
        Column("parent_order_id", "string", "the order"),
        SYMBOL,
        SIDE,
        Column("order_notional", "double", "order_shares at arrival price", "currency", low=0, high=1e13),
        CURRENCY,
        Column("arrival_price", "double", "mid when the order arrived", "currency/share", low=1e-4, high=1e6),
        Column(
            "arrival_cost_bps",
            "double",
            "cost against arrival, fees, taxes and forced completion in it",
            "bps",
            low=-BPS_LIMIT,
            high=BPS_LIMIT,
        ),
        Column("half_spread_bps", "double", "half the spread at arrival", "bps", low=0, high=BPS_LIMIT),
        Column("filled_fraction", "double", "filled by the policy before the instructed end", low=0, high=1.0000001),
        Column(
            "maker_fraction", "double", "of the fills, the share that rested", low=0, high=1.0000001, is_nullable=True
        ),
        Column(
            "participation",
            "double",
            "own share of the volume traded in the interval",
            low=0,
            high=1e6,
            is_nullable=True,
        ),
        Column("arrival_hour", "int", "local hour of arrival", low=0, high=23),
        Column("participation_rate", "double", "as drawn with the order", low=0, high=1),
    ),
    key=("market", "trade_date", "order_set_hash", "policy_version", "fill_bound", "parent_order_id"),
    sort_by=("policy_version", "fill_bound", "session", "parent_order_id"),
)

COSTS = Table(
    "gold.costs",
    "what the desk paid: one row a parent order",
    (
        *KEYS,
        Column("parent_order_id", "string", "the order"),
        SYMBOL,
        SIDE,
        Column("account", "string", "who the order was for"),
        Column("policy_version", "string", "version that worked it"),
        CURRENCY,
        Column("order_notional", "double", "order_shares at arrival price", "currency", low=0, high=1e13),
        Column("arrival_price", "double", "mid when the order arrived", "currency/share", low=1e-4, high=1e6),
        Column("mean_fill_price", "double", "share-weighted price of its fills", "currency/share", True, 1e-4, 1e6),
        Column("filled_fraction", "double", "filled before the instructed end", low=0, high=1.0000001),
        Column(
            "arrival_cost_bps",
            "double",
            "cost against arrival, fees, taxes and forced completion in it",
            "bps",
            low=-BPS_LIMIT,
            high=BPS_LIMIT,
        ),
        Column("half_spread_bps", "double", "half the spread at arrival", "bps", low=0, high=BPS_LIMIT),
    ),
    key=("market", "trade_date", "parent_order_id"),
    sort_by=("symbol", "parent_order_id"),
)

HEALTH = Table(
    "gold.health",
    "one row a check a day: what the gate and the next rollout decision read",
    (
        *KEYS,
        Column("step", "string", "step that made the check"),
        Column("check_name", "string", "what was checked"),
        Column("subject", "string", "table, version or feature it is about"),
        Column(
            "verdict",
            "string",
            "fail beats hold beats ask beats pass; note never decides",
            allowed=("pass", "ask", "hold", "fail", "note"),
        ),
        Column("figure", "double", "what was found", is_nullable=True, low=-1e15, high=1e15),
        Column("threshold", "double", "what was asked for", is_nullable=True, low=-1e15, high=1e15),
        Column("because", "string", "why that threshold"),
        Column("reason", "string", "the verdict in words"),
    ),
    key=("market", "trade_date", "step", "check_name", "subject"),
    sort_by=("step", "check_name", "subject"),
)

FEATURE_SKETCHES = Table(
    "gold.feature_sketches",
    "a histogram of each feature: one row a feature, symbol group and local hour (`features/sketches.py`)",
    (
        *KEYS,
        Column("feature", "string", "column of gold.features"),
        Column("version", "string", "its full version: others are never merged with it"),
        Column("definitions", "string", "digest of every definition in force when the day was built"),
        Column("symbol_group", "string", "the symbol, or its tenth by liquidity in a market of many"),
        Column("hour", "int", "local hour", low=0, high=23),
        Column("rows", "long", "rows of gold.features", low=1, high=1e12),
        Column("nulls", "long", "of them null", low=0, high=1e12),
        Column("zeros", "long", "of them exactly zero", low=0, high=1e12),
        Column("lowest", "float", "smallest value", is_nullable=True),
        Column("highest", "float", "largest value", is_nullable=True),
        Column("bins", "string", "JSON array: step from the last key, rows in the bin, step, rows, …"),
    ),
    key=("market", "trade_date", "feature", "symbol_group", "hour"),
    sort_by=("feature", "symbol_group", "hour"),
)

FEATURE_CORRELATIONS = Table(
    "gold.feature_correlations",
    "how each feature and each label moved together in one session (`features/correlations.py`)",
    (
        *KEYS,
        Column("feature", "string", "column of gold.features"),
        Column("version", "string", "its full version"),
        Column("label", "string", "column of gold.labels"),
        Column("rows", "long", "rows compared", low=0, high=1e12),
        Column("rank_correlation", "double", "Spearman's, mean over symbols", is_nullable=True, low=-1, high=1),
    ),
    key=("market", "trade_date", "feature", "label"),
    sort_by=("feature", "label"),
)

LEDGER = Table(
    "gold.ledger",
    "a market's entries of the ledger, for analysis: a copy, held against the ledger (`pipelines/ledger/copy.py`)",
    (
        *KEYS,
        Column("sequence", "long", "place in the ledger, over all streams", low=1, high=1e15),
        Column("stream_sequence", "long", "place among the market's entries", low=1, high=1e15),
        Column("at", "timestamp", "when it happened, by its writer; trade_date is its day on the exchange"),
        Column("recorded_at", "timestamp", "when the database took it", is_nullable=True),
        Column("actor", "string", "who wrote it: a person, or fillwise"),
        Column("kind", "string", "what happened (`models/rollout/events.py`)"),
        Column("payload", "string", "JSON: the event's own words and figures"),
        Column("previous_hash", "string", "hash of the ledger's entry before it, whatever stream that is in"),
        Column("hash", "string", "its own hash: with `sequence`, a head to hold the ledger against"),
    ),
    key=("market", "trade_date", "sequence"),
    sort_by=("sequence",),
)

GOLD: dict[str, Table] = {
    table.name: table
    for table in (TRAINING_SETS, BACKTESTS, COSTS, HEALTH, FEATURE_SKETCHES, FEATURE_CORRELATIONS, LEDGER)
}
