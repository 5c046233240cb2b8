"""Gates of the evening taken off for a while, to see what each of them keeps out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from models import guardrails
from models.rollout import verdict

GATES = (
    "harm",
    "cost_tail",
    "completion",
    "cancel_to_fill",
    "order_to_trade",
    "lifetimes",
    "both_sides",
    "opposite_side",
)
"""Gates that planted recipes can meet one by one; spoofing meets five of them at once, so those go off together too."""
TOGETHER = {"behaviour": ("cancel_to_fill", "order_to_trade", "lifetimes", "both_sides", "opposite_side")}


@contextmanager
def gates_off(names: Sequence[str]) -> Iterator[None]:
    """The evening without these gates, inside the block."""
    kept, harm = guardrails.GUARDRAILS, verdict.harm_e
    try:
        if "harm" in names:
            verdict.harm_e = lambda *_: 1.0
        guardrails.GUARDRAILS = tuple(row for row in kept if row.name not in names)
        yield
    finally:
        guardrails.GUARDRAILS, verdict.harm_e = kept, harm
