"""What happened between two looks at the book: order flow, trade flow, intensity.

**Order-flow imbalance** (Cont, Kukanov and Stoikov 2014, "The price impact of order book events", section 2.1):
with best prices P and sizes q, and the same one row before marked ',

    bid side  e = 1[P >= P'] q - 1[P <= P'] q'      ask side  e = 1[P <= P'] q - 1[P >= P'] q'

and the flow is bid minus ask, in shares: additions at the bid and cancellations at the ask push up. An empty bid counts
as a price of minus infinity with nothing at it, an empty ask as plus infinity. The multi-level flow adds the same
over levels (Xu, Gould and Howison 2018, "Multi-level order-flow imbalance in a limit order book", section 3). It is
a net of additions, cancellations and trades, and cannot tell them apart.

**Trade signs** come from the feed where it says so. Else Lee and Ready (1991, "Inferring trade direction from intraday
data", section III): above the mid before it a buy, below a sell, at it the sign of the last price change. A feed
that gives only traded shares and notional per row is signed by its average price; without shares it has no sign, and
signed flow is null. Trades are null until the feed has shown one today: nothing tells earlier whether it has any.

    >>> lee_ready_sign(100.2, 100.1, 100.2, -1.0), lee_ready_sign(100.1, 100.1, 100.0, -1.0)
    (1.0, 1.0)
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from features.book import Levels
from features.compiled import compiled
from features.windows import rate, ratio

Floats = npt.NDArray[np.float64]


@compiled
def lee_ready_sign(price: float, mid: float, last_price: float, last_sign: float) -> float:
    """+1 buyer-initiated, -1 seller-initiated, NaN where neither quote nor tick can tell.

    `last_sign` is the sign of the last price change, which decides when the price stands still (a zero tick). Lee
    and Ready's five-second lag of quotes is left out: today's feeds carry quotes and trades on one clock.
    """
    if price > mid:
        return 1.0
    if price < mid:
        return -1.0
    if price > last_price:
        return 1.0
    if price < last_price:
        return -1.0
    return last_sign


@compiled
def _bid_flow(price: float, shares: float, previous_price: float, previous_shares: float) -> float:
    now = -math.inf if math.isnan(price) else price
    before = -math.inf if math.isnan(previous_price) else previous_price
    flow = 0.0
    if now >= before:
        flow += shares
    if now <= before:
        flow -= previous_shares
    return flow


@compiled
def _ask_flow(price: float, shares: float, previous_price: float, previous_shares: float) -> float:
    return _bid_flow(-price, shares, -previous_price, previous_shares)


@compiled
def _lacks_size(price: float, shares: float) -> bool:
    return not math.isnan(price) and not shares > 0.0


@compiled
def order_flow_bid(
    bid_price_1: float, bid_shares_1: float, previous_bid_price_1: float, previous_bid_shares_1: float
) -> float:
    """Order flow into the best bid since the previous row, shares; NaN where the feed shows no size."""
    if _lacks_size(bid_price_1, bid_shares_1) or _lacks_size(previous_bid_price_1, previous_bid_shares_1):
        return math.nan
    return _bid_flow(bid_price_1, bid_shares_1, previous_bid_price_1, previous_bid_shares_1)


@compiled
def order_flow_ask(
    ask_price_1: float, ask_shares_1: float, previous_ask_price_1: float, previous_ask_shares_1: float
) -> float:
    """Order flow into the best ask since the previous row, shares; NaN where the feed shows no size."""
    if _lacks_size(ask_price_1, ask_shares_1) or _lacks_size(previous_ask_price_1, previous_ask_shares_1):
        return math.nan
    return _ask_flow(ask_price_1, ask_shares_1, previous_ask_price_1, previous_ask_shares_1)


@compiled
def order_flow_1(order_flow_bid: float, order_flow_ask: float) -> float:
    """Order flow of level 1 since the previous row, shares: bid minus ask."""
    return order_flow_bid - order_flow_ask


@compiled
def order_flow_5(
    order_flow_1: float,
    bid_price: Levels,
    bid_shares: Levels,
    ask_price: Levels,
    ask_shares: Levels,
    previous_bid_price: Levels,
    previous_bid_shares: Levels,
    previous_ask_price: Levels,
    previous_ask_shares: Levels,
) -> float:
    """Order flow summed over up to five levels since the previous row, shares."""
    total = order_flow_1
    for level in range(1, min(5, len(bid_price))):
        total += _bid_flow(bid_price[level], bid_shares[level], previous_bid_price[level], previous_bid_shares[level])
        total -= _ask_flow(ask_price[level], ask_shares[level], previous_ask_price[level], previous_ask_shares[level])
    return total


@compiled
def _is_same(price: float, previous_price: float) -> bool:
    return price == previous_price or (math.isnan(price) and math.isnan(previous_price))


@compiled
def quote_change(
    bid_price_1: float, ask_price_1: float, previous_bid_price_1: float, previous_ask_price_1: float
) -> float:
    """1 where a best price differs from the previous row's, else 0. An appearing or vanishing side is a change."""
    if _is_same(bid_price_1, previous_bid_price_1) and _is_same(ask_price_1, previous_ask_price_1):
        return 0.0
    return 1.0


