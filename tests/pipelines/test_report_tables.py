"""Tables of the night's page: plain means, always paired, always the same orders."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from infra.tables import BACKTESTS, COSTS, QUARANTINE
from pipelines.report_plots import PAGE_COLOURS, cost_by_hour, difference_by_group, standalone
from pipelines.report_tables import (
    SIZE_NAMES,
    cost_lines,
    group_lines,
    paired_orders,
    policy_lines,
    refused_lines,
    session_lines,
)
from tests.builders import FRIDAY, plain_rows

NEW, TWAP = "sample.execution/1", "sample.execution/0"


def backtest(*orders: tuple[str, str, str, float]) -> pa.Table:
    """(policy, bound, order, cost in bps), everything else plain."""
    fixed: dict[str, Any] = {"half_spread_bps": 2.0, "arrival_hour": 9, "participation_rate": 0.05}
    return plain_rows(
        BACKTESTS, len(orders), policy_version=[one[0] for one in orders], fill_bound=[one[1] for one in orders],
        parent_order_id=[one[2] for one in orders], arrival_cost_bps=[one[3] for one in orders], **fixed,
    )  # fmt: skip


def test_only_orders_that_both_policies_worked_are_compared() -> None:
    rows = backtest(
        (NEW, "touch", "a", 5.0),
        (TWAP, "touch", "a", 7.0),
        (NEW, "touch", "b", 90.0),
        (TWAP, "trade_through", "b", 1.0),
    )
    (line,) = group_lines(paired_orders(rows, NEW, TWAP), "symbol")
    assert (line.orders, line.difference_bps) == (1, {"touch": -2.0})
    assert line.difference_half_spreads == -1.0


def test_an_order_that_is_there_twice_is_refused_not_averaged() -> None:
    rows = backtest((NEW, "touch", "a", 5.0), (TWAP, "touch", "a", 7.0), (TWAP, "touch", "a", 8.0))
    with pytest.raises(ValueError, match="not a one-to-one merge"):
        paired_orders(rows, NEW, TWAP)


def test_the_pessimistic_bound_comes_first_and_fills_the_cost_columns() -> None:
    rows = backtest(
        (NEW, "touch", "a", 1.0),
        (TWAP, "touch", "a", 2.0),
        (NEW, "trade_through", "a", 5.0),
        (TWAP, "trade_through", "a", 4.0),
    )
    assert [line.fill_bound for line in policy_lines(rows)] == ["trade_through"] * 2 + ["touch"] * 2
    (line,) = group_lines(paired_orders(rows, NEW, TWAP), "hour")
    assert (line.name, line.candidate_bps, line.benchmark_bps) == ("09:00", 5.0, 4.0)
    assert line.difference_bps == {"trade_through": 1.0, "touch": -1.0}


@pytest.mark.parametrize(
    ("rate", "name"), [(0.0, 0), (0.0199, 0), (0.02, 1), (0.05, 2), (0.0999, 2), (0.10, 3), (1.0, 3)]
)  # fmt: skip
def test_a_participation_rate_falls_into_one_size(rate: float, name: int) -> None:
    rows = backtest((NEW, "touch", "a", 1.0), (TWAP, "touch", "a", 2.0))
    place = rows.schema.get_field_index("participation_rate")
    rows = rows.set_column(place, "participation_rate", pa.array([rate, rate]))
    (line,) = group_lines(paired_orders(rows, NEW, TWAP), "size", SIZE_NAMES)
    assert line.name == SIZE_NAMES[name]


def test_a_locked_book_has_no_half_spread_and_spoils_no_mean() -> None:
    rows = backtest((NEW, "touch", "a", 4.0), (NEW, "touch", "b", 8.0))
    place = rows.schema.get_field_index("half_spread_bps")
    rows = rows.set_column(place, "half_spread_bps", pa.array([0.0, 2.0]))
    (line,) = policy_lines(rows)
    assert (line.cost_bps, line.cost_half_spreads) == (6.0, 4.0)


def test_sessions_are_ascending_dates() -> None:
    rows = backtest((NEW, "trade_through", "a", 3.0), (TWAP, "trade_through", "a", 1.0))
    (line,) = session_lines(paired_orders(rows, NEW, TWAP))
    assert (line.session, line.orders, line.difference_bps) == (FRIDAY, 1, 2.0)
    assert type(line.session) is date


def test_costs_in_currency_are_bps_of_each_orders_own_notional() -> None:
    rows = plain_rows(
        COSTS, 2, symbol=["A", "B"], arrival_cost_bps=[10.0, -2.0], order_notional=[1000.0, 5000.0], half_spread_bps=2.0
    )
    whole, first, second = cost_lines(rows)
    assert (whole.orders, whole.cost_bps, whole.cost_notional, whole.notional) == (2, 4.0, 0.0, 6000.0)
    assert (first.name, first.cost_notional) == ("A", 1.0)
    assert (second.name, second.cost_notional) == ("B", -1.0)


def test_quarantine_shows_the_rule_with_most_rows_first_and_cuts_long_rows() -> None:
    rows = plain_rows(
        QUARANTINE, 5, rule=["few", "many", "many", "many", "many"], source_row=[0, 9, 7, 8, 6], row_json="x" * 500
    )
    many, few = refused_lines(rows)
    assert (many.rule, many.rows, few.rows) == ("many", 4, 1)
    assert [where for where, _ in many.examples] == ["x, row 6", "x, row 7", "x, row 8"]
    assert many.examples[0][1] == "x" * 400 + " …"


def test_a_drawing_takes_the_pages_colours_and_is_the_same_every_time() -> None:
    rows = backtest((NEW, "touch", "a", 1.0), (TWAP, "touch", "a", 2.0))
    lines = group_lines(paired_orders(rows, NEW, TWAP), "symbol")
    drawn = difference_by_group(lines, "By symbol")
    assert drawn == difference_by_group(lines, "By symbol")
    assert drawn.startswith('<svg role="img" aria-label="By symbol"')
    assert "var(--accent)" in drawn
    assert not [stand_in for stand_in in PAGE_COLOURS if stand_in in drawn]


def test_a_drawing_that_stands_alone_needs_no_page() -> None:
    rows = backtest((NEW, "touch", "a", 1.0), (TWAP, "touch", "a", 2.0))
    alone = standalone(cost_by_hour(group_lines(paired_orders(rows, NEW, TWAP), "hour")))
    assert "var(" not in alone
    assert alone.startswith("<?xml")
