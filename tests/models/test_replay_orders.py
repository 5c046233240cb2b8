from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from infra.errors import ContractError
from infra.tables import NOUNS
from models.replay_orders import OrderArrays, order_arrays
from tests.builders import plain_rows

START, END = datetime(2026, 11, 20, 15, 0, tzinfo=UTC), datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def _rows(**values: object) -> pa.Table:
    at = int(START.timestamp()) * 1_000_000_000
    given = {
        "parent_order_id": ["a", "b"], "side": ["buy", "sell"], "order_shares": 500.0, "event_at_ns": at,
        "instructed_start_at": START, "instructed_end_at": END, "limit_price": [None, 9.5], "urgency": 1,
        "planted_alpha_bps": [8.0, 8.0], "planted_alpha_seconds": 600.0, "is_alpha_in_path": [False, True],
    }  # fmt: skip
    return plain_rows(NOUNS["parent_orders"], 2, **(given | values))


def test_rows_become_arrays_with_sides_as_signs_and_no_limit_as_nan() -> None:
    orders = order_arrays(_rows())
    assert orders.parent_order_id.tolist() == ["a", "b"]
    assert orders.side.tolist() == [1.0, -1.0]
    assert np.isnan(orders.limit_price[0])
    assert orders.limit_price[1] == 9.5
    assert (orders.end_ns - orders.start_ns).tolist() == [1800 * 10**9] * 2
    assert orders.arrival_ns.tolist() == orders.start_ns.tolist()


def test_alpha_that_the_market_carried_is_not_overlaid_again() -> None:
    assert order_arrays(_rows()).alpha_bps.tolist() == [8.0, 0.0]


def test_orders_of_two_symbols_are_refused() -> None:
    with pytest.raises(ContractError, match="one symbol a call"):
        order_arrays(_rows(symbol=["AAA", "BBB"]))


@pytest.mark.parametrize(
    "wrong", [{"shares": [0.0]}, {"side": [2.0]}, {"end_ns": [0]}, {"start_ns": [-1]}, {"urgency": [3]}]
)
def test_an_order_that_cannot_be_worked_is_refused_by_name(wrong: dict[str, list[float]]) -> None:
    good: dict[str, list[float]] = {"side": [1.0], "shares": [100.0], "arrival_ns": [0], "end_ns": [10]}
    with pytest.raises(ContractError, match="order-000000"):
        OrderArrays.of(**(good | wrong))