@compiled
def ofi_1(order_flow_1_sum: float, best_depth_shares_mean_300s: float) -> float:
    """Level-1 order flow over the window / mean best queue over 300 s: in queues, so that symbols compare."""
    return ratio(order_flow_1_sum, best_depth_shares_mean_300s)


@compiled
def ofi_5(order_flow_5_sum: float, depth_5_shares_mean_300s: float) -> float:
    """Five-level order flow over the window / mean five-level depth of a side over 300 s.

    A plain sum over levels, as in Cont, Cucuringu and Zhang (2023) before their principal component is taken.
    """
    return ratio(order_flow_5_sum, depth_5_shares_mean_300s)


@compiled
def bid_queue_change(order_flow_bid: float, best_depth_shares_mean_300s: float) -> float:
    """Order flow into the best bid since the previous row / mean best queue over 300 s. Positive: the bid grew."""
    return ratio(order_flow_bid, best_depth_shares_mean_300s)


@compiled
def ask_queue_change(order_flow_ask: float, best_depth_shares_mean_300s: float) -> float:
    """Order flow into the best ask since the previous row / mean best queue over 300 s. Positive: the ask grew."""
    return ratio(order_flow_ask, best_depth_shares_mean_300s)


@compiled
def trade_flow(signed_notional_sum: float, traded_notional_sum: float) -> float:
    """(bought - sold) / traded over the window, in [-1, 1]. Null where nothing was signed. Not how much."""
    return ratio(signed_notional_sum, traded_notional_sum)


@compiled
def trade_pressure(signed_notional_sum: float, mid: float, best_depth_shares_mean_300s: float) -> float:
    """Signed notional over the window / (mid * mean best queue over 300 s): how many queues were eaten, net."""
    return ratio(signed_notional_sum, mid * best_depth_shares_mean_300s)


@compiled
def trade_intensity(
    traded_notional_sum: float,
    elapsed_seconds: float,
    window_seconds: float,
    traded_notional_sum_1800s: float,
    elapsed_seconds_1800s: float,
) -> float:
    """Notional a second over the window / over 1800 s: 1 is as usual today, not as usual at this hour."""
    return ratio(
        rate(traded_notional_sum, elapsed_seconds, window_seconds),
        rate(traded_notional_sum_1800s, elapsed_seconds_1800s, 1800.0),
    )


@compiled
def quote_intensity(quote_change_sum: float, elapsed_seconds: float, window_seconds: float) -> float:
    """Changes of a best price per second over the window. A snapshot feed shows at most one a row."""
    return rate(quote_change_sum, elapsed_seconds, window_seconds)


@compiled
def seconds_since_trade(time_ns: int, last_trade_ns: int) -> float:
    """Seconds since the last trade of the day, null before the first. To the row's own resolution only."""
    if last_trade_ns < 0:
        return math.nan
    return (time_ns - last_trade_ns) / 1e9
