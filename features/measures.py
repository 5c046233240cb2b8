"""Quantities that features are made of, declared once: what happens at a row, and what stands between rows.

A *look* is computed from the row alone. A *held* value is a look that stands from its row to the next; `<name>_mean` is
its time-weighted mean before now. An *increment* is computed at every row that has a predecessor in its trading
interval; `<name>_sum` is its decayed sum (`windows.py`).
A feature asks for what it needs by the names of its arguments, and the engine keeps just the sums that are asked for:

    <input>                      a name of INPUTS
    <measure>                    this row's value
    <measure>_sum, _mean         over the feature's own window
    <measure>_sum_1800s          over a fixed window
    elapsed_seconds[_1800s]      the part of that window that was seen
    window_seconds               the feature's own window

    >>> [measure.name for measure in MEASURES if measure.kind == "held"]
    ['mid', 'best_depth_shares', 'depth_5_shares']
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from features import book, flow, volatility

Function = Callable[..., Any]

BOOK_INPUTS = ("bid_price", "bid_shares", "ask_price", "ask_shares")
PREVIOUS_INPUTS = tuple(f"previous_{name}" for name in BOOK_INPUTS)
BEST_INPUTS = tuple(f"{name}_1" for name in (*PREVIOUS_INPUTS, *BOOK_INPUTS))
MARKS = (
    "mid",
    "previous_mid",
    "mid_return_bps",
    "previous_mid_return_bps",
    "seconds",
    "signed_notional",
    "traded_notional",
    "has_trades",
    "buys_notional",
    "sells_notional",
    "unsigned_notional",
    "last_traded_price",
    "last_tick_sign",
)
CLOCK = ("last_ns", "interval", "has_previous", "last_trade_ns", "last_mid_change_ns")
BEFORE = ("fit", "auctions_ns")
FILTERED = ("regime_state",)
OUTSIDE = ("outside_values", "outside_about_ns", "outside_usable_ns")
ROW_INPUTS = (*BOOK_INPUTS, *PREVIOUS_INPUTS, *BEST_INPUTS)
INPUTS = (*ROW_INPUTS, "intervals", "time_ns", *MARKS, *CLOCK, *BEFORE, *FILTERED, *OUTSIDE)
"""Everything that a measure or a feature may name: the row, the row before it, the engine's own scalars, what was known
before the session (`fits.py`), the regime filter (`regime.py`), series from outside (`outside.py`)."""


@dataclass(frozen=True)
class Measure:
    """One quantity. `function` is None where the quantity is an input itself."""

    name: str
    function: Function | None
    kind: Literal["look", "held", "increment"] = "increment"


MEASURES: tuple[Measure, ...] = (
    Measure("mid", None, "held"),
    Measure("bid_shares_5", book.bid_shares_5, "look"),
    Measure("ask_shares_5", book.ask_shares_5, "look"),
    Measure("best_depth_shares", book.best_depth_shares, "held"),
    Measure("depth_5_shares", book.depth_5_shares, "held"),
    Measure("order_flow_bid", flow.order_flow_bid),
    Measure("order_flow_ask", flow.order_flow_ask),
    Measure("order_flow_1", flow.order_flow_1),
    Measure("order_flow_5", flow.order_flow_5),
    Measure("quote_change", flow.quote_change),
    Measure("signed_notional", None),
    Measure("traded_notional", None),
    Measure("squared_return", volatility.squared_return),
    Measure("bipower_product", volatility.bipower_product),
)


def plain(function: Function) -> Function:
    """The Python function behind a compiled one."""
    found: Function = getattr(function, "py_func", function)
    return found


def arguments(function: Function) -> tuple[str, ...]:
    """Names of its arguments, in order: they say what it needs."""
    return tuple(inspect.signature(plain(function)).parameters)
