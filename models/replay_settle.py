"""Settlement: from fills to what each parent order cost. The replay and the monitor of real fills both end here.

Per order: arrival price is the recorded mid of the last row at or before arrival (no overlay: the same for every
policy, so no policy moves its own yardstick); the unfilled rest is forced completion at the instructed end, walking
the far side of the last row that shows one, under the order's own view of the price (planted alpha, own impact), plus
block impact and taker fee. The algebra is `features/costs.py`.

    >>> sorted(ReplayOutcome.__dataclass_fields__)[:2]
    ['arrival_cost_bps', 'arrival_price']
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from features.costs import arrival_cost_bps, completion_notional, fee_notional, half_spread_bps
from infra.markets import Fees
from models.replay_children import DUST_SHARES
from models.replay_kernel import planted_bps
from models.replay_tape import PRICE, SHARES, Records, Tape

Float = npt.NDArray[np.float64]
Long = npt.NDArray[np.int64]
Flag = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ReplayOutcome:
    """(k) what each parent order got, in the order in which the orders were given; NaN where not eligible.

    filled_notional, fee_notional: of its fills, currency. completion_shares, completion_price: forced at the
    instructed end, price before fees, NaN where nothing was left. arrival_cost_bps: all of it, positive = cost.
    market_volume_shares: traded in the instructed interval, NaN where the feed does not say; participation: own fills
    over it.
    """

    is_eligible: Flag
    arrival_price: Float
    half_spread_bps: Float
    filled_shares: Float
    filled_notional: Float
    fee_notional: Float
    maker_shares: Float
    completion_shares: Float
    completion_price: Float
    completion_fee_notional: Float
    arrival_cost_bps: Float
    market_volume_shares: Float
    participation: Float


@njit(cache=True)
def _sum_fills(orders: Records, fills: Records, maker_bps: float, taker_bps: float, tax_bps: float) -> Float:
    """(4, k): shares, notional, fees, shares that rested."""
    sums = np.zeros((4, len(orders)))
    for place in range(len(fills)):
        fill = fills[place]
        order, is_maker, shares = fill["order"], fill["is_maker"] == 1, fill["shares"]
        notional = fill["price"] * shares
        sums[0, order] += shares
        sums[1, order] += notional
        sums[2, order] += fee_notional(orders[order]["side"], is_maker, notional, maker_bps, taker_bps, tax_bps)
        sums[3, order] += shares if is_maker else 0.0
    return sums


@njit(cache=True)
def _complete(levels: Float, orders: Records, left: Float, end_impact_bps: Float, per_root_share_bps: float) -> Float:
    """(k) currency for `left` shares at the instructed end; the last row with a far side, arrival's at the earliest."""
    paid = np.zeros(len(left))
    for number in range(len(left)):
        order = orders[number]
        if left[number] <= 0.0 or order["is_eligible"] == 0:
            continue
        far, row = 1 if order["side"] > 0.0 else 0, order["end_row"]
        while row > order["arrival_row"] and not np.isfinite(levels[row, far, 0, PRICE]):
            row -= 1
        moved = planted_bps(order, order["end_ns"]) + end_impact_bps[number]
        block_bps = per_root_share_bps * np.sqrt(left[number])
        prices, sizes = levels[row, far, :, PRICE] * (1.0 + moved / 1e4), levels[row, far, :, SHARES]
        paid[number] = completion_notional(order["side"], left[number], prices, sizes, block_bps)
    return paid


def settle(
    tape: Tape,
    orders: Records,
    fills: Records,
    fees: Fees,
    end_impact_bps: Float,
    per_root_share_bps: float,
) -> ReplayOutcome:
    """Price every order; `end_impact_bps` (k) is own transient impact at the instructed end."""
    sums = _sum_fills(orders, fills, fees.maker_bps, fees.taker_bps, fees.sell_tax_bps)
    filled, filled_notional, fee, maker = sums
    is_eligible = orders["is_eligible"] == 1
    side, shares = orders["side"], orders["shares"]
    nan = np.where(is_eligible, 1.0, np.nan)
    left = np.where(shares - filled > DUST_SHARES, shares - filled, 0.0)
    completed = _complete(tape.feed.levels, orders, left, end_impact_bps, per_root_share_bps)
    taker_bps = fees.taker_bps + np.where(side < 0.0, fees.sell_tax_bps, 0.0)
    completion_fee = completed * taker_bps / 1e4
    bid, ask = _arrival_quotes(tape, orders)
    arrival = (bid + ask) / 2.0 * nan
    volume = _interval_volume(tape, orders)
    return ReplayOutcome(
        is_eligible=is_eligible,
        arrival_price=arrival,
        half_spread_bps=half_spread_bps(bid, ask) * nan,
        filled_shares=filled * nan,
        filled_notional=filled_notional * nan,
        fee_notional=fee * nan,
        maker_shares=maker * nan,
        completion_shares=left * nan,
        completion_price=np.divide(completed, left, out=np.full(len(left), np.nan), where=left > 0.0) * nan,
        completion_fee_notional=completion_fee * nan,
        arrival_cost_bps=arrival_cost_bps(side, shares, arrival, filled_notional, fee, completed, completion_fee),
        market_volume_shares=volume,
        participation=np.divide(filled, volume, out=np.full(len(filled), np.nan), where=volume > 0.0) * nan,
    )


def _arrival_quotes(tape: Tape, orders: Records) -> tuple[Float, Float]:
    if len(tape.clock_ns) == 0:
        nothing = np.full(len(orders), np.nan)
        return nothing, nothing
    row = np.maximum(orders["arrival_row"], 0)
    return tape.feed.levels[row, 0, 0, PRICE], tape.feed.levels[row, 1, 0, PRICE]


def _interval_volume(tape: Tape, orders: Records) -> Float:
    """Traded in rows after the instructed start and up to the instructed end."""
    first = np.searchsorted(tape.clock_ns, orders["start_ns"], side="right")
    return np.asarray(tape.volume_shares[np.maximum(orders["end_row"] + 1, first)] - tape.volume_shares[first])
