"""Does the replay that judges recipes fill as the desk is filled? Predicted against realised, on the desk's own orders.

    fill ratio          shares that rested and filled, as the replay says / as the desk really had them
    slippage difference cost that the replay says - cost that the desk paid, mean over orders, bps

Both under `trade_through`, the bound that a recipe must be better under. That bound is pessimistic or worth nothing: it
may not fill more passively than the desk was filled, nor be cheaper than what the desk paid. An optimistic fill model
(queues that vanish, no latency, no adverse selection) makes every patient recipe look cheap, and no other check of the
gate sees it, because candidate and rival are flattered alike.

How far below one the honest ratio lies differs from market to market, so the line is drawn from history: beyond three
deviations of the sessions recorded on earlier nights, in the flattering direction, is a hold. Beyond the pessimistic
bound itself is a hold as well while chance may have done it, and a fail when tonight's sessions together lie more than
three standard errors beyond. Measured on the built-in market, 41 sessions of 208 orders: the ratio is 0.80 (deviation
0.025 between sessions), the difference +1.6 bps (0.5). Honest nights passed 21 of 21 times; fills 30 % too many (1.04)
held on each of 21 nights alone and failed on every 20 nights together; the optimistic bound in its place held.

What it is not: a test of one recipe. Fills that the replay itself made (a recorded market) calibrate nothing, and hold.
Nor does it see optimism that was there from the first night and stays within the bound: that bound is still a safe one.

    >>> honest = SessionFills("2026-11-20", orders=208, predicted=72.0, realised=90.0, difference_bps=1.5)
    >>> [check.verdict for check in judge_fills([honest], [])]
    ['pass', 'pass']
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.gates import Check, Verdict, check_at_least, check_at_most

MOST_RATIO, BECAUSE_RATIO = 1.0, "the pessimistic bound may not fill more passively than the desk really was"
LEAST_DIFFERENCE_BPS, BECAUSE_DIFFERENCE = 0.0, "the pessimistic bound may not be cheaper than what the desk paid"
MOST_DEVIATIONS = 3.0
"""Three deviations between sessions: an honest night is beyond them once in some 700, optimism of 10 % always."""
LEAST_SESSIONS = 5
"""Sessions of tonight from which their own spread is known to a third, and a failure told from a bad day."""
LEAST_NIGHTS = 10
"""Nights of history, because the deviation of fewer is not known to a third."""
LEAST_ORDERS, BECAUSE_ORDERS = 100, "the fills of fewer orders say nothing about a tenth more or less"


@dataclass(frozen=True)
class SessionFills:
    """Orders of a session. predicted, realised: notional that rested and filled. difference_bps: None without costs."""

    session: str
    orders: int
    predicted: float
    realised: float
    difference_bps: float | None

    @property
    def ratio(self) -> float:
        """NaN where the desk had no such fill."""
        return self.predicted / self.realised if self.realised > 0.0 else math.nan


def pooled(sessions: Sequence[SessionFills]) -> SessionFills:
    """All sessions as one; the difference is weighted by orders."""
    known = [one for one in sessions if one.difference_bps is not None]
    weight = sum(one.orders for one in known)
    difference = sum(one.orders * (one.difference_bps or 0.0) for one in known) / weight if weight else None
    predicted, realised = (sum(getattr(one, name) for one in sessions) for name in ("predicted", "realised"))
    return SessionFills("all", sum(one.orders for one in sessions), predicted, realised, difference)


def _limit(earlier: Sequence[float], sign: float) -> float | None:
    """Mean of earlier nights and three deviations in the flattering direction; None below ten nights."""
    known = np.array([one for one in earlier if math.isfinite(one)], np.float64)
    if len(known) < LEAST_NIGHTS:
        return None
    return float(known.mean() + sign * MOST_DEVIATIONS * known.std(ddof=1))


def _beyond(found: float, bound: float, sessions: Sequence[float]) -> Verdict:
    """What being beyond the bound means: fail where it is more than chance between tonight's sessions, else hold."""
    known = np.array([one for one in sessions if math.isfinite(one)], np.float64)
    if len(known) < LEAST_SESSIONS:
        return "hold"
    error = float(known.std(ddof=1)) / math.sqrt(len(known))
    return "fail" if abs(found - bound) > MOST_DEVIATIONS * error else "hold"


def _ratio_check(ratio: float, tonight: Sequence[float], earlier: Sequence[float]) -> Check:
    name, limit = "fill_calibration", _limit(earlier, +1.0)
    if ratio > MOST_RATIO or limit is None or limit >= MOST_RATIO or not math.isfinite(ratio):
        word = _beyond(ratio, MOST_RATIO, tonight)
        return check_at_most(name, ratio, MOST_RATIO, BECAUSE_RATIO, word, " of the desk's resting fills")
    because = f"{MOST_DEVIATIONS:g} deviations above the mean of {len(earlier)} earlier nights"
    return check_at_most(name, ratio, limit, because, "hold", " of the desk's resting fills")


def _difference_check(difference_bps: float | None, tonight: Sequence[float], earlier: Sequence[float]) -> Check:
    name, limit = "slippage_calibration", _limit(earlier, -1.0)
    is_below = difference_bps is not None and difference_bps < LEAST_DIFFERENCE_BPS
    if is_below or limit is None or limit <= LEAST_DIFFERENCE_BPS:
        word = "hold" if difference_bps is None else _beyond(difference_bps, LEAST_DIFFERENCE_BPS, tonight)
        return check_at_least(name, difference_bps, LEAST_DIFFERENCE_BPS, BECAUSE_DIFFERENCE, word, " bps")
    because = f"{MOST_DEVIATIONS:g} deviations below the mean of {len(earlier)} earlier nights"
    return check_at_least(name, difference_bps, limit, because, "hold", " bps")


def _differences(sessions: Sequence[SessionFills]) -> list[float]:
    return [one.difference_bps for one in sessions if one.difference_bps is not None]


def judge_fills(sessions: Sequence[SessionFills], earlier: Sequence[SessionFills]) -> tuple[Check, ...]:
    """Fills and slippage of the replay against the desk's.

    sessions: what tonight's replay predicts for orders that the desk worked. earlier: sessions as earlier nights
    recorded them, each as predicted then.
    """
    whole = pooled(sessions)
    found = (
        _ratio_check(whole.ratio, [one.ratio for one in sessions], [one.ratio for one in earlier]),
        _difference_check(whole.difference_bps, _differences(sessions), _differences(earlier)),
    )
    few = check_at_least("orders", whole.orders, LEAST_ORDERS, BECAUSE_ORDERS)
    if few.verdict == "pass":
        return found
    held = [replace(few, name=check.name, reason=f"{check.name}: {few.reason}") for check in found]
    return tuple(one if check.verdict == "pass" else check for check, one in zip(found, held, strict=True))
