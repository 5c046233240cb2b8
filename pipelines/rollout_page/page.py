"""`fillwise rollout page`: the rollout as one self-contained HTML page, and a summary that `fillwise status` reads.

    <home>/pages/<market>/rollout/index.html, summary.json, costs-YYYY-MM.csv

Ledger, cards, alerts and the month's costs are read here; what is made of them is pure (`make.py`). A part that cannot
be read says so in its place, and the rest of the page stands.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.ledger import Ledger, open_ledger
from infra.markets import MARKETS
from infra.settings import Settings
from infra.times import stamp
from infra.whole_files import replace_file
from models.rollout.state import MarketState
from pipelines.alerts import standing_alerts
from pipelines.approval.cards import cards
from pipelines.page_template import page_environment
from pipelines.production_status import SUMMARY
from pipelines.report_inputs import Part, part
from pipelines.required_action import asking
from pipelines.rollout.record import state_of
from pipelines.rollout_page import plots
from pipelines.rollout_page.costs import as_csv, month_costs
from pipelines.rollout_page.make import Beside, view_from
from pipelines.rollout_page.view import AlertLine, CardLine, CostLine, RolloutView, minute
from pipelines.step import StepContext

FOLDER = "rollout"


def _cards(ledger: Ledger, market: str, at: datetime) -> tuple[CardLine, ...]:
    found = asking(cards(ledger, market), at)
    return tuple(
        CardLine(
            one.card.card_id, one.card.to_phase, sum(answer.decision == "approve" for answer in one.answers),
            one.card.approvals, one.card.expires_at,
        )
        for one in found
    )  # fmt: skip


def _alerts(settings: Settings, market: str) -> tuple[AlertLine, ...]:
    return tuple(
        AlertLine(one.alert_id, one.severity, one.last_at, one.words, one.command, one.standing(), one.is_open)
        for one in standing_alerts(settings, market)
    )


def _recipes(state: MarketState) -> tuple[tuple[str, str], ...]:
    return tuple((recipe_id, str(told.get("name", recipe_id))) for recipe_id, told in state.recipes.items())


def rollout_view(
    settings: Settings, market: str, at: datetime, costs: tuple[CostLine, ...] = (), costs_of: str = ""
) -> RolloutView:
    """The view of a market now, from ledger and alerts; no table is read."""
    ledger = open_ledger(settings, settings.ledger_purpose)
    state, entries = state_of(ledger, market), ledger.entries(market)
    orders = MARKETS[market].orders if market in MARKETS else ""
    beside = Beside(
        _cards(ledger, market, at), _alerts(settings, market), costs, costs_of, orders, _recipes(state)
    )  # fmt: skip
    return view_from(state, entries, beside, ledger.head(), stamp(at))


def summary_of(view: RolloutView) -> dict[str, Any]:
    """What `fillwise status` shows of a page."""
    told = {"market": view.market, "at": view.at, "headline": view.headline, "tone": view.tone}
    return {**told, "next_step": view.next_step, "cards": [asdict(one) for one in view.cards]}


def render(view: RolloutView, costs_why: str = "", links: tuple[tuple[str, str], ...] = ()) -> str:
    """The page as HTML. costs_why: why there are no costs."""
    drawings = {
        "e_values": part(lambda: plots.e_values(view.tests)) if view.scores else Part("", ""),
        "rails": part(lambda: plots.guardrail_e_values(view.tests)),
        "confidence": part(lambda: plots.confidence(view.scores, view.margin_bps)),
        "units": part(lambda: plots.units_by_arm(view.units)),
    }
    environment = page_environment()
    environment.filters["minute"] = minute
    return environment.get_template("rollout.html").render(
        view=view, drawings=drawings, costs_why=costs_why, links=links
    )


def page_folder(settings: Settings, market: str) -> Path:
    """Where a market's rollout page lies."""
    return settings.pages / market / FOLDER


def _links(settings: Settings, market: str) -> tuple[tuple[str, str], ...]:
    night = max((one.parent.name for one in (settings.pages / market).glob("????-??-??/index.html")), default="")
    mlflow = (("MLflow", f"http://127.0.0.1:{settings.mlflow_port}/#/models/{market}.execution"),)
    return ((("the last night", f"../{night}/index.html"),) if night else ()) + mlflow


def write_page(context: StepContext, at: datetime) -> Path:
    """Write page, summary and the month's costs of the context's market; where the page lies."""
    settings, market, month = context.settings, context.market.name, f"{context.night:%Y-%m}"
    costs = part(lambda: month_costs(context, month))
    view = rollout_view(settings, market, at, costs.value or (), month)
    folder = page_folder(settings, market)
    why = costs.why or ("" if costs.value else f"nothing was assigned in {month}")
    replace_file(folder / "index.html", render(view, why, _links(settings, market)).encode())
    replace_file(folder / SUMMARY, (json.dumps(summary_of(view), indent=1) + "\n").encode())
    if costs.value:
        replace_file(folder / f"costs-{month}.csv", as_csv(costs.value, context.market.currency).encode())
    return folder / "index.html"


def print_page(context: StepContext, at: datetime) -> int:
    """The command: write the page and say where it lies."""
    print(write_page(context, at))
    return 0
