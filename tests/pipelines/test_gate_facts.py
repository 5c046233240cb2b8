"""What earlier nights spent of a recipe's budget, and what plan and report the gate is given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from infra import calendar
from infra.lake import Lake
from infra.ledger import Draft, open_ledger
from infra.markets import MARKETS
from infra.registry import RegisteredVersion
from infra.settings import Settings
from infra.tables import HEALTH
from models.error_budget import ALPHA
from models.rollout.events import Event
from pipelines.gate_facts import TRIAL, gate_facts, look_at, spent_in
from pipelines.step import StepContext
from tests.builders import FRIDAY, plain_rows
from tests.models.rollout.made import plan

RECIPE, MARKET = "recipe00001", MARKETS["sample"]
DAYS = calendar.sessions_until(MARKET, FRIDAY, 60)
THIS_QUARTER = [day for day in DAYS if day >= date(2026, 10, 1)]


def a_context(home: Path, night: date = FRIDAY) -> StepContext:
    settings = Settings(home=home)
    return StepContext(settings, MARKET, (night,), Lake(settings.lake))


def write_trials(
    context: StepContext, trials: Mapping[date, tuple[float, float, str]], recipe: str = RECIPE, step: str = "gate"
) -> None:
    """Rows of (spent, level, verdict of the cost) by night."""
    for day, (spent, level, verdict) in trials.items():
        rows = plain_rows(
            HEALTH, 1, day=day, step=step, check_name=TRIAL, subject=recipe, figure=spent, threshold=level,
            verdict=verdict,
        )  # fmt: skip
        context.lake.replace_days(HEALTH, "sample", {day: rows})


def test_the_first_look_of_a_quarter_spends_a_tenth(tmp_path: Path) -> None:
    assert look_at(a_context(tmp_path), RECIPE).level == pytest.approx(ALPHA / 10)


def test_each_night_of_the_quarter_adds_to_what_was_spent_and_other_recipes_and_quarters_do_not(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    nights = THIS_QUARTER[-4:-1]
    write_trials(context, {night: (0.005, 0.005, "hold") for night in nights})
    write_trials(context, {DAYS[0]: (0.04, 0.005, "hold"), FRIDAY: (0.04, 0.005, "hold")})
    write_trials(context, {THIS_QUARTER[0]: (0.04, 0.005, "hold")}, recipe="another")
    assert look_at(context, RECIPE).level == pytest.approx((ALPHA - 0.015) / 10)


def test_a_night_judged_as_candidate_and_as_on_trial_counts_once(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    write_trials(context, {THIS_QUARTER[-3]: (0.005, 0.005, "hold")})
    write_trials(context, {THIS_QUARTER[-2]: (0.005, 0.005, "hold")}, step="gate_on_trial")
    assert look_at(context, RECIPE).level == pytest.approx((ALPHA - 0.010) / 10)


def test_a_recipe_whose_cost_passed_is_judged_at_that_level_again_and_spends_nothing(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    first, second = THIS_QUARTER[-3:-1]
    write_trials(context, {first: (0.005, 0.005, "hold"), second: (0.0045, 0.0045, "pass")})
    look = look_at(context, RECIPE)
    assert (look.level, look.spends) == (pytest.approx(0.0045), 0.0)


def test_when_nothing_is_left_the_night_says_so_and_when_it_begins_anew(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    write_trials(context, {THIS_QUARTER[-2]: (ALPHA, 0.0005, "hold")})
    look = look_at(context, RECIPE)
    assert look.level is None
    assert "until the next quarter" in look.reason


def test_what_the_ledger_says_counts_where_it_is_more(tmp_path: Path) -> None:
    assert look_at(a_context(tmp_path), RECIPE, spent=0.03).level == pytest.approx(0.002)


def told(kind: str, **payload: Any) -> Any:
    class Recorded:
        def __init__(self) -> None:
            self.kind, self.payload = kind, payload

    return Recorded()


def test_the_ledger_s_spending_is_of_earlier_nights_of_the_quarter_and_of_the_recipe() -> None:
    entries = [
        told("rollout_drafted", rollout_id="r1", recipe_id=RECIPE),
        told("rollout_drafted", rollout_id="r2", recipe_id="another"),
        told("gate_judged", rollout_id="r1", night="2026-09-30", error_spent=0.02),
        told("gate_judged", rollout_id="r1", night="2026-11-18", error_spent=0.004),
        told("gate_judged", rollout_id="r2", night="2026-11-18", error_spent=0.01),
        told("gate_judged", rollout_id="r1", night="2026-11-20", error_spent=0.003),
    ]
    assert spent_in(entries, RECIPE, FRIDAY) == pytest.approx(0.004)


def a_version(recipe_id: str = RECIPE) -> RegisteredVersion:
    return RegisteredVersion("sample", 5, "d5", str(FRIDAY), recipe_id, "run", "key")


def test_without_anything_the_facts_are_empty_and_nothing_is_made_up(tmp_path: Path) -> None:
    found = gate_facts(a_context(tmp_path), a_version())
    assert (found.plan, found.report, found.train, found.backtest, found.fills) == (None, "", {}, {}, ())
    assert not (tmp_path / "ledger").exists(), "asking makes no ledger"


def test_the_market_s_plan_counts_until_a_rollout_brings_its_own(tmp_path: Path) -> None:
    context = a_context(tmp_path)
    path = tmp_path / "plans" / "sample.json"
    path.parent.mkdir()
    path.write_text(plan(margin_bps=1.0).to_json())
    found = gate_facts(context, a_version()).plan
    assert found is not None
    assert found.margin_bps == 1.0
    path.write_text("no plan")
    assert gate_facts(context, a_version()).plan is None


@pytest.mark.parametrize(
    ("person", "expires_on", "is_valid"),
    [("rita", "2026-11-20", True), ("rita", "2026-11-19", False), ("ada", "2027-11-20", False)],
)
def test_a_report_counts_until_it_expires_and_never_from_an_author(
    tmp_path: Path, person: str, expires_on: str, is_valid: bool
) -> None:
    context = a_context(tmp_path)
    proposed = Event(
        "recipe_proposed",
        {"recipe_id": RECIPE, "name": "signal", "authors": ["ada"], "revision": "abc", "change_class": "new_recipe",
         "approvals": 2, "reason": "reads the signal"},
    )  # fmt: skip
    report = Event(
        "report_recorded",
        {"recipe_id": RECIPE, "person": person, "report_sha256": "s", "expires_on": expires_on, "summary": "fine"},
    )
    drafts = [Draft(one.kind, one.payload) for one in (proposed, report)]
    open_ledger(context.settings).append("sample", 0, drafts, at=calendar.known_at(MARKET, FRIDAY), actor="test")
    assert bool(gate_facts(context, a_version()).report) == is_valid
