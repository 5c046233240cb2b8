"""For each gate of the evening a recipe that fails at it and, as far as that can be, at no other.

All but those of the cost save 3 bps, so that nothing else would keep them from production.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from benchmarks.gates_off import DRIFT, HARM
from benchmarks.operating import Spoil, as_it_is
from models.guardrail_counts import ArmCounts, SessionCounts
from models.planted_recipes import PlantedRecipe
from models.rollout.evidence import SessionEvidence

CHEAP_BPS, DEAR_BPS = -3.0, 3.0
BAD_SESSION = "0020"


@dataclass(frozen=True)
class Failure:
    """What goes wrong, in words; the recipe, and what becomes of its evidence each session."""

    what: str
    recipe: PlantedRecipe
    spoil: Spoil = as_it_is


def _cheap(what: str, spoil: Spoil) -> Failure:
    return Failure(what, PlantedRecipe("cheap", "constant", CHEAP_BPS), spoil)


def _counted(change: Callable[[SessionCounts], SessionCounts]) -> Spoil:
    def spoil(evidence: SessionEvidence) -> SessionEvidence:
        return evidence if evidence.counts is None else replace(evidence, counts=change(evidence.counts))

    return spoil


def _own(change: Callable[[ArmCounts], Mapping[str, float]]) -> Spoil:
    """Other counts of the challenger's arm."""
    return _counted(lambda counts: replace(counts, challenger=replace(counts.challenger, **change(counts.challenger))))


def _once(**figures: float) -> Spoil:
    """Other figures of the session, in one session alone."""
    return _counted(lambda counts: replace(counts, **figures) if counts.session == BAD_SESSION else counts)  # type: ignore[arg-type]


def _part(whole: float, share: float) -> float:
    return math.nan if math.isnan(whole) else math.floor(whole * share)


def _fewer(arm: ArmCounts) -> dict[str, float]:
    """Two thirds of the arm's units; the others are nowhere."""
    names = ("units", "scored_units", "tail_units", "incomplete_units", "reject_units")
    return {name: _part(getattr(arm, name), 0.66) for name in names}


FAILURES: Mapping[str, Failure] = {
    HARM: Failure("dearer in every session", PlantedRecipe("dear", "constant", DEAR_BPS)),
    "cost_tail": Failure("cheap in most, very dear in few", PlantedRecipe("tail", "fat_tail", CHEAP_BPS)),
    "completion": Failure("leaves orders open", PlantedRecipe("open", "unfinished", CHEAP_BPS)),
    DRIFT: _cheap("trades what it never learned from", lambda one: replace(one, drift="hold", drift_reason="planted")),
    "rejects": _cheap("the venue refuses it", _own(lambda arm: {"reject_units": _part(arm.units, 0.3)})),
    "limit_breaches": _cheap("a child beyond its limits", _own(lambda _: {"limit_breaches": 1.0})),
    "latency_p99": _cheap("five seconds a decision", _own(lambda _: {"latency_p99_ms": 5000.0})),
    "skew": _cheap("reads other features", _counted(lambda counts: replace(counts, skew_wrong=1.0))),
    "data_quality": _cheap("fills do not come", _counted(lambda counts: replace(counts, missing=("fills",)))),
    "sample_ratio": _cheap("a third of its units is nowhere", _own(_fewer)),
    "attrition": _cheap("one unit in five without a cost", _own(lambda arm: {"scored_units": _part(arm.units, 0.8)})),
    "cancel_to_fill": _cheap(
        "withdraws 21 for each that trades",
        _own(lambda arm: {"cancels": 0.955 * arm.child_orders, "filled_children": 0.045 * arm.child_orders}),
    ),
    "order_to_trade": _cheap("sixty messages a trade", _own(lambda arm: {"child_orders": 60.0 * arm.child_orders})),
    "lifetimes": _cheap(
        "withdraws within a second",
        _own(
            lambda arm: {
                "cancels": 0.6 * arm.child_orders,
                "brief_cancels": 0.6 * arm.child_orders,
                "filled_children": 0.4 * arm.child_orders,
            }
        ),
    ),
    "opposite_side": _cheap("sells for a buyer", _own(lambda _: {"opposite_children": 1.0})),
    "both_sides": _cheap("quotes both sides", _own(lambda arm: {"both_side_children": 0.7 * arm.child_orders})),
    "own_matches": _cheap("trades with the champion", _counted(lambda counts: replace(counts, own_matches=1.0))),
    "closing_share": _cheap("two fifths of the close", _own(lambda _: {"closing_share": 0.4})),
    "stop_notional": _cheap("one session of ten millions", _once(excess_notional=1e7)),
    "stop_sigmas": _cheap("one session at +90 bps", _once(difference_bps=90.0)),
}
"""By gate."""
