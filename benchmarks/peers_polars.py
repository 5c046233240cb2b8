"""Peer of the features step: the same features as Polars expressions, Parquet to Parquet, one file a day.

38 features of the books, in the catalog's own definitions (`peers_polars_columns.py` says how); what a trades table,
earlier sessions' fits or outside series would add is not in here. `tests/benchmarks/test_peers.py` holds every feature
against the kernel's.
"""

import math
import os
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import polars as pl

from benchmarks.peers_polars_columns import (
    BPS,
    KEYS,
    SIDES,
    TRADED,
    Columns,
    Intervals,
    before,
    increments,
    looks,
    ratio,
    returns,
    sided,
    windowed,
)
from features.windows import FILLED_SHARE


def _rate(name: str, window: int) -> pl.Expr:
    """A decayed sum per second of the window that was seen, null while that is less than a tenth."""
    seen = window * (1.0 - 1.0 / pl.col(f"e_{window}"))
    return pl.when(seen >= FILLED_SHARE * window).then(pl.col(f"{name}_sum_{window}") / seen)


def _slope(side: str, levels: int) -> pl.Expr:
    """Share behind the best, per bps from the best to the deepest level that is shown."""
    first, found = pl.col(f"{side}_price_1"), pl.lit(None, pl.Float64)
    for level in range(2, min(5, levels) + 1):
        price = pl.col(f"{side}_price_{level}")
        shown = pl.sum_horizontal(f"{side}_shares_{number}" for number in range(1, level + 1))
        behind = 1.0 - ratio(pl.col(f"{side}_shares_1"), shown)
        found = pl.when(price.is_not_null()).then(ratio(behind, BPS * (price / first - 1.0).abs())).otherwise(found)
    return found


def _imbalance(suffix: str) -> pl.Expr:
    bid, ask = pl.col(f"bid_shares_{suffix}"), pl.col(f"ask_shares_{suffix}")
    return pl.when(pl.col("mid").is_not_null()).then(ratio(bid - ask, bid + ask))


def _book_features(levels: int) -> Columns:
    bid, ask, mid = pl.col("bid_price_1"), pl.col("ask_price_1"), pl.col("mid")
    bids, asks, queue = pl.col("bid_shares_1"), pl.col("ask_shares_1"), pl.col("best_depth_mean_300")
    is_two_sided = mid.is_not_null()
    nothing = pl.lit(None, pl.Float64)
    return {
        "microprice_offset_bps": BPS * (bid + ratio(bids, bids + asks) * (ask - bid) - mid) / mid,
        "spread_bps": BPS * (ask - bid) / mid,
        "imbalance_1": _imbalance("1"),
        "imbalance_5": _imbalance("top") if levels >= 5 else nothing,
        "imbalance_10": _imbalance("all") if levels >= 10 else nothing,
        "depth_notional": mid * (pl.col("bid_shares_top") + pl.col("ask_shares_top")),
        "relative_depth_5": ratio(pl.col("depth_5"), pl.col("depth_5_mean_300")),
        "bid_queue": pl.when(is_two_sided).then(ratio(bids, queue)),
        "ask_queue": pl.when(is_two_sided).then(ratio(asks, queue)),
        "bid_slope": _slope("bid", levels),
        "ask_slope": _slope("ask", levels),
    }


def _flow_features() -> Columns:
    queue, depth = pl.col("best_depth_mean_300"), pl.col("depth_5_mean_300")
    return {
        **{f"ofi_1_{window}s": ratio(pl.col(f"flow_1_sum_{window}"), queue) for window in (10, 60, 300)},
        **{f"ofi_5_{window}s": ratio(pl.col(f"flow_5_sum_{window}"), depth) for window in (10, 60, 300)},
        **{f"{side}_queue_change": ratio(pl.col(f"flow_{side}"), queue) for side in SIDES},
        **{f"trade_flow_{window}s": ratio(pl.col(f"signed_sum_{window}"), pl.col(f"traded_sum_{window}"))
           for window in (10, 60, 300)},
        **{f"trade_pressure_{window}s": ratio(pl.col(f"signed_sum_{window}"), pl.col("mid") * queue)
           for window in (10, 60)},
        "trade_intensity_60s": ratio(_rate("traded", 60), _rate("traded", 1800)),
        "quote_intensity_60s": _rate("quote_change", 60),
    }  # fmt: skip


def _move_features(intervals: Intervals) -> Columns:
    time, place = pl.col("event_at_ns"), pl.col("interval")
    lengths = [end - start for start, end in intervals]
    since: pl.Expr = pl.lit(None, pl.Float64)
    for index, (start, _) in enumerate(intervals):
        since = pl.when(place == index).then((time - start + sum(lengths[:index])) / 1e9).otherwise(since)
    return {
        **{f"realised_volatility_{window}s": _rate("r2", window).sqrt() for window in (60, 300, 1800)},
        "bipower_volatility_300s": (math.pi / 2.0 * _rate("rr", 300)).sqrt(),
        "volatility_ratio_60s": ratio(_rate("r2", 60), _rate("r2", 1800)).sqrt(),
        **{f"mid_trend_bps_{window}s": BPS * (pl.col("mid") / pl.col(f"mid_mean_{window}") - 1.0)
           for window in (10, 60, 300)},
        "seconds_since_open": since,
        "seconds_to_close": sum(lengths) / 1e9 - since,
    }  # fmt: skip


def features(rows: pl.LazyFrame, intervals: Intervals, levels: int) -> pl.LazyFrame:
    """Keys and features of the rows, floats of 32 bits, null where a feature is."""
    found = {**_book_features(levels), **_flow_features(), **_move_features(intervals)}
    ready = ("seconds_since_trade", "seconds_since_mid_change")
    computed = [expression.cast(pl.Float32).alias(name) for name, expression in found.items()]
    return (
        rows.with_columns(*looks(intervals, levels))
        .with_columns(*before(levels))
        .with_columns(*increments(levels))
        .with_columns(*returns())
        .with_columns(*windowed(max(end - start for start, end in intervals) / 1e9))
        .select(*KEYS, *computed, *(pl.col(name).cast(pl.Float32) for name in ready))
    )


def build_day(source: Path, target: Path, intervals: Intervals, levels: int) -> int:
    """One day's silver file into one file of features, lz4; rows."""
    rows = pl.scan_parquet(source).select(*KEYS, *TRADED, *sided(levels))
    found = features(rows, intervals, levels).collect()
    found.write_parquet(target, compression="lz4", statistics=False)
    return found.height
