"""The answer of one guardrail, and the four ways to come to it: none at all, too often, beyond a bound, missing.

>>> none_allowed("own matches", 0.0, "arms must not trade with each other").verdict
'pass'
>>> none_allowed("own matches", float("nan"), "arms must not trade with each other").verdict
'hold'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.guardrail_counts import SessionCounts
from models.sequential import log_e_exceedance

ReadingVerdict = Literal["pass", "hold", "breach"]
CAUTION_E = 10.0
"""Ten to one holds: an arm that does nothing wrong gets there once in ten rollouts, and a hold costs sessions only."""
LEAST_UNITS = 10.0
"""With fewer challenger units a rate of one in ten shows nothing in one case of three: too little to say pass."""


@dataclass(frozen=True)
class Reading:
    """One guardrail on one evening. limit: what the figure, or the e-value where there is one, is held against.

    is_early: a hold that more units or orders will lift by themselves, no fault.
    """

    name: str
    verdict: ReadingVerdict
    figure: float | None
    limit: float | None
    e_value: float | None
    because: str
    reason: str
    is_early: bool = False


@dataclass(frozen=True)
class Bound:
    """A figure's limits. breach: ends it. hold: keeps it. of_champion: holds too above so many times the champion's."""

    hold: float
    breach: float
    of_champion: float
    unit: str
    because: str


def known(value: float | None) -> float | None:
    """The value, None for what is not finite, so that a reading holds JSON's own types."""
    return None if value is None or not math.isfinite(value) else float(value)


def missing_reading(name: str, what: str, because: str, *, is_early: bool = False) -> Reading:
    """A hold for what is not there, or not enough."""
    return Reading(name, "hold", None, None, None, because, f"{name}: {what}, so hold", is_early)


def none_allowed(name: str, count: float, because: str, of: float | None = None) -> Reading:
    """One is a breach. of: how many were looked at; none looked at is a hold."""
    if not math.isfinite(count):
        return missing_reading(name, "nobody counted", because)
    if of is not None and not of > 0.0:
        return missing_reading(name, "none was looked at", because)
    said = f"{count:,.0f}" if of is None else f"{count:,.0f} of {of:,.0f}"
    if count > 0.0:
        return Reading(name, "breach", count, 0.0, None, because, f"{name}: {said}, allowed: none ({because})")
    return Reading(name, "pass", count, 0.0, None, because, f"{name}: {said}")


def _history(sessions: Sequence[SessionCounts], field: str, of: str) -> list[list[float]]:
    arms = [(one.challenger, one.champion) for one in sessions if one.share > 0.0]
    names = ((0, field), (0, of), (1, field), (1, of))
    return [[float(getattr(pair[arm], name)) for pair in arms] for arm, name in names]


def too_often(
    name: str, sessions: Sequence[SessionCounts], field: str, limit_e: float, because: str, of: str = "units"
) -> Reading:
    """Whether the challenger's units do something more often than the champion's, over all live sessions."""
    history = _history(sessions, field, of)
    if not all(math.isfinite(value) for column in history for value in column):
        return missing_reading(name, "a session was not counted", because)
    did, units, other_did, others = (sum(column) for column in history)
    if units < LEAST_UNITS or not others > 0.0:
        what = f"{units:.0f} challenger units and {others:.0f} of the champion, least {LEAST_UNITS:.0f} and 1"
        return missing_reading(name, what, because, is_early=True)
    if any(pair[0] > pair[1] for pair in (*zip(*history[:2], strict=True), *zip(*history[2:], strict=True))):
        return missing_reading(name, "more units did it than there were", because)
    e_value = math.exp(min(700.0, log_e_exceedance(history[0], history[1], history[2], history[3])))
    said = f"{name}: {did:.0f} of {units:.0f} units, champion {other_did:.0f} of {others:.0f}"
    rate = did / units
    if e_value >= limit_e:
        reason = f"{said}; e-value {e_value:.3g} of {limit_e:.3g} ({because})"
        return Reading(name, "breach", rate, limit_e, e_value, because, reason)
    if e_value >= CAUTION_E:
        reason = f"{said}; e-value {e_value:.3g}, below {CAUTION_E:g} to go on"
        return Reading(name, "hold", rate, limit_e, e_value, because, reason)
    return Reading(name, "pass", rate, limit_e, e_value, because, f"{said}; e-value {e_value:.3g} of {limit_e:.3g}")


def within(
    name: str, figure: float, champion: float, bound: Bound, enough: tuple[float, float] = (1.0, 1.0)
) -> Reading:
    """A figure beside its limits and beside the champion's. enough: how many it rests on, and the least."""
    found, least = enough
    if math.isfinite(found) and found < least:
        return missing_reading(name, f"rests on {found:,.0f}, least {least:,.0f}", bound.because, is_early=True)
    if not math.isfinite(figure) or not math.isfinite(found):
        return missing_reading(name, "no usable figure", bound.because)
    said = f"{name}: {figure:.3g}{bound.unit}"
    if figure > bound.breach:
        reason = f"{said}, limit {bound.breach:g}{bound.unit} ({bound.because})"
        return Reading(name, "breach", figure, bound.breach, None, bound.because, reason)
    if figure > bound.hold:
        reason = f"{said}, above {bound.hold:g}{bound.unit} ({bound.because})"
        return Reading(name, "hold", figure, bound.hold, None, bound.because, reason)
    relative = bound.of_champion * champion
    if math.isfinite(relative) and relative > 0.0 and figure > relative and figure > bound.hold / 2.0:
        reason = f"{said}, more than {bound.of_champion:g} times the champion's {champion:.3g} ({bound.because})"
        return Reading(name, "hold", figure, relative, None, bound.because, reason)
    return Reading(name, "pass", figure, bound.hold, None, bound.because, f"{said} of {bound.hold:g}{bound.unit}")
