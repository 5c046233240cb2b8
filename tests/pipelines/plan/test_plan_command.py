"""`fillwise plan`: from a desk's own history or stated figures to a plan in a file, or to the reasons against it."""

import argparse
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from infra import calendar
from infra.errors import EvidenceError, SourceError, UsageError
from infra.lake import Lake
from infra.markets import MARKETS
from infra.settings import Settings
from infra.tables import COSTS, SILVER
from models.rollout.plan import plan_faults
from pipelines.plan.commands import COMMANDS
from pipelines.plan.history import desk_history, flow_of, history_context
from pipelines.plan.show import plan_path, read_plan
from pipelines.rollout.order_costs import orders_with_costs
from tests.builders import plain_rows

MARKET = MARKETS["sample"]
ORDERS = 160
STATED = ("--units", "100", "--sigma", "20", "--runs", "60")


def run(settings: Settings, *words: str) -> int:
    command, parser = COMMANDS[0], argparse.ArgumentParser()
    for add in command.options:
        add(parser)
    return command.call(settings, parser.parse_args(words))


def write_history(settings: Settings, sessions: int) -> None:
    """160 orders a session: eight accounts, five symbols, two sides, so eighty units of two orders each; spread 20."""
    days, rng = calendar.sessions(MARKET, date(2026, 1, 2), date(2026, 12, 31))[:sessions], np.random.default_rng(9)
    names = [f"p{number:03d}" for number in range(ORDERS)]
    facts = {
        "account": [f"ACCOUNT-{number % 8}" for number in range(ORDERS)],
        "side": ["buy" if number % 16 < 8 else "sell" for number in range(ORDERS)],
        "symbol": [f"S{number // 16 % 5}" for number in range(ORDERS)],
    }
    lake, orders, costs, children = Lake(settings.lake), {}, {}, {}
    for day in days:
        rates = {"participation_rate": [0.1 if number % 4 == 0 else 0.05 for number in range(ORDERS)], "basket": None}
        orders[day] = plain_rows(SILVER["parent_orders"], ORDERS, day=day, parent_order_id=names, **facts, **rates)
        cost = {"arrival_cost_bps": (20.0 * rng.standard_normal(ORDERS)).tolist(), "order_notional": 5e5}
        costs[day] = plain_rows(COSTS, ORDERS, day=day, parent_order_id=names, **facts, **cost)
        children[day] = plain_rows(
            SILVER["child_orders"], 50, day=day, child_order_id=[f"c{n}" for n in range(50)], venue="LIT"
        )
    for table, rows in ((SILVER["parent_orders"], orders), (COSTS, costs), (SILVER["child_orders"], children)):
        lake.replace_days(table, "sample", rows)


def test_a_desks_own_history_says_what_its_flow_is(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_history(settings, 20)
    facts, flow = desk_history(settings, MARKET)
    assert (flow.units, flow.sessions, flow.unit_notional) == (80.0, 20, 1e6)
    assert flow.sigma_bps == pytest.approx(20.0 / 2**0.5, rel=0.1)
    assert (facts.venues, facts.session_orders, facts.currency) == (("LIT",), 50.0, "USD")
    assert facts.session_notional == pytest.approx(ORDERS * 5e5)


def test_the_order_of_orders_inside_a_unit_changes_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_history(settings, 20)
    orders = orders_with_costs(history_context(settings, MARKET), Lake(settings.lake).days(COSTS, "sample"))
    mixed = orders.sample(frac=1.0, random_state=3)
    assert asdict(flow_of(mixed)) == pytest.approx(asdict(flow_of(orders)))


def test_history_becomes_a_plan_in_the_markets_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(home=tmp_path)
    write_history(settings, 20)
    assert run(settings, "simulate", "--runs", "60") == 0
    printed = capsys.readouterr().out
    assert "measured over 20 sessions: 80 units" in printed
    assert "rolled back" in printed
    made = read_plan(plan_path(settings, "sample"))
    assert plan_faults(made) == ()
    assert run(settings, "show") == 0
    assert made.plan_id in capsys.readouterr().out
    assert run(settings, "check") == 0


def test_too_short_a_history_asks_for_stated_figures(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write_history(settings, 3)
    with pytest.raises(EvidenceError, match="3 sessions with costs"):
        run(settings, "simulate")


def test_stated_figures_need_both(tmp_path: Path) -> None:
    for words in (
        ("--units", "100"),
        ("--sigma", "20"),
        ("--units", "0", "--sigma", "20"),
        ("--units", "nan", "--sigma", "1"),
    ):
        with pytest.raises(UsageError, match="units and their spread"):
            run(Settings(home=tmp_path), "simulate", *words)


def test_a_plan_that_is_refused_is_printed_with_its_reason_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path)
    assert run(settings, "simulate", "--units", "25", "--sigma", "45", "--runs", "60") == 1
    assert "refused: it cannot see the harm that it tolerates" in capsys.readouterr().out
    assert not plan_path(settings, "sample").exists()


def test_out_names_another_file_and_the_same_flow_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "plan.json", tmp_path / "b.json"
    for path in (first, second):
        assert run(Settings(home=tmp_path), "simulate", *STATED, "--out", str(path)) == 0
    assert first.read_bytes() == second.read_bytes()
    assert run(Settings(home=tmp_path), "check", str(first)) == 0


def test_a_plan_that_was_changed_by_hand_is_checked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.json"
    run(Settings(home=tmp_path), "simulate", *STATED, "--out", str(path))
    told = json.loads(path.read_text())
    told["phases"][-1]["share"] = 0.4
    path.write_text(json.dumps(told))
    assert run(Settings(home=tmp_path), "check", str(path)) == 1
    assert "refused: shares must rise" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "{", "{}", '{"phases": []}', "[]"])
def test_what_is_no_plan_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SourceError, match="cannot read a plan"):
        run(Settings(home=tmp_path), "show", str(path))
