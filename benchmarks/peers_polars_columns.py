"""Columns that the Polars peer's features are made from: looks, what stood before, increments, decayed sums.

Polars has no decayed sum, but a cumulative one. Inside a trading interval, with t seconds since its first row,

    S_i = exp(-t_i / w) * cumsum_j(x_j * exp(t_j / w))       (`features/windows.py`, a column at a time)

holds as long as exp(t / w) fits a double: 100 minutes and 10 s give exp(600). A longer interval takes `ewm_mean_by`
with half_life = w ln 2, which is this sum when x_j is divided by 1 - exp(-seconds / w), but costs more. Lee and Ready's
sign needs no loop either: forward fills remember the last price and the last tick.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta

import polars as pl

Intervals = Sequence[tuple[int, int]]
Columns = dict[str, pl.Expr]
BPS = 1e4
LARGEST_EXPONENT = 650.0
"""Because a double ends at exp(709), and increments of a million shares take exp(14) of it."""
WINDOWS_SECONDS = (10, 60, 300, 1800)
KEYS = ("symbol", "event_at", "event_at_ns", "sequence", "known_at")
TRADED = ("last_price", "traded_shares", "traded_notional")
PART = ("symbol", "interval")
SIDES = ("bid", "ask")


def sided(levels: int) -> list[str]:
    """Names of the book's columns."""
    sided = [f"{side}_{what}" for side in SIDES for what in ("price", "shares")]
    return [f"{name}_{level}" for name in sided for level in range(1, levels + 1)]


