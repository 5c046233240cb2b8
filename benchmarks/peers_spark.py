"""Peer of the features step: the same inventory of features as Spark SQL windows, Delta to Delta.

Written as Spark users write it: sums and time-weighted means over range windows of 10, 60, 300 and 1800 seconds that
slide, where ours decay (`features/windows.py`), because SQL has no recursion from row to row. So windowed values differ
and the work, one column for one column, is the same. Order flow, signs, queues and the shape of the book are ours to
the digit. Not in here: a trades table beside the books.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

KEYS = ("market", "trade_date", "symbol", "event_at", "event_at_ns", "sequence", "known_at")
SIDES = ("bid", "ask")
Intervals = Mapping[date, Sequence[tuple[int, int]]]
Columns = dict[str, str]
"""A column's name and its SQL."""
PART = "PARTITION BY market, trade_date, symbol, interval ORDER BY event_at_ns"
DAY = "PARTITION BY market, trade_date, symbol ORDER BY event_at_ns"
SUMS = {
    "flow_1": (10, 60, 300), "flow_5": (10, 60, 300), "signed": (10, 60, 300), "traded": (10, 60, 300, 1800),
    "quote_change": (60,), "r2": (60, 300, 1800), "rr": (300,), "seconds": (10, 60, 300, 1800),
}  # fmt: skip
MEANS = {"mid": (10, 60, 300), "best_depth": (300,), "depth_5": (300,)}


def _select(source: str, columns: Columns, tail: str = "") -> str:
    named = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    return f"(SELECT *, {named} FROM {source} {tail})"  # noqa: S608


def _both(form: str, levels: Sequence[int] = (1,)) -> Columns:
    """Columns for each side and level; `form` is `name = sql` with {side} and {level}."""
    name, _, sql = form.partition(" = ")
    made = [(side, level) for level in levels for side in SIDES]
    return {name.format(side=side, level=level): sql.format(side=side, level=level) for side, level in made}


def _looks(top: int) -> str:
    shown = {side: " + ".join(f"coalesce({side}_shares_{level}, 0)" for level in range(1, top + 1)) for side in SIDES}
    columns = {
        "mid": "(bid_price_1 + ask_price_1) / 2",
        "sized": "coalesce(traded_shares, traded_notional / last_price)",
        **{f"{side}_top": sql for side, sql in shown.items()},
    }
    rows = _select("books LEFT JOIN intervals ON trade_date = day AND event_at_ns BETWEEN start AND end", columns)
    is_two_sided = "mid IS NOT NULL AND bid_shares_1 > 0 AND ask_shares_1 > 0"
    columns = {
        "best_depth": f"CASE WHEN {is_two_sided} THEN (bid_shares_1 + ask_shares_1) / 2 END",
        "depth_5": f"CASE WHEN {is_two_sided} THEN (bid_top + ask_top) / 2 END",
        "price": "CASE WHEN traded_notional > 0 AND sized > 0 THEN traded_notional / sized END",
        "traded_at": "CASE WHEN traded_notional > 0 THEN event_at_ns END",
    }
    return _select(rows, columns)


def _before(top: int) -> str:
    levels = range(1, top + 1)
    lagged = ["mid", "best_depth", "depth_5", "event_at_ns", *_both("{side}_price_{level} = ", levels)]
    lagged += _both("{side}_shares_{level} = ", levels)
    columns = {f"previous_{name}": f"lag({name}) OVER part" for name in lagged}
    columns |= {
        "tick": f"sign(price - last(price, true) OVER ({DAY} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))",
        "last_trade": f"last(traded_at, true) OVER ({DAY})",
    }
    return _select(_looks(top), columns, f"WINDOW part AS ({PART})")


def _flows(top: int) -> Columns:
    """Cont, Kukanov and Stoikov's flow into each level; nothing rests at a side that is not there."""
    form = (
        "flow_{side}_{level} = CASE WHEN previous_event_at_ns IS NOT NULL THEN"
        " if({now} >= {before}, coalesce({side}_shares_{level}, 0), 0)"
        " - if({now} <= {before}, coalesce(previous_{side}_shares_{level}, 0), 0) END"
    )
    made: Columns = {}
    for side, sign in (("bid", ""), ("ask", "-")):
        now, before = (
            f"coalesce({sign}{prefix}{side}_price_{{level}}, double('-Infinity'))" for prefix in ("", "previous_")
        )
        of_side = form.replace("{now}", now).replace("{before}", before).replace("{side}", side)
        made |= _both(of_side, range(1, top + 1))
    return made


def _increments(top: int) -> str:
    columns = {
        **_flows(top),
        "seconds": "(event_at_ns - previous_event_at_ns) / 1e9",
        "quote_change": "CASE WHEN previous_event_at_ns IS NOT NULL THEN"
        " if(bid_price_1 <=> previous_bid_price_1 AND ask_price_1 <=> previous_ask_price_1, 0, 1) END",
        "traded": "CASE WHEN previous_event_at_ns IS NOT NULL THEN traded_notional END",
        "last_tick": f"last(nullif(tick, 0), true) OVER ({DAY})",
        "r": "1e4 * (mid / previous_mid - 1)",
    }
    rows = _select(_before(top), columns)
    sums = {
        "flow_1": "flow_bid_1 - flow_ask_1",
        "flow_5": " + ".join(f"flow_bid_{level} - flow_ask_{level}" for level in range(1, top + 1)),
        "signed": "CASE WHEN traded > 0 THEN traded * CASE WHEN price > previous_mid THEN 1 WHEN price < previous_mid"
        " THEN -1 ELSE last_tick END WHEN sized = 0 THEN 0 END",
        "r2": "r * r",
        "rr": f"abs(r) * abs(lag(r) OVER ({PART}))",
        "moved_at": "CASE WHEN abs(r) > 0 THEN event_at_ns END",
        **{f"held_{name}": f"previous_{name} * seconds" for name in MEANS},
    }
    return _select(rows, sums)


