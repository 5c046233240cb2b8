"""What clients paid, by account and arm, over a month: the report that goes to those whose orders are drawn into arms.

    cost, in bps      sum of cost_bps * notional / sum of notional      of the account's eligible orders in the arm
    cost, in money    sum of cost_bps / 10,000 * notional
    difference        the arm's cost less that of the champion's arm of the same account

Orders count in the arm that they were assigned to, whoever worked them in the end. What it is not: a test. An account
has too few units in a month for one; the rollout's own tests are over all accounts and sessions. No interval is given.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import TYPE_CHECKING

from pipelines.rollout_page.view import CostLine

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.step import StepContext

CHAMPION = "champion"
ARMS = (CHAMPION, "challenger", "benchmark")


def days_of(days: Sequence[date], month: str) -> tuple[date, ...]:
    """Sessions of a month, YYYY-MM."""
    return tuple(day for day in days if f"{day:%Y-%m}" == month)


def assigned_orders(context: StepContext, days: Sequence[date]) -> pd.DataFrame:
    """Eligible orders of the days with account, unit, arm, cost and notional; those without a cost are left out."""
    from pipelines.rollout.order_costs import frame, orders_with_costs

    orders, drawn = orders_with_costs(context, days), frame(context, "assignments", days)
    mine = drawn[drawn["is_eligible"]][["trade_date", "parent_order_id", "arm"]]
    joined = orders.merge(mine, how="inner", on=["trade_date", "parent_order_id"], validate="one_to_one")
    return joined[joined["arrival_cost_bps"].notna()]


def cost_lines(orders: pd.DataFrame) -> tuple[CostLine, ...]:
    """A line an account and arm, then one an arm over all accounts (account `all`)."""
    accounts = sorted(orders["account"].unique())
    return tuple(line for account in (*accounts, "all") for line in _account(orders, account))


def _account(orders: pd.DataFrame, account: str) -> Iterator[CostLine]:
    mine = orders if account == "all" else orders[orders["account"] == account]
    base: float | None = None
    for arm in ARMS:
        rows = mine[mine["arm"] == arm]
        if rows.empty:
            continue
        notional = float(rows["order_notional"].sum())
        paid = float((rows["arrival_cost_bps"] * 1e-4 * rows["order_notional"]).sum())
        bps = 1e4 * paid / notional if notional else float("nan")
        base = bps if arm == CHAMPION else base
        units = int(rows["unit"].nunique())
        difference = None if arm == CHAMPION or base is None else bps - base
        yield CostLine(account, arm, units, len(rows), notional, bps, paid, difference)


def month_costs(context: StepContext, month: str) -> tuple[CostLine, ...]:
    """The report of one month of a market; empty where nothing was assigned."""
    from infra.tables import SILVER

    days = days_of(context.lake.days(SILVER["assignments"], context.market.name), month)
    return cost_lines(assigned_orders(context, days)) if days else ()


def as_csv(lines: Sequence[CostLine], currency: str) -> str:
    """The report as a file for the client: one row an account and arm, money in `currency`."""
    out = io.StringIO()
    names = [field.name for field in fields(CostLine)]
    writer = csv.DictWriter(out, [*names, "currency"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**asdict(line), "currency": currency} for line in lines)
    return out.getvalue()


def text_lines(lines: Sequence[CostLine], currency: str) -> list[str]:
    """The report for the terminal."""
    head = f"{'account':16}{'arm':12}{'units':>7}{'orders':>8}{f'value, {currency}':>16}{'cost, bps':>11}"
    head += f"{f'cost, {currency}':>14}{'difference':>12}"
    found = [head]
    for line in lines:
        apart = "" if line.difference_bps is None else f"{line.difference_bps:+.2f}"
        row = f"{line.account:16}{line.arm:12}{line.units:>7,}{line.orders:>8,}{line.notional:>16,.0f}"
        found.append(f"{row}{line.cost_bps:>+11.2f}{line.cost_notional:>14,.0f}{apart:>12}")
    return found
