"""Every feature, one row each: `gold.features`, the engine, the models and the documentation are made from it.

To add one: write a function in `book.py`, `flow.py`, `volatility.py` or `session.py` whose arguments are names from
`measures.py`, and add a row here. The engine wires and compiles it, the table gets its column, the tests of the
catalog take it along. Changing a definition changes its `full_version` by itself, and a model refuses to be served
features of another version than it was trained on; `version` is for changes that no definition shows (another feed).

    >>> FEATURE_NAMES[0], FEATURES["ofi_1_10s"].window_seconds
    ('microprice_offset_bps', 10)
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from features import book, flow, microprice, outside, regime, session, volatility
from features.definitions import definition_digest
from features.measures import Function, arguments
from infra.tables.columns import Column, Table
from infra.tables.words import EVENT, KEYS, PROVENANCE, SEQUENCE, SYMBOL

OWNER = "execution-research"
ONE_SIDED = "null where a side of the book is empty"
START = "null at the first row of a trading interval"
NO_FIT_YET = "null before the first fit of the symbol"
FILLING = "null until a tenth of the window has passed since the trading interval began"
NO_TRADES = "null until the feed has shown a trade today; signed flow is null where nothing tells the sign"
LARGE = 1e6
"""Bound of ratios that have none by their formula: beyond it the row is damaged, not extreme."""


@dataclass(frozen=True)
class Feature:
    """One column of `gold.features`. `low` and `high` are inclusive and checked when a day is written."""

    name: str
    function: Function
    unit: str
    null_rule: str
    low: float
    high: float
    window_seconds: int | None = None
    version: int = 1
    owner: str = OWNER
    since: str = "0.1.0"

    @property
    def inputs(self) -> tuple[str, ...]:
        """What it needs, as `measures.py` names it."""
        return arguments(self.function)

    @property
    def full_version(self) -> str:
        """Version and digest of the definition: it changes when the feature does, whoever thinks of it."""
        return f"{self.version}.{definition_digest(self.function)}"

    @property
    def meaning(self) -> str:
        """First line of the function's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    @property
    def column(self) -> Column:
        return Column(self.name, "float", self.meaning, self.unit, is_nullable=True, low=self.low, high=self.high)


def _one(
    function: Function, unit: str, null_rule: str, low: float, high: float, version: int = 1
) -> tuple[Feature, ...]:
    return (Feature(function.__name__, function, unit, null_rule, low, high, version=version),)


def _over(
    windows: tuple[int, ...], function: Function, unit: str, null_rule: str, low: float, high: float, version: int = 1
) -> tuple[Feature, ...]:
    return tuple(
        Feature(f"{function.__name__}_{window}s", function, unit, null_rule, low, high, window, version)
        for window in windows
    )


CATALOG: tuple[Feature, ...] = (
    *_one(book.microprice_offset_bps, "bps", ONE_SIDED, -5e3, 5e3),
    *_one(microprice.microprice_adjusted_bps, "bps", f"{ONE_SIDED} or shows no size; {NO_FIT_YET}", -5e3, 5e3),
    *_one(book.spread_bps, "bps", ONE_SIDED, -2e4, 2e4),
    *_one(book.imbalance_1, "", ONE_SIDED, -1, 1),
    *_one(book.imbalance_5, "", f"{ONE_SIDED}, and in a feed with fewer levels", -1, 1),
    *_one(book.imbalance_10, "", f"{ONE_SIDED}, and in a feed with fewer levels", -1, 1),
    *_one(book.depth_notional, "currency", ONE_SIDED, 0, 1e15),
    *_one(book.relative_depth_5, "", f"{START}, and {ONE_SIDED}", 0, LARGE),
    *_one(book.bid_queue, "queues", f"{START}, and {ONE_SIDED}", 0, LARGE),
    *_one(book.ask_queue, "queues", f"{START}, and {ONE_SIDED}", 0, LARGE),
    *_one(book.bid_slope, "1/bps", "null with one level", 0, LARGE),
    *_one(book.ask_slope, "1/bps", "null with one level", 0, LARGE),
    *_one(book.bid_curvature, "", "null with fewer than three levels", -0.5, 0.5),
    *_one(book.ask_curvature, "", "null with fewer than three levels", -0.5, 0.5),
    *_over((10, 60, 300), flow.ofi_1, "queues", START, -LARGE, LARGE),
    *_over((10, 60, 300), flow.ofi_5, "depths", START, -LARGE, LARGE),
    *_one(flow.bid_queue_change, "queues", START, -LARGE, LARGE),
    *_one(flow.ask_queue_change, "queues", START, -LARGE, LARGE),
    *_over((10, 60, 300), flow.trade_flow, "", NO_TRADES, -1.000001, 1.000001),
    *_over((10, 60), flow.trade_pressure, "queues", NO_TRADES, -LARGE, LARGE),
    *_over((60,), flow.trade_intensity, "", f"{NO_TRADES}; {FILLING}", 0, LARGE),
    *_over((60,), flow.quote_intensity, "1/s", FILLING, 0, LARGE),
    *_one(flow.seconds_since_trade, "s", NO_TRADES, 0, 1e5),
    *_over((60, 300, 1800), volatility.realised_volatility, "bps/sqrt(s)", FILLING, 0, 1e5),
    *_over((300,), volatility.bipower_volatility, "bps/sqrt(s)", FILLING, 0, 1e5),
    *_over((60,), volatility.volatility_ratio, "", FILLING, 0, LARGE),
    *_over((10, 60, 300), volatility.mid_trend_bps, "bps", START, -1e4, LARGE),
    *_one(volatility.seconds_since_mid_change, "s", "null until the mid first moves in its trading interval", 0, 1e5),
    *_one(session.seconds_since_open, "s", "null outside the market's trading intervals", 0, 1e5),
    *_one(session.seconds_to_close, "s", "null outside the market's trading intervals", 0, 1e5),
    *_one(session.seconds_to_auction, "s", "null after the day's last auction and in a market without any", 0, 1e5),
    *_one(regime.calm_liquid_probability, "", NO_FIT_YET, 0, 1),
    *_one(regime.calm_illiquid_probability, "", NO_FIT_YET, 0, 1),
    *_one(regime.volatile_liquid_probability, "", NO_FIT_YET, 0, 1),
    *_one(regime.volatile_illiquid_probability, "", NO_FIT_YET, 0, 1),
    *_one(outside.news_sentiment, "", "null where the market brings no such series", -1e12, 1e12),
    *_one(outside.seconds_since_news, "s", "null where the market brings no such series", 0, 1e7),
)

FEATURES = MappingProxyType({feature.name: feature for feature in CATALOG})
FEATURE_NAMES = tuple(FEATURES)
FEATURE_VERSIONS = MappingProxyType({feature.name: feature.full_version for feature in CATALOG})

ROW_COLUMNS: tuple[Column, ...] = (*KEYS, SYMBOL, *EVENT, SEQUENCE, PROVENANCE[0])
"""Which book row a row of features or labels belongs to, and when it was known."""

FEATURES_TABLE = Table(
    "gold.features",
    "what the models read: one row a book row",
    (*ROW_COLUMNS, *(feature.column for feature in CATALOG)),
    key=("market", "trade_date", "symbol", "event_at_ns", "sequence"),
    sort_by=("symbol", "event_at_ns", "sequence"),
)
