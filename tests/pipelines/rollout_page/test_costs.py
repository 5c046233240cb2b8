"""What clients paid, by account and arm, worked out by hand on a few orders."""

from __future__ import annotations

import argparse
import csv
import io
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from infra.errors import EvidenceError, UsageError
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import COSTS, SILVER
from pipelines.rollout_page.costs import as_csv, cost_lines, days_of, month_costs, text_lines
from pipelines.rollout_page.words import costs
from pipelines.step import StepContext
from tests.builders import FRIDAY, THURSDAY, plain_rows

ORDERS = pd.DataFrame(
    [
        ("A", "u1", "champion", 10.0, 1e6), ("A", "u1", "champion", 4.0, 3e6), ("A", "u2", "challenger", 2.0, 2e6),
        ("B", "u3", "challenger", -1.0, 1e6), ("B", "u4", "benchmark", 8.0, 5e5),
    ],
    columns=["account", "unit", "arm", "arrival_cost_bps", "order_notional"],
)  # fmt: skip


def found(account: str, arm: str) -> tuple[int, int, float, float, float, float | None]:
    (line,) = [one for one in cost_lines(ORDERS) if (one.account, one.arm) == (account, arm)]
    return line.units, line.orders, line.notional, line.cost_bps, line.cost_notional, line.difference_bps


def test_an_accounts_cost_is_weighted_by_value_and_set_beside_its_own_champion() -> None:
    assert found("A", "champion") == pytest.approx((1, 2, 4e6, 5.5, 2200.0, None))
    assert found("A", "challenger") == pytest.approx((1, 1, 2e6, 2.0, 400.0, -3.5))


def test_an_account_without_orders_in_the_champions_arm_has_nothing_to_be_set_beside() -> None:
    assert found("B", "challenger") == pytest.approx((1, 1, 1e6, -1.0, -100.0, None))
    assert found("B", "benchmark") == pytest.approx((1, 1, 5e5, 8.0, 400.0, None))


def test_all_accounts_together_add_up() -> None:
    lines = cost_lines(ORDERS)
    alone = [line for line in lines if line.account != "all"]
    for name in ("orders", "units", "notional", "cost_notional"):
        total = sum(getattr(line, name) for line in lines if line.account == "all")
        assert total == pytest.approx(sum(getattr(line, name) for line in alone))


def test_a_month_holds_its_own_sessions() -> None:
    assert days_of([date(2026, 10, 30), THURSDAY, FRIDAY], "2026-11") == (THURSDAY, FRIDAY)


def test_the_file_for_the_client_is_a_row_an_account_and_arm_with_its_currency() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(cost_lines(ORDERS), "USD"))))
    assert len(rows) == 7
    assert (rows[0]["account"], rows[0]["arm"], rows[0]["cost_bps"], rows[0]["currency"]) == (
        "A",
        "champion",
        "5.5",
        "USD",
    )
    assert "cost, USD" in text_lines(cost_lines(ORDERS), "USD")[0]


def a_session(home: Path, day: date) -> StepContext:
    """Three orders of one session in the lake: one in each arm that trades, and one that was not eligible."""
    context = StepContext(Settings(home=home), MARKETS["sample"], (day,), Lake(home / "lake"))
    names = ["p1", "p2", "p3"]
    drawn = {
        "arm": ["champion", "challenger", "champion"],
        "is_eligible": [True, True, False],
        "reason": ["", "", "no"],
    }
    tables = (
        (SILVER["parent_orders"], {"account": "ACCOUNT-01", "basket": [None] * 3, "symbol": ["AURA", "BOLT", "CIRQ"],
                                   "side": "buy"}),
        (SILVER["assignments"], drawn),
        (COSTS, {"arrival_cost_bps": [6.0, 2.0, 50.0], "order_notional": [1e5, 2e5, 3e5]}),
    )  # fmt: skip
    for table, values in tables:
        rows = plain_rows(table, 3, day=day, parent_order_id=names, **values)
        context.lake.replace_days(table, "sample", {day: rows})
    return context


def test_the_month_is_read_from_the_tables_and_leaves_out_what_was_not_eligible(tmp_path: Path) -> None:
    a_session(tmp_path, THURSDAY)
    lines = month_costs(a_session(tmp_path, FRIDAY), "2026-11")
    assert [(one.account, one.arm, one.orders, one.units) for one in lines] == [
        ("ACCOUNT-01", "champion", 2, 2), ("ACCOUNT-01", "challenger", 2, 2), ("all", "champion", 2, 2),
        ("all", "challenger", 2, 2),
    ]  # fmt: skip
    assert [one.cost_bps for one in lines] == pytest.approx([6.0, 2.0, 6.0, 2.0])
    assert month_costs(a_session(tmp_path, FRIDAY), "2026-10") == ()


def typed(**given: object) -> argparse.Namespace:
    told = {
        "market": "sample",
        "day": str(FRIDAY),
        "first": None,
        "last": None,
        "data": None,
        "month": None,
        "out": None,
    }
    return argparse.Namespace(**{**told, **given})


def test_the_command_prints_the_report_and_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context = a_session(tmp_path, FRIDAY)
    out = tmp_path / "report.csv"
    assert costs(context.settings, typed(out=str(out))) == 0
    assert "sample, 2026-11: synthetic orders on the built-in market" in capsys.readouterr().out
    assert out.read_text() == as_csv(month_costs(context, "2026-11"), "USD")
    with pytest.raises(EvidenceError, match="nothing was drawn into arms: sample 2026-10"):
        costs(context.settings, typed(month="2026-10"))
    with pytest.raises(UsageError, match="cannot read a month: --month; found '2026-13'"):
        costs(context.settings, typed(month="2026-13"))
