"""Guardrails of a rollout: what must not get worse beside the cost. One function and one row in `GUARDRAILS` each.

Three kinds. Hard ones (limit breaches, skew, matches between own arms, children against their parent's side): one is
too many. Rates (cost tail, completion, rejects): e-processes on units over all sessions of the rollout, each with its
part of the error budget, so that together they end a rollout of a challenger that is no worse with chance
alpha * guardrail_share at most. Bounds (latency, cancel-to-fill, ...): a figure of the session beside its limits.

Verdicts: breach ends the rollout, hold keeps it where it is, pass. What is missing, NaN or too little is a hold, never
a pass. A broken comparison (sample ratio, attrition) holds: it says nothing of the challenger, and of nothing else.
In the shadow there are no units and costs: rows that need them are left out, the others read what was simulated.

What they are not: the test of the cost (`rollout/verdict.py`), which has the larger part of the budget.

    >>> round(sum(row.weight for row in GUARDRAILS), 9)
    1.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.guardrail_counts import ArmCounts, SessionCounts
from models.guardrail_reading import Bound, Reading, ReadingVerdict, none_allowed, too_often, within
from models.guardrail_rules import (
    GuardrailTerms,
    Judge,
    attrition,
    data_quality,
    own_matches,
    ratio,
    sample_ratio,
    skew,
    stop_notional,
    stop_sigmas,
)
from models.sequential import e_limit

__all__ = ["GUARDRAILS", "Guardrail", "GuardrailTerms", "Reading", "ReadingVerdict", "read_guardrails"]

LEAST_CHILDREN, LEAST_DECISIONS = 20.0, 100.0
"""Ratios of fewer children jump by tenths; a 99 % quantile needs a hundred."""

LATENCY = Bound(250.0, 1000.0, 3.0, " ms", "a decision later than a second is one about another book")
CANCEL_TO_FILL = Bound(5.0, 20.0, 5.0, "", "twenty withdrawn for each that trades are shown, not meant")
ORDER_TO_TRADE = Bound(10.0, 50.0, 5.0, "", "messages without trades load the venue and look like layering")
BRIEF = Bound(0.2, 0.5, 5.0, "", "a quote withdrawn within a second was there to be seen")
BOTH_SIDES = Bound(0.35, 0.6, 2.0, "", "quotes on both sides for one account move the price for itself")
CLOSING = Bound(0.2, 0.3, 2.0, "", "a third of the closing volume sets the closing price")


@dataclass(frozen=True)
class Guardrail:
    """One row. weight: part of the guardrails' budget, 0 where chance plays no part or the answer is a hold."""

    name: str
    judge: Judge
    weight: float
    in_shadow: bool


def _rate(name: str, field: str, because: str, of: str = "units") -> Judge:
    def judge(sessions: Sequence[SessionCounts], _: GuardrailTerms, limit_e: float) -> Reading:
        return too_often(name, sessions, field, limit_e, because, of)

    return judge


def _none_of(name: str, field: str, because: str) -> Judge:
    def judge(sessions: Sequence[SessionCounts], _: GuardrailTerms, __: float) -> Reading:
        return none_allowed(name, getattr(sessions[-1].challenger, field), because)

    return judge


Figure = Callable[[ArmCounts], float]


def _bounded(name: str, figure: Figure, bound: Bound, rests_on: str, least: float) -> Judge:
    def judge(sessions: Sequence[SessionCounts], _: GuardrailTerms, __: float) -> Reading:
        own, other = sessions[-1].challenger, sessions[-1].champion
        return within(name, figure(own), figure(other), bound, (getattr(own, rests_on), least))

    return judge


def _fills(arm: ArmCounts) -> float:
    """Filled children, one where there are none, NaN where nobody counted."""
    return 1.0 if arm.filled_children == 0.0 else arm.filled_children


def _order_to_trade(arm: ArmCounts) -> float:
    return ratio(arm.child_orders + arm.cancels, _fills(arm))


def _cancel_to_fill(arm: ArmCounts) -> float:
    return ratio(arm.cancels, _fills(arm))


def _brief(arm: ArmCounts) -> float:
    return ratio(arm.brief_cancels, arm.child_orders)


def _both_sides(arm: ArmCounts) -> float:
    return ratio(arm.both_side_children, arm.child_orders)


def _latency(arm: ArmCounts) -> float:
    return arm.latency_p99_ms


def _closing(arm: ArmCounts) -> float:
    return arm.closing_share


GUARDRAILS: tuple[Guardrail, ...] = (
    Guardrail("cost_tail", _rate("cost_tail", "tail_units", "cutting scores hides the dearest orders"), 0.5, False),
    Guardrail("completion", _rate("completion", "incomplete_units", "what is left open is not free"), 0.25, False),
    Guardrail("rejects", _rate("rejects", "reject_units", "a venue's refusal is our fault first"), 0.25, False),
    Guardrail("limit_breaches", _none_of("limit_breaches", "limit_breaches", "limits are hard"), 0.0, True),
    Guardrail("latency_p99", _bounded("latency_p99", _latency, LATENCY, "decisions", LEAST_DECISIONS), 0.0, True),
    Guardrail("skew", skew, 0.0, True),
    Guardrail("data_quality", data_quality, 0.0, True),
    Guardrail("sample_ratio", sample_ratio, 0.0, False),
    Guardrail("attrition", attrition, 0.0, False),
    Guardrail(
        "cancel_to_fill",
        _bounded("cancel_to_fill", _cancel_to_fill, CANCEL_TO_FILL, "child_orders", LEAST_CHILDREN),
        0.0,
        True,
    ),
    Guardrail(
        "order_to_trade",
        _bounded("order_to_trade", _order_to_trade, ORDER_TO_TRADE, "child_orders", LEAST_CHILDREN),
        0.0,
        True,
    ),
    Guardrail("lifetimes", _bounded("lifetimes", _brief, BRIEF, "child_orders", LEAST_CHILDREN), 0.0, True),
    Guardrail(
        "opposite_side",
        _none_of("opposite_side", "opposite_children", "a parent that buys never needs to sell"),
        0.0,
        True,
    ),
    Guardrail("both_sides", _bounded("both_sides", _both_sides, BOTH_SIDES, "child_orders", LEAST_CHILDREN), 0.0, True),
    Guardrail("own_matches", own_matches, 0.0, False),
    Guardrail("closing_share", _bounded("closing_share", _closing, CLOSING, "child_orders", 1.0), 0.0, False),
    Guardrail("stop_notional", stop_notional, 0.0, False),
    Guardrail("stop_sigmas", stop_sigmas, 0.0, False),
)


def read_guardrails(sessions: Sequence[SessionCounts], terms: GuardrailTerms) -> tuple[Reading, ...]:
    """Every guardrail after the last of a rollout's sessions, oldest first. Raises ValueError without a session."""
    if not sessions:
        raise ValueError("no session to read guardrails of")
    is_live, budget = sessions[-1].share > 0.0, terms.alpha * terms.guardrail_share
    return tuple(
        row.judge(sessions, terms, e_limit(budget, row.weight) if row.weight else math.inf)
        for row in GUARDRAILS
        if is_live or row.in_shadow
    )
