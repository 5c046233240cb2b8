"""What is measured of a desk's flow, against flows whose truth is known."""

import math
from dataclasses import replace

import numpy as np
import pytest

from models.desk_flow import UnitRows, degrees_of, flow_of_orders, measured_flow


def rows(sessions: int = 40, clusters: int = 30, units: int = 5, shared: float = 0.4, sigma: float = 20.0) -> UnitRows:
    """Units with a common day shock of 30 bps, clusters that share `shared` of the rest; seed 6."""
    rng = np.random.default_rng(6)
    session = np.repeat(np.arange(sessions), clusters * units)
    cluster = np.tile(np.repeat(np.arange(clusters), units), sessions)
    day = 30.0 * rng.standard_normal(sessions)[session]
    common = rng.standard_normal((sessions, clusters))[session, cluster]
    own = rng.standard_normal(len(session))
    cost = day + sigma * (math.sqrt(shared) * common + math.sqrt(1.0 - shared) * own)
    notional = rng.gamma(2.0, 5e5, len(session))
    return UnitRows(session, cluster, cost, notional, rng.random(len(session)) < 0.25)


def test_spread_is_within_sessions_and_clusters_are_found() -> None:
    flow = measured_flow(rows())
    assert flow is not None
    assert (flow.units, flow.sessions, flow.cluster_units) == (150.0, 40, 5.0)
    assert flow.sigma_bps == pytest.approx(20.0, rel=0.03)
    assert flow.cluster_share == pytest.approx(0.4, abs=0.04)
    assert flow.unit_notional == pytest.approx(1e6, rel=0.03)
    assert flow.large_share == pytest.approx(0.25, abs=0.02)


def test_too_few_sessions_or_a_cost_that_is_nan_measure_nothing() -> None:
    assert measured_flow(rows(sessions=19)) is None
    known = rows(sessions=20)
    cost = known.cost_bps.copy()
    cost[3] = math.nan
    assert measured_flow(replace(known, cost_bps=cost)) is None


def test_orders_of_one_unit_are_not_independent() -> None:
    """Four orders a unit that correlate by a half: variance 400 * (1 + 3 / 2) / 4."""
    flow = flow_of_orders(orders=400.0, sigma_order_bps=20.0, orders_per_unit=4.0, icc=0.5)
    assert (flow.units, flow.sigma_bps) == (100.0, pytest.approx(math.sqrt(250.0)))


def test_tails_follow_the_kurtosis() -> None:
    assert degrees_of(6.0) == pytest.approx(5.0)
    assert degrees_of(-0.3) == math.inf
    assert degrees_of(1e9) == 4.5
