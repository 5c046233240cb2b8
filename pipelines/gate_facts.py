"""The facts that the gate judges, gathered from tables, from the night's evidence, from plan and ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pandas as pd

from infra.errors import SourceError
from infra.ledger import open_ledger
from infra.registry import RegisteredVersion
from infra.tables import HEALTH
from models.error_budget import Look, next_look
from models.rollout.fold import Recorded, fold
from models.rollout.fold_rollout import quarter
from models.rollout.plan import Plan
from models.rollout.state import MarketState
from pipelines.evidence import read_section
from pipelines.fill_rows import recorded_fills, tonights_fills
from pipelines.gate_evidence import GateFacts
from pipelines.plan.show import plan_path, read_plan
from pipelines.policy_in_force import has_ledger
from pipelines.step import StepContext

TRIAL = "recipe_trial"
GATE_STEPS = ("gate", "gate_on_trial")


def _trials(context: StepContext, recipe_id: str) -> pd.DataFrame:
    """Earlier looks at the recipe in this quarter: figure = spent, threshold = level, verdict of its cost."""
    this = quarter(str(context.night))
    every = context.lake.days(HEALTH, context.market.name)
    days = [day for day in every if day < context.night and quarter(str(day)) == this]
    names = ["trade_date", "step", "check_name", "subject", "verdict", "figure", "threshold"]
    rows = context.lake.read(HEALTH, context.market.name, days, names).to_pandas()
    is_it = rows["step"].isin(GATE_STEPS) & (rows["check_name"] == TRIAL) & (rows["subject"] == recipe_id)
    return rows[is_it].sort_values("trade_date").drop_duplicates("trade_date")


def look_at(context: StepContext, recipe_id: str, spent: float = 0.0) -> Look:
    """How sure tonight must be, after the quarter's earlier looks at the recipe.

    spent: what the ledger says of earlier nights; the larger of it and of what `gold.health` says counts.
    """
    rows = _trials(context, recipe_id)
    passed = rows.loc[rows["verdict"] == "pass", "threshold"]
    found = max(spent, float(rows["figure"].fillna(0.0).sum()))
    return next_look(found, None if passed.empty else float(passed.iloc[0]))


def spent_in(entries: Iterable[Recorded], recipe_id: str, night: date) -> float:
    """Part of alpha that earlier nights of the quarter spent on the recipe, as the ledger recorded it."""
    recipes, total = dict[str, str](), 0.0
    for one in entries:
        told = one.payload
        if one.kind == "rollout_drafted":
            recipes[str(told["rollout_id"])] = str(told["recipe_id"])
        elif one.kind == "gate_judged" and recipes.get(str(told["rollout_id"])) == recipe_id:
            is_earlier = str(told["night"]) < str(night) and quarter(str(told["night"])) == quarter(str(night))
            total += float(told["error_spent"]) if is_earlier else 0.0
    return total


def _plan(context: StepContext, state: MarketState, recipe_id: str) -> Plan | None:
    """The plan of the recipe's rollout, else the market's; None where there is none that can be read."""
    if state.rollout is not None and state.rollout.recipe_id == recipe_id:
        return state.rollout.plan
    try:
        return read_plan(plan_path(context.settings, context.market.name))
    except SourceError:
        return None


def _report(state: MarketState, recipe_id: str, night: date) -> str:
    authors = set(state.recipes.get(recipe_id, {}).get("authors", ()))
    for one in reversed(state.reports):
        if one.recipe_id == recipe_id and one.person not in authors and one.expires_on >= str(night):
            return f"by {one.person}, valid until {one.expires_on}"
    return ""


def _train(context: StepContext, version: str) -> dict[str, Any]:
    """The version's section: the candidate's own, or one of the refits'."""
    sections = [read_section(context, "train"), *read_section(context, "refits").get("refits", ())]
    return next((dict(one) for one in sections if one.get("version") == version), {})


def gate_facts(context: StepContext, version: RegisteredVersion) -> GateFacts:
    """Everything about one of tonight's versions; what is not there stays empty, and its check holds."""
    settings, market, recipe_id = context.settings, context.market.name, version.recipe_id
    entries = open_ledger(settings, settings.ledger_purpose).entries(market) if has_ledger(settings) else ()
    state = fold(market, entries)
    backtest = read_section(context, "backtest")
    is_tonights = any(one["policy_version"] == version.name for one in backtest.get("comparisons", ()))
    return GateFacts(
        version=version.name,
        recipe_id=recipe_id,
        train=_train(context, version.name),
        backtest=backtest if is_tonights else {},
        health=context.lake.read_day(HEALTH, market, context.night),
        look=look_at(context, recipe_id, spent_in(entries, recipe_id, context.night)),
        fills=tonights_fills(context),
        earlier_fills=recorded_fills(context),
        plan=_plan(context, state, recipe_id),
        report=_report(state, recipe_id, context.night),
    )
