"""Each gate of the evening keeps something out by itself: what it is there for gets further without it."""

from functools import cache

import pytest

from benchmarks.ablation import SOUND
from benchmarks.gates_off import GATES, gate_off
from benchmarks.operating import Outcome, lead, plan_for, planted_desk
from benchmarks.planted_failures import FAILURES
from models import guardrails
from models.rollout.plan import Plan

FLOW = planted_desk()
SEED = 2
HELD_BY_OTHERS = {"harm": "asked", "cost_tail": "asked", "cancel_to_fill": "held"}
"""Gates beside which another one waits: without them the failure goes on with a question, and is not thrown out."""


@cache
def plan() -> Plan:
    return plan_for(FLOW)


def ended(gate: str, off: str) -> Outcome:
    failure = FAILURES.get(gate, SOUND)
    with gate_off(off):
        return lead(failure.recipe, plan(), FLOW, SEED, failure.spoil)


def test_every_gate_has_a_failure_of_its_own() -> None:
    assert set(FAILURES) == set(GATES)


def test_the_recipe_that_nothing_is_wrong_with_is_promoted() -> None:
    assert ended("", "").end == "promoted"


@pytest.mark.parametrize("gate", GATES)
def test_a_failure_is_kept_out_by_its_gate_and_gets_further_without_it(gate: str) -> None:
    kept = ended(gate, "")
    assert kept.end in ("rolled back", "held"), kept
    assert ended(gate, gate).end == HELD_BY_OTHERS.get(gate, "promoted")


def test_a_gate_is_back_after_it_was_off() -> None:
    rows = guardrails.GUARDRAILS
    with pytest.raises(RuntimeError, match="inside"), gate_off("skew"):
        raise RuntimeError("inside")
    assert ended("skew", "").end == "rolled back"
    assert rows == guardrails.GUARDRAILS
    with pytest.raises(ValueError, match="no gate 'speed', known: harm, drift, cost_tail"), gate_off("speed"):
        pass