def _windows(top: int) -> str:
    columns = {f"{name}_{span}": f"sum({name}) OVER w{span}" for name, spans in SUMS.items() for span in spans}
    columns |= {
        f"{name}_mean_{span}": f"sum(held_{name}) OVER w{span} / sum(seconds) OVER w{span}"
        for name, spans in MEANS.items()
        for span in spans
    }
    columns["last_move"] = f"last(moved_at, true) OVER ({PART})"
    ranges = [
        f"w{span} AS ({PART} RANGE BETWEEN {span}000000000 PRECEDING AND CURRENT ROW)" for span in (10, 60, 300, 1800)
    ]
    return _select(_increments(top), columns, f"WINDOW {', '.join(ranges)}")


def _rate(name: str, span: int) -> str:
    return f"CASE WHEN seconds_{span} >= {span} * 0.1 THEN {name}_{span} / seconds_{span} END"


def _slope(side: str, top: int) -> str:
    deepest = " ".join(
        f"WHEN {side}_price_{level} IS NOT NULL THEN abs({side}_price_{level} / {side}_price_1 - 1)"
        for level in range(top, 1, -1)
    )
    return f"(1 - {side}_shares_1 / nullif({side}_top, 0)) / nullif(1e4 * CASE {deepest or 'WHEN true THEN 0'} END, 0)"


def _features(levels: int, top: int) -> Columns:
    deep = {side: " + ".join(f"coalesce({side}_shares_{n}, 0)" for n in range(1, levels + 1)) for side in SIDES}
    imbalances = {
        "imbalance_1": ("bid_shares_1", "ask_shares_1"),
        "imbalance_5": ("bid_top", "ask_top") if levels >= 5 else ("null", "null"),
        "imbalance_10": (deep["bid"], deep["ask"]) if levels >= 10 else ("null", "null"),
    }
    queue, short, long = "nullif(best_depth_mean_300, 0)", (10, 60, 300), (60, 300, 1800)
    weighted = "bid_price_1 + bid_shares_1 / nullif(bid_shares_1 + ask_shares_1, 0) * (ask_price_1 - bid_price_1)"
    return {
        "microprice_offset_bps": f"1e4 * ({weighted} - mid) / mid",
        "spread_bps": "1e4 * (ask_price_1 - bid_price_1) / mid",
        **{name: f"(({bid}) - ({ask})) / nullif(({bid}) + ({ask}), 0)" for name, (bid, ask) in imbalances.items()},
        "depth_notional": "mid * (bid_top + ask_top)",
        "relative_depth_5": "depth_5 / nullif(depth_5_mean_300, 0)",
        **_both(f"{{side}}_queue = {{side}}_shares_1 / {queue}"),
        **{f"{side}_slope": _slope(side, top) for side in SIDES},
        **{f"ofi_1_{span}s": f"flow_1_{span} / {queue}" for span in short},
        **{f"ofi_5_{span}s": f"flow_5_{span} / nullif(depth_5_mean_300, 0)" for span in short},
        **_both(f"{{side}}_queue_change = flow_{{side}}_1 / {queue}"),
        **{f"trade_flow_{span}s": f"signed_{span} / nullif(traded_{span}, 0)" for span in short},
        **{f"trade_pressure_{span}s": f"signed_{span} / (mid * {queue})" for span in (10, 60)},
        "trade_intensity_60s": f"({_rate('traded', 60)}) / nullif({_rate('traded', 1800)}, 0)",
        "quote_intensity_60s": _rate("quote_change", 60),
        "seconds_since_trade": "(event_at_ns - last_trade) / 1e9",
        **{f"realised_volatility_{span}s": f"sqrt({_rate('r2', span)})" for span in long},
        "bipower_volatility_300s": f"sqrt(pi() / 2 * ({_rate('rr', 300)}))",
        "volatility_ratio_60s": f"sqrt(({_rate('r2', 60)}) / nullif({_rate('r2', 1800)}, 0))",
        **{f"mid_trend_bps_{span}s": f"1e4 * (mid / mid_mean_{span} - 1)" for span in short},
        "seconds_since_mid_change": "(event_at_ns - last_move) / 1e9",
        "seconds_since_open": "(gone + event_at_ns - start) / 1e9",
        "seconds_to_close": "(whole - gone - event_at_ns + start) / 1e9",
    }


def query(levels: int) -> str:
    """The whole statement over the views `books` and `intervals`."""
    top = min(5, levels)
    made = ", ".join(f"float({sql}) AS {name}" for name, sql in _features(levels, top).items())
    return f"SELECT {', '.join(KEYS)}, {made} FROM {_windows(top)}"  # noqa: S608


def build(session: Any, source: Path, target: Path, intervals: Intervals, levels: int) -> int:
    """Delta table of silver books, these days of it, into a Delta table of features; rows."""
    rows = [
        (day, index, start, end, sum(e - s for s, e in spans[:index]), sum(e - s for s, e in spans))
        for day, spans in intervals.items()
        for index, (start, end) in enumerate(spans)
    ]
    names = "day date, interval int, start long, end long, gone long, whole long"
    session.createDataFrame(rows, names).createOrReplaceTempView("intervals")
    books = session.read.format("delta").load(str(source))
    books.where(books.trade_date.isin(list(intervals))).createOrReplaceTempView("books")
    written = session.sql(query(levels)).write.format("delta").mode("overwrite").partitionBy("market", "trade_date")
    written.option("compression", "lz4_raw").save(str(target))
    return int(session.read.format("delta").load(str(target)).count())