def ratio(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return pl.when(denominator != 0.0).then(numerator / denominator)


def _interval(intervals: Intervals) -> pl.Expr:
    """Index of the interval that holds a row; -1 minus the intervals gone by outside of them all."""
    time, found = pl.col("event_at_ns"), pl.lit(-1, pl.Int32)
    for _, end in intervals:
        found = found - (time > end).cast(pl.Int32)
    for index, (start, end) in enumerate(intervals):
        found = pl.when(time.is_between(start, end)).then(pl.lit(index, pl.Int32)).otherwise(found)
    return found


def looks(intervals: Intervals, levels: int) -> Iterable[pl.Expr]:
    """What a row says by itself."""
    for side in SIDES:
        names = [f"{side}_shares_{level}" for level in range(1, min(5, levels) + 1)]
        yield pl.sum_horizontal(names).alias(f"{side}_shares_top")
        yield pl.sum_horizontal(f"{side}_shares_{level}" for level in range(1, levels + 1)).alias(f"{side}_shares_all")
        yield from (pl.col(name).fill_null(0.0) for name in names)
    yield _interval(intervals).alias("interval")
    yield ((pl.col("bid_price_1") + pl.col("ask_price_1")) / 2.0).alias("mid")
    yield pl.coalesce("traded_shares", pl.col("traded_notional") / pl.col("last_price")).alias("traded_shares")


def before(levels: int) -> Iterable[pl.Expr]:
    """What stood at the row before, and when the interval and the last trade were; once looks are there."""
    names = (*sided(min(5, levels)), "mid", "event_at_ns")
    is_two_sided = pl.col("mid").is_not_null() & (pl.col("bid_shares_1") > 0) & (pl.col("ask_shares_1") > 0)
    depths = {
        "best_depth": (pl.col("bid_shares_1") + pl.col("ask_shares_1")) / 2.0,
        "depth_5": (pl.col("bid_shares_top") + pl.col("ask_shares_top")) / 2.0,
    }
    yield from (pl.col(name).shift(1).over(PART).alias(f"previous_{name}") for name in names)
    for name, depth in depths.items():
        yield pl.when(is_two_sided).then(depth).alias(name)
        yield pl.when(is_two_sided).then(depth).shift(1).over(PART).alias(f"previous_{name}")
    price = pl.when(pl.col("traded_notional") > 0, pl.col("traded_shares") > 0).then(
        pl.col("traded_notional") / pl.col("traded_shares")
    )
    tick = (price - price.forward_fill().shift(1)).sign()
    yield price.alias("traded_price")
    yield pl.when(tick != 0).then(tick).forward_fill().over("symbol").alias("last_tick")
    traded_at = pl.when(pl.col("traded_notional") > 0).then("event_at_ns")
    yield ((pl.col("event_at_ns") - traded_at.forward_fill().over("symbol")) / 1e9).alias("seconds_since_trade")
    yield ((pl.col("event_at_ns") - pl.col("event_at_ns").first().over(PART)) / 1e9).alias("t")


def _flow(side: str, level: int) -> pl.Expr:
    """Cont, Kukanov and Stoikov's flow into one level; a missing bid is minus infinity with nothing at it."""
    sign = 1.0 if side == "bid" else -1.0
    now = (sign * pl.col(f"{side}_price_{level}")).fill_null(-math.inf)
    before = (sign * pl.col(f"previous_{side}_price_{level}")).fill_null(-math.inf)
    shares, shares_before = pl.col(f"{side}_shares_{level}"), pl.col(f"previous_{side}_shares_{level}")
    added, gone = pl.when(now >= before).then(shares), pl.when(now <= before).then(shares_before)
    return added.otherwise(0.0) - gone.otherwise(0.0)


def _is_known(side: str) -> pl.Expr:
    """Whether level 1 shows a size wherever it shows a price, now and before."""
    lacking = [
        pl.col(f"{prefix}{side}_price_1").is_not_null() & ~(pl.col(f"{prefix}{side}_shares_1") > 0)
        for prefix in ("", "previous_")
    ]
    return pl.col("previous_event_at_ns").is_not_null() & ~pl.any_horizontal(lacking)


def increments(levels: int) -> Iterable[pl.Expr]:
    """What happened at a row that has a predecessor in its interval."""
    has_previous = pl.col("previous_event_at_ns").is_not_null()
    flows = {side: pl.when(_is_known(side)).then(_flow(side, 1)) for side in SIDES}
    deeper = [_flow("bid", level) - _flow("ask", level) for level in range(2, min(5, levels) + 1)]
    flow_1 = flows["bid"] - flows["ask"]
    changed = [pl.col(f"{side}_price_1").ne_missing(pl.col(f"previous_{side}_price_1")) for side in SIDES]
    money, price, before = pl.col("traded_notional"), pl.col("traded_price"), pl.col("previous_mid")
    sign = pl.when(price > before).then(1.0).when(price < before).then(-1.0).otherwise(pl.col("last_tick"))
    signed = pl.when(money > 0).then(money * sign).when(pl.col("traded_shares") == 0).then(0.0)
    yield from (flow.alias(f"flow_{side}") for side, flow in flows.items())
    yield flow_1.alias("flow_1")
    yield sum(deeper, flow_1).alias("flow_5")
    yield pl.when(has_previous).then(pl.any_horizontal(changed).cast(pl.Float64)).alias("quote_change")
    yield pl.when(has_previous).then(money).alias("traded")
    yield pl.when(has_previous).then(signed).alias("signed")
    yield (BPS * (pl.col("mid") / before - 1.0)).alias("r")
    seconds = (pl.col("event_at_ns") - pl.col("previous_event_at_ns")) / 1e9
    yield from ((pl.col("t") / window).exp().alias(f"e_{window}") for window in WINDOWS_SECONDS)
    yield from ((1.0 - (-seconds / window).exp()).alias(f"a_{window}") for window in WINDOWS_SECONDS)


def _ewm(values: pl.Expr, window: int) -> pl.Expr:
    """y_i = d y_(i-1) + (1 - d) v_i with d = exp(-seconds / window), from the interval's first row on."""
    half_life = timedelta(seconds=window * math.log(2))
    return values.fill_null(0.0).ewm_mean_by("event_at", half_life=half_life).over(PART)


def _sum(name: str, window: int, longest_seconds: float) -> pl.Expr:
    """Decayed sum of a column of increments."""
    grown = pl.col(f"e_{window}")
    if longest_seconds > window * LARGEST_EXPONENT:
        return _ewm(pl.col(name) / pl.col(f"a_{window}"), window)
    return (pl.col(name) * grown).cum_sum().forward_fill().over(PART) / grown


def _mean(name: str, window: int, longest_seconds: float) -> pl.Expr:
    """Time-weighted mean of a value that stood between rows."""
    held, grown = pl.col(f"previous_{name}"), pl.col(f"e_{window}")
    if longest_seconds > window * LARGEST_EXPONENT:
        return ratio(_ewm(held, window), _ewm(held.is_not_null().cast(pl.Float64), window))
    weight = grown - grown.shift(1)
    known = pl.when(held.is_not_null()).then(weight)
    return ((held * weight).cum_sum() / known.cum_sum()).forward_fill().over(PART)


def windowed(longest: float) -> Iterable[pl.Expr]:
    sums = {
        "flow_1": (10, 60, 300), "flow_5": (10, 60, 300), "signed": (10, 60, 300), "traded": (10, 60, 300, 1800),
        "quote_change": (60,), "r2": (60, 300, 1800), "rr": (300,),
    }  # fmt: skip
    means = {"mid": (10, 60, 300), "best_depth": (300,), "depth_5": (300,)}
    for kind, function, asked in (("sum", _sum, sums), ("mean", _mean, means)):
        for name, spans in asked.items():
            yield from (function(name, window, longest).alias(f"{name}_{kind}_{window}") for window in spans)
    changed_at = pl.when(pl.col("r").abs() > 0).then("event_at_ns").forward_fill().over(PART)
    yield ((pl.col("event_at_ns") - changed_at) / 1e9).alias("seconds_since_mid_change")


def returns() -> Iterable[pl.Expr]:
    r = pl.col("r")
    yield (r * r).alias("r2")
    yield (r.abs() * r.shift(1).over(PART).abs()).alias("rr")
