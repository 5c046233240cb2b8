"""The reference's looking back: what needs the rows of this trading interval up to now, and all of it together."""

from __future__ import annotations

import math

from features.market_day import NOTHING_BEFORE, KnownBefore, SymbolDay
from tests.features.books import Intervals
from tests.features.reference import NAN, Look, clock, divided, instant, interval, looks
from tests.features.reference_regime import regimes


def side_flow(now: tuple[float, float], before: tuple[float, float], better: int) -> float:
    """Cont, Kukanov and Stoikov's contribution of one side; `better` is +1 for bids, -1 for asks."""
    price, previous = (-math.inf if math.isnan(one[0]) else better * one[0] for one in (now, before))
    flow = 0.0
    if price >= previous:
        flow += now[1]
    if price <= previous:
        flow -= before[1]
    return flow


def _lacks_size(side: tuple[float, float]) -> bool:
    return not math.isnan(side[0]) and not side[1] > 0


def best_flow(now: Look, before: Look, side: str) -> float:
    """Flow into the best bid or the best ask."""
    new, old = (one.bids[0] if side == "bid" else one.asks[0] for one in (now, before))
    return NAN if _lacks_size(new) or _lacks_size(old) else side_flow(new, old, 1 if side == "bid" else -1)


def order_flow(now: Look, before: Look, levels: int) -> float:
    """Bid minus ask, level 1 first."""
    total = best_flow(now, before, "bid") - best_flow(now, before, "ask")
    for level in range(1, min(levels, len(now.bids))):
        total += side_flow(now.bids[level], before.bids[level], 1)
        total -= side_flow(now.asks[level], before.asks[level], -1)
    return total


def decayed(past: list[Look], values: list[float], window: float) -> float:
    """Sum of the values with weight exp(-age / window), NaN where none is known."""
    total = NAN
    for row in range(len(past)):
        factor = 1.0 if row == 0 else math.exp(-((past[row].at - past[row - 1].at) / 1e9) / window)
        if math.isnan(values[row]):
            total = total * factor
        else:
            total = values[row] if math.isnan(total) else total * factor + values[row]
    return total


def held_mean(past: list[Look], values: list[float], window: float) -> float:
    """Time-weighted mean of what stood between the rows, NaN where nothing was known for any time."""
    value = weight = NAN
    for row in range(1, len(past)):
        factor = math.exp(-((past[row].at - past[row - 1].at) / 1e9) / window)
        if math.isnan(values[row - 1]):
            value, weight = value * factor, weight * factor
            continue
        held, one = values[row - 1] * window * (1.0 - factor), 1.0 * window * (1.0 - factor)
        value = held if math.isnan(value) else value * factor + held
        weight = one if math.isnan(weight) else weight * factor + one
    return divided(value, weight)


def per_second(past: list[Look], values: list[float], window: float) -> float:
    elapsed = NAN
    for row in range(1, len(past)):
        factor = math.exp(-((past[row].at - past[row - 1].at) / 1e9) / window)
        elapsed = window * (1.0 - factor) if math.isnan(elapsed) else elapsed * factor + window * (1.0 - factor)
    return decayed(past, values, window) / elapsed if elapsed >= 0.1 * window else NAN


def _quotes(past: list[Look]) -> dict[str, float]:
    """Order flow, queues and depth against their usual size."""
    pairs, now = list(zip(past[1:], past, strict=False)), past[-1]
    usual = {levels: held_mean(past, [one.depth(levels) for one in past], 300.0) for levels in (1, 5)}
    found = {"relative_depth_5": divided(now.depth(5), usual[5])}
    for levels in (1, 5):
        flows = [NAN, *(order_flow(new, old, levels) for new, old in pairs)]
        for window in (10, 60, 300):
            found[f"ofi_{levels}_{window}s"] = divided(decayed(past, flows, window), usual[levels])
    for side, best in (("bid", now.bids[0]), ("ask", now.asks[0])):
        found[f"{side}_queue"] = NAN if math.isnan(now.mid) else divided(best[1], usual[1])
        flow = best_flow(now, past[-2], side) if len(past) > 1 else NAN
        found[f"{side}_queue_change"] = divided(flow, usual[1])
    moved = [NAN, *(float(_quoted(new) != _quoted(old)) for new, old in pairs)]
    found["quote_intensity_60s"] = per_second(past, moved, 60)
    return found


def _quoted(look: Look) -> tuple[str, str]:
    return str(look.bids[0][0]), str(look.asks[0][0])


def _trades(past: list[Look]) -> dict[str, float]:
    traded, signed = [one.traded for one in past], [one.signed for one in past]
    usual, found = held_mean(past, [one.depth(1) for one in past], 300.0), {}
    for window in (10, 60, 300):
        found[f"trade_flow_{window}s"] = divided(decayed(past, signed, window), decayed(past, traded, window))
    for window in (10, 60):
        found[f"trade_pressure_{window}s"] = divided(decayed(past, signed, window), past[-1].mid * usual)
    found["trade_intensity_60s"] = divided(per_second(past, traded, 60), per_second(past, traded, 1800))
    return found


def _moves(past: list[Look]) -> dict[str, float]:
    returns = [NAN, *(1e4 * (now.mid / old.mid - 1.0) for now, old in zip(past[1:], past, strict=False))]
    squares = [one * one for one in returns]
    products = [NAN, *(abs(now) * abs(old) for now, old in zip(returns[1:], returns, strict=False))]
    found = {
        f"realised_volatility_{window}s": math.sqrt(per_second(past, squares, window)) for window in (60, 300, 1800)
    }
    for window in (10, 60, 300):
        mean = held_mean(past, [one.mid for one in past], window)
        found[f"mid_trend_bps_{window}s"] = 1e4 * (past[-1].mid / mean - 1.0)
    found["bipower_volatility_300s"] = math.sqrt(math.pi / 2.0 * per_second(past, products, 300))
    found["volatility_ratio_60s"] = math.sqrt(divided(per_second(past, squares, 60), per_second(past, squares, 1800)))
    changes = [row.at for row, moved in zip(past, returns, strict=True) if abs(moved) > 0.0]
    found["seconds_since_mid_change"] = (past[-1].at - changes[-1]) / 1e9 if changes else NAN
    return found


def reference(day: SymbolDay, intervals: Intervals, before: KnownBefore = NOTHING_BEFORE) -> list[dict[str, float]]:
    """Every feature of every row by name, 64 bits."""
    rows = looks(day, intervals)
    places, filtered = [interval(row.at, intervals) for row in rows], regimes(rows, intervals, before)
    found = []
    for last, row in enumerate(rows):
        start = last
        while start > 0 and places[start - 1] == places[last]:
            start -= 1
        past = rows[start : last + 1]
        seen = {**instant(row, before), **clock(row.at, intervals, before), **filtered[last]}
        found.append({**seen, **_quotes(past), **_trades(past), **_moves(past)})
    return found
