"""Guardrails that are not a plain rate or bound: one function each, `(sessions so far, terms, e-limit) -> Reading`.

The last of `sessions` is the one that is judged; those before it count where evidence adds up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.guardrail_counts import SessionCounts
from models.guardrail_reading import (
    LEAST_UNITS,
    Bound,
    Reading,
    ReadingVerdict,
    missing_reading,
    none_allowed,
    within,
)
from models.sequential import e_limit, log_e_exceedance, log_e_mean, log_e_sample_ratio

STOP_SIGMAS, STOP_BPS = 6.0, 5.0
"""Six planned deviations and 5 bps in one session: the plan's variance may be too small, and where effects scatter by
twice what it says, 4.5 of them end 6 % of the good recipes of a desk with a thousand units, six end 1 %."""
COMPARISON_ALPHA = 0.001
"""A broken comparison stops everybody's work, so one false alarm in a thousand rollouts."""


@dataclass(frozen=True)
class GuardrailTerms:
    """Budget and stop. alpha, guardrail_share: of the plan. stop_notional: of the phase's limits, in currency."""

    alpha: float
    guardrail_share: float
    stop_notional: float


Judge = Callable[[Sequence[SessionCounts], GuardrailTerms, float], Reading]


def ratio(part: float, whole: float) -> float:
    """part / whole, NaN where there is no whole."""
    return part / whole if whole > 0.0 else math.nan


def skew(sessions: Sequence[SessionCounts], _: GuardrailTerms, __: float) -> Reading:
    """Served feature vectors that differ from the recomputed ones in any bit: one is too many."""
    because = "a model that reads other numbers than it learned from is another model"
    return none_allowed("skew", sessions[-1].skew_wrong, because, sessions[-1].skew_checked)


def own_matches(sessions: Sequence[SessionCounts], _: GuardrailTerms, __: float) -> Reading:
    """Fills of one of our arms against another: one is too many."""
    return none_allowed("own_matches", sessions[-1].own_matches, "arms must not trade with each other")


def data_quality(sessions: Sequence[SessionCounts], _: GuardrailTerms, __: float) -> Reading:
    """Whatever should have come and did not holds."""
    because = "what did not come cannot have gone well"
    found = sessions[-1].missing
    if found:
        return missing_reading("data_quality", f"missing: {', '.join(found)}", because)
    return Reading("data_quality", "pass", 0.0, 0.0, None, because, "data_quality: everything came")


def _live(sessions: Sequence[SessionCounts]) -> list[SessionCounts]:
    return [one for one in sessions if one.share > 0.0]


def _comparison(name: str, log_e: float, figure: float, said: str, because: str) -> Reading:
    e_value, limit_e = math.exp(min(700.0, log_e)), e_limit(COMPARISON_ALPHA)
    verdict: ReadingVerdict = "hold" if e_value >= limit_e else "pass"
    reason = f"{name}: {said}; e-value {e_value:.3g} of {limit_e:.3g}" + (f" ({because})" if verdict == "hold" else "")
    return Reading(name, verdict, figure, limit_e, e_value, because, reason)


def sample_ratio(sessions: Sequence[SessionCounts], _: GuardrailTerms, __: float) -> Reading:
    """Units by arm against the planned shares, phase by phase; a mismatch holds."""
    name, because = "sample_ratio", "arms that are not drawn as planned cannot be compared"
    live = _live(sessions)
    counts = [(one.challenger.units, one.champion.units) for one in live]
    if not all(math.isfinite(value) for pair in counts for value in pair):
        return missing_reading(name, "units were not counted", because)
    log_e = 0.0
    for share in sorted({one.share for one in live}):
        own, other = (sum(c[arm] for c, one in zip(counts, live, strict=True) if one.share == share) for arm in (0, 1))
        log_e += float(log_e_sample_ratio(own, other, share))
    own, total = sum(pair[0] for pair in counts), sum(map(sum, counts))
    planned = sum(sum(pair) * one.share for pair, one in zip(counts, live, strict=True))
    said = f"{own:.0f} challenger units of {total:.0f}, planned {planned:.0f}"
    return _comparison(name, log_e, ratio(own, total), said, because)


def attrition(sessions: Sequence[SessionCounts], _: GuardrailTerms, __: float) -> Reading:
    """Units without a cost, more often in one arm than in the other; a difference holds."""
    name, because = "attrition", "units that drop out of one arm alone make the rest another kind of order"
    arms = [(one.challenger, one.champion) for one in _live(sessions)]
    counts = [(own.units - own.scored_units, own.units, c.units - c.scored_units, c.units) for own, c in arms]
    if not all(math.isfinite(value) for row in counts for value in row):
        return missing_reading(name, "units were not counted", because)
    lost, units, other_lost, others = (list(column) for column in zip(*counts, strict=True))
    if sum(units) < LEAST_UNITS:
        return missing_reading(
            name, f"{sum(units):.0f} challenger units, least {LEAST_UNITS:.0f}", because, is_early=True
        )
    if min(lost + other_lost) < 0.0:
        return missing_reading(name, "more units have a cost than were assigned", because)
    both = [log_e_exceedance(lost, units, other_lost, others), log_e_exceedance(other_lost, others, lost, units)]
    champion = f"champion {sum(other_lost):.0f} of {sum(others):.0f}"
    said = f"{sum(lost):.0f} of {sum(units):.0f} challenger units without a cost, {champion}"
    return _comparison(name, float(log_e_mean(np.array(both))), ratio(sum(lost), sum(units)), said, because)


def stop_notional(sessions: Sequence[SessionCounts], terms: GuardrailTerms, _: float) -> Reading:
    """The session's extra cost in currency."""
    because = "what one session may cost clients at most"
    bound = Bound(terms.stop_notional, terms.stop_notional, math.inf, "", because)
    return within("stop_notional", sessions[-1].excess_notional, math.nan, bound)


def stop_sigmas(sessions: Sequence[SessionCounts], _: GuardrailTerms, __: float) -> Reading:
    """The session's score in planned deviations; only dearer ends it."""
    name, because = (
        "stop_sigmas",
        f"{STOP_SIGMAS:g} planned deviations and {STOP_BPS:g} bps in one session are no chance",
    )
    x, v = sessions[-1].difference_bps, sessions[-1].variance
    if not (math.isfinite(x) and math.isfinite(v) and v > 0.0):
        return missing_reading(name, "no score for the session", because)
    sigmas = x / math.sqrt(v)
    said = f"{name}: {x:+.1f} bps, {sigmas:+.1f} planned deviations"
    if sigmas > STOP_SIGMAS and x > STOP_BPS:
        return Reading(name, "breach", sigmas, STOP_SIGMAS, None, because, f"{said}, stop {STOP_SIGMAS:g} ({because})")
    return Reading(name, "pass", sigmas, STOP_SIGMAS, None, because, said)
