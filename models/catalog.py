"""The recipes of this checkout, by name: a model of the desk is a row here. What is on trial is one of them.

To add a model, add a row: the settings of its signal, how many sessions it learns from, the policy that reads it. Rows
whose signals are equal share one fit a night (`models/recipe.py`). The rows below the first are for trials: an operator
proposes one with `fillwise rollout propose NAME`, and `simulate` plants three of them.

A summary says what the model does without a word of code: it goes onto the approval card and into the inventory.

    >>> sorted(RECIPES)
    ['eager', 'patient_signal', 'prompt', 'signal']
"""

from __future__ import annotations

from dataclasses import dataclass, field

from models.policy import SIGNAL, PolicyParameters
from models.recipe import HyperParameters

WINDOW_SESSIONS = 250
"""Newest sessions that a refit learns from: a year, so that every season of volume is in it."""
OBJECTIVE = "squared error of clipped mid moves in bps"


@dataclass(frozen=True)
class RecipeRow:
    """One recipe. summary: what it does, without code. purpose, limits_of_use: for the model inventory.

    tier: 1 where it decides alone about large orders, 2 inside a client's limits, 3 where it only advises.
    hyper, window_sessions, objective: what the signal is fitted with.
    """

    name: str
    policy: PolicyParameters
    summary: str
    purpose: str
    limits_of_use: str
    tier: int
    hyper: HyperParameters = field(default_factory=HyperParameters)
    window_sessions: int = WINDOW_SESSIONS
    objective: str = OBJECTIVE


ROWS: tuple[RecipeRow, ...] = (
    RecipeRow(
        "signal",
        SIGNAL,
        "follows a TWAP schedule; crosses ahead of an expected adverse move, rests longer before a favourable one",
        "work parent orders of 10 to 60 minutes at lower arrival cost than TWAP",
        "continuous trading of liquid names; no auctions, no opening or closing minutes alone",
        2,
    ),
    RecipeRow(
        "patient_signal",
        PolicyParameters(
            "patient_signal",
            reads_signal=True,
            tolerance=(1.0, 1.0, 1.0),
            cross_ahead_spreads=1.0,
            rest_longer_spreads=0.1,
            ahead_fraction=0.2,
        ),
        "rests as long as the instructed interval lasts; crosses ahead of an expected adverse move of a spread",
        "earn the spread where queues fill",
        "as signal; more of an order is left for its last minute",
        2,
    ),
    RecipeRow(
        "prompt",
        PolicyParameters(
            "prompt", reads_signal=True, tolerance=(0.0, 0.0, 0.0), cross_ahead_spreads=-0.5, ahead_fraction=0.03
        ),
        "crosses what is due every half minute unless the price is expected to come its way",
        "be on schedule and early where it pays",
        "looks cheap where a replay undervalues resting; live it pays a spread that the champion earns",
        2,
    ),
    RecipeRow(
        "eager",
        PolicyParameters("eager", tolerance=(0.0, 0.0, 0.0), cross_ahead_spreads=-100.0, ahead_fraction=0.0),
        "crosses what is due every half minute",
        "finish on time at any price",
        "for urgent orders only; pays the spread",
        2,
    ),
)
RECIPES: dict[str, RecipeRow] = {row.name: row for row in ROWS}
