"""Predicted and realised fills of the desk's own orders, from tables: whose rows count, what a session comes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from infra import calendar
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import BACKTESTS, COSTS, HEALTH, SILVER
from models.fill_calibration import judge_fills
from models.gates import Check
from pipelines.fill_rows import of_session, recorded_fills, tonights_fills
from pipelines.step import StepContext
from tests.builders import FRIDAY, THURSDAY, plain_rows

ORDERS = 120
BENCHMARK, OTHER = "sample.execution/0", "sample.execution/7"
MADE_FOR = ("trade_through", "touch")


def names(day: date) -> list[str]:
    return [f"{day}-{place}" for place in range(ORDERS)]


def a_context(home: Path, day: date = FRIDAY) -> StepContext:
    settings = Settings(home=home)
    return StepContext(settings, MARKETS["sample"], (day,), Lake(settings.lake))


def write_desk(context: StepContext, day: date, fill_model: str = "market", paid_bps: float | None = 4.0) -> None:
    """Each order of 100 shares at 10 had 90 of them as a resting fill; what it cost is recorded where it is known."""
    lake, ids = context.lake, names(day)
    orders = plain_rows(SILVER["parent_orders"], ORDERS, day=day, parent_order_id=ids, order_shares=100.0)
    fills = plain_rows(
        SILVER["fills"], 2 * ORDERS, day=day, parent_order_id=ids * 2, fill_id=[f"f{n}" for n in range(2 * ORDERS)],
        shares=[90.0] * ORDERS + [10.0] * ORDERS, liquidity=["maker"] * ORDERS + ["taker"] * ORDERS,
        fill_model=fill_model,
    )  # fmt: skip
    lake.replace_days(SILVER["parent_orders"], "sample", {day: orders})
    lake.replace_days(SILVER["fills"], "sample", {day: fills})
    if paid_bps is not None:
        costs = plain_rows(COSTS, ORDERS, day=day, parent_order_id=ids, arrival_cost_bps=paid_bps)
        lake.replace_days(COSTS, "sample", {day: costs})


def write_replay(
    context: StepContext, days: Sequence[date], rested: float, cost_bps: float = 5.5, version: str = BENCHMARK
) -> None:
    """Tonight's replay: `rested` of each order filled while it rested, everything was filled."""
    rows = [
        plain_rows(
            BACKTESTS, ORDERS, day=context.night, session=day, parent_order_id=names(day), policy_version=version,
            fill_bound=bound, filled_fraction=1.0, maker_fraction=rested, arrival_cost_bps=cost_bps,
            order_notional=1000.0, arrival_price=10.0, order_set_hash=str(day),
        )
        for day in days for bound in MADE_FOR
    ]  # fmt: skip
    context.lake.replace_days(BACKTESTS, "sample", {context.night: pa.concat_tables(rows)})


def judged(context: StepContext) -> dict[str, Check]:
    return {check.name: check for check in judge_fills(tonights_fills(context), recorded_fills(context))}


def test_an_honest_replay_rests_and_fills_less_than_the_desk_and_is_dearer(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    for day in (THURSDAY, FRIDAY):
        write_desk(context, day)
    write_replay(context, (THURSDAY, FRIDAY), rested=0.72)
    found = tonights_fills(context)
    assert [(one.session, one.orders, one.ratio) for one in found] == [
        (str(THURSDAY), ORDERS, pytest.approx(0.8)),
        (str(FRIDAY), ORDERS, pytest.approx(0.8)),
    ]
    assert found[0].difference_bps == pytest.approx(1.5)
    assert {check.verdict for check in judged(context).values()} == {"pass"}


def test_a_fill_model_thirty_percent_too_optimistic_fails_the_gate_by_this_check(tmp_path: Path) -> None:
    context, days = a_context(tmp_path), tuple(calendar.sessions_until(MARKETS["sample"], FRIDAY, 6))
    for day in days:
        write_desk(context, day)
    write_replay(context, days, rested=0.72 * 1.3)
    assert judged(context)["fill_calibration"].verdict == "fail"
    assert judged(context)["fill_calibration"].figure == pytest.approx(1.04)


def test_fills_that_the_replay_itself_made_calibrate_nothing_and_hold(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    write_desk(context, FRIDAY, fill_model="trade_through")
    write_replay(context, (FRIDAY,), rested=0.72)
    assert tonights_fills(context) == ()
    assert judged(context)["fill_calibration"].verdict == "hold"


def test_an_order_is_compared_with_the_version_that_worked_it_and_with_no_other(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    write_desk(context, FRIDAY)
    half = ORDERS // 2
    worked = [OTHER] * half + [BENCHMARK] * half
    rows = plain_rows(SILVER["assignments"], ORDERS, parent_order_id=names(FRIDAY), policy_version=worked)
    context.lake.replace_days(SILVER["assignments"], "sample", {FRIDAY: rows})
    write_replay(context, (FRIDAY,), rested=0.72, version=OTHER)
    (found,) = tonights_fills(context)
    assert found.orders == half
    assert found.ratio == pytest.approx(0.8)


def test_a_session_without_recorded_costs_counts_for_its_fills(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    write_desk(context, FRIDAY, paid_bps=None)
    write_replay(context, (FRIDAY,), rested=0.72)
    (found,) = tonights_fills(context)
    assert (found.difference_bps, of_session((found,), FRIDAY)) == (None, found)
    assert judged(context)["slippage_calibration"].verdict == "hold"


def test_without_a_backtest_nothing_is_compared(tmp_path: Path) -> None:
    assert tonights_fills(a_context(tmp_path)) == ()


def test_the_line_is_drawn_from_what_earlier_nights_recorded_never_from_tonight(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    for day, ratio, bps in ((THURSDAY, 0.8, 1.5), (FRIDAY, 1.2, -3.0)):
        rows = plain_rows(
            HEALTH, 2, day=day, step="gate", check_name=["session_fills", "session_slippage"], subject="sample",
            figure=[ratio, bps],
        )  # fmt: skip
        context.lake.replace_days(HEALTH, "sample", {day: rows})
    (earlier,) = recorded_fills(context)
    assert (earlier.session, earlier.ratio, earlier.difference_bps) == (str(THURSDAY), 0.8, 1.5)
