"""One error budget per recipe and quarter: how sure the gate must be tonight, given how often it has looked.

A recipe that is no better passes one night in forty at 95 %, so a gate that looks every night promotes anybody in the
end: an equal model tested on the last ten sessions night after night passed wrongly on 13 nights a year (measured). So
the looks of a quarter share one alpha. Each look spends a tenth of what is left,

    level_n = alpha * share * (1 - share)^(n-1),     sum of all levels <= alpha

and judges at that level: the interval of `models/metrics.py` holds 2.5 % a side and is stretched by
t(1 - level) / t(0.975) with as many degrees of freedom as it has blocks, less one. Once a recipe's cost has passed, the
wrong step, if it is one, has been taken: later nights of the quarter look again at the same level and spend nothing.
When less than `LEAST_LEVEL` would be spent nothing is left, and the gate holds until the next quarter.

What it is not: an always-valid test (nights share sessions, so their looks are alike and this spends too much, never
too little), nor the live budget of a rollout, whose betting tests have their own (`models/rollout/verdict.py`).

    >>> [round(next_look(spent).level, 6) for spent in (0.0, 0.005)]
    [0.005, 0.0045]
    >>> next_look(0.05).level is None
    True
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.metrics import BLOCK_SESSIONS, CONFIDENCE

ALPHA = 0.05
"""One wrong pass in twenty quarters for a recipe that is no better; phases with real orders come after it."""
SHARE_A_LOOK = 0.1
"""A tenth of what is left: the first look is at 0.5 %, and the fortieth of a quarter still has something."""
LEAST_LEVEL = 5e-5
"""Below one in twenty thousand, quantiles of a few blocks are extrapolation."""


@dataclass(frozen=True)
class Look:
    """Tonight's level (one side; None: nothing is left) and what it spends. reason: in words."""

    level: float | None
    spends: float
    reason: str


def next_look(spent: float, passed_level: float | None = None, *, alpha: float = ALPHA) -> Look:
    """How sure tonight's look must be.

    spent: part of alpha that earlier nights of the quarter spent. passed_level: at which the recipe's cost passed on
    one of them, None where it did not.
    """
    if passed_level is not None:
        return Look(
            passed_level, 0.0, f"judged at {passed_level:.2g} again, at which it passed before; nothing is spent"
        )
    left = alpha - spent
    if not math.isfinite(spent) or spent < 0.0:
        return Look(None, 0.0, f"what was spent is not known ({spent}), so nothing is left")
    level = SHARE_A_LOOK * left
    if level < LEAST_LEVEL:
        return Look(None, 0.0, f"{spent:.4f} of {alpha:g} is spent: nothing is left until the next quarter")
    return Look(level, level, f"judged at {level:.2g} a side; {spent:.4f} of {alpha:g} was spent before")


def stretched(
    mean_bps: float | None, low_bps: float | None, high_bps: float | None, sessions: int | None, level: float
) -> tuple[float | None, float | None]:
    """The 95 % interval at another level a side; None where there is none."""
    if mean_bps is None or low_bps is None or high_bps is None or not sessions or sessions < 2 * BLOCK_SESSIONS:
        return None, None
    from scipy.special import stdtrit

    freedom = sessions / BLOCK_SESSIONS - 1.0
    factor = float(stdtrit(freedom, 1.0 - level) / stdtrit(freedom, (1.0 + CONFIDENCE) / 2.0))
    return mean_bps + factor * (low_bps - mean_bps), mean_bps + factor * (high_bps - mean_bps)
