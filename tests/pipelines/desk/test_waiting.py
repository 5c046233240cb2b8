"""Waiting is not free on the built-in market: what the backtest would say of policies that do not want to trade."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from features.market_day import SymbolDay, symbol_day
from infra import calendar
from infra.markets import MARKETS
from infra.settings import Settings
from models.impact import StatedImpact
from models.policy import DO_NOTHING, POST_ONLY, TWAP, PolicyParameters
from models.production import benchmark_production
from models.replay import FillBound, OrderArrays, order_arrays, replay, replay_rules
from pipelines.desk.paper import work_day
from pipelines.desk_day import without_own_impact

MARKET = MARKETS["sample"]
DAYS = (date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20))
SymbolOrders = tuple[date, SymbolDay, OrderArrays]


def _symbols(day: date) -> Iterator[SymbolOrders]:
    rows = work_day(Settings(home=Path("/nowhere")), MARKET, day, benchmark_production("sample"))
    for symbol in pc.unique(rows["parent_orders"]["symbol"]).to_pylist():
        mine = {noun: found.filter(pc.equal(found["symbol"], symbol)) for noun, found in rows.items()}
        recorded = symbol_day(symbol, mine["book_snapshots"], mine["trades"], MARKET.book_levels)
        clean = without_own_impact(recorded, mine["fills"].sort_by("event_at_ns"))
        yield day, clean, order_arrays(mine["parent_orders"])


@pytest.fixture(scope="module")
def worked() -> list[SymbolOrders]:
    return [found for day in DAYS for found in _symbols(day)]


def mean_cost_bps(worked: list[SymbolOrders], policy: PolicyParameters, bound: FillBound) -> float:
    costs = []
    for day, book, orders in worked:
        rules = replay_rules(MARKET, bound, calendar.session_intervals_ns(MARKET, day), StatedImpact())
        costs.append(replay(book, orders, policy, rules).outcome.arrival_cost_bps)
    return float(np.nanmean(np.concatenate(costs)))


def test_doing_nothing_and_only_posting_lose_where_the_gate_looks(worked: list[SymbolOrders]) -> None:
    twap, post_only, nothing = (
        mean_cost_bps(worked, policy, "trade_through") for policy in (TWAP, POST_ONLY, DO_NOTHING)
    )
    assert twap + 0.3 < post_only < nothing
    assert twap + 3.0 < nothing


def test_only_posting_gains_nothing_even_under_the_kind_bound(worked: list[SymbolOrders]) -> None:
    assert mean_cost_bps(worked, POST_ONLY, "touch") > mean_cost_bps(worked, TWAP, "touch") - 0.1
