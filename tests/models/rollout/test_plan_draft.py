"""Plans as they are drafted for desks of every size: phases, limits, margin, and which are refused."""

import itertools
from dataclasses import replace

import pytest

from models.desk_flow import DeskFlow, flow_of_orders
from models.limits import limits_from
from models.plan_simulation import Truth, simulate_plan
from models.rollout.plan import MIN_UNITS, Plan, plan_faults, plan_from
from models.rollout.plan_draft import MOST_TOLERATED_BPS, MarketFacts, draft_plan, filled_phases, limits_of

FACTS = MarketFacts("sample", "USD", (), ("LIT",), 5e6, 1.3e8, 10_000.0)
DESK = DeskFlow(units=104.0, sigma_bps=23.7, degrees=5.4, unit_notional=1.29e6)
RUNS = 120


@pytest.fixture(scope="module")
def made() -> Plan:
    """The plan of the built-in market's desk: 104 units of spread 23.7 bps a session."""
    return draft_plan(FACTS, DESK, runs=RUNS)


def test_a_desk_of_a_hundred_units_gets_a_plan_that_may_be_used(made: Plan) -> None:
    assert plan_faults(made) == ()
    assert [phase.name for phase in made.phases] == [
        "shadow", "canary_5", "canary_10", "expand_25", "expand_50", "baking",
    ]  # fmt: skip
    assert made.detectable_harm_bps is not None
    assert made.detectable_harm_bps <= made.tolerated_harm_bps <= MOST_TOLERATED_BPS
    assert (
        plan_from(
            made.__dict__ | {"phases": [phase.__dict__ | {"limits": phase.limits.__dict__} for phase in made.phases]}
        )
        == made
    )


def test_a_phase_that_the_flow_cannot_fill_in_ten_sessions_is_left_out() -> None:
    for units in (20.0, 31.0, 61.0, 299.0, 301.0, 5000.0):
        kept = {shape.name: shape.share for shape in filled_phases(units)}
        for name, share in (("canary_1", 0.01), ("canary_5", 0.05), ("canary_10", 0.10)):
            assert (name in kept) == (units * share * 10 >= MIN_UNITS), (units, name)
        assert {"shadow", "expand_25", "expand_50", "baking"} <= set(kept)
    assert [shape.name for shape in filled_phases(104.0, fill_sessions=5)][1] == "canary_10"


@pytest.mark.parametrize(("orders", "sigma"), [(50.0, 56.0), (200.0, 56.0), (50.0, 40.0)])
def test_a_desk_that_cannot_see_the_harm_it_tolerates_is_refused(orders: float, sigma: float) -> None:
    made = draft_plan(FACTS, flow_of_orders(orders, sigma), runs=RUNS)
    assert any("cannot see the harm" in fault or "nobody knows" in fault for fault in plan_faults(made))


def test_larger_desks_are_promised_smaller_harm_and_margin() -> None:
    small, large = (draft_plan(FACTS, flow_of_orders(orders, 20.0), runs=RUNS) for orders in (200.0, 2000.0))
    assert plan_faults(small) == plan_faults(large) == ()
    assert large.tolerated_harm_bps < small.tolerated_harm_bps
    assert large.margin_bps <= small.margin_bps


def test_limits_grow_with_the_share_and_stops_are_beyond_chance() -> None:
    made = [limits_of(FACTS, DESK, share) for share in (0.05, 0.1, 0.25, 0.5, 0.95)]
    assert all(earlier.grows_to(later) for earlier, later in itertools.pairwise(made))
    assert made[0].session_notional < made[-1].session_notional
    assert len({one.order_notional for one in made}) == 1
    assert made[0] == limits_from(made[0].__dict__)


def test_stops_in_currency_do_not_end_a_recipe_that_is_no_worse(made: Plan) -> None:
    """800 rollouts of 60 sessions under the drafted stops, against the same plan with stops that nothing reaches."""
    out_of_reach = tuple(replace(one, limits=replace(one.limits, stop_notional=1e15)) for one in made.phases)
    with_stops = simulate_plan(made, DESK, Truth(0.0), runs=800).rolled_back
    assert (
        with_stops <= simulate_plan(replace(made, phases=out_of_reach), DESK, Truth(0.0), runs=800).rolled_back + 0.005
    )


def test_whoever_is_first_live_is_asked_for() -> None:
    for units in (40.0, 104.0, 1000.0):
        made = draft_plan(FACTS, replace(DESK, units=units), runs=20)
        live = [phase for phase in made.phases if phase.share > 0.0]
        assert live[0].approvals >= 1
        assert {phase.name: phase.approvals for phase in made.phases}["baking"] == 2


def test_the_same_desk_gets_the_same_plan(made: Plan) -> None:
    assert made.digest() == draft_plan(FACTS, DESK, runs=RUNS).digest()
